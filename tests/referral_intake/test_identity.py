"""Who the child is: known ones are noticed, told to no stranger, linked by a person and un-linked with a log."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_intake import identity_store
from referral_intake.matching import facts_of, judge

WREN = {
    "given_name": "Wren",
    "family_name": "Aldous",
    "date_of_birth": "2021-03-14",
    "postcode": "SS3 9ZZ",
    "nhs_number": "9990123012",
    "upn": "H881990125014",
}


def like_wren(**changed):
    return {name: value for name, value in (WREN | changed).items() if value is not None}


ALIKE = {
    "the same form again": (like_wren(), "strong"),
    "the same number, a married name": (like_wren(family_name="Marsh", upn=None), "strong"),
    "the same number, the day mistyped": (like_wren(date_of_birth="2021-03-15", upn=None), "strong"),
    "no numbers, the same name and day": (like_wren(nhs_number=None, upn=None, postcode="CM1 1AA"), "weak"),
    "accents and case apart": (like_wren(given_name="WRÉN", nhs_number=None, upn=None), "weak"),
    "an earlier name": (like_wren(family_name="Marsh", previous_names=["Aldous"], nhs_number=None, upn=None), "weak"),
    "the day mistyped, the same home": (like_wren(date_of_birth="2021-04-14", nhs_number=None, upn=None), "weak"),
    "a new number, all else the same": (like_wren(nhs_number="9990101000", upn=None), "weak"),
    "one number on two children": (
        {"given_name": "Jo", "family_name": "Tern", "date_of_birth": "2015-01-02", "nhs_number": "9990123012"},
        "conflict",
    ),
    "a twin": (like_wren(given_name="Robin", nhs_number="9990101000", upn=None), None),
    "a twin without a number": (like_wren(given_name="Robin", nhs_number=None, upn=None), None),
    "a namesake of another day and place": (
        like_wren(date_of_birth="2019-07-02", postcode="CM1 1AA", nhs_number=None, upn=None),
        None,
    ),
    "after an adoption: new names and a new number": (
        like_wren(given_name="Ada", family_name="Gull", nhs_number="9990101000", upn=None, postcode="CO3 9ZZ"),
        None,
    ),
    "a new number and another home": (like_wren(nhs_number="9990101000", upn=None, postcode="CO3 9ZZ"), None),
    "a sister": (like_wren(given_name="Ada", date_of_birth="2019-07-02", nhs_number=None, upn=None), None),
}


@pytest.mark.parametrize("name", ALIKE)
def test_who_may_be_the_same_child_is_judged_by_what_both_forms_say(name):
    child, strength = ALIKE[name]
    match = judge(facts_of(WREN), facts_of(child))
    assert (match.strength if match else None) == strength


@pytest.mark.parametrize("name", ALIKE)
def test_whoever_is_judged_the_same_is_found(intake, name):
    child, strength = ALIKE[name]
    intake.sent(intake.form(child=WREN))
    form = intake.form(child=child | {"postcode": child.get("postcode", "SS1 1AA")}, concern_raised_on="2026-09-21")
    intake.sent(form, "health-visitor")
    found = intake.get("/api/matches", "health-triager").json()["matches"]
    assert [one["strength"] for one in found] == ([strength] if strength else [])


def test_a_child_who_was_referred_many_times_is_no_more_than_a_few_tasks_each_time(intake):
    for _ in range(15):
        intake.sent(intake.form(child=WREN))
    before = len(intake.get("/api/matches", "health-triager").json()["matches"])
    intake.sent(intake.form(child=WREN))
    assert (
        0 < len(intake.get("/api/matches", "health-triager").json()["matches"]) - before <= identity_store.MOST_COMPARED
    )


words = st.sampled_from(["Wren", "Robin", "Ada", "Zoë", "O'Dowd", "Aldous", "Marsh"])
children = st.fixed_dictionaries(
    {
        "given_name": words,
        "family_name": words,
        "date_of_birth": st.sampled_from(["2021-03-14", "2021-03-15", "2019-07-02"]),
        "postcode": st.sampled_from(["SS3 9ZZ", "CM1 1AA"]),
    },
    optional={
        "nhs_number": st.sampled_from(["9990123012", "9990101000"]),
        "upn": st.sampled_from(["H881990125014", "M882990125014", "H88299032610A"]),
    },
)


@given(children, children)
def test_a_judgement_is_the_same_from_both_sides(one, other):
    assert (judge(facts_of(one), facts_of(other)) is None) is (judge(facts_of(other), facts_of(one)) is None)


@given(children)
def test_a_child_is_always_like_themselves(child):
    assert judge(facts_of(child), facts_of(child)).strength in {"strong", "weak"}


def test_a_temporary_upn_makes_nobody_the_same():
    one, other = ({"given_name": given, "upn": "H88299032610A"} for given in ("Wren", "Jo"))
    assert judge(facts_of(one), facts_of(other)) is None


# --- nobody is told ---------------------------------------------------------------------------------------------------


def test_the_answer_to_a_sender_is_the_same_for_a_child_who_is_known(intake):
    people = ("senco", "health-visitor")
    first, second = (intake.send(intake.form(child=WREN), person).json() for person in people)
    assert first.keys() == second.keys()
    assert (first["status"], first["agencies"]) == (second["status"], second["agencies"])
    seen = [
        intake.get(f"/api/referrals/{sent['reference']}", person).json()
        for sent, person in zip((first, second), people, strict=True)
    ]
    assert "linked" not in seen[0] | seen[1]
    assert seen[0]["flags"] == seen[1]["flags"]


@pytest.mark.parametrize("person", ["senco", "health-visitor", "parent", "gp", "admin", "panel-chair"])
def test_only_triagers_see_who_may_be_known(intake, person):
    assert intake.get("/api/matches", person).status_code == 403
    assert intake.get("/matches", person).status_code == 403


def test_of_a_child_whose_referral_one_may_not_see_one_learns_only_that_there_is_one(intake):
    intake.sent(intake.form("early-help", child=WREN, needs=[{"code": "SEMH", "rank": "primary"}]), "social-worker")
    intake.sent(intake.form(child=WREN))
    found = intake.get("/api/matches", "health-triager").json()["matches"][0]
    assert found["children"][0] == {"references": []} | dict.fromkeys(
        ["given_name", "family_name", "date_of_birth", "postcode", "setting"]
    )
    assert found["children"][1]["given_name"] == "Wren"


def test_nobody_of_another_area_sees_a_match(intake):
    for _ in range(2):
        intake.sent(intake.form(child=WREN))
    assert intake.get("/api/matches", "other-area-triager").status_code == 403


# --- linked, and taken back -------------------------------------------------------------------------------------------


@pytest.fixture
def two(intake):
    """Two referrals of one child, by two people, and the match that was found."""
    references = [intake.sent(intake.form(child=WREN), person) for person in ("senco", "health-visitor")]
    return references, intake.get("/api/matches", "health-triager").json()["matches"][0]["match"]


def test_linked_referrals_keep_their_references_and_show_to_staff_as_one_childs(intake, two):
    references, match = two
    answer = intake.post(f"/api/matches/{match}", {"same": True}, "health-triager")
    assert answer.json()["status"] == "linked"
    for one, other in (references, references[::-1]):
        linked = intake.get(f"/api/referrals/{one}", "health-triager").json()["linked"]
        assert [link["reference"] for link in linked] == [other]
    assert intake.get(f"/api/referrals/{references[1]}", "health-visitor").status_code == 200
    assert intake.get(f"/api/referrals/{references[0]}", "health-visitor").status_code == 404
    assert set(intake.said("ChildrenLinked")[0].references) == set(references)


def test_a_link_is_taken_back_with_a_reason_and_stays_in_the_log(intake, two):
    references, match = two
    link = intake.post(f"/api/matches/{match}", {"same": True}, "health-triager").json()["link"]
    assert intake.post(f"/api/links/{link}/unlink", {"reason": "They are cousins"}, "health-triager").status_code == 200
    assert intake.get(f"/api/referrals/{references[0]}", "health-triager").json()["linked"] == []
    said = [type(event).__name__ for event in intake.stage.said(f"child-link/{link}")]
    assert said == ["ChildrenLinked", "ChildrenUnlinked"]
    assert intake.post(f"/api/links/{link}/unlink", {"reason": "Again"}, "health-triager").status_code == 409


def test_what_was_decided_is_decided_once(intake, two):
    _, match = two
    intake.post(f"/api/matches/{match}", {"same": False}, "health-triager")
    assert intake.post(f"/api/matches/{match}", {"same": True}, "health-triager").json()["code"] == "not_allowed"
    assert intake.get("/api/matches", "health-triager").json() == {"matches": []}
    assert intake.said("ChildrenKeptApart")


def test_one_number_on_two_children_is_never_a_link(intake):
    intake.sent(intake.form(child=WREN))
    other = {"given_name": "Jo", "family_name": "Tern", "date_of_birth": "2015-01-02", "postcode": "SS1 1AA"}
    intake.sent(intake.form(child=other | {"nhs_number": WREN["nhs_number"]}))
    match = intake.get("/api/matches", "health-triager").json()["matches"][0]["match"]
    assert intake.post(f"/api/matches/{match}", {"same": True}, "health-triager").status_code == 409


@pytest.mark.parametrize("path", ["/api/matches/M-22222222", "/api/links/L-22222222/unlink"])
def test_what_is_not_there_is_not_decided(intake, path):
    body = {"reason": "x"} if path.endswith("unlink") else {"same": True}
    assert intake.post(path, body, "health-triager").status_code == 404


def test_a_triager_decides_on_a_page(intake, two):
    references, match = two
    client = intake.stage.as_person("health-triager")
    page = " ".join(unescape(re.sub(r"<[^>]+>", " ", client.get("/matches").text)).split())
    assert "Very likely the same child" in page
    assert all(reference in page for reference in references)
    client.post(f"/matches/{match}", data={"same": "yes"})
    referral = client.get(f"/referrals/{references[0]}").text
    unlink = re.search(r'href="(/links/[^"]+/unlink)"', referral)[1]
    assert client.post(unlink, data={"reason": " "}).status_code == 422
    assert client.post(unlink, data={"reason": "They are cousins"}).headers["location"] == "/matches"
    assert "Nothing to decide" in client.get("/matches").text


def test_no_name_stands_in_clear_among_the_keys(intake, two):
    with intake.stage.look() as session:
        written = " ".join(
            str(row)
            for table in ("match_key", "possible_match", "child_link")
            for row in session.connection().exec_driver_sql(f"select * from {table}")
        )
    assert not any(word in written for word in ("Wren", "wren", "Aldous", "9990123012", "SS3"))


# --- a new identity ---------------------------------------------------------------------------------------------------

ADA = {
    "given_name": "Ada",
    "family_name": "Gull",
    "date_of_birth": "2021-03-14",
    "postcode": "CO3 9ZZ",
    "nhs_number": "9990101000",
}


@pytest.fixture
def adopted(intake):
    """A child's referrals before and after an adoption, of which a triager has said so."""
    before, after = intake.sent(intake.form(child=WREN)), intake.sent(intake.form(child=ADA), "health-visitor")
    answer = intake.post(f"/api/referrals/{before}/adopted", {"new_reference": after}, "health-triager")
    assert (answer.status_code, answer.json()) == (200, {"status": "sealed"})
    return before, after


@pytest.mark.parametrize("ask", [{"nhs_number": WREN["nhs_number"]}, {"name": "Wren Aldous"}])
def test_after_an_adoption_the_old_number_and_name_find_nothing(intake, adopted, ask):
    assert intake.post("/api/search", ask, "health-triager").json() == {"children": []}
    found = intake.post("/api/search", {"nhs_number": ADA["nhs_number"]}, "health-triager").json()["children"]
    assert [child["references"] for child in found] == [[adopted[1]]]


def test_a_new_referral_under_the_old_name_is_not_held_beside_either(intake, adopted):
    intake.sent(intake.form(child=WREN), "gp")
    assert intake.get("/api/matches", "health-triager").json() == {"matches": []}


def test_that_the_two_are_one_stands_nowhere_in_clear_and_is_shown_to_nobody(intake, adopted):
    [said] = intake.said("ChildAdopted")
    children = {event.reference: event.child_id for event in intake.said("ReferralSubmitted")}
    assert said.child_id == children[adopted[0]]
    assert children[adopted[1]] not in said.model_dump_json()
    for one in adopted:
        assert intake.get(f"/api/referrals/{one}", "health-triager").json()["linked"] == []


def test_from_then_on_nobody_on_the_old_referral_is_told_anything(intake, adopted):
    told = [event.safe_to_contact for event in intake.said("ContactChanged")]
    assert told == [False] * len(intake.form()["contacts"])


@pytest.mark.parametrize("name", ["Marian Aldous", "Somebody New"])
def test_nor_is_whoever_is_named_there_later(intake, adopted, name):
    contact = intake.form()["contacts"][0] | {"name": name, "safe_to_contact": True}
    assert intake.post(f"/api/referrals/{adopted[0]}/contacts", {"contacts": [contact]}).status_code == 201
    said = [event for event in intake.stage.said() if hasattr(event, "safe_to_contact")]
    assert said[-1].safe_to_contact is False


def test_a_link_between_the_two_is_taken_back_with_it(intake, two):
    references, match = two
    intake.post(f"/api/matches/{match}", {"same": True}, "health-triager")
    intake.post(f"/api/referrals/{references[0]}/adopted", {"new_reference": references[1]}, "health-triager")
    assert intake.get(f"/api/referrals/{references[1]}", "health-triager").json()["linked"] == []
    assert intake.said("ChildrenUnlinked")


def test_only_who_may_read_both_referrals_says_so(intake):
    before = intake.sent(intake.form(child=WREN))
    after = intake.sent(intake.form("early-help", child=ADA, needs=[{"code": "SEMH", "rank": "primary"}]), "parent")
    for person, status in (("senco", 403), ("care-triager", 404), ("health-triager", 404)):
        answer = intake.post(f"/api/referrals/{before}/adopted", {"new_reference": after}, person)
        assert answer.status_code == status, person
    assert intake.said("ChildAdopted") == []


def test_a_triager_says_so_on_a_page(intake):
    before, after = intake.sent(intake.form(child=WREN)), intake.sent(intake.form(child=ADA))
    client = intake.stage.as_person("health-triager")
    page = re.search(r'href="(/referrals/[^"]+/adopted)"', client.get(f"/referrals/{before}").text)[1]
    assert "Enter the reference" in client.post(page, data={"new_reference": "Ada"}).text
    assert client.post(page, data={"new_reference": after}).headers["location"] == f"/referrals/{before}"
    assert intake.said("ChildAdopted")
    assert "/adopted" not in intake.stage.as_person("senco").get(f"/referrals/{before}").text
