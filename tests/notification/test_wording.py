"""What messages say, and what none of them can say."""

import datetime as dt
import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdoor.events import AGENCIES
from frontdoor.identifiers import FamilyLink, FamilyLinks, reference, short_id
from notification import domain, wording

WORDS = wording.english()
REASONS = [
    "incomplete",
    "consent_missing",
    "wrong_form",
    "out_of_age",
    "out_of_area",
    "gp_not_registered",
    "no_functional_impact",
    "in_line_with_learning",
    "universal_first",
    "interventions_not_tried",
    "evidence_missing",
    "known_to_service",
    "better_met_elsewhere",
    "no_key_person",
    "duplicate",
    "parent_declined",
    "awaiting_information",
    "need_met",
    "other",
    "family_request",
    "child_unwell",
    "provider_cancelled",
    "therapist_absent",
    "no_longer_needed",
    "moved_away",
]
"""Every reason code of the contract, of decisions and of cancelled bookings."""
SAY_WHAT_TO_DO = {"declined", "returned", "held", "closed", "released"}
GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
) | set("abcdefghijklmnopqrstuvwxyzäöñüà")
NEVER = re.compile(
    r"""autis|adhd|dyslex|dysprax|down.?s|stammer|speech|language|occupational|therap|hearing|visual|mental|disab|
    diagnos|learning.difficult|SEMH|SLCN|SALT|\bASD\b|clinic|hospital|child.protection|section.2[03]""",
    re.IGNORECASE | re.VERBOSE,
)
LINK = "http://localhost:8000" + FamilyLinks(b"s").path(FamilyLink("R7K2-9QF4Q", "K-2AAAAAAA", 1))

days = st.dates(min_value=dt.date(2026, 1, 1), max_value=dt.date(2030, 12, 31))
agencies = st.sampled_from(AGENCIES)
some = st.lists(agencies, min_size=1, unique=True).map(sorted)
facts = st.fixed_dictionaries(
    {
        "agency": agencies,
        "agencies": st.none() | some,
        "holders": some | st.just([]),
        "redirect_to": agencies,
        "reason_code": st.sampled_from(REASONS),
        "due": st.none() | days.map(str),
        **{f"due_{agency}": st.none() | days.map(str) for agency in AGENCIES},
        "sessions": st.integers(1, 26).map(str),
        "first": st.datetimes(min_value=dt.datetime(2026, 1, 1), max_value=dt.datetime(2030, 1, 1)).map(
            lambda at: at.replace(second=0, microsecond=0).isoformat() + "+00:00"
        ),
        "therapy": st.sampled_from([None, "salt", "ot"]),
        "kind": st.sampled_from(["request", "section_23_notification"]),
    }
)


def told(channel, template, link=LINK, **given_facts):
    plain = {"agency": "education", "redirect_to": "health", "due": "2026-12-02", "holders": ["education"]}
    if template in {"received", "withdrawn"}:
        plain = {"agencies": ["care", "education", "health"], "due": "2026-11-20"}
    return wording.compose(WORDS, channel, template, "R7K2-9QF4Q", plain | given_facts, link).body


@given(template=st.sampled_from(domain.TEMPLATES), said=facts, named=st.builds(reference))
def test_a_text_message_fits_160_characters_of_gsm_7(template, said, named):
    link = "http://localhost:8000" + FamilyLinks(b"s").path(FamilyLink(named, short_id("K"), 1))
    if template not in {"received", "withdrawn"}:
        said = said | {"agencies": None}
    text = wording.compose(WORDS, "sms", template, named, said, link).body
    assert set(text) <= GSM_7
    assert len(text) <= 160, text


@given(template=st.sampled_from(domain.TEMPLATES), said=facts, host=st.text("abcdefghij.", min_size=1, max_size=90))
def test_at_a_longer_address_a_text_message_is_two_at_most(template, said, host):
    said = said | ({} if template in {"received", "withdrawn"} else {"agencies": None})
    assert len(told("sms", template, LINK.replace("localhost:8000", host), **said)) <= 2 * 153


@given(
    channel=st.sampled_from(["sms", "email", "letter", "phone"]), template=st.sampled_from(domain.TEMPLATES), said=facts
)
def test_every_message_gives_the_reference_and_the_familys_own_link_whole(channel, template, said):
    text = wording.compose(WORDS, channel, template, "R7K2-9QF4Q", said, LINK).body
    assert "R7K2-9QF4Q" in text.replace(LINK, "")
    assert LINK in text.split()
    assert "{" not in text
    assert "None" not in text


@given(
    channel=st.sampled_from(["sms", "email", "letter", "phone"]), template=st.sampled_from(domain.TEMPLATES), said=facts
)
def test_no_message_can_name_a_need_a_diagnosis_a_kind_of_therapy_or_a_venue(channel, template, said):
    text = wording.compose(WORDS, channel, template, "R7K2-9QF4Q", said, LINK)
    assert not NEVER.search(text.body.replace(LINK, "") + text.subject)


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_has_words_and_says_what_to_do_now(reason):
    words = WORDS["reasons"][reason]
    assert set(words) == {"sms", "why", "do"}
    assert 0 < len(words["sms"]) <= 35


def test_there_are_words_for_no_other_reason():
    assert set(WORDS["reasons"]) == set(REASONS)


@pytest.mark.parametrize(("template", "reason"), list(product(sorted(SAY_WHAT_TO_DO), REASONS)))
def test_a_family_that_is_turned_down_or_kept_waiting_is_told_what_to_do(template, reason):
    assert f"What to do now: {WORDS['reasons'][reason]['do']}" in told("email", template, reason_code=reason)


@pytest.mark.parametrize("template", ["redirected", "reopened"])
def test_who_need_do_nothing_is_told_why_and_not_what_to_do(template):
    said = told("email", template, reason_code="better_met_elsewhere")
    assert "Why: another team fits better." in said
    assert "What to do now" not in said


@pytest.mark.parametrize("template", domain.TEMPLATES)
def test_each_template_says_what_is_next(template):
    assert "What is next: " in told("letter", template)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("received", "R7K2-9QF4Q: Care, education and health have it. Dates here by 20 Nov: "),
        ("declined", "R7K2-9QF4Q: Education declined it. Parts missing: ask your referrer. "),
        ("redirected", "R7K2-9QF4Q: Education passed it to health, to decide by 2 Dec. "),
        ("resumed", "R7K2-9QF4Q: Education goes on with it, to decide by 2 Dec. "),
    ],
)
def test_a_text_message_says_it_in_one_line(template, said):
    assert told("sms", template, reason_code="incomplete") == said + LINK


def test_where_every_team_has_its_date_the_first_text_message_says_it():
    said = told("sms", "received", agencies=["care", "health"], due_care="2026-12-02", due_health="2026-12-04")
    assert said == f"R7K2-9QF4Q: Care and health have it, to decide by 4 Dec. {LINK}"


def test_a_booking_gives_its_first_session_in_local_time():
    said = told("sms", "booked", sessions="6", first="2027-04-12T09:00:00+00:00")
    assert said.startswith("R7K2-9QF4Q: 6 sessions booked, from Mon 12 Apr 10am.")


def test_a_longer_message_says_who_has_it_now_and_by_when_they_decide():
    said = told("email", "declined", holders=["care", "education"], due_education="2026-12-02")
    assert "Who has it now: the care team; the education team, to decide by 2 December 2026." in said


def test_when_nobody_has_it_any_more_that_is_said():
    assert "No team has it now." in told("email", "declined", holders=[])


def test_who_is_informed_by_law_is_not_told_that_anything_was_asked_for():
    assert "you need do nothing" in told("email", "received", kind="section_23_notification")


def test_a_call_is_for_one_person_alone():
    assert "Leave no message" in told("phone", "declined", reason_code="other")
