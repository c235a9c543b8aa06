"""Who must see a referral: the table everybody agreed, and never nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdoor.areas import areas_folder, load_area
from referral_intake import domain
from referral_intake.domain import Pathways, find_routes

AREA = load_area(areas_folder() / "sample").pathways
PATHWAYS = Pathways(AREA.support, AREA.needs, AREA.catch_all)
ALL = ["care", "education", "health"]
AGREED = {
    "speech_and_language occupational_therapy paediatrics": ["health"],
    "mental_health": ["education", "health"],
    "specialist_teaching educational_psychology send_support": ["education"],
    "early_help short_breaks parenting_support": ["care"],
    "ehc_needs_assessment": ALL,
    "SLCN PD ASD HI VI MSI PMLD DS": ["education", "health"],
    "SPLD MLD SLD": ["education"],
    "SEMH": ["care", "education"],
    "OTH NSA NYK": ALL,
    "something_nobody_mapped": ALL,
}
CASES = [(code, agencies) for codes, agencies in AGREED.items() for code in codes.split()]
NEEDS = st.lists(st.sampled_from([code for code, _ in CASES if code.isupper()]), min_size=1, max_size=5)
SUPPORT = st.lists(st.from_regex(r"\A[a-z_]{1,20}\Z") | st.sampled_from(sorted(AREA.support)), max_size=5)


@pytest.mark.parametrize(("code", "agencies"), CASES)
def test_each_code_leads_where_the_area_agreed(code, agencies):
    needs, support = ([code], []) if code.isupper() else ([], [code])
    assert [route.agency for route in find_routes(PATHWAYS, needs, support)] == agencies


@given(NEEDS, SUPPORT)
def test_the_agencies_are_the_union_of_what_needs_and_support_name_and_never_none(needs, support):
    named = {agency for code in needs for agency in AREA.for_need(code)}
    named |= {agency for code in support for agency in AREA.for_support(code)}
    routes = find_routes(PATHWAYS, needs, support)
    assert [route.agency for route in routes] == sorted(named) != []
    assert all(route.rules for route in routes)


@given(NEEDS, SUPPORT)
def test_a_code_without_a_pathway_has_the_referral_sorted_by_a_person(needs, support):
    rules = {rule for route in find_routes(PATHWAYS, needs, support) for rule in route.rules}
    assert any(rule.startswith("catch-all:") for rule in rules) is not AREA.is_sorted(tuple(needs), tuple(support))


@given(st.lists(st.sampled_from(["queued", "accepted", "closed", "declined", "redirected"]), min_size=1, max_size=3))
def test_a_referral_is_closed_when_every_agency_has_ended(statuses):
    said = dict(zip(ALL, [(status, None) for status in statuses], strict=False))
    status, _ = domain.standing("received", domain.Standing(dict.fromkeys(said, "need:PD"), said))
    assert (status == "closed") is all(one in domain.ENDED for one in statuses)


@given(st.dates(), st.dates(), st.dates(), st.dates(), st.booleans())
def test_every_day_is_judged_and_none_breaks_the_rule(birth, consent, concern, today, expected):
    wrong = dict(domain.wrong_days(domain.Days(birth, expected, consent, concern), today))
    assert ("consent.on" in wrong) is (consent > today)
    birth_is_fine = not {"child.date_of_birth", "child.expected_date"} & set(wrong)
    assert ("concern_raised_on" in wrong) is (concern > today or (birth_is_fine and (birth - concern).days > 280))
