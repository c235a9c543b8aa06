"""The referral form between its questions and its rule book: what is asked of whom, what is wrong, what is next.

The questions are data (`templates/questions.yaml`), the rules are `ReferralForm`'s. Values in, values out: nothing here
knows a request or a table.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import MultiDict

from frontdoor.access import Actor
from frontdoor.areas import Area
from frontdoor.web import FieldError, Form, field_errors
from frontdoor.web.wording import day, sentence, starred
from referral_intake.commands import ReferralForm
from referral_intake.domain import Days, wrong_days

Said = str | dict[str, str]
Values = Mapping[str, str | list[str]]
Choices = tuple[tuple[str, str], ...]
SEEN = "_seen"
"""Which pages have been answered, kept among what was typed; it is no field of the form."""
PEOPLE = "people"
_SETTINGS = frozenset({"school", "college", "early_years"})
_FILLED_FOR_FAMILIES = ("referrer", "consent.by", "consent.on", "concern_raised_on")
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
    def label(self) -> str:
        """What it is called inside a sentence."""
        text = self.short or self.ask
        return text if text[1:2].isupper() else text[:1].lower() + text[1:]


@dataclass(frozen=True)
class Leaf:
    """One page of the form as one reader sees it."""

    slug: str
    section: str
    title: str
    intro: str
    questions: tuple[Asked, ...]

    def owns(self, path: str) -> bool:
        """Whether a path of the form's data is asked here."""
        if self.slug == PEOPLE:
            return path == "contacts"
        return any(path == asked.name or path.startswith(f"{asked.name}.") for asked in self.questions)


@dataclass(frozen=True)
class Task:
    """One line of the task list."""

    slug: str
    title: str
    leaves: tuple[Leaf, ...]
    status: str


@dataclass(frozen=True)
class Answered:
    """One line of "check your answers"."""

    short: str
    lines: tuple[str, ...]
    page: str


@dataclass(frozen=True)
class Filled:
    """What somebody has filled in so far; every change gives a new one."""

    reader: Reader
    area: Area
    today: date
    values: Values = field(default_factory=dict)

    # --- what is asked

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """Every page there is for this reader and these answers, in order."""
        return tuple(leaf for section in questions().sections for leaf in self._leaves_of(section))

    def leaf(self, slug: str) -> Leaf | None:
        """The page of that name."""
        return next((leaf for leaf in self.leaves if leaf.slug == slug), None)

    def after(self, slug: str) -> str:
        """The page that follows in the same section; "" where the section ends."""
        slugs = [(leaf.slug, leaf.section) for leaf in self.leaves]
        at = next(at for at, (found, _) in enumerate(slugs) if found == slug)
        if at + 1 < len(slugs) and slugs[at + 1][1] == slugs[at][1]:
            return slugs[at + 1][0]
        return ""

    @property
    def rows(self) -> list[str]:
        """The numbers of the people to tell who have pages of their own."""
        numbers = {name.split(".")[1] for name in self.values if name.startswith("contacts.")}
        own = {"0"} if self.reader.is_family else set()
        return sorted(numbers - own, key=int)

    def person(self, row: str) -> str:
        """What to call one of the people to tell."""
        return self.form.value(f"contacts.{row}.name") or "Person without a name"

    def _leaves_of(self, section: Section) -> Iterator[Leaf]:
        if not self.reader.is_asked(section):
            return
        last = [page for page in section.pages if not page.row]
        for page in last:
            if self.reader.is_asked(page) and (page.slug != "main-need" or len(self._chosen()) > 1):
                yield self._leaf(section, page, "")
            if page.slug == PEOPLE:
                rowed = [page for page in section.pages if page.row]
                yield from (self._leaf(section, page, row) for row in self.rows for page in rowed)

    def _leaf(self, section: Section, page: Page, row: str) -> Leaf:
        asked = tuple(self._ask(question, row) for question in page.questions if self.reader.is_asked(question))
        say = self.reader.say
        return Leaf(page.slug.replace("*", row), section.slug, say(page.title), say(page.intro), asked)

    def _ask(self, question: Question, row: str) -> Asked:
        say, kind, groups = self.reader.say, question.kind, ()
        choices: Choices = tuple(questions().choices.get(question.choices, {}).items())
        if kind == "setting":
            kind, choices = "select", self._settings()
        elif kind == "main_need":
            kind, choices = "radios", tuple((code, text) for code, text in self._needs() if code in self._chosen())
        elif kind == "needs":
            kind, choices = "checkboxes", self._needs()
            if not self.reader.is_family:
                kind, groups = "grouped", tuple((k, tuple(v.items())) for k, v in questions().choices["needs"].items())
        return Asked(
            question.name.replace("*", row), say(question.ask), say(question.short), say(question.hint),
            say(question.missing), kind, question.group, question.optional, question.blank, question.width,
            question.inputmode, choices, groups,
        )  # fmt: skip

    def _settings(self) -> Choices:
        ours = (one for one in self.area.organisations.values() if one.area == self.area.id and one.kind in _SETTINGS)
        return tuple((one.id, one.name) for one in sorted(ours, key=lambda one: one.name))

    def _needs(self) -> Choices:
        choices = questions().choices
        if self.reader.is_family:
            return tuple((key, text) for key, (_, text) in choices["plain_needs"].items())
        return tuple(pair for group in choices["needs"].values() for pair in group.items())

    def _chosen(self) -> list[str]:
        found = self.values.get("needs", [])
        return [found] if isinstance(found, str) else found

    # --- what was answered

    @cached_property
    def form(self) -> Form:
        """What was typed, as fields."""
        asked = [question for section in questions().sections for page in section.pages for question in page.questions]

        def named(*kinds: str) -> set[str]:
            return {question.name for question in asked if question.kind in kinds}

        pairs = [(name, one) for name, value in self.values.items() for one in _listed(value)]
        return Form.from_multidict(
            MultiDict(pairs),
            lists=named("list", "checkboxes", "needs"),
            booleans={starred(name) for name in named("yes_no")},
            ticks=named("tick"),
            labels=self._labels(),
        )

    def with_page(self, leaf: Leaf, sent: Form) -> "Filled":
        """Put what was sent from one page in the place of what was there; nothing else that was sent is kept."""
        kept = {name: value for name, value in self.values.items() if not leaf.owns(_whole(name))}
        new = {name: value for name, value in sent.values.items() if leaf.owns(_whole(name))}
        seen = [slug for slug in self.seen if slug != leaf.slug]
        return replace(self, values={**kept, **new, SEEN: [*seen, leaf.slug]})

    def with_person(self) -> tuple["Filled", str]:
        """Add a person to tell; gives the page that asks who it is."""
        first = 1 if self.reader.is_family else 0
        row = max([first, *(int(row) + 1 for row in self.rows)])
        return replace(self, values={**self.values, f"contacts.{row}.language": "en"}), f"person-{row}"

    def without_person(self, row: str) -> "Filled":
        """Take a person away; those behind move up, so that the numbers stay those of the data's rows."""
        if row not in self.rows:
            return self
        values: dict[str, str | list[str]] = {}
        for name, value in self.values.items():
            moved = _moved_up(name, "contacts.", ".", int(row))
            if moved is not None:
                values[moved] = value
        seen = [_moved_up(_moved_up(slug, "person-", "", int(row)) or "", "reach-", "", int(row)) for slug in self.seen]
        return replace(self, values={**values, SEEN: [slug for slug in seen if slug]})

    @property
    def seen(self) -> list[str]:
        """The pages that have been answered."""
        return list(_listed(self.values.get(SEEN, [])))

    def data(self) -> dict[str, Any]:
        """The form's data for `ReferralForm`, with what a family is not asked because it is known."""
        data = self.form.data()
        for name in ("child", "referrer", "consent"):
            data.setdefault(name, {})
        if other := data.pop("other_setting", None):
            data["child"]["setting"] = other
        data["needs"] = self._ranked(data.get("needs", []), data.pop("main_need", None))
        if self.reader.is_family:
            own = (data.get("contacts") or [{}])[0]
            known = {name: own[name] for name in ("name", "email", "phone") if name in own}
            data["referrer"] = {"role": self.reader.names[0]} | known
            data["consent"] |= {"by": own.get("name"), "on": self.today.isoformat()}
            data["concern_raised_on"] = self.today.isoformat()
        return _without_nothing(data)

    def _ranked(self, chosen: Sequence[str], main: str | None) -> list[dict[str, str]]:
        """Each need with its rank; a family's plain words become the code nearest to them and stay as its detail."""
        if self.reader.is_family:
            plain = questions().choices["plain_needs"]
            said: dict[str, list[str]] = {}
            for key in chosen:
                code, text = plain.get(key, (key, key))
                said.setdefault(code, []).append(text)
            rank = "primary" if len(said) == 1 else "secondary"
            return [{"code": code, "rank": rank, "detail": "; ".join(texts)} for code, texts in said.items()]
        first = chosen[0] if len(chosen) == 1 else main
        return [{"code": code, "rank": "primary" if code == first else "secondary"} for code in chosen]

    # --- what is wrong with it

    def wrong_on(self, leaf: Leaf) -> Form:
        """The form with what is wrong on one page; whatever the other pages ask is taken to be right."""
        found = self._judged(leaf)
        return replace(found, errors=tuple(error for error in found.errors if leaf.owns(error.field)))

    def wrong(self) -> Form:
        """The form with everything that is wrong anywhere."""
        return self._judged(None)

    def where(self, path: str) -> str:
        """The page on which a path of the data is asked; "" where none asks it."""
        asked = next((leaf.slug for leaf in self.leaves if leaf.owns(path)), "")
        below = (leaf for leaf in self.leaves if any(one.name.startswith(f"{path}.") for one in leaf.questions))
        return asked or next((leaf.slug for leaf in below), "")

    def _judged(self, leaf: Leaf | None) -> Form:
        data = self.data() if leaf is None else _assuming(self.data(), self.today, leaf)
        try:
            found = _wrong_days(ReferralForm.model_validate_json(json.dumps(data)), self.today)
        except ValidationError as wrong:
            found = field_errors(wrong, self._missing(), labels=self._labels(), model=ReferralForm)
        return self.form.with_errors(error for error in found if not self._is_filled_in(error.field))

    def _is_filled_in(self, path: str) -> bool:
        return self.reader.is_family and path.startswith(_FILLED_FOR_FAMILIES)

    def _labels(self) -> dict[str, str]:
        return {asked.name: asked.label for leaf in self.leaves for asked in leaf.questions}

    def _missing(self) -> dict[str, str]:
        said = {f"{one.name}:missing": one.missing for leaf in self.leaves for one in leaf.questions if one.missing}
        said |= {f"{one.name}:bool_type": one.missing for leaf in self.leaves for one in leaf.questions if one.missing}
        return said | {"contacts:missing": "Add at least one person to tell"}

    # --- where it stands

    def tasks(self) -> list[Task]:
        """The task list: each section with its pages and how far it is."""
        return [
            Task(section.slug, self.reader.say(section.title), leaves, self._status(leaves))
            for section in questions().sections
            if (leaves := tuple(leaf for leaf in self.leaves if leaf.section == section.slug))
        ]

    def _status(self, leaves: Sequence[Leaf]) -> str:
        seen = [leaf for leaf in leaves if leaf.slug in self.seen]
        if not seen:
            return "not_started"
        if len(seen) < len(leaves) or any(self.wrong_on(leaf).errors for leaf in seen):
            return "in_progress"
        return "completed"

    def answers(self, leaves: Sequence[Leaf]) -> list[Answered]:
        """What was answered on these pages, in words."""
        return [
            Answered(sentence(asked.short or asked.ask), tuple(self._in_words(asked)), leaf.slug)
            for leaf in leaves
            for asked in leaf.questions
        ]

    def _in_words(self, asked: Asked) -> Iterator[str]:
        if asked.kind == "date":
            parts = [self.form.value(f"{asked.name}-{part}") for part in ("year", "month", "day")]
            yield from [_day(parts)] if any(parts) else []
            return
        texts = dict(asked.choices) | {"yes": "Yes", "no": "No"}
        for value in self.form.all(asked.name):
            if value.strip():
                yield from texts.get(value, value).splitlines()


def _moved_up(name: str, before: str, behind: str, gone: int) -> str | None:
    """Give the name of a row's field once row `gone` is gone: one less behind it, None for its own."""
    number, found, rest = name.removeprefix(before).partition(behind) if behind else (name.removeprefix(before), "", "")
    if not name.startswith(before) or not number.isdecimal() or int(number) < gone:
        return name
    return None if int(number) == gone else f"{before}{int(number) - 1}{found}{rest}"


def _day(parts: list[str]) -> str:
    try:
        return day(date(*(int(part) for part in parts)))
    except ValueError:
        return " ".join(reversed(parts))


def _wrong_days(form: ReferralForm, today: date) -> list[FieldError]:
    expected = form.child.date_of_birth is None
    days = Days(form.child.birth, expected, form.consent.on, form.concern_raised_on)
    return [FieldError(name, said) for name, said in wrong_days(days, today)]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _whole(name: str) -> str:
    base, dash, part = name.rpartition("-")
    return base if dash and part in {"day", "month", "year"} else name


def _without_nothing(data: dict[str, Any]) -> dict[str, Any]:
    kept = {name: _without_nothing(value) if isinstance(value, dict) else value for name, value in data.items()}
    return {name: value for name, value in kept.items() if value not in (None, [])}


def _assuming(data: dict[str, Any], today: date, leaf: Leaf) -> dict[str, Any]:
    """Put acceptable answers where other pages have none yet, so that rules across fields of this page are asked."""
    child = {"given_name": "A", "family_name": "B", "postcode": "SS1 1AA"}
    if "expected_date" not in data["child"]:
        child["date_of_birth"] = today.replace(year=today.year - 10, day=1).isoformat()
    person = {"name": "A", "relationship": "B", "parental_responsibility": True, "channel": "none"}
    return _filled_up(data, {
        "child": child,
        "contacts": [person] * max(len(data.get("contacts", [])), 1),
        "referrer": {"role": "other"},
        "needs": [{"code": "NYK", "rank": "secondary"}],
        "concern": "A",
        "concern_raised_on": today.isoformat(),
        "consent": {"given": True, "by": "A", "on": today.isoformat()},
        "immediate_danger": False,
    }, leaf, "")  # fmt: skip


def _filled_up(typed: Any, assumed: Any, leaf: Leaf, path: str) -> Any:
    if isinstance(assumed, dict):
        typed = typed if isinstance(typed, dict) else {}
        below = {name: f"{path}.{name}" if path else name for name in assumed}
        filled = {name: _filled_up(typed.get(name), assumed[name], leaf, below[name]) for name in assumed}
        return typed | {name: value for name, value in filled.items() if value is not None}
    if isinstance(assumed, list) and path == "contacts" and not leaf.owns(path):
        rows = typed or [None]
        return [_filled_up(row, assumed[0], leaf, f"{path}.{at}") for at, row in enumerate(rows)]
    return assumed if typed is None and not leaf.owns(path) else typed
