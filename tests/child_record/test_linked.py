"""Referrals of one child: staff see one child's record with both, and nobody else learns of it."""

import re

import pytest

from frontdoor import events
from frontdoor.testing import NOW


@pytest.fixture
def two(told):
    """Two referrals of one child, by two people, and a third of a twin."""
    others = []
    for child_id, sent_by in (("C-2222222A", "gp"), ("C-2222222C", "senco")):
        told.stage.keys.create(child_id, NOW)
        other = type(told)(told.stage, child_id=child_id)
        other.hears(other.child(), other.submitted(sent_by=sent_by, organisation=None, referrer_role="gp"))
        others.append(other)
    told.hears(*told.story())
    return told, *others


def said(kind, one, other, link="L-4MXKQ7PD", **more):
    pair = {"link": link, "child_id": one.child_id, "other_child_id": other.child_id}
    return f"child-link/{link}", kind(**pair, **more)


def timeline(stage, person, referral):
    answer = stage.as_person(person).get(f"/api/records/{referral.reference}/timeline")
    assert answer.status_code == 200
    return {line["reference"] for line in answer.json()}


def test_linked_referrals_are_one_childs_record_to_staff_from_either_side(stage, two):
    told, other, _ = two
    told.hears(said(events.ChildrenLinked, told, other))
    both = {told.reference, other.reference}
    assert timeline(stage, "health-triager", told) == timeline(stage, "health-triager", other) == both
    page = stage.as_person("health-triager").get(f"/records/{told.reference}").text
    assert f'href="/records/{other.reference}"' in page
    assert "from a GP" in re.sub(r"referred by", "from", page)


def test_each_referrer_goes_on_seeing_their_own_and_no_sign_of_the_other(stage, two):
    told, other, _ = two
    before = {person: stage.as_person(person).get(f"/records/{one.reference}").text for person, one in sides(two)}
    told.hears(said(events.ChildrenLinked, told, other))
    for person, one in sides(two):
        assert timeline(stage, person, one) == {one.reference}
        assert stage.as_person(person).get(f"/records/{one.reference}").text == before[person]
    assert stage.as_person("gp").get(f"/records/{told.reference}").status_code == 404


def sides(two):
    return (("senco", two[0]), ("gp", two[1]))


def test_the_familys_page_says_nothing_of_another_referral(stage, two):
    told, other, _ = two
    before = stage.as_person(None).get(told.link()).text
    told.hears(said(events.ChildrenLinked, told, other))
    assert stage.as_person(None).get(told.link()).text == before


def test_a_link_that_is_taken_back_leaves_two_records_and_stays_in_the_log(stage, two):
    told, other, _ = two
    told.hears(said(events.ChildrenLinked, told, other))
    told.hears(said(events.ChildrenUnlinked, told, other, reason=told.sealed("They are cousins")))
    assert timeline(stage, "health-triager", told) == {told.reference}
    noted = [event.is_linked for event in stage.said("child-link-noted/L-4MXKQ7PD")]
    assert noted == [True, False]


def test_twins_who_were_kept_apart_stay_two(stage, two):
    told, _, twin = two
    told.stage.hears("child-link/L-4MXKQ7PD", said(events.ChildrenKeptApart, told, twin)[1])
    assert timeline(stage, "health-triager", told) == {told.reference}


def test_of_a_child_linked_through_another_all_referrals_are_shown(stage, two):
    told, other, third = two
    told.hears(said(events.ChildrenLinked, told, other), said(events.ChildrenLinked, third, other, "L-4MXKQ7PE"))
    everything = {one.reference for one in two}
    assert all(timeline(stage, "health-triager", one) == everything for one in two)


def test_of_two_referrals_only_what_one_may_read_is_shown(stage, two):
    told, other, _ = two
    other = type(told)(stage, child_id=other.child_id)
    only_care = (events.Route(agency="care", rules=("SEMH",)),)
    other.hears(other.submitted(routes=only_care))
    told.hears(said(events.ChildrenLinked, told, other))
    assert other.reference not in timeline(stage, "health-triager", told)


def test_each_record_that_was_shown_has_its_row_in_the_audit(stage, two, audit):
    told, other, _ = two
    told.hears(said(events.ChildrenLinked, told, other))
    before = len(audit())
    timeline(stage, "health-triager", told)
    rows = audit()[before:]
    assert [row["references"] for row in rows] == [f'["{one.reference}"]' for one in (told, other)]
    assert all(row["agreement"] for row in rows)


def test_heard_twice_and_before_its_referrals_it_ends_the_same(stage, told):
    told.stage.keys.create("C-2222222A", NOW)
    other = type(told)(told.stage, child_id="C-2222222A")
    records = stage.hears(*said(events.ChildrenLinked, told, other))
    stage.hears_again(*records)
    told.hears(told.submitted())
    other.hears(other.submitted())
    assert timeline(stage, "health-triager", told) == {told.reference, other.reference}
