"""What a referral is, who must see it, by when, and what may be done with it: values and pure functions."""

import hmac
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from frontdoor.calendars import (
    CALENDAR_VERSION,
    SchoolCalendar,
    age_on,
    due_at,
    month_begun,
    received_on,
)
from frontdoor.events import (
    AGENCIES,
    Agency,
    ContactAdded,
    ContactRef,
    LinkRenewed,
    Need,
    ReferralSubmitted,
    Route,
    SenderLinkNoted,
    Wait,
    instant,
)

NeedCode = Literal[
    "SPLD", "MLD", "SLD", "PMLD", "SEMH", "SLCN", "HI", "VI", "MSI", "PD", "ASD", "DS", "OTH", "NSA", "NYK"
]
ReferrerRole = Literal[
    "senco",
    "teacher",
    "health_visitor",
    "gp",
    "nurse",
    "midwife",
    "therapist",
    "social_worker",
    "parent",
    "young_person",
    "other",
]

DECIDES_ALONE = 16
"""The age from which a young person may refer and consent for themselves, and say whether their parents are told."""
UNDER_FIVE = 5
"""The birthday up to which a child has a named health visitor."""
HEALTH_VISITOR = "health visitor"
"""What the named health visitor of a child under five is among the people to tell."""
OLDEST = 25
"""The birthday from which this service is not the right one."""
BEFORE_BIRTH = timedelta(weeks=40)
LATE_BABY = timedelta(weeks=4)
ADDED_LATER = "added_later"
"""Part of an alert: what its sender added to it, one after the other."""
ESCALATE_AFTER = timedelta(minutes=15)
"""How long an alert may stay unread before the duty team is told again."""
FAMILY = frozenset({"parent", "young_person"})
"""Roles of people who act for themselves or their own child."""
ENDED = frozenset({"declined", "redirected", "withdrawn", "closed"})
"""States of an agency's entry in which nothing more happens to it."""
SENDERS_LINK, FIRST_GENERATION = "sender", 1
"""The recipient that the sender's own link names, and its generation until it is renewed."""

LIFECYCLES: dict[str, dict[str, tuple[frozenset[str], str | None]]] = {
    "referral": {
        "ReferralSubmitted": (frozenset({""}), "received"),
        "ReferralAmended": (frozenset({"received"}), None),
        "AssessmentReady": (frozenset({"received"}), None),
        "ReferralWithdrawn": (frozenset({"received"}), "withdrawn"),
    },
    "pathways": {"PathwaysAdopted": (frozenset({""}), "adopted")},
    "child": {"ChildRegistered": (frozenset({""}), "registered")},
    "concern": {
        "ConcernLogged": (frozenset({""}), "logged"),
        "ConcernReferred": (frozenset({"logged"}), "referred"),
        "ConcernClosed": (frozenset({"logged"}), "closed"),
    },
    "screening": {"ScreeningRecorded": (frozenset({""}), "recorded")},
    "child-link": {
        "ChildrenLinked": (frozenset({""}), "linked"),
        "ChildrenKeptApart": (frozenset({""}), "apart"),
        "ChildrenUnlinked": (frozenset({"linked"}), "unlinked"),
    },
    "adoption": {"ChildAdopted": (frozenset({""}), "sealed")},
    "contact": {
        "ContactAdded": (frozenset({""}), "known"),
        "ContactChanged": (frozenset({"known"}), None),
    },
    "progress": {"ProgressNoted": (frozenset({"", "noted"}), "noted")},
    "link-noted": {"SenderLinkNoted": (frozenset({"", "noted"}), "noted")},
    "refusal": {"IntakeRefused": (frozenset({""}), "refused")},
}
"""Stream kind → event type → (the states it may happen in, the state it leads to; None: the same)."""


class NotAllowed(Exception):
    """This cannot be done as things stand: a stable code, and a sentence for a person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


def require(event_type: str, state: str, sentence: str) -> None:
    """Check that an event of a referral may happen in this state; raises `NotAllowed`."""
    before, _ = LIFECYCLES["referral"][event_type]
    if state not in before:
        raise NotAllowed("not_allowed", sentence)


# --- who must see it --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MinimumAge:
    """From which age, in whole years, a support is given, and which supports start meanwhile."""

    from_age: int
    interim: Sequence[str] = ()


@dataclass(frozen=True)
class Pathways:
    """Which agencies a support or a need concerns; a code that is not listed goes to all of `catch_all`."""

    support: Mapping[str, Sequence[str]]
    needs: Mapping[str, Sequence[str]]
    catch_all: Sequence[str]
    minimum_ages: Mapping[str, MinimumAge] = field(default_factory=dict)


def find_routes(
    pathways: Pathways, needs: Iterable[str], support: Iterable[str], interim: Iterable[str] = ()
) -> tuple[Route, ...]:
    """Find the agencies that must see a referral: the union of what its needs and its supports name, in order.

    Each with the rules that sent it there: `need:SLCN`, `support:early_help`, `catch-all:NYK`; `interim` are supports
    that start while the child is too young for another (`interim:send_support`).
    """
    rules: dict[str, list[str]] = {}
    named = (
        ("need", needs, pathways.needs),
        ("support", support, pathways.support),
        ("interim", interim, pathways.support),
    )
    for kind, codes, known in named:
        for code in dict.fromkeys(codes):
            rule = f"{kind}:{code}" if code in known else f"catch-all:{code}"
            for agency in known.get(code, pathways.catch_all):
                rules.setdefault(agency, []).append(rule)
    return tuple(Route(agency=agency, rules=tuple(rules[agency])) for agency in AGENCIES if agency in rules)


def find_waits(pathways: Pathways, support: Iterable[str], birth: date, today: date) -> tuple[Wait, ...]:
    """Find what is asked for too early: each is kept, and comes up again when a month begins on or after the birthday.

    The birthday itself is said nowhere: an event is for ever, and the day on which one was said would tell it too.
    """
    found = []
    for code in support:
        age = pathways.minimum_ages.get(code)
        if age is not None and age_on(birth, today) < age.from_age:
            ready_on = month_begun(birthday(birth, age.from_age))
            found.append(Wait(support=code, ready_on=ready_on, interim=tuple(age.interim)))
    return tuple(found)


def asked_again(support: str, rules: Mapping[str, Sequence[str]]) -> tuple[Agency, ...]:
    """Name the agencies that a support led to, by the rules that sent the referral; all of them where none says so."""
    led = {f"support:{support}", f"catch-all:{support}"}
    named = tuple(agency for agency in AGENCIES if led & set(rules.get(agency, ())))
    return named or tuple(agency for agency in AGENCIES if agency in rules)


def birthday(birth: date, age: int) -> date:
    """Give the day on which somebody reaches an age; born on 29 February, it is 1 March in a year without one."""
    try:
        return birth.replace(year=birth.year + age)
    except ValueError:
        return date(birth.year + age, 3, 1)


def distinct_needs(needs: Iterable[tuple[str, Any]]) -> tuple[Need, ...]:
    """Name each need once; the primary one stays primary."""
    ranks: dict[str, Any] = {}
    for code, rank in needs:
        if ranks.get(code) != "primary":
            ranks[code] = rank
    return tuple(Need(code=code, rank=rank) for code, rank in ranks.items())


# --- days and ages ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Days:
    """The days on a form. `birth` is the expected date where `is_expected`."""

    birth: date
    is_expected: bool
    consent_on: date
    concern_raised_on: date
    not_in_future: tuple[tuple[str, date], ...] = ()
    """Further days, each with its path on the form."""


def wrong_days(days: Days, today: date) -> list[tuple[str, str]]:
    """Find what is wrong with the days of a form, today: (field, sentence)."""
    birth = _wrong_expected(days.birth, today) if days.is_expected else _wrong_birth(days.birth, today)
    found = [birth] if birth else []
    if days.consent_on > today:
        found.append(("consent.on", "Date of consent must be today or in the past"))
    if days.concern_raised_on > today:
        found.append(("concern_raised_on", "Date the concern was raised must be today or in the past"))
    elif birth is None and days.birth - days.concern_raised_on > BEFORE_BIRTH:
        sentence = "Date the concern was raised must not be more than 40 weeks before birth"
        found.append(("concern_raised_on", sentence))
    late = "This date must be today or in the past"
    return found + [(path, late) for path, day in days.not_in_future if day > today]


def _wrong_birth(birth: date, today: date) -> tuple[str, str] | None:
    if birth > today:
        return "child.date_of_birth", "Date of birth must be today or in the past"
    if age_on(birth, today) >= OLDEST:
        return "child.date_of_birth", "This service is for ages 0 to 25: it ends the day before the 25th birthday"
    return None


def _wrong_expected(expected: date, today: date) -> tuple[str, str] | None:
    if expected - today > BEFORE_BIRTH:
        return "child.expected_date", "Expected date must be in the next 40 weeks"
    if today - expected > LATE_BABY:
        return "child.expected_date", "Enter the date of birth: the expected date has passed"
    return None


# --- what is submitted ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rules:
    """What the area says: its pathways, and the standard of acknowledging as (limit, unit, version)."""

    pathways: Pathways
    pathways_version: str
    acknowledge: tuple[int, str, str]
    calendar: SchoolCalendar


@dataclass(frozen=True)
class Sender:
    """Who sends a referral, by their sign-in."""

    person: str
    organisation: str | None
    roles: frozenset[str]


@dataclass(frozen=True)
class FilledIn:
    """How the form came about: minutes that were spent on it, and who began it for who sent it."""

    minutes: int | None = None
    drafted_by: str | None = None


NOT_KNOWN = FilledIn()


@dataclass(frozen=True)
class Noticed:
    """What a person should look at. `age` is in whole years, below 0 before birth."""

    age: int
    birth: date
    today: date
    has_parental_responsibility: bool
    unmatched_setting: bool
    unmatched_organisation: bool
    out_of_area: bool
    birth_date_estimated: bool
    not_born_yet: bool
    confidential_address: bool = False
    sharing_objection: bool = False
    has_health_visitor: bool = False
    temporary_upn: bool = False
    mixed_scripts: bool = False


def submitted(
    facts: Mapping[str, Any], rules: Rules, sender: Sender, noticed: Noticed, contacts: tuple[ContactRef, ...]
) -> ReferralSubmitted:
    """Decide who must see a referral, by when it is acknowledged, and what to look at.

    `facts` are the fields of the event that are decided already: reference, child, days, needs, support, story.
    """
    limit, unit, standard_version = rules.acknowledge
    waits = find_waits(rules.pathways, facts["support"], noticed.birth, noticed.today)
    interim = [code for wait in waits for code in wait.interim]
    routes = find_routes(rules.pathways, [need.code for need in facts["needs"]], facts["support"], interim)
    to_be_sorted = any(rule.startswith("catch-all:") for route in routes for rule in route.rules)
    return ReferralSubmitted(
        **facts,
        acknowledge_by=due_at(received_on(facts["received_at"]), limit, unit, rules.calendar),
        routes=routes,
        pathways_version=rules.pathways_version,
        standard_version=standard_version,
        calendar_version=CALENDAR_VERSION,
        # Who acts for themselves or their own child, whatever capacity is named on the form.
        family_raised=bool(sender.roles & FAMILY),
        sent_by=sender.person,
        organisation=sender.organisation,
        out_of_area=noticed.out_of_area,
        to_be_sorted=to_be_sorted,
        flags=flags_of(noticed, to_be_sorted=to_be_sorted, too_young=bool(waits)),
        waits=waits,
        contacts=contacts,
    )


def flags_of(noticed: Noticed, *, to_be_sorted: bool, too_young: bool = False) -> tuple[str, ...]:
    """Name what a person should look at; none of it refuses a referral."""
    flags = {
        "no_parental_responsibility": noticed.age < 16 and not noticed.has_parental_responsibility,
        "unmatched_setting": noticed.unmatched_setting,
        "unmatched_organisation": noticed.unmatched_organisation,
        "out_of_area": noticed.out_of_area,
        "to_be_sorted": to_be_sorted,
        "birth_date_estimated": noticed.birth_date_estimated,
        "not_born_yet": noticed.not_born_yet,
        "confidential_address": noticed.confidential_address,
        "sharing_objection": noticed.sharing_objection,
        "too_young_yet": too_young,
        "no_health_visitor": 0 <= noticed.age < UNDER_FIVE and not noticed.has_health_visitor,
        "temporary_upn": noticed.temporary_upn,
        "mixed_scripts": noticed.mixed_scripts,
    }
    return tuple(name for name, holds in flags.items() if holds)


def contact_refs(contacts: Iterable[ContactAdded]) -> tuple[ContactRef, ...]:
    """Name a referral's contacts, as its own event carries them."""
    return tuple(
        ContactRef(contact_id=contact.contact_id, parental_responsibility=contact.parental_responsibility)
        for contact in contacts
    )


# --- who is told ------------------------------------------------------------------------------------------------------

SELF = frozenset({"self", "myself", "me", "young person", "themselves", "themself", "himself", "herself", "child"})
"""Relationships that say that a contact is the young person."""
CONTACT_SCOPES = frozenset({"contacts", "contact_parents", "parents"})
"""Scopes of consent by which a young adult chooses that the contacts on the form are told."""


def may_be_told(age: int, themselves: bool, chosen_by_adult: bool, named_not_to: bool, said_safe: bool | None) -> bool:
    """Say whether somebody may be told what happens: not who is named not to be, nor against the sender's word.

    From 18 others are told only by the adult's own choice.
    """
    if named_not_to or said_safe is False:
        return False
    return age < 18 or themselves or chosen_by_adult


def newcomer_may_be_told(
    name: str,
    said_safe: bool | None,
    child: Mapping[str, Any],
    story: Mapping[str, Any],
    today: date,
    chosen_by: Collection[str],
) -> bool:
    """Say whether somebody who is added later may be told; `chosen_by` are the roles of who adds them."""
    words = search_words(name)
    born = child.get("date_of_birth")
    return may_be_told(
        age_on(date.fromisoformat(born), today) if born else 0,
        themselves=words == search_words(f"{child.get('given_name', '')} {child.get('family_name', '')}"),
        chosen_by_adult="young_person" in chosen_by,
        named_not_to=words in {search_words(one["name"]) for one in story.get("do_not_contact", [])},
        said_safe=said_safe,
    )


# --- where it stands --------------------------------------------------------------------------------------------------


@dataclass
class Standing:
    """Where a referral stands: by agency, the rules that sent it there, and (status, due at) as triage has said.

    Rules of one agency are separated by spaces.
    """

    rules: dict[str, str] = field(default_factory=dict)
    said: dict[str, tuple[str, datetime | None]] = field(default_factory=dict)

    @property
    def agencies(self) -> tuple[Agency, ...]:
        """Every agency that it is with, in alphabetical order."""
        return tuple(agency for agency in AGENCIES if agency in self.rules or agency in self.said)


def standing(status: str, known: Standing) -> tuple[str, list[dict[str, Any]]]:
    """Say where a referral stands: its own status, and each agency's as triage has said (queued until it has)."""
    entries = []
    for agency in known.agencies:
        stands, due = known.said.get(agency, ("queued", None))
        if status == "withdrawn" and stands not in ENDED:
            stands = "withdrawn"
        sent_by = known.rules.get(agency, "redirected").split()
        entries.append({"agency": agency, "status": stands, "due_at": instant(due) if due else None, "rules": sent_by})
    has_ended = status == "received" and all(entry["status"] in ENDED for entry in entries)
    return "closed" if has_ended else status, entries


def link_noted(renewed: LinkRenewed, known: int) -> SenderLinkNoted | None:
    """Note that the sender's link is of a later generation than the one known; None where it is not, or another's."""
    if renewed.recipient != SENDERS_LINK or renewed.generation <= known:
        return None
    return SenderLinkNoted(reference=renewed.reference, generation=renewed.generation)


# --- finding a child --------------------------------------------------------------------------------------------------


def mixes_scripts(name: str) -> bool:
    """Say whether a word mixes letters of two alphabets, as a name does that only looks like another."""
    return any(len(_scripts(word)) > 1 for word in re.findall(r"\w+", name))


def _scripts(word: str) -> set[str]:
    known = {unicodedata.name(letter, "").split(" ")[0] for letter in word if letter.isalpha()}
    return known & {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}


def search_words(name: str) -> frozenset[str]:
    """Read a name as words to be found by: without case, accents, apostrophes and order."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(letter for letter in plain if unicodedata.category(letter)[0] not in {"M", "C"})
    return frozenset(re.findall(r"\w+", re.sub(r"['’‘`´]", "", letters)))


def same_person(name: str, known: Mapping[str, str]) -> str | None:
    """Find the one of these people (id → name) who has this name; None where it is nobody, or several."""
    same = [known_id for known_id, other in known.items() if search_words(other) == search_words(name)]
    return same[0] if len(same) == 1 else None


def search_hashes(secret: bytes, names: str, born: date | None, nhs_number: str | None) -> frozenset[str]:
    """Hash, with the installation's secret, each thing by which a child can be found."""
    said = [f"name|{word}" for word in search_words(names)]
    said += [f"born|{born.isoformat()}"] if born else []
    said += [f"nhs|{nhs_number}"] if nhs_number else []
    return frozenset(keyed_hash(secret, f"search|{one}") for one in said)


def keyed_hash(secret: bytes, text: str) -> str:
    """Hash a text so that only who has the installation's secret can tell what it was."""
    return hmac.digest(secret, text.encode(), "sha256").hex()
