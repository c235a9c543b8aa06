"""What the referral form asks: of whom, on which page, in which words. The data are `templates/questions.yaml`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from frontdoor.access import Actor
from frontdoor.areas import Area
from frontdoor.web.wording import day, starred, words
from referral_intake.domain import ADDED_LATER

Said = str | dict[str, str]
Values = Mapping[str, str | list[str]]
Choices = tuple[tuple[str, str], ...]
PEOPLE = "people"
"""The page that lists the people to tell; each of them has pages of their own."""
SETTINGS = frozenset({"school", "college", "early_years"})
_STAFF_WORDS = {"the_child": "the child", "the_childs": "the child’s", "was": "was", "does": "does", "is": "is"}
_WORDS = {
    "staff": _STAFF_WORDS,
    "parent": _STAFF_WORDS | {"the_child": "your child", "the_childs": "your child’s"},
    "young_person": {"the_child": "you", "the_childs": "your", "was": "were", "does": "do", "is": "are"},
}


# --- the questions, as they are written -------------------------------------------------------------------------------


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    readers: list[str] = Field(default=[], alias="for")


class Question(_Part):
    """One field: its dotted name in the form's data (`*`: the row's number), and how it is asked."""

    name: str
    ask: Said
    kind: str = "text"
    choices: str = ""
    short: Said = ""
    hint: Said = ""
    missing: Said = ""
    group: str = ""
    optional: bool = False
    blank: bool = True
    width: int | None = None
    inputmode: str | None = None


class Page(_Part):
    """One page: one thing, in one or several fields."""

    slug: str
    title: Said
    intro: Said = ""
    row: str = ""
    questions: list[Question] = []


class Section(_Part):
    """One line of the task list."""

    slug: str
    title: Said
    pages: list[Page]


class Questions(BaseModel):
    """All that is asked, with the choices that answers are taken from."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    choices: dict[str, dict[str, Any]]
    sections: list[Section]


@cache
def questions() -> Questions:
    """Read the questions, checked whole."""
    file = Path(__file__).parent / "templates" / "questions.yaml"
    return Questions.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Reader:
    """Who fills the form in: the names under which words are chosen, the most particular first."""

    names: tuple[str, ...]

    @property
    def is_family(self) -> bool:
        """Whether it is a parent or a young person."""
        return "family" in self.names

    def is_asked(self, part: _Part) -> bool:
        """Whether this part of the form is for this reader."""
        return not part.readers or any(name in part.readers for name in self.names)

    def say(self, words: Said) -> str:
        """Put words as this reader reads them."""
        if isinstance(words, dict):
            words = next(words[name] for name in self.names if name in words)
        return words.format_map(next(_WORDS[name] for name in self.names if name in _WORDS))


def reader_of(actor: Actor) -> Reader:
    """Say whether somebody reads as a parent, a young person, or a professional (of health, who may notify)."""
    for role in ("parent", "young_person"):
        if role in actor.roles:
            return Reader((role, "family"))
    return Reader(("health", "staff") if actor.agency == "health" else ("staff",))


def first_values(actor: Actor, area: Area) -> Values:
    """What is known already of somebody who begins a form."""
    known = area.people.get(actor.person)
    reach = {name: text for name in ("email", "phone") if known and (text := getattr(known, name))}
    reader = reader_of(actor)
    if not reader.is_family:
        role = next((role for role in sorted(actor.roles) if role in questions().choices["role"]), "other")
        own = area.organisations.get(actor.organisation or "")
        values = {"name": actor.name, "role": role, "organisation": own.name if own else "", **reach}
        setting = {"child.setting": own.id} if own and own.kind in SETTINGS else {}
        return {f"referrer.{name}": text for name, text in values.items()} | setting | {"kind": "request"}
    channel = {"channel": "email"} if "email" in reach else {}
    values = {"name": actor.name, "language": "en", **channel, **reach}
    if "young_person" not in reader.names:
        return {f"contacts.0.{name}": text for name, text in values.items()}
    given, _, family = actor.name.rpartition(" ")
    values |= {"relationship": "myself", "parental_responsibility": "no"}
    contact = {f"contacts.0.{name}": text for name, text in values.items()}
    return contact | {"child.given_name": given, "child.family_name": family}


def in_words(kind: str, code: str) -> str:
    """Put a code of the form in plain words; `kind` is one of the choices, "need" or "rule"."""
    if kind == "rule":
        before, _, code = code.partition(":")
        said = in_words("need", code) if before == "need" else in_words("support", code)
        by_hand = f"A person has to sort it ({in_words('need', code)})"
        named = {"need": f"Need: {said}", "support": f"Asked for: {said}", "catch-all": by_hand}
        return named.get(before, "Passed on by another team")
    if kind == "need":
        return next((group[code] for group in questions().choices["needs"].values() if code in group), words(code))
    return str(questions().choices[kind].get(code, words(code)))


def inside(heading: str) -> str:
    """Put a heading inside a sentence: without its capital, unless it begins with an abbreviation such as NHS."""
    return heading if heading[1:2].isupper() else heading[:1].lower() + heading[1:]


# --- the questions, as one reader is asked them -----------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A question put to one reader; `choices` are pairs (value, text), in `groups` where they have headings."""

    name: str
    ask: str
    short: str
    hint: str
    missing: str
    kind: str
    group: str
    optional: bool
    blank: bool
    width: int | None
    inputmode: str | None
    choices: Choices = ()
    groups: tuple[tuple[str, Choices], ...] = ()

    @property
    def heading(self) -> str:
        """What it is called in a list of answers."""
        return self.short or self.ask

    @property
    def label(self) -> str:
        """What it is called inside a sentence."""
        return inside(self.heading)


@dataclass(frozen=True)
class Leaf:
    """One page of the form as one reader sees it."""

    slug: str
    section: str
    title: str
    intro: str
    questions: tuple[Asked, ...]
    row: str = ""

    def owns(self, path: str) -> bool:
        """Whether a path of the form's data is asked here."""
        return self.place(path) is not None

    def place(self, path: str) -> int | None:
        """Where on this page a path is asked, counted from the top; None where it is not."""
        if self.slug == PEOPLE:
            return 0 if path == "contacts" else None
        names = (asked.name for asked in self.questions)
        return next((at for at, name in enumerate(names) if path == name or path.startswith(f"{name}.")), None)


# --- what somebody sent, as the duty team reads it --------------------------------------------------------------------

STAFF = Reader(("health", "staff"))
_ADDED = "Added later"
_ABOUT = {"child": "The child", "referrer": "Who filled in the form", ADDED_LATER: _ADDED}
_LABELS = {"who": "Who", "where": "Where they are now", "what": "What is happening"}
Line = tuple[str, list[str]]


def told(sent: Mapping[str, Any], area: Area) -> list[tuple[str, list[Line]]]:
    """Everything that an alert carries, in the form's own words: (heading, lines), a line being (label, texts).

    It was sent before anything was checked, so it may hold anything: what the form does not know is shown as it is.
    """
    found: dict[str, list[Line]] = {}
    for path, value in _leaves(sent):
        if texts := [text for one in _listed(value) for text in _told(path, one, area).splitlines()]:
            found.setdefault(_heading(path, sent), []).append((_label(path), texts))
    return sorted(found.items(), key=lambda part: part[0] != _ADDED)


def _leaves(sent: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path; a list of texts is one, and so is a need."""
    rows = enumerate(sent) if isinstance(sent, list) and any(isinstance(one, dict | list) for one in sent) else None
    if isinstance(sent, dict) or (rows and path != "needs"):
        for name, below in rows or sent.items():
            yield from _leaves(below, f"{path}.{name}" if path else str(name))
    elif path != "immediate_danger":
        yield path, sent


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _heading(path: str, sent: Mapping[str, Any]) -> str:
    top, _, rest = path.partition(".")
    number = rest.partition(".")[0]
    if top != "contacts" or not number.isdecimal():
        return _ABOUT.get(top, "What they wrote")
    person = sent["contacts"][int(number)] if isinstance(sent["contacts"], list) else {}
    name = person.get("name") if isinstance(person, dict) else None
    return f"Person to tell: {name}" if name else f"Person to tell, number {int(number) + 1}"


def _question(path: str) -> Question | None:
    asked = {one.name: one for part in questions().sections for page in part.pages for one in page.questions}
    alike = (starred(path), path, starred(path).replace("*", "0"))
    return next((asked[name] for name in alike if name in asked and STAFF.is_asked(asked[name])), None)


def _label(path: str) -> str:
    asked = _question(path)
    if path.startswith(ADDED_LATER):
        return _LABELS.get(path.rpartition(".")[2], "Also")
    if asked is None or path.startswith("referrer."):
        return words(next((part for part in reversed(path.split(".")) if not part.isdecimal()), path))
    return STAFF.say(asked.short) or STAFF.say(asked.ask)


def _told(path: str, value: Any, area: Area) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, dict) and isinstance(value.get("code"), str):
        first = " (main need)" if value.get("rank") == "primary" else ""
        return str(value.get("detail") or in_words("need", value["code"])) + first
    text, asked = "" if value is None else str(value), _question(path)
    if path == "child.setting" and text in area.organisations:
        return area.organisations[text].name
    if asked and asked.kind == "date":
        return day(text)
    return str(questions().choices.get(asked.choices, {}).get(text, text)) if asked else text
