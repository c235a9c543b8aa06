"""Whether two children on two referrals are one: decided by what both forms say, never by what somebody guesses.

A hash finds who might be the same, without a name standing in clear anywhere; then both identities, unsealed, are
judged here. Nothing is ever linked by itself: what is found is a task for a person.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from referral_intake.domain import keyed_hash, search_words

Strength = Literal["strong", "weak", "conflict"]
Why = Literal["nhs_number", "upn", "name", "date_of_birth", "postcode", "numbers_differ"]
NEARLY = 1
"""Parts of a date of birth (day, month, year) that may be mistyped in two forms about one child."""


@dataclass(frozen=True)
class Facts:
    """What a form says of who a child is. `given` and `family` are every word of every name that it gives."""

    given: frozenset[str]
    family: frozenset[str]
    born: date | None
    postcode: str | None
    nhs_number: str | None
    upn: str | None


@dataclass(frozen=True)
class Match:
    """Why two children may be one. A conflict is one number on two children who have nothing else in common."""

    strength: Strength
    why: tuple[Why, ...]


def facts_of(child: Mapping[str, Any]) -> Facts:
    """Read a form's `child`, as it was sealed."""
    others = " ".join([child.get("known_as") or "", *child.get("previous_names", [])])
    born, upn = child.get("date_of_birth"), child.get("upn")
    return Facts(
        given=search_words(f"{child.get('given_name', '')} {others}"),
        family=search_words(f"{child.get('family_name', '')} {others}"),
        born=date.fromisoformat(born) if born else None,
        postcode=child.get("postcode"),
        nhs_number=child.get("nhs_number"),
        # A temporary number may be given again to another child.
        upn=upn if upn and upn[-1].isdecimal() else None,
    )


def facts_of_any(child: Any) -> Facts | None:
    """Read what somebody has typed of a child, however little and whatever it is; None where it names nobody."""
    if not isinstance(child, dict):
        return None
    said: dict[str, Any] = {name: text for name, text in child.items() if isinstance(text, str)}
    names = child.get("previous_names")
    said["previous_names"] = [text for text in names if isinstance(text, str)] if isinstance(names, list) else []
    said["date_of_birth"] = _iso(said.get("date_of_birth"))
    said["nhs_number"] = re.sub("[^0-9]", "", said.get("nhs_number", "")) or None
    facts = facts_of(said)
    return facts if facts.given or facts.family or facts.nhs_number else None


def _iso(text: str | None) -> str | None:
    try:
        return date.fromisoformat(text or "").isoformat()
    except ValueError:
        return None


def keys_of(secret: bytes, facts: Facts) -> frozenset[str]:
    """Hash what the same child would have in common with another form: a number, or a name with a day or a home."""
    said = [f"nhs|{facts.nhs_number}"] if facts.nhs_number else []
    said += [f"upn|{facts.upn}"] if facts.upn else []
    for word in facts.family:
        said += [f"born|{word}|{facts.born.isoformat()}"] if facts.born else []
        said += [f"home|{word}|{facts.postcode}"] if facts.postcode else []
    return frozenset(keyed_hash(secret, f"match|{one}") for one in said)


def judge(one: Facts, other: Facts) -> Match | None:
    """Say whether two forms may be about one child, and by what; None where they are not, as twins are not."""
    numbers: list[Why] = []
    if one.nhs_number and one.nhs_number == other.nhs_number:
        numbers.append("nhs_number")
    if one.upn and one.upn == other.upn:
        numbers.append("upn")
    named = bool(one.given & other.given) and bool(one.family & other.family)
    same_day = one.born is not None and one.born == other.born
    alike: list[Why] = [*(["name"] if named else []), *(["date_of_birth"] if same_day else [])]  # type: ignore[list-item]
    if numbers:
        return Match("strong" if alike else "conflict", (*numbers, *alike))
    if not named:
        return None
    at_home = one.postcode is not None and one.postcode == other.postcode
    if not same_day and not (at_home and _nearly(one.born, other.born)):
        return None
    home: tuple[Why, ...] = ("postcode",) if at_home else ()
    differ: tuple[Why, ...] = ("numbers_differ",) if _numbers_differ(one, other) else ()
    # A new number is what a child has after an adoption: only somebody who may know that may say so.
    if differ and not (same_day and at_home):
        return None
    return Match("weak", (*alike, *home, *differ))


def is_about(said: Facts, child: Facts, *, near: bool) -> bool:
    """Say whether something that was written is about a child, surely enough to be erased with them.

    It names them and their day of birth, or a number of theirs; without a day, they are known where it comes from.
    """
    match = judge(said, child)
    if match is not None and match.strength == "strong":
        return True
    same_day = said.born == child.born if said.born and child.born else near
    named = _same_name(said.given, child.given) and _same_name(said.family, child.family)
    return named and same_day and not _numbers_differ(said, child)


def _same_name(one: frozenset[str], other: frozenset[str]) -> bool:
    """Say whether one name is the other, or part of it: twins may share a second name, but not all of them."""
    return bool(one and other) and (one <= other or other <= one)


def _numbers_differ(one: Facts, other: Facts) -> bool:
    pairs = ((one.nhs_number, other.nhs_number), (one.upn, other.upn))
    return any(mine and theirs and mine != theirs for mine, theirs in pairs)


def _nearly(one: date | None, other: date | None) -> bool:
    if one is None or other is None:
        return True
    return sum(a != b for a, b in zip(one.timetuple()[:3], other.timetuple()[:3], strict=True)) <= NEARLY
