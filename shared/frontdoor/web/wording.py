"""Plain words for codes, field names, dates and money: one place, so that a page and an error say the same."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")

# Words that a code cannot say by itself.
KNOWN = {
    "ehc_needs_assessment": "EHC needs assessment",
    "not_known": "Not known",
    "ot": "Occupational therapy",
    "salt": "Speech and language therapy",
    "section_20": "Section 20",
    "section_23_notification": "Section 23 notification",
    "section_31": "Section 31",
    "temporary-failure": "Not delivered yet, trying again",
    "permanent-failure": "Could not be delivered",
    "technical-failure": "Could not be sent",
}

NEED_WORDS = {
    "SPLD": "Specific learning difficulty",
    "MLD": "Moderate learning difficulty",
    "SLD": "Severe learning difficulty",
    "PMLD": "Profound and multiple learning difficulty",
    "SEMH": "Social, emotional and mental health",
    "SLCN": "Speech, language and communication",
    "HI": "Hearing impairment",
    "VI": "Vision impairment",
    "MSI": "Multi-sensory impairment",
    "PD": "Physical disability",
    "ASD": "Autistic spectrum disorder",
    "DS": "Down syndrome",
    "OTH": "Other difficulty or disability",
    "NSA": "SEN support, no specialist assessment yet",
    "NYK": "Not yet known",
}
"""The needs as the school census codes them, in staff's words."""

CAPITALS = {
    "ehc": "EHC",
    "ehcp": "EHCP",
    "gp": "GP",
    "id": "ID",
    "nhs": "NHS",
    "ods": "ODS",
    "sen": "SEN",
    "senco": "SENCO",
    "send": "SEND",
    "sms": "SMS",
    "upn": "UPN",
}


def words(code: object) -> str:
    """`on_hold` -> "On hold", `gp_not_registered` -> "GP not registered"."""
    text = "" if code is None else str(getattr(code, "value", code))
    return KNOWN.get(text) or sentence(_spaced(text))


def need(code: object) -> str:
    """`SLCN` -> "Speech, language and communication"; a code that is not known stays one."""
    return NEED_WORDS.get(str(code)) or words(code)


def label_of(path: str, labels: Mapping[str, str]) -> str:
    """The human name of a field inside a sentence: "child.nhs_number" -> "NHS number"."""
    if given := labels.get(path) or labels.get(starred(path)):
        return given
    named = [part for part in path.split(".") if not part.isdecimal()]
    return _spaced(named[-1]) if named and named[-1] else "this"


def starred(path: str) -> str:
    """A path that stands for every row: "contacts.0.name" -> "contacts.*.name"."""
    return ".".join("*" if part.isdecimal() else part for part in path.split("."))


def sentence(text: str) -> str:
    """The same text with a capital at its start."""
    return text[:1].upper() + text[1:]


def day(value: date | str | None) -> str:
    """`Thursday 12 March 2026`, as it is in London; text that is no date stays as it is."""
    at = _moment(value)
    return at if isinstance(at, str) else f"{at:%A} {at.day} {at:%B %Y}"


def short_day(value: date | str | None) -> str:
    """`12 Mar 2026`."""
    at = _moment(value)
    return at if isinstance(at, str) else f"{at.day} {at:%b %Y}"


def day_time(value: date | str | None) -> str:
    """`Thursday 12 March 2026 at 9:30am`; a date without a time is only a day."""
    at = _moment(value)
    if isinstance(at, datetime):
        return f"{day(value)} at {_clock(at)}"
    return day(value)


def machine_time(value: date | str | None) -> str:
    """What a `datetime` attribute holds: ISO 8601, or "" when the value is no date."""
    at = _moment(value)
    return "" if isinstance(at, str) else at.isoformat()


def pence(value: int | None) -> str:
    """123450 -> `£1,234.50`."""
    if value is None:
        return ""
    pounds, rest = divmod(abs(value), 100)
    return f"{'-' if value < 0 else ''}£{pounds:,}.{rest:02}"


def _spaced(code: str) -> str:
    return " ".join(CAPITALS.get(part, part) for part in code.replace("_", " ").replace("-", " ").split())


def _clock(at: datetime) -> str:
    if at.minute == 0 and at.hour in (0, 12):
        return "midday" if at.hour else "midnight"
    minutes = f":{at:%M}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minutes}{'am' if at.hour < 12 else 'pm'}"


def _moment(value: date | str | None) -> date | str:
    """A date, or a time in London (a time without a zone is UTC, as stored), or the text it was."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(LONDON)
    return "" if value is None else value
