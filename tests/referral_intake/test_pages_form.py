"""What somebody may rely on who fills in the referral form, page by page, without JavaScript."""

import re
from html import unescape

import pytest

pytestmark = pytest.mark.slow

DANGER = {"immediate_danger": "no"}
STAFF_PAGES = {
    "danger": DANGER,
    "name": {"child.given_name": "Maisie", "child.family_name": "Thorne"},
    "birth": {"child.date_of_birth-day": "14", "child.date_of_birth-month": "2", "child.date_of_birth-year": "2021"},
    "home": {"child.address.0": "1 Quay Lane", "child.postcode": "ss2 9zz"},
    "health": {"child.nhs_number": "999 010 1000", "child.upn": "M882990125014"},
    "more": {"child.sex": "female", "child.language": "English"},
    "care": {"child.care_status": "none"},
    "you": {"referrer.name": "Priya Raman", "referrer.role": "senco", "referrer.organisation": "Curlew Road"},
    "not-to-tell": {},
    "setting": {"child.setting": "sample-school", "child.sen_status": "K"},
    "concern": {
        "concern": "Strangers understand half of what she says.\nShe gives up.",
        "concern_raised_on-day": "22",
        "concern_raised_on-month": "9",
        "concern_raised_on-year": "2026",
    },
    "needs": {"needs": ["SLCN", "SEMH"]},
    "main-need": {"main_need": "SLCN"},
    "support": {"support": ["speech_and_language"]},
    "tried": {"tried": "Small groups for 8 weeks"},
    "strengths": {"strengths": "Loves drawing", "child_voice": "I say it and they say what."},
    "involved": {},
    "consent": {
        "consent.given": "yes",
        "consent.by": "Dawn Thorne",
        "consent.on-day": "6",
        "consent.on-month": "10",
        "consent.on-year": "2026",
    },
    "sharing": {"information_sharing.explained": "yes"},
}
PERSON = {"contacts.0.name": "Dawn Thorne", "contacts.0.relationship": "mother"}
PERSON |= {"contacts.0.parental_responsibility": "yes"}
REACH = {"contacts.0.channel": "sms", "contacts.0.phone": "07700 900101", "contacts.0.language": "en"}
PARENT_PAGES = {
    "danger": DANGER,
    "name": {"child.given_name": "Robin", "child.family_name": "Fairweather"},
    "birth": {"child.date_of_birth-day": "1", "child.date_of_birth-month": "5", "child.date_of_birth-year": "2019"},
    "home": {"child.postcode": "CO3 9ZZ"},
    "health": {},
    "more": {},
    "about-you": {
        "contacts.0.name": "Dawn Fairweather",
        "contacts.0.relationship": "mother",
        "contacts.0.parental_responsibility": "yes",
    },
    "reach-you": {"contacts.0.channel": "email", "contacts.0.email": "dawn@example.org", "contacts.0.language": "en"},
    "people": {},
    "not-to-tell": {},
    "setting": {"other_setting": "The school by the sea"},
    "concern": {"concern": "He cannot bear noise."},
    "needs": {"needs": ["talking", "friends"]},
    "support": {},
    "tried": {},
    "strengths": {"strengths": "Boats"},
    "consent": {"consent.given": "yes"},
}


@pytest.fixture
def stage(intake):
    return intake.stage


@pytest.fixture
def senco(stage):
    return stage.as_person("senco")


def begin(client):
    return client.post("/refer").headers["location"]


def fill(client, form, answers):
    """Answer pages; each must be accepted."""
    for page, typed in answers.items():
        answer = client.post(f"{form}/{page}", data=typed)
        assert answer.status_code == 303, (page, re.findall(r"Error:</span>([^<]*)", answer.text))


def filled_by_senco(client):
    form = begin(client)
    client.post(f"{form}/people", data={"add": "yes"})
    fill(client, form, {**STAFF_PAGES, "person-0": PERSON, "reach-0": REACH, "people": {}})
    return form


def filled_by_parent(client):
    form = begin(client)
    fill(client, form, PARENT_PAGES)
    return form


def submitted(stage):
    return [event for event in stage.said() if type(event).__name__ == "ReferralSubmitted"]


def text_of(answer):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def test_a_senco_fills_in_the_form_and_gets_a_reference_and_who_has_it(stage, senco):
    form = filled_by_senco(senco)
    assert "7 of 7 parts completed" in text_of(senco.get(form))
    sent = senco.post(f"{form}/check")
    receipt = senco.get(senco.get(sent.headers["location"]).headers["location"])
    said = text_of(receipt)
    event = submitted(stage)[0]
    assert "Referral sent" in said
    assert event.reference in said
    assert event.agencies == ("care", "education", "health")
    assert all(team in said for team in ("Care", "Education", "Health"))
    assert "Friday 20 November 2026" in said
    assert f"/family/{event.reference}.sender.1." in receipt.text


def test_what_the_senco_wrote_arrives_whole(stage, senco):
    senco.post(f"{filled_by_senco(senco)}/check")
    referral = senco.get(f"/api/referrals/{submitted(stage)[0].reference}").json()
    assert referral["child"]["postcode"] == "SS2 9ZZ"
    assert referral["child"]["upn"] == "M882990125014"
    assert referral["needs"] == [{"code": "SLCN", "rank": "primary"}, {"code": "SEMH", "rank": "secondary"}]
    assert referral["contacts"][0]["name"] == "Dawn Thorne"
    assert referral["concern"] == "Strangers understand half of what she says.\nShe gives up."
    assert referral["referrer"]["role"] == "senco"


def test_a_parent_is_asked_less_and_in_plain_words(stage):
    parent = stage.as_person("parent")
    form = begin(parent)
    pages = [parent.get(f"{form}/{page}") for page in PARENT_PAGES]
    assert all(page.status_code == 200 for page in pages)
    said = " ".join(text_of(page) for page in pages)
    assert "your child" in said
    assert not any(word in said for word in ("UPN", "SENCO", "SLCN", "{", "Section 20"))
    assert parent.get(f"{form}/care").status_code == 404


def test_a_parent_is_known_from_the_sign_in(stage):
    parent = stage.as_person("parent")
    form = begin(parent)
    assert 'value="Dawn Fairweather"' in parent.get(f"{form}/about-you").text
    assert 'value="dawn.fairweather@example.org"' in parent.get(f"{form}/reach-you").text


def test_a_parents_form_becomes_a_referral_with_plain_words_as_codes(stage):
    parent = stage.as_person("parent")
    sent = parent.post(f"{filled_by_parent(parent)}/check")
    assert sent.status_code == 303
    event = submitted(stage)[0]
    referral = parent.get(f"/api/referrals/{event.reference}").json()
    plain = "Talking, or understanding what people say; Getting on with others, or coping with change"
    assert referral["needs"] == [{"code": "SLCN", "rank": "primary", "detail": plain}]
    assert referral["referrer"] == {"role": "parent", "name": "Dawn Fairweather", "email": "dawn@example.org"}
    assert referral["consent"]["on"] == "2026-11-18"
    assert (event.family_raised, event.referrer_role) == (True, "parent")
    assert referral["child"]["setting"] == "The school by the sea"


def test_a_young_person_refers_for_themselves(stage):
    jay = stage.as_person("young-person")
    form = begin(jay)
    born = {f"child.date_of_birth-{part}": value for part, value in (("day", "3"), ("month", "4"), ("year", "2009"))}
    answers = {page: typed for page, typed in PARENT_PAGES.items() if page not in ("about-you", "birth")}
    reach = {"contacts.0.name": "Jay Fairweather", "contacts.0.channel": "sms", "contacts.0.phone": "07700900508"}
    fill(jay, form, answers | {"birth": born, "reach-you": reach | {"contacts.0.language": "en"}})
    assert jay.post(f"{form}/check").status_code == 303
    referral = jay.get(f"/api/referrals/{submitted(stage)[0].reference}").json()
    assert referral["referrer"]["role"] == "young_person"
    assert referral["contacts"][0]["relationship"] == "myself"
    assert referral["contacts"][0]["safe_to_contact"]


def test_what_was_typed_is_shown_again_beside_what_is_wrong_with_it(senco):
    form = begin(senco)
    wrong = senco.post(f"{form}/health", data={"child.nhs_number": "999 010 1001", "child.gp.name": "Dr Gull"})
    assert wrong.status_code == 422
    assert 'value="999 010 1001"' in wrong.text
    assert 'href="#child-nhs_number"' in wrong.text
    assert "Check the NHS number: the last digit does not match" in wrong.text
    assert "Error: Numbers and GP" in wrong.text
    again = senco.get(f"{form}/health").text
    assert 'value="999 010 1001"' in again
    assert 'value="Dr Gull"' in again


def test_a_date_that_is_none_is_kept_as_typed(senco):
    form = begin(senco)
    typed = {"child.date_of_birth-day": "31", "child.date_of_birth-month": "2", "child.date_of_birth-year": "2019"}
    wrong = senco.post(f"{form}/birth", data=typed)
    assert wrong.status_code == 422
    assert "Date of birth must be a real date" in wrong.text
    assert 'value="31"' in senco.get(f"{form}/birth").text


def test_an_empty_page_says_what_it_needs_and_nothing_of_other_pages(senco):
    form = begin(senco)
    for page, sentence in {
        "danger": "Select yes if anybody is in danger right now",
        "birth": "Enter the date of birth, or the expected date of a baby who is not born yet",
        "home": "Enter the child’s postcode",
        "people": "Add at least one person to tell",
        "needs": "Select the needs, or not yet known",
    }.items():
        answer = senco.post(f"{form}/{page}", data={})
        assert (page, answer.status_code) == (page, 422)
        assert re.findall(r'<a href="#[^"]+">([^<]+)</a>', unescape(answer.text)) == [sentence]


def test_a_page_keeps_only_what_it_asks(stage, senco):
    form = begin(senco)
    senco.post(f"{form}/name", data={"child.given_name": "Ann", "child.family_name": "Ox", "consent.given": "yes"})
    assert "checked" not in senco.get(f"{form}/consent").text


def test_an_email_is_needed_where_messages_go_by_email(senco):
    form = begin(senco)
    senco.post(f"{form}/people", data={"add": "yes"})
    wrong = senco.post(f"{form}/reach-0", data={"contacts.0.channel": "email", "contacts.0.language": "en"})
    assert wrong.status_code == 422
    assert "Enter an email address, or choose another way to contact them" in wrong.text


def test_people_are_added_changed_and_taken_away(senco):
    form = begin(senco)
    for name in ("Ann", "Bea", "Cy"):
        page = senco.post(f"{form}/people", data={"add": "yes"}).headers["location"]
        row = page.rpartition("-")[2]
        senco.post(page, data={f"contacts.{row}.name": name, f"contacts.{row}.relationship": "aunt"})
    senco.post(f"{form}/people", data={"remove": "1"})
    said = text_of(senco.get(f"{form}/people"))
    assert "Ann" in said
    assert "Bea" not in said
    assert 'value="Cy"' in senco.get(f"{form}/person-1").text
    assert senco.get(f"{form}/person-2").status_code == 404


def test_the_check_page_shows_every_answer_with_a_way_to_change_it(senco):
    form = filled_by_senco(senco)
    check = senco.get(f"{form}/check")
    said = text_of(check)
    for answer in ("Maisie", "Sunday 14 February 2021", "Curlew Road Primary School", "Text message", "Dawn Thorne"):
        assert answer in said
    assert "Speech, language and communication Social, emotional and mental health" in said
    assert f'href="{form}/name?from=check"' in check.text


def test_a_change_from_the_check_page_leads_back_to_it(senco):
    form = filled_by_senco(senco)
    changed = senco.post(f"{form}/name?from=check", data={"child.given_name": "Mae", "child.family_name": "Thorne"})
    assert changed.headers["location"] == f"{form}/check"
    assert "Mae" in text_of(senco.get(f"{form}/check"))


def test_an_empty_form_is_not_sent_and_each_error_leads_to_its_page(stage, senco):
    form = begin(senco)
    answer = senco.post(f"{form}/check")
    assert answer.status_code == 422
    for page in ("danger", "name", "birth", "home", "people", "concern", "needs", "consent"):
        assert f'href="{form}/{page}?from=check#' in answer.text
    assert not stage.said()


def test_a_referral_without_consent_is_not_sent_and_says_what_to_do(stage, senco):
    form = filled_by_senco(senco)
    without = STAFF_PAGES["consent"] | {"consent.given": "no"}
    assert senco.post(f"{form}/consent", data=without).status_code == 422
    answer = senco.post(f"{form}/check")
    assert answer.status_code == 422
    assert "Get the consent of the family or the young person" in answer.text
    assert f'href="{form}/consent?from=check#consent-given"' in answer.text
    assert not submitted(stage)


@pytest.mark.parametrize("person", ["parent", "young-person"])
def test_a_family_that_does_not_agree_is_told_that_the_form_is_saved_and_whom_to_ask(stage, person):
    family, contacts = stage.as_person(person), stage.parts.area.contacts
    refused = family.post(f"{begin(family)}/consent", data={"consent.given": "no"})
    said = text_of(refused)
    assert refused.status_code == 422
    assert "We can only send the form if you agree. It is saved." in said
    assert "consent of the family" not in said
    assert f"call {contacts.advice_name} on {contacts.advice_phone}" in said
    assert f'href="{contacts.advice_link}"' in refused.text


def test_sending_twice_is_one_referral(stage, senco):
    form = filled_by_senco(senco)
    first = senco.get(senco.post(f"{form}/check").headers["location"])
    second = senco.post(f"{form}/check")
    assert second.headers["location"] == first.headers["location"]
    assert len(submitted(stage)) == 1


def test_going_back_after_sending_leads_to_the_receipt(stage, senco):
    form = filled_by_senco(senco)
    senco.post(f"{form}/check")
    receipt = f"/referrals/{submitted(stage)[0].reference}/received"
    for page in ("", "/check", "/name", "/people", "/done", "/delete"):
        assert senco.get(form + page).headers["location"] == receipt


def test_danger_stops_the_form_says_what_to_do_and_tells_the_care_team(stage, senco):
    form = begin(senco)
    stopped = senco.post(f"{form}/danger", data={"immediate_danger": "yes"})
    assert "999" in text_of(stopped)
    alert = re.search(r"A-[0-9A-Z]{8}", stopped.text)[0]
    assert not stage.said()
    duty = stage.as_person("care-triager")
    assert alert in duty.get("/alerts").text
    assert "/danger" not in senco.post(f"{form}/danger", data=DANGER).headers["location"]


def test_danger_found_when_sending_is_an_alert_and_no_referral(stage, senco):
    form = filled_by_senco(senco)
    senco.post(f"{form}/danger", data={"immediate_danger": "yes"})
    assert "Call 999" in text_of(senco.post(f"{form}/check"))
    assert not submitted(stage)


def test_a_form_is_saved_and_found_again_on_the_home_page(senco):
    form = begin(senco)
    senco.post(f"{form}/name", data=STAFF_PAGES["name"])
    assert f'href="{form}"' in senco.get("/").text
    assert "Maisie Thorne" in senco.get("/").text


def test_two_tabs_on_one_form_lose_nothing_of_each_others_pages(stage, senco):
    form = begin(senco)
    other_tab = stage.as_person("senco")
    other_tab.get(f"{form}/birth")
    senco.post(f"{form}/name", data={"child.given_name": "Wren", "child.family_name": "Aldous"})
    born = {"child.date_of_birth-day": "14", "child.date_of_birth-month": "3", "child.date_of_birth-year": "2021"}
    other_tab.post(f"{form}/birth", data=born)
    assert 'value="Wren"' in senco.get(f"{form}/name").text
    assert 'value="2021"' in senco.get(f"{form}/birth").text


def test_a_deleted_form_is_gone(senco):
    form = begin(senco)
    assert senco.get(f"{form}/delete").status_code == 200
    assert senco.post(f"{form}/delete").headers["location"] == "/"
    assert senco.get(form).status_code == 404
    assert form not in senco.get("/").text


@pytest.mark.parametrize("page", ["", "/name", "/people", "/check", "/delete", "/done"])
def test_somebody_elses_form_is_not_there(stage, senco, page):
    form = begin(senco)
    for person in ("teacher", "other-senco", "parent"):
        stranger = stage.as_person(person)
        assert stranger.get(form + page).status_code == 404
        assert page in ("", "/done", "/delete") or stranger.post(form + page).status_code == 404
    assert senco.get(form).status_code == 200


def test_somebody_elses_form_is_not_changed(stage, senco):
    form = begin(senco)
    stage.as_person("teacher").post(f"{form}/name", data=STAFF_PAGES["name"])
    stage.as_person("teacher").post(f"{form}/delete")
    assert "Maisie" not in senco.get(f"{form}/name").text


def test_what_is_typed_is_never_markup(senco):
    nasty = '"><script>alert(1)</script>'
    form = begin(senco)
    senco.post(f"{form}/people", data={"add": "yes"})
    fill(
        senco,
        form,
        {"name": {"child.given_name": nasty, "child.family_name": nasty}, "concern": STAFF_PAGES["concern"]},
    )
    senco.post(f"{form}/person-0", data={"contacts.0.name": nasty})
    senco.post(f"{form}/needs", data={"needs": nasty})
    for page in ("/name", "/check", "/people", "/person-0", "/delete", "/needs", "/main-need"):
        assert "<script>alert" not in senco.get(form + page).text
    assert "<script>alert" not in senco.get("/").text


def test_people_of_no_referring_role_may_not_begin(stage):
    assert stage.as_person("auditor").get("/refer").status_code == 403
    assert stage.as_person(None).get("/refer").headers["location"] == "/sign-in?next=%2Frefer"


def test_what_was_typed_is_sealed_in_the_database(stage, senco):
    form = begin(senco)
    senco.post(f"{form}/name", data={"child.given_name": "Zebedee", "child.family_name": "Quillfeather"})
    files = [file.read_bytes() for file in stage.parts.folder.glob("referral-intake.sqlite*")]
    assert not any(b"Quillfeather" in file for file in files)


def test_a_form_that_is_too_long_is_refused(senco):
    form = begin(senco)
    assert senco.post(f"{form}/concern", data={"concern": "a" * 2_000_000}).status_code == 413


def test_a_nurse_may_send_a_notification_that_asks_for_nothing(stage):
    nurse = stage.as_person("nurse")
    form = begin(nurse)
    nurse.post(f"{form}/people", data={"add": "yes"})
    refused = STAFF_PAGES["consent"] | {"consent.given": "no"}
    kind = {"kind": {"kind": "section_23_notification"}}
    fill(nurse, form, {**kind, **STAFF_PAGES, "consent": refused, "person-0": PERSON, "reach-0": REACH, "people": {}})
    receipt = nurse.get(nurse.get(nurse.post(f"{form}/check").headers["location"]).headers["location"])
    assert "Notification sent" in text_of(receipt)
    assert submitted(stage)[0].kind == "section_23_notification"
