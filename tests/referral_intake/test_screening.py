"""Half-termly screening of young children: four results each, a flag opens a concern, a missed half-term shows."""

import re
from datetime import date
from html import unescape

import pytest

from frontdoor.areas import areas_folder, load_area
from referral_intake import screening_rules

AREA = load_area(areas_folder() / "sample")
KNOWN = screening_rules.half_terms(AREA.calendar_of("sample-school").terms)
TYPED = {
    "child.given_name": "Wren",
    "child.family_name": "Aldous",
    "half_term": "2026-autumn-2",
    "year": "reception",
    "results.communication": "on_track",
    "results.cognition": "on_track",
    "results.emotional": "watch",
    "results.physical": "on_track",
}


def record(intake, person="teacher", **changed):
    typed = {name.replace("__", "."): said for name, said in changed.items()}
    client = intake.stage.as_person(person)
    token = re.search(r'name="token" value="(S-\w+)"', client.get("/screening/new").text)[1]
    return client.post("/screening/new", data={"token": token} | TYPED | typed)


def page(intake, person="teacher"):
    return unescape(intake.get("/screening", person).text)


def test_terms_are_cut_at_their_half_term_holidays():
    autumn = [(one.id, one.starts, one.ends) for one in KNOWN if one.id.startswith("2026-autumn")]
    assert autumn == [
        ("2026-autumn-1", date(2026, 9, 1), date(2026, 10, 23)),
        ("2026-autumn-2", date(2026, 11, 2), date(2026, 12, 18)),
    ]


@pytest.mark.parametrize(("recorded", "always", "owed"), [
    ([], True, ["2026-autumn-1", "2026-autumn-2"]),
    ([], False, []),
    (["2026-autumn-1"], False, ["2026-autumn-2"]),
    (["2026-autumn-2"], False, []),
    (["2026-autumn-2"], True, ["2026-autumn-1"]),
])  # fmt: skip
def test_a_half_term_that_has_ended_without_a_result_is_overdue(recorded, always, owed):
    today = date(2027, 1, 4)
    since = screening_rules.takes_part_since(KNOWN, recorded, today, always=always)
    assert [one.id for one in screening_rules.overdue(KNOWN, recorded, since, today)] == owed


def test_a_result_in_four_domains_is_kept_and_shown(intake):
    assert record(intake).headers["location"] == "/screening"
    shown = page(intake)
    assert "Wren Aldous" in shown
    assert re.findall(r">(As expected|To be watched)<", shown) == [
        "As expected",
        "As expected",
        "To be watched",
        "As expected",
    ]
    assert intake.said("ConcernLogged") == []


def test_a_flag_opens_a_concern_that_the_senco_sees_with_nothing_keyed_again(intake):
    record(intake, results__communication="flag", results__physical="flag", note="Trips on the step")
    found = intake.get("/api/concerns", "senco").json()["concerns"]
    assert {one["area"] for one in found} == {"communication", "physical"}
    for one in found:
        assert one["child"] == {"given_name": "Wren", "family_name": "Aldous"}
        assert one["what"] == "Flagged when screened in Reception, Autumn 2026, second half.\nTrips on the step"


def test_a_missed_half_term_shows_overdue_until_something_is_recorded(intake):
    record(intake)
    intake.stage.clock.forward(days=110)  # 8 March: spring's first half has ended
    assert "Overdue: nothing was recorded for Spring 2027, first half" in page(intake)
    record(intake, half_term="2027-spring-1")
    assert "Overdue" not in page(intake)


def test_who_was_screened_before_and_not_this_half_term_is_named(intake):
    record(intake, half_term="2026-autumn-1")
    record(intake, half_term="2026-autumn-1", child__given_name="Robin")
    record(intake)
    to_do = page(intake).partition("not yet this half-term")[2]
    assert "Robin Aldous" in to_do
    assert "Wren Aldous" not in to_do


def test_the_latest_result_of_a_half_term_counts(intake):
    record(intake)
    intake.stage.clock.forward(hours=1)
    record(intake, results__emotional="on_track")
    assert "To be watched" not in page(intake)
    assert page(intake).count("Wren Aldous") == 1


def test_the_same_page_sent_twice_is_one_result_and_one_concern(intake):
    client = intake.stage.as_person("teacher")
    token = re.search(r'name="token" value="(S-\w+)"', client.get("/screening/new").text)[1]
    for _ in range(2):
        client.post("/screening/new", data={"token": token} | TYPED | {"results.cognition": "flag"})
    assert (len(intake.said("ScreeningRecorded")), len(intake.said("ConcernLogged"))) == (1, 1)


def test_what_is_left_empty_is_asked_for_and_what_was_typed_is_kept(intake):
    answer = record(intake, results__physical="", child__family_name="", year="")
    said = unescape(answer.text)
    assert answer.status_code == 422
    for sentence in ("Enter the child’s last name", "Select the year", "Select a result for sensory or physical"):
        assert sentence in said
    assert 'value="Wren"' in said


@pytest.mark.parametrize("half_term", ["2027-spring-1", "1999-autumn-1", "x"])
def test_only_a_half_term_that_has_begun_has_results(intake, half_term):
    answer = record(intake, half_term=half_term)
    assert "Select a half-term that has begun" in answer.text


def test_nobody_elsewhere_and_nobody_outside_a_setting_sees_it(intake):
    record(intake)
    assert "Wren" in page(intake, "senco")
    assert "Wren" not in page(intake, "other-senco")
    assert {intake.get("/screening", person).status_code for person in ("health-triager", "parent", "gp")} == {403}


def test_nothing_of_a_screening_stands_in_clear_and_an_erased_child_breaks_no_page(intake):
    record(intake, note="ZZCANARY")
    event = intake.said("ScreeningRecorded")[0]
    assert "ZZCANARY" not in event.model_dump_json()
    assert "Wren" not in event.model_dump_json()
    intake.stage.keys.destroy(event.child_id, intake.stage.clock.now)
    assert "Wren" not in page(intake)


# --- for programs -----------------------------------------------------------------------------------------------------

SCREENED = {
    "child": {"given_name": "Wren", "family_name": "Aldous", "date_of_birth": "2021-03-14"},
    "half_term": "2026-autumn-2",
    "year": "reception",
    "results": {"communication": "flag", "cognition": "on_track", "emotional": "watch", "physical": "on_track"},
    "note": "Points instead of asking",
}


def test_a_program_records_what_the_page_records_and_reads_what_the_page_shows(intake):
    kept = intake.post("/api/screenings", SCREENED, "teacher")
    assert kept.status_code == 201
    (concern,) = kept.json()["concerns"]
    assert [one["concern"] for one in intake.get("/api/concerns", "senco").json()["concerns"]] == [concern]

    shown = intake.get("/api/screenings", "senco").json()

    half_term = {"id": "2026-autumn-2", "name": "Autumn 2026, second half", "starts": "2026-11-02"}
    assert shown["half_term"] == half_term | {"ends": "2026-12-18"}
    (found,) = shown["found"]
    assert (found["screening"], found["by"]) == (kept.json()["screening"], "teacher")
    assert {name: found[name] for name in ("child", "year", "results", "note")} == {
        name: SCREENED[name] for name in ("child", "year", "results", "note")
    }
    assert "Wren Aldous" in page(intake)


def test_the_same_key_is_one_result_and_one_concern(intake):
    first, again = (intake.post("/api/screenings", SCREENED, "teacher", key="of-today").json() for _ in range(2))
    assert first == again
    assert (len(intake.said("ScreeningRecorded")), len(intake.said("ConcernLogged"))) == (1, 1)


def test_a_program_is_told_which_half_terms_were_missed_and_who_is_still_to_be_screened(intake):
    intake.post("/api/screenings", SCREENED, "teacher")
    intake.stage.clock.forward(days=110)  # 8 March: spring's first half has ended
    shown = intake.get("/api/screenings", "teacher").json()
    assert [one["id"] for one in shown["overdue"]] == ["2027-spring-1"]
    assert [one["child"] for one in shown["to_do"]] == [SCREENED["child"]]
    assert shown["found"] == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"half_term": "2027-spring-1"}, "half_term"),
        ({"year": "year_9"}, "year"),
        ({"results": {}}, "results.communication"),
        ({"child": {"given_name": "Wren"}}, "child.family_name"),
    ],
)
def test_a_program_is_told_which_field_is_wrong(intake, changed, field):
    answer = intake.post("/api/screenings", SCREENED | changed, "teacher")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_only_staff_of_a_setting_record_and_read_and_only_their_own(intake):
    intake.post("/api/screenings", SCREENED, "teacher")
    assert intake.get("/api/screenings", "other-senco").json()["found"] == []
    for person in ("health-triager", "parent", "gp"):
        assert intake.get("/api/screenings", person).status_code == 403
        assert intake.post("/api/screenings", SCREENED, person).status_code == 403
    assert intake.get("/api/screenings", None).status_code == 401
