"""What people type: lines, texts, dates, postcodes, telephone numbers and e-mail addresses, with one rule each.

Each type can be used in any command; the sentence of a rule never repeats what was typed.
"""

import re
import unicodedata
from datetime import date
from typing import Annotated, Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticKnownError

LARGEST = 2**31 - 1
"""The largest whole number that every database we use can hold in a column of whole numbers."""
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_DIRECTION_MARKS = re.compile("[\u061c\u200e\u200f]")
_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""Categories of characters of which a text of nothing else cannot be seen; the letters below fill space as well."""
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_POSTCODE = re.compile(r"(GIR 0AA|[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2})")
_BFPO = re.compile(r"BFPO([0-9]{1,4})")
_ZALGO = 6


# --- texts ------------------------------------------------------------------------------------------------------------


def tidy_line(value: Any) -> Any:
    """Tidy a text of one line: NFC, no hidden or control characters, no space around it."""
    if not isinstance(value, str):
        return value
    if _DIRECTION_MARKS.search(value):
        raise ValueError("This contains a hidden text-direction character: delete it and type it again")
    text = tidy_text(value)
    if re.search("[\n\t\u2028\u2029]", text):
        raise ValueError("This must be on one line, without tabs")
    return text


def tidy_text(value: Any) -> Any:
    """Tidy a longer text, which may have several lines; nothing is left of one that nobody could see."""
    if not isinstance(value, str):
        return value
    if _DIRECTION.search(value):
        raise ValueError("This contains a hidden text-direction character: delete it and type it again")
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    if any(unicodedata.category(letter) == "Cc" and letter not in "\n\t" for letter in text):
        raise ValueError("This contains a control character that cannot be shown: delete it and type it again")
    _refuse_zalgo(text)
    trimmed = text.strip()
    return trimmed if any(map(_can_be_seen, trimmed)) else ""


def _can_be_seen(letter: str) -> bool:
    return unicodedata.category(letter) not in _INVISIBLE and letter not in _FILLERS


def _refuse_zalgo(text: str) -> None:
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.category(letter) in {"Mn", "Me"} else 0
        if marks > _ZALGO:
            raise ValueError("This has too many accents on one letter: delete them and type it again")


Line = Annotated[str, StringConstraints(min_length=1, max_length=200), BeforeValidator(tidy_line)]
Name = Line
Short = Annotated[str, StringConstraints(min_length=1, max_length=60), BeforeValidator(tidy_line)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000), BeforeValidator(tidy_text)]
Typed = Annotated[str, StringConstraints(min_length=1, max_length=254), BeforeValidator(tidy_line)]
"""A line that a rule of its own reads further, such as a postcode."""


# --- dates and numbers ------------------------------------------------------------------------------------------------


def read_date(value: Any) -> Any:
    """Give the date of `YYYY-MM-DD`; digits alone would be taken for seconds since 1970."""
    if not isinstance(value, str):
        return value
    if not _DATE.fullmatch(value):
        raise PydanticKnownError("date_parsing", {"error": "not YYYY-MM-DD"})
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise PydanticKnownError("date_parsing", {"error": "no such day"}) from None


IsoDate = Annotated[date, BeforeValidator(read_date)]
Version = Annotated[int, Field(ge=1, le=LARGEST)]
"""A version of something, as its reader saw it."""


# --- addresses, and ways to reach people ------------------------------------------------------------------------------


def read_postcode(text: str) -> str:
    """Give a postcode as it is written: `ss11aa` → `SS1 1AA`. BFPO numbers and ZZ99 (no fixed abode) are postcodes."""
    compact = re.sub(r"\s", "", text).upper()
    forces = _BFPO.fullmatch(compact)
    spaced = f"BFPO {forces[1]}" if forces else f"{compact[:-3]} {compact[-3:]}"
    if not (forces or _POSTCODE.fullmatch(spaced)):
        raise ValueError("Enter a full UK postcode, like SS1 1AA")
    return spaced


def read_phone(text: str) -> str:
    """Give a telephone number in its international form; it must be possible, not known to be in use."""
    wrong = "Enter a telephone number, like 01632 960 001, 07700 900 982 or +44 808 157 0192"
    if not text.isascii():
        raise ValueError("Enter a telephone number in the numbers 0 to 9")
    try:
        number = phonenumbers.parse(text, "GB")
    except phonenumbers.NumberParseException:
        raise ValueError(wrong) from None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError(wrong)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def read_email(text: str) -> str:
    """Give an e-mail address; its syntax is checked, not whether anybody reads it."""
    try:
        read = validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        read = None
    if read is None or "." not in read.domain:
        raise ValueError("Enter an email address in the correct format, like name@example.org")
    return read.normalized


Postcode = Annotated[Typed, AfterValidator(read_postcode)]
Phone = Annotated[Typed, AfterValidator(read_phone)]
Email = Annotated[Typed, AfterValidator(read_email)]
