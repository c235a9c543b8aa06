"""A notice's text, made at send time of fixed sentences (`templates/en.yaml`), its facts, the reference and a link.

Facts are codes and dates, and the sentences are all in one file: no name, need, diagnosis or venue can stand in a
message, because nothing could put it there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from frontdoor.calendars import LONDON


@dataclass(frozen=True)
class Text:
    """What is sent: a subject for e-mails and letters, and the body, whose last line of an SMS is the link."""

    subject: str
    body: str


Words = Mapping[str, Any]
"""The fixed sentences of one language."""


@cache
def english() -> Words:
    """Read the only language there is so far; a notice records the one that its recipient would rather have."""
    written = files("notification").joinpath("templates/en.yaml").read_text(encoding="utf-8")
    words: Words = yaml.safe_load(written)
    return words


def compose(words: Words, channel: str, template: str, reference: str, facts: Mapping[str, Any], link: str) -> Text:
    """Make a notice's text of fixed sentences, its facts, the reference and the family's own link."""
    known = _values(words, facts) | {"reference": reference, "link": link}
    lines = words["templates"][_variant(template, facts)]
    subject = words["subject"].format_map(known)
    if channel == "sms":
        said = lines["sms"].format_map(known).strip()
        return Text(subject, f"{reference}: {said} {link}")
    reason = _reason(words, facts, only_why=lines.get("only_why", False))
    paragraphs = [lines["what"], reason, lines["next"], _who_has_it(words, facts, known), words["closing"]]
    if channel == "phone":
        paragraphs.insert(0, words["call"])
    return Text(subject, "\n\n".join(part.format_map(known).strip() for part in paragraphs if part))


def _variant(template: str, facts: Mapping[str, Any]) -> str:
    if template == "received" and facts.get("kind") == "section_23_notification":
        return "informed"
    if template == "received" and _decided_by(facts):
        return "received_dated"
    if template == "accepted" and facts.get("therapy"):
        return "accepted_with_sessions"
    return template


def _decided_by(facts: Mapping[str, Any]) -> str | None:
    """The day by which every agency has decided, where all of their dates are known."""
    agencies = facts.get("agencies") or ()
    days = [str(day) for agency in agencies if (day := facts.get(f"due_{agency}"))]
    return max(days) if days and len(days) == len(agencies) else None


def _values(words: Words, facts: Mapping[str, Any]) -> dict[str, str]:
    agencies = facts.get("agencies") or ([facts["agency"]] if facts.get("agency") else [])
    count = str(facts.get("sessions") or "")
    values = {
        "who": _teams(words, agencies),
        "short": _listed(words, agencies).capitalize(),
        "have": words["has"] if len(agencies) == 1 else words["have"],
        "to": _teams(words, [facts["redirect_to"]]) if facts.get("redirect_to") else "",
        "to_short": facts.get("redirect_to") or "",
        "by": _by(words, facts.get("due"), short=False),
        "by_short": _by(words, facts.get("due"), short=True),
        "decided_short": _by(words, _decided_by(facts), short=True),
        "sessions": f"{count} {words['session' if count == '1' else 'sessions']}",
        "reason_sms": words["reasons"].get(facts.get("reason_code"), {}).get("sms", ""),
    }
    first = datetime.fromisoformat(facts["first"]).astimezone(LONDON) if facts.get("first") else None
    values["first"] = f"{first:%A} {_long(first)} {words['at']} {_clock(first)}" if first else words["soon"]
    values["first_short"] = f"{first:%a} {_brief(first)} {_clock(first)}" if first else words["soon"]
    return values | {"Who": _sentence(values["who"]), "By": _sentence(values["by"])}


def _reason(words: Words, facts: Mapping[str, Any], *, only_why: bool) -> str:
    """Why, and what to do now."""
    given = words["reasons"].get(facts.get("reason_code"))
    if given is None:
        return ""
    why = str(words["why"].format_map(given))
    return why if only_why else f"{why} {words['do'].format_map(given)}"


def _who_has_it(words: Words, facts: Mapping[str, Any], known: Mapping[str, str]) -> str:
    """The line that says who has it now and by when each of them decides."""
    holders = facts.get("holders")
    if holders is None:
        return ""
    if not holders:
        return str(words["nobody"])
    each = [_holder(words, agency, facts.get(f"due_{agency}")) for agency in holders]
    return str(words["with"]).format_map({**known, "each": "; ".join(each)})


def _holder(words: Words, agency: str, due: str | None) -> str:
    team = _teams(words, [agency])
    return str(words["deciding"]).format(team=team, by=_by(words, due, short=False)) if due else team


def _teams(words: Words, agencies: Sequence[str]) -> str:
    return str(words["team" if len(agencies) == 1 else "teams"]).format(agencies=_listed(words, agencies))


def _listed(words: Words, agencies: Iterable[str]) -> str:
    *others, last = agencies or [""]
    return f"{', '.join(others)} {words['and']} {last}" if others else last


def _by(words: Words, due: str | None, *, short: bool) -> str:
    if due is None:
        return str(words["soon"])
    day = date.fromisoformat(due)
    return f"{words['by']} {_brief(day) if short else _long(day)}"


def _long(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _brief(day: date) -> str:
    return f"{day.day} {day:%b}"


def _clock(at: datetime) -> str:
    minutes = f":{at:%M}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minutes}{'am' if at.hour < 12 else 'pm'}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
