"""What a triager reads of a form: what concerns their agency, in plain words, and nothing else."""

from html import unescape

import pytest

from frontdoor.testing import NOW
from triage_panel import sheet

FORM = {
    "child": {
        "given_name": "Canary",
        "date_of_birth": "2023-05-02",
        "address": ["1 Sandbank Row"],
        "postcode": "SS1 1AA",
        "gp": {"name": "Dr Marsh", "practice": "Quay Surgery", "phone": "+44 1632 960001"},
        "health_visitor": {"name": "Grace Adeyemi", "email": "grace.adeyemi@example.org"},
        "sen_status": "K",
        "care_status": "section_20",
        "ethnicity": "Canary group",
        "interpreter": True,
    },
    "concern": "Says three words.\nPoints.",
    "concern_raised_on": "2026-09-14",
    "hoped_for": "To be understood",
    "medical": {"allergies": "Nuts", "diagnoses": [{"name": "Glue ear", "source": "nhs", "on": "2025-01-04"}]},
    "setting_detail": {"attends": "Mornings", "pupil_premium": False},
    "early_review": {
        "kind": "integrated",
        "asq": {"months": 24, "communication": 15, "gross_motor": 0},
        "outcome": "refer",
    },
    "reports": [{"kind": "child_voice", "upload": "U-23456789", "description": "A house with a very small door"}],
    "household": [{"name": "Robin", "relationship": "twin brother", "date_of_birth": "2023-05-02"}],
    "visit_risk": "A large dog",
    "referrer": {"role": "health_visitor", "name": "Grace Adeyemi"},
}
EVERYTHING = {
    "health": "Dr Marsh; Quay Surgery; phone: +44 1632 960001",
    "identity": "Grace Adeyemi; email: grace.adeyemi@example.org",
    "education": "SEN support",
    "care": "Accommodated by agreement (section 20)",
    "concern": "Points.",
    "needs": "To be understood",
    "contact": "Robin; relationship: twin brother; date of birth: Tuesday 2 May 2023",
    "evidence": "The child’s picture or recording; description: A house with a very small door",
    "status": "Health visitor; Grace Adeyemi",
}
"""Category → a line that it opens."""


def lines(may_see):
    rows = [*sheet.facts(FORM, may_see), *(row for _, rows in sheet.sections(FORM, may_see) for row in rows)]
    return [text for _, texts in rows for text in texts]


@pytest.mark.parametrize("category", EVERYTHING)
def test_a_line_is_there_for_who_may_see_its_category_and_for_nobody_else(category):
    said = EVERYTHING[category]
    assert said in lines(None)
    assert said in lines(frozenset({category}))
    assert said not in lines(frozenset(EVERYTHING) - {category})


def test_scores_of_a_review_are_in_words_also_those_that_are_nought():
    said = dict(sheet.sections(FORM, None))["Early years"]
    assert said == [
        ("Review", ["Integrated review at 2 to 2½ years"]),
        ("ASQ-3 scores", ["Questionnaire in months: 24; communication: 15; gross motor: 0"]),
        ("What came of it", ["Referred because of it"]),
    ]


def test_a_no_is_said_and_nothing_is_not():
    rows = dict(dict(sheet.sections(FORM, None))["Nursery, school or college"])
    assert rows == {"Days and hours": ["Mornings"], "Pupil premium or free meals": ["No"]}


def test_a_confidential_address_is_a_line_for_care_alone():
    hidden = FORM | {"child": FORM["child"] | {"address_confidential": True}}
    assert "Address" in dict(sheet.facts(hidden, frozenset({"identity", "care"})))
    assert "Address" not in dict(sheet.facts(hidden, frozenset({"identity", "health"})))


def test_ethnic_group_is_a_line_for_nobody():
    assert not any("Canary group" in line for line in lines(None))


@pytest.mark.parametrize(
    "form", [{}, {"child": None}, {"child": "x", "medical": [1], "reports": "x", "household": [1]}]
)
def test_a_form_of_any_shape_is_read(form):
    sheet.facts(form, None)
    sheet.sections(form, None)


def test_the_page_shows_each_agency_its_part_and_leads_to_the_files(queues):
    queues.stage.keys.create("C-55555555", NOW)
    again = queues.refer("health", "education", story=queues.stage.keys.seal("C-55555555", FORM))
    pages = {one: unescape(queues.stage.as_person(f"{one}-triager").get(f"/queues/{one}/{again}").text)
             for one in ("health", "education")}  # fmt: skip
    assert "Glue ear; source: NHS; on: Saturday 4 January 2025" in pages["health"]
    assert "Glue ear" not in pages["education"]
    for page in pages.values():
        assert f'href="/api/referrals/{again}/evidence/U-23456789"' in page
        assert "Mornings" in page
