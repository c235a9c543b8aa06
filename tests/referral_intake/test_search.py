"""Finding a child: by what is known of them, within the searcher's own reach, and never by their name in clear."""

import pytest


@pytest.fixture(scope="module")
def reference(fresh_intake):
    """A boy of whom care and education have a referral."""
    return fresh_intake.sent(fresh_intake.form("early-help"))


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "Éamon O'Sheridan"},
        {"name": "o’sheridan eamon"},
        {"name": "OSHERIDAN"},
        {"date_of_birth": "2014-12-20"},
        {"nhs_number": "999 012 3047"},
        {"name": "Eamon", "date_of_birth": "2014-12-20"},
    ],
)
def test_a_child_is_found_by_what_is_known_of_them(fresh_intake, reference, asked):
    found = fresh_intake.post("/api/search", asked, "care-triager").json()["children"]
    assert found == [
        {
            "references": [reference],
            "given_name": "Éamon",
            "family_name": "O'Sheridan",
            "date_of_birth": "2014-12-20",
        }
    ]


@pytest.mark.parametrize(
    "asked",
    [{"name": "Eamon", "date_of_birth": "2014-12-21"}, {"name": "Eamo"}, {"name": "%"}, {"name": "' OR 1=1--"}],
)
def test_what_does_not_all_match_finds_nobody(fresh_intake, reference, asked):
    assert fresh_intake.post("/api/search", asked, "care-triager").json() == {"children": []}


def test_somebody_finds_only_children_with_a_referral_to_their_own_agency(fresh_intake, reference):
    found = {
        person: len(fresh_intake.post("/api/search", {"name": "Eamon"}, person).json()["children"])
        for person in ("care-triager", "social-worker", "health-triager", "nurse")
    }
    assert found == {"care-triager": 1, "social-worker": 1, "health-triager": 0, "nurse": 0}


@pytest.mark.parametrize("person", ["senco", "teacher", "parent", "gp", "panel-chair", "other-area-triager"])
def test_others_may_not_search(fresh_intake, person):
    assert fresh_intake.post("/api/search", {"name": "Eamon"}, person).status_code == 403


@pytest.mark.parametrize("asked", [{}, {"name": " "}, {"nhs_number": "9990123013"}, {"surname": "X"}])
def test_a_search_asks_for_something_that_can_be_found(fresh_intake, asked):
    assert fresh_intake.post("/api/search", asked, "care-triager").status_code == 422


def test_a_search_is_audited_with_what_it_showed(fresh_intake, reference):
    fresh_intake.post("/api/search", {"name": "Eamon"}, "social-worker")
    assert fresh_intake.audit()[-1] == ("social-worker", "child.search", [reference], "allow", "agency")
