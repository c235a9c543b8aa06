"""What the referral form asks: of whom, on which page, in which words. The data are `templates/questions.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from frontdoor.access import Actor
from frontdoor.areas import Area
from frontdoor.web.wording import words

Said = str | dict[str, str]
Values = Mapping[str, str | list[str]]
Choices = tuple[tuple[str, str], ...]
PEOPLE, EVIDENCE = "people", "evidence"
"""The pages that list the people to tell, and the reports: each of these has pages of its own."""
LISTED = {PEOPLE: "contacts", EVIDENCE: "reports"}
"""Such a page → the rows of the form's data that it lists."""
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
    skip: list[str] = []
    ages: tuple[int, int] | None = Field(default=None, strict=False)
    """From which birthday to before which; None: whatever the age."""

    def fits(self, age: int | None) -> bool:
        """Whether it is asked about a child of this age; whose age is not known yet, it is."""
        return self.ages is None or age is None or self.ages[0] <= max(age, 0) < self.ages[1]


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
    repeat: str = ""
    when: dict[str, list[str]] = {}
    unless: dict[str, list[str]] = {}
    questions: list[Question] = []


class Section(_Part):
    """One line of the task list."""

    slug: str
    title: Said
    told: Said = ""
    """What it is called by who reads what was written, where the title speaks to who writes it."""
    optional: bool = False
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
        asked = not part.readers or any(name in part.readers for name in self.names)
        return asked and not any(name in part.skip for name in self.names)

    def say(self, words: Said) -> str:
        """Put words as this reader reads them."""
        if isinstance(words, dict):
            words = next(words[name] for name in self.names if name in words)
        return words.format_map(next(_WORDS[name] for name in self.names if name in _WORDS))


STAFF = Reader(("health", "education", "care", "staff"))
"""Whoever may be shown all that staff are asked."""


def reader_of(actor: Actor) -> Reader:
    """Say whether somebody reads as a parent, a young person, or a professional: of which role and agency."""
    for role in ("parent", "young_person"):
        if role in actor.roles:
            return Reader((role, "family"))
    agency = (actor.agency,) if actor.agency else ()
    return Reader((*sorted(actor.roles), *agency, "staff"))


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
        told = {f"referrer.{name}": text for name, text in values.items()} | setting
        return told | _own_part(role, values) | {"kind": "request"}
    channel = {"channel": "email"} if "email" in reach else {}
    values = {"name": actor.name, "language": "en", **channel, **reach}
    if "young_person" not in reader.names:
        return {f"contacts.0.{name}": text for name, text in values.items()}
    given, _, family = actor.name.rpartition(" ")
    values |= {"relationship": "myself", "parental_responsibility": "no"}
    contact = {f"contacts.0.{name}": text for name, text in values.items()}
    return contact | {"child.given_name": given, "child.family_name": family}


def _own_part(role: str, known: Mapping[str, str]) -> dict[str, str]:
    """What somebody who fills in a form is to the child: the health visitor, or the GP, to be put right if not."""
    if role == "health_visitor":
        return {f"child.health_visitor.{name}": said for name, said in known.items() if name != "role"}
    return {"child.gp.name": known["name"], "child.gp.practice": known["organisation"]} if role == "gp" else {}


def in_words(kind: str, code: str) -> str:
    """Put a code of the form in plain words; `kind` is one of the choices, "need" or "rule"."""
    if kind == "rule":
        before, _, code = code.partition(":")
        said = in_words("need", code) if before == "need" else in_words("support", code)
        by_hand = f"A person has to sort it ({in_words('need', code)})"
        meanwhile = f"Meanwhile, until the child is old enough: {said}"
        named = {"interim": meanwhile, "need": f"Need: {said}", "support": f"Asked for: {said}", "catch-all": by_hand}
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
    repeat: str = ""
    optional: bool = False

    def owns(self, path: str) -> bool:
        """Whether a path of the form's data is asked here."""
        return self.place(path) is not None

    def place(self, path: str) -> int | None:
        """Where on this page a path is asked, counted from the top; None where it is not."""
        if self.slug in LISTED:
            return 0 if path == LISTED[self.slug] else None
        names = (asked.name for asked in self.questions)
        found = next((at for at, name in enumerate(names) if path == name or path.startswith(f"{name}.")), None)
        within = self.repeat and (path == self.repeat or path.startswith(f"{self.repeat}."))
        return len(self.questions) if found is None and within else found
