"""The sample area is what the contract says, and a wrong folder says what is wrong and where."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from frontdoor.areas import Area, AreaError, areas_folder, load_area
from frontdoor.calendars import add_school_days

SAMPLE = areas_folder() / "sample"

ALL = ("care", "education", "health")
HEALTH_EDUCATION = ("education", "health")

SUPPORT = {
    "speech_and_language": ("health",),
    "occupational_therapy": ("health",),
    "paediatrics": ("health",),
    "mental_health": HEALTH_EDUCATION,
    "specialist_teaching": ("education",),
    "educational_psychology": ("education",),
    "send_support": ("education",),
    "early_help": ("care",),
    "short_breaks": ("care",),
    "parenting_support": ("care",),
    "ehc_needs_assessment": ALL,
}
NEEDS = {
    **dict.fromkeys(("SLCN", "PD", "ASD", "HI", "VI", "MSI", "PMLD", "DS"), HEALTH_EDUCATION),
    **dict.fromkeys(("SPLD", "MLD", "SLD"), ("education",)),
    "SEMH": ("care", "education"),
    **dict.fromkeys(("OTH", "NSA", "NYK"), ALL),
}

# person: role, agency, organisation, area
PEOPLE = {
    "senco": ("senco", "education", "sample-school", "sample"),
    "teacher": ("teacher", "education", "sample-school", "sample"),
    "health-visitor": ("health_visitor", "health", "sample-nhs-trust", "sample"),
    "gp": ("gp", "health", "sample-icb", "sample"),
    "nurse": ("nurse", "health", "sample-nhs-trust", "sample"),
    "social-worker": ("social_worker", "care", "sample-council", "sample"),
    "parent": ("parent", None, None, "sample"),
    "young-person": ("young_person", None, None, "sample"),
    "health-triager": ("triager", "health", "sample-nhs-trust", "sample"),
    "education-triager": ("triager", "education", "sample-council", "sample"),
    "care-triager": ("triager", "care", "sample-council", "sample"),
    "panel-chair": ("panel_chair", None, "sample-council", "sample"),
    "panel-health": ("panel_member", "health", "sample-icb", "sample"),
    "panel-education": ("panel_member", "education", "sample-council", "sample"),
    "panel-care": ("panel_member", "care", "sample-council", "sample"),
    "therapist-salt": ("therapist", "health", "sample-nhs-trust", "sample"),
    "therapist-ot": ("therapist", "health", "sample-nhs-trust", "sample"),
    "booking-coordinator": ("booking_coordinator", None, "sample-council", "sample"),
    "provider-manager": ("provider_manager", "health", "sample-nhs-trust", "sample"),
    "advocate": ("advocate", None, "sample-charity", "sample"),
    "auditor": ("auditor", None, "sample-council", "sample"),
    "admin": ("admin", None, "sample-council", "sample"),
    "other-senco": ("senco", "education", "other-school", "sample"),
    "other-area-triager": ("triager", "health", "elsewhere-council", "elsewhere"),
}


@pytest.fixture(scope="module")
def area() -> Area:
    return load_area(SAMPLE)


class TestPathways:
    @pytest.mark.parametrize("code", SUPPORT)
    def test_every_support_concerns_exactly_the_agencies_of_the_contract(self, area: Area, code: str) -> None:
        assert tuple(sorted(area.pathways.for_support(code))) == SUPPORT[code]

    @pytest.mark.parametrize("code", NEEDS)
    def test_every_need_concerns_exactly_the_agencies_of_the_contract(self, area: Area, code: str) -> None:
        assert tuple(sorted(area.pathways.for_need(code))) == NEEDS[code]

    @pytest.mark.parametrize("code", ["OTH", "NSA", "NYK", "WHAT"])
    def test_a_need_without_pathway_is_to_be_sorted_by_a_person(self, area: Area, code: str) -> None:
        assert not area.pathways.is_sorted((code,), ())
        assert not area.pathways.is_sorted(("SLCN", code), ("early_help",))
        assert area.pathways.for_need(code) == ALL

    def test_needs_and_supports_with_pathways_are_sorted(self, area: Area) -> None:
        assert area.pathways.is_sorted(("SLCN", "SEMH"), ("short_breaks",))
        assert area.pathways.is_sorted(("SLCN",), ())

    def test_a_support_without_pathway_is_to_be_sorted_too(self, area: Area) -> None:
        assert not area.pathways.is_sorted(("SLCN",), ("horse_riding",))
        assert area.pathways.for_support("horse_riding") == ALL


class TestPeople:
    @pytest.mark.parametrize("name", PEOPLE)
    def test_every_sample_person_has_their_role_agency_and_organisation(self, area: Area, name: str) -> None:
        person = area.people[name]
        assert (person.person, person.roles) == (name, frozenset({PEOPLE[name][0]}))
        assert (person.agency, person.organisation, person.area) == PEOPLE[name][1:]

    def test_there_are_no_other_people(self, area: Area) -> None:
        assert set(area.people) == set(PEOPLE)

    def test_everybody_can_be_reached_at_invented_addresses_of_their_own(self, area: Area) -> None:
        emails = [person.email or "" for person in area.people.values()]
        phones = [person.phone or "" for person in area.people.values()]
        assert all(email.endswith("@example.org") for email in emails)
        assert all(phone.startswith("07700 900") for phone in phones)
        assert len(set(emails)) == len(set(phones)) == len(area.people)


class TestOrganisations:
    @pytest.mark.parametrize(
        "organisation", ["sample-council", "sample-icb", "sample-nhs-trust", "sample-school", "other-school"]
    )
    def test_the_organisations_of_the_contract_are_there(self, area: Area, organisation: str) -> None:
        assert area.organisations[organisation].id == organisation

    @pytest.mark.parametrize(
        ("text", "organisation"),
        [
            ("sample-school", "sample-school"),
            ("Harbour Lane Primary School", "harbour-lane"),
            ("  harbour lane PRIMARY-school. ", "harbour-lane"),
            ("Larkfield Junior School", "larkfield"),
            ("Beacon Green C. of E. Primary", "beacon-green"),
            ("Estuary Academy", "estuary-academy"),
            ("saltmarsh childrens therapies", "sample-nhs-trust"),
        ],
    )
    def test_a_setting_is_found_however_it_is_written(self, area: Area, text: str, organisation: str) -> None:
        found = area.setting(text)
        assert found is not None
        assert found.id == organisation

    @pytest.mark.parametrize("text", ["", " - ", "Assessment and early help team", "Harbour", "sample"])
    def test_text_that_matches_nothing_is_no_setting(self, area: Area, text: str) -> None:
        assert area.setting(text) is None

    def test_another_authority_is_no_setting_of_ours(self, area: Area) -> None:
        assert area.organisations["elsewhere-council"].area == "elsewhere"
        assert area.setting("elsewhere-council") is None

    def test_every_school_has_a_calendar_and_anybody_else_the_default(self, area: Area) -> None:
        assert area.calendar_of("other-school").id == "sandpiper"
        for organisation in ("sample-council", "nobody", None):
            assert area.calendar_of(organisation).id == area.default_calendar
        schools = [found for found in area.organisations.values() if found.kind in {"school", "college", "early_years"}]
        assert len(schools) >= 8
        assert all(school.calendar for school in schools)


class TestPostcodes:
    @pytest.mark.parametrize(
        "postcode", ["SS1 9ZZ", "ss29zz", "SS9 9ZZ", "CM1 9ZZ", "CO3 9ZZ", "NN16 9ZZ", " NN 18 0AB"]
    )
    def test_postcodes_of_the_area_are_inside(self, area: Area, postcode: str) -> None:
        assert area.inside(postcode)

    @pytest.mark.parametrize(
        "postcode", ["NN1 6ZZ", "NN1 1AA", "S1 1AA", "C1 1AA", "M1 1AE", "SW1A 1AA", "", "SS", "SS1 9Z", "nonsense"]
    )
    def test_any_other_postcode_is_outside_and_refuses_nothing(self, area: Area, postcode: str) -> None:
        assert not area.inside(postcode)


class TestContacts:
    def test_the_area_says_whom_to_call_in_danger_by_day_and_by_night_and_whom_to_ask(self, area: Area) -> None:
        assert all(area.contacts.model_dump().values())
        assert area.contacts.duty_team_day != area.contacts.duty_team_night

    def test_numbers_that_are_published_reach_nobody(self, area: Area) -> None:
        numbers = [value for name, value in area.contacts.model_dump().items() if "_day" in name or "_night" in name]
        numbers += [area.contacts.send_team_phone, area.contacts.advice_phone]
        assert all(number.startswith(("01632 960", "07700 900")) for number in numbers)


class TestTerms:
    def test_the_terms_of_the_contract_are_there(self, area: Area) -> None:
        ids = [term.id for term in area.terms]
        assert ids == ["2026-summer", "2026-autumn", "2027-spring", "2027-summer", "2027-autumn"]

    def test_a_term_is_found_by_id_and_by_day(self, area: Area) -> None:
        assert area.term("2027-spring") is area.term_on(date(2027, 2, 15)) is area.terms[2]
        assert area.term("2031-spring") is None
        assert area.term_on(date(2026, 12, 25)) is None

    def test_ten_school_days_end_on_different_days_at_neighbouring_schools(self, area: Area) -> None:
        due = {id: add_school_days(date(2026, 10, 16), 10, area.calendar_of(id)) for id in area.organisations}
        assert due["sample-school"] == date(2026, 11, 9)
        assert due["other-school"] == date(2026, 11, 10)
        assert due["estuary-academy"] == date(2026, 11, 16)

    def test_every_calendar_has_the_terms_of_the_area_and_a_real_number_of_pupil_days(self, area: Area) -> None:
        for calendar in area.calendars.values():
            assert [term.id for term in calendar.terms] == [term.id for term in area.terms]
            year = (date(2026, 8, 20) + timedelta(days=n) for n in range(345))
            assert 186 <= sum(calendar.is_school_day(day) for day in year) <= 190

    def test_every_training_day_would_otherwise_be_a_school_day(self, area: Area) -> None:
        """Shinfield once printed a Friday that was a Thursday: a training day in a holiday is a slip."""
        for calendar in area.calendars.values():
            for day in calendar.inset_days:
                assert day.weekday() < 5
                assert any(day in term for term in calendar.terms), (calendar.id, day)


class TestStandards:
    @pytest.mark.parametrize(
        ("code", "limit", "unit"),
        [
            ("acknowledge", 2, "working_days"),
            ("triage", 10, "school_days"),
            ("offer", 6, "calendar_weeks"),
            ("first_session", 18, "calendar_weeks"),
            ("ehcna_decision", 6, "calendar_weeks"),
            ("ehc_advice", 6, "calendar_weeks"),
            ("ehc_no_plan_notice", 16, "calendar_weeks"),
            ("ehc_final_plan", 20, "calendar_weeks"),
        ],
    )
    def test_each_standard_has_its_limit(self, area: Area, code: str, limit: int, unit: str) -> None:
        standard = area.standards[code]
        assert (standard.code, standard.limit, standard.unit) == (code, limit, unit)

    def test_the_decision_to_assess_is_the_councils_on_requests_for_an_assessment(self, area: Area) -> None:
        selector = area.standards["ehcna_decision"].applies_to
        assert selector is not None
        assert (selector.agency, selector.support) == ("education", "ehc_needs_assessment")

    def test_what_is_law_names_its_regulation_and_what_is_not_says_so(self, area: Area) -> None:
        for standard in area.standards.values():
            expected = "SEND Regulations 2014" if standard.statutory else "Local default"
            assert standard.source.startswith(expected)


class TestAgreements:
    def test_one_agreement_binds_every_organisation_of_the_area_and_no_other(self, area: Area) -> None:
        (agreement,) = area.agreements
        ours = {found.id for found in area.organisations.values() if found.area == area.id}
        assert set(agreement.parties) == ours
        assert set(agreement.purposes) == {"triage", "booking", "notification", "record"}

    @pytest.mark.parametrize(
        ("day", "in_force"),
        [("2025-12-31", False), ("2026-01-01", True), ("2027-12-31", True), ("2028-01-01", False)],
    )
    def test_it_is_in_force_from_its_first_to_its_last_day(self, area: Area, day: str, in_force: bool) -> None:
        assert area.agreements[0].in_force(date.fromisoformat(day)) is in_force

    def test_care_facts_go_to_care_alone_and_health_facts_to_health(self, area: Area) -> None:
        for purpose in area.agreements[0].purposes.values():
            assert "care" not in purpose.categories["health"] + purpose.categories["education"]
            assert "health" not in purpose.categories["care"] + purpose.categories["education"]

    def test_somebody_of_no_single_agency_is_shown_what_every_agency_may_be(self, area: Area) -> None:
        triage = area.agreements[0].purposes["triage"]
        assert "health" in triage.categories_of("health")
        assert "needs" in triage.categories_of(None)
        assert triage.categories_of(None).isdisjoint({"health", "care"})

    def test_an_agency_the_agreement_does_not_name_is_shown_nothing(self, area: Area) -> None:
        assert area.agreements[0].purposes["triage"].categories_of("police") == frozenset()


class TestFrozen:
    def test_an_area_cannot_be_changed_after_it_was_read(self, area: Area) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            area.name = "Elsewhere"  # type: ignore[misc]

    def test_reading_the_same_folder_twice_gives_the_same_area(self, area: Area) -> None:
        area.setting("sample-school")
        assert load_area(SAMPLE).model_dump() == area.model_dump()


class TestWrongFolders:
    @pytest.mark.parametrize(
        ("file", "old", "new", "says"),
        [
            ("area.yaml", "name: Saltmarsh", "nam: Saltmarsh", "area.yaml: nam: Extra inputs"),
            ("area.yaml", 'version: "2026.3"', "version: 2026.3", "area.yaml: version: Input should be a valid string"),
            ("area.yaml", "  duty_team_night: ", "  # ", "area.yaml: contacts.duty_team_night: Field required"),
            ("area.yaml", "duty_team_day: 01632", "duty_team_day: ring", "contacts.duty_team_day: String should match"),
            ("area.yaml", "send.team@example.org", "send.team", "contacts.send_team_email: String should match"),
            ("area.yaml", "link: https:", "link: javascript:", "contacts.advice_link: String should match"),
            ("area.yaml", "[SS,", "[Southend,", "area.yaml: postcode_districts.0: String should match"),
            ("area.yaml", "lead: sample-council", "lead: nobody", "area.yaml: lead: there is no organisation nobody"),
            (
                "area.yaml",
                "default_calendar: saltmarsh",
                "default_calendar: x",
                "default_calendar: there is no calendar x",
            ),
            ("area.yaml", "id: sample", "id: sample\nterms: []", "area.yaml: terms: belongs in terms.yaml"),
            ("area.yaml", "id: sample", "id: sample\nid: twice", "area.yaml: line 4: 'id' is written twice"),
            ("area.yaml", "id: sample", "no: sample", "area.yaml: line 3: the name False is not text"),
            ("area.yaml", "id: sample", "id: [sample", "area.yaml: line "),
            (
                "organisations.yaml",
                "kind: icb",
                "kind: ccg",
                "organisations.yaml: organisations.sample-icb.kind: Input",
            ),
            (
                "organisations.yaml",
                "calendar: two-week-autumn",
                "calendar: lost",
                "organisations.estuary-academy.calendar: there is no calendar lost",
            ),
            (
                "organisations.yaml",
                "aliases: [Saltmarsh ICB]",
                "aliases: [sandpiper ACADEMY]",
                "organisations.other-school: has the same id, name or alias as sample-icb",
            ),
            (
                "organisations.yaml",
                "name: Estuary Academy",
                "name: Estuary Academy\n    id: else",
                "organisations.estuary-academy: is filed under estuary-academy but names itself else",
            ),
            ("organisations.yaml", "organisations:", "organizations:", "organizations: expected organisations alone"),
            (
                "people.yaml",
                "organisation: other-school",
                "organisation: lost",
                "people.other-senco.organisation: there",
            ),
            ("people.yaml", ", area: elsewhere", "", "people.other-area-triager.area: elsewhere-council is in another"),
            ("people.yaml", "roles: [gp]", "roles: []", "people.yaml: people.gp.roles: "),
            ("people.yaml", "roles: [gp]", "roles: gp", "people.yaml: people.gp.roles: "),
            (
                "pathways.yaml",
                "SEMH: [care,",
                "SEMH: [police,",
                "pathways.yaml: pathways.needs.SEMH.0: Input should be",
            ),
            ("pathways.yaml", "early_help: [care]", "early_help: []", "pathways.support.early_help: Tuple should have"),
            (
                "standards.yaml",
                "limit: 2\n",
                'limit: "2"\n',
                "standards.yaml: standards.acknowledge.limit: Input should",
            ),
            ("standards.yaml", "limit: 2\n", "limit: 0\n", "standards.acknowledge.limit: Input should be greater"),
            ("standards.yaml", "unit: school_days", "unit: tribunal_days", "standards.triage.unit: Input should be"),
            ("calendars.yaml", "starts: 2026-04-13", "starts: 2026-13-04", "calendars.yaml: "),
            (
                "calendars.yaml",
                "starts: 2026-05-23, ends: 2026-05-31",
                "starts: 2026-05-31, ends: 2026-05-23",
                "calendars.yaml: calendars.saltmarsh.terms.0.half_terms.0: Value error, ends on 2026-05-23, before",
            ),
            ("calendars.yaml", "inset_days: [", "inset_dais: [", "calendars.saltmarsh.inset_dais: Unexpected keyword"),
            (
                "agreements.yaml",
                "- sample-icb",
                "- lost-icb",
                "agreements.0.parties: there is no organisation lost-icb",
            ),
            ("agreements.yaml", "valid_to: 2027", "valid_to: 2025", "agreements.0: Value error, valid_to is before"),
            ("terms.yaml", "id: 2027-summer", "id: 2026-summer", "terms.3: Value error, the dates of term 2026-summer"),
            (
                "terms.yaml",
                "ends: 2026-07-22",
                "ends: 2026-09-22",
                "terms.1.starts: 2026-autumn starts before 2026-summer",
            ),
        ],
    )
    def test_what_is_wrong_is_said_with_file_path_and_reason(
        self, tmp_path: Path, file: str, old: str, new: str, says: str
    ) -> None:
        folder = Path(shutil.copytree(SAMPLE, tmp_path / "wrong"))
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(AreaError) as error:
            load_area(folder)
        assert any(says in problem for problem in error.value.problems), error.value.problems
        assert all(problem.startswith(f"{file}: ") for problem in error.value.problems)

    def test_a_missing_file_and_a_file_nobody_knows_are_both_named(self, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(SAMPLE, tmp_path / "wrong"))
        (folder / "terms.yaml").rename(folder / "term.yaml")
        with pytest.raises(AreaError) as error:
            load_area(folder)
        assert error.value.problems == [
            "terms.yaml: the file is missing",
            "term.yaml: no such file belongs to an area",
        ]

    def test_an_empty_file_is_refused(self, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(SAMPLE, tmp_path / "wrong"))
        (folder / "terms.yaml").write_text("# nothing\n", encoding="utf-8")
        with pytest.raises(AreaError, match=r"terms\.yaml: expected names with values"):
            load_area(folder)

    def test_every_problem_is_said_at_once(self, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(SAMPLE, tmp_path / "wrong"))
        for file, old, new in (("people.yaml", "[gp]", "[]"), ("standards.yaml", "limit: 2\n", "limit: 0\n")):
            path = folder / file
            path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
        with pytest.raises(AreaError) as error:
            load_area(folder)
        assert {problem.split(":")[0] for problem in error.value.problems} == {"people.yaml", "standards.yaml"}


class TestAreasFolder:
    def test_it_is_found_beside_the_source(self) -> None:
        assert (areas_folder() / "sample" / "area.yaml").is_file()

    def test_it_is_found_above_a_place_the_caller_names(self, tmp_path: Path) -> None:
        (tmp_path / "deploy" / "areas").mkdir(parents=True)
        (tmp_path / "somewhere" / "deep").mkdir(parents=True)
        assert areas_folder(tmp_path / "somewhere" / "deep") == tmp_path / "deploy" / "areas"

    def test_where_there_is_none_the_caller_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="say where the areas are"):
            areas_folder(tmp_path)
