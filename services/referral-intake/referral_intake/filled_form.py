"""The referral form as far as somebody has filled it in: what is asked next, what is wrong, what was answered.

Values in, values out, between the questions and the form's one rule book, `ReferralForm`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import MultiDict

from frontdoor.areas import Area
from frontdoor.calendars import age_on, received_on
from frontdoor.problems import Problem
from frontdoor.web import FieldError, Form, field_errors
from frontdoor.web.wording import starred
from frontdoor.work import Refused
from referral_intake import handlers
from referral_intake.assumed_answers import assuming
from referral_intake.commands import ReferralForm
from referral_intake.form_details import MOST
from referral_intake.form_values import NUMBERS, as_number, listed, moved_up, typed_day, whole, without_nothing
from referral_intake.questions import (
    EVIDENCE,
    LISTED,
    PEOPLE,
    SETTINGS,
    Asked,
    Choices,
    Leaf,
    Page,
    Question,
    Reader,
    Section,
    Values,
    inside,
    questions,
)

SEEN = "_seen"
"""Which pages have been answered, kept among what was typed; it is no field of the form."""
ROW_PAGES = {"contacts": ("person-", "reach-", "home-"), "reports": ("report-", "voice-")}
"""The rows of the data → how the names of their own pages begin."""
FILLED_FOR_FAMILIES = ("referrer", "consent.by", "consent.on", "concern_raised_on")


@dataclass(frozen=True)
class Task:
    """One line of the task list."""

    slug: str
    title: str
    leaves: tuple[Leaf, ...]
    status: str
    optional: bool = False


@dataclass(frozen=True)
class Answered:
    """One line of "check your answers"."""

    short: str
    lines: tuple[str, ...]
    page: str

    @property
    def label(self) -> str:
        """What it is called inside a sentence."""
        return inside(self.short)


@dataclass(frozen=True)
class Filled:
    """What somebody has filled in so far; every change gives a new one."""

    reader: Reader
    area: Area
    now: datetime
    values: Values = field(default_factory=dict)

    # --- what is asked

    @property
    def today(self) -> date:
        """The day on which a form that is sent now is received."""
        return received_on(self.now)

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """Every page there is for this reader and these answers, in order."""
        return tuple(leaf for section in questions().sections for leaf in self._leaves_of(section))

    def leaf(self, slug: str) -> Leaf | None:
        """The page of that name."""
        return next((leaf for leaf in self.leaves if leaf.slug == slug), None)

    def after(self, leaf: Leaf) -> str:
        """The page that follows in the same section; "" where the section ends, the list of people after a person."""
        slugs = [one.slug for one in self._in_line(leaf)]
        at = slugs.index(leaf.slug)
        return slugs[at + 1] if at + 1 < len(slugs) else self._list_of(leaf)

    def before(self, leaf: Leaf) -> str:
        """The page before in the same section; "" where the section begins, the list of people before a person."""
        slugs = [one.slug for one in self._in_line(leaf)]
        at = slugs.index(leaf.slug)
        return slugs[at - 1] if at else self._list_of(leaf)

    def _list_of(self, leaf: Leaf) -> str:
        """The page that lists the row which a page is about; "" where it is about none."""
        return (EVIDENCE if leaf.optional else PEOPLE) if leaf.row else ""

    def _in_line(self, leaf: Leaf) -> list[Leaf]:
        """The pages of a section as they follow one another: a row's only among themselves, an optional one alone."""
        if leaf.optional:
            return [leaf]
        return [one for one in self.leaves if one.section == leaf.section and one.row == leaf.row]

    def caption(self, leaf: Leaf) -> str:
        """What stands above a page's heading: its section, or the person it is about."""
        if leaf.row and not leaf.optional and self.form.value(f"contacts.{leaf.row}.name"):
            return self.person(leaf.row)
        return next(self.reader.say(one.title) for one in questions().sections if one.slug == leaf.section)

    @property
    def name(self) -> str:
        """What to call this form in a list."""
        names = [self.form.value(f"child.{part}").strip() for part in ("given_name", "family_name")]
        return " ".join(name for name in names if name) or "Form without a name yet"

    @property
    def rows(self) -> list[str]:
        """The numbers of the people to tell who have pages of their own."""
        return self.rows_of("contacts")

    def rows_of(self, listed: str) -> list[str]:
        """The numbers of the rows that have pages of their own; a family's first contact is who fills in the form."""
        numbers = {name.split(".")[1] for name in self.values if name.startswith(f"{listed}.")}
        own = {"0"} if self.reader.is_family and listed == "contacts" else set()
        return sorted(numbers - own, key=int)

    def person(self, row: str) -> str:
        """What to call one of the people to tell."""
        return self.form.value(f"contacts.{row}.name") or "Person without a name"

    def _leaves_of(self, section: Section) -> Iterator[Leaf]:
        if not self._is_asked(section):
            return
        for page in (page for page in section.pages if not page.row):
            if self._is_asked(page) and (page.slug != "main-need" or len(self._chosen()) > 1):
                yield self._leaf(section, page, "")
            if page.slug in LISTED:
                rowed = [page for page in section.pages if page.row]
                rows = self.rows_of(LISTED[page.slug])
                yield from (self._leaf(section, page, row) for row in rows for page in rowed if self._is_due(page, row))

    def _is_due(self, page: Page, row: str) -> bool:
        """Whether an answer of this row has called for this page."""
        return (not page.when or self._says(page.when, row)) and not self._says(page.unless, row)

    def _says(self, answers: Mapping[str, list[str]], row: str) -> bool:
        return any(self.values.get(name.replace("*", row)) in said for name, said in answers.items())

    def _is_asked(self, part: Section | Page | Question) -> bool:
        return self.reader.is_asked(part) and part.fits(self.age)

    @cached_property
    def _of_other_ages(self) -> frozenset[str]:
        """Fields that nobody is asked at this age: what was filled in before a date was put right is not sent."""
        pages = [page for section in questions().sections for page in section.pages]
        asked = [
            (starred(one.name), page.fits(self.age) and one.fits(self.age)) for page in pages for one in page.questions
        ]
        return frozenset(name for name, _ in asked) - {name for name, fits in asked if fits}

    @cached_property
    def age(self) -> int | None:
        """The child's age in whole years, as far as a birth date has been typed."""
        parts = [str(self.values.get(f"child.date_of_birth-{part}", "")).strip() for part in ("year", "month", "day")]
        try:
            return age_on(date(*(int(part) for part in parts)), self.today)
        except ValueError:
            return None

    def _leaf(self, section: Section, page: Page, row: str) -> Leaf:
        mine = [question for question in page.questions if self._is_asked(question)]
        rows = self._repeated(page.repeat) if page.repeat else [row]
        asked = tuple(self._ask(question, one, row) for one in rows for question in mine)
        slug, say = page.slug.replace("*", row), self.reader.say
        return Leaf(slug, section.slug, say(page.title), say(page.intro), asked, row, page.repeat, section.optional)

    def _repeated(self, rows_of: str) -> list[str]:
        """The rows that a page repeats its questions for: those in which something stands, and an empty one behind."""
        filled = [
            name.split(".")[1]
            for name, value in self.values.items()
            if name.startswith(f"{rows_of}.") and any(one.strip() for one in listed(value))
        ]
        rows = sorted({int(row) for row in filled if row.isdecimal()})[: MOST - 1]
        return [str(row) for row in [*rows, rows[-1] + 1 if rows else 0]]

    def _ask(self, question: Question, row: str, page_row: str) -> Asked:
        say, kind = self.reader.say, question.kind
        groups: tuple[tuple[str, Choices], ...] = ()
        choices: Choices = tuple(questions().choices.get(question.choices, {}).items())
        if kind == "setting":
            kind, choices = "select", self._settings()
        elif kind == "main_need":
            kind, choices = "radios", tuple((code, text) for code, text in self._needs() if code in self._chosen())
        elif kind == "needs":
            kind, choices = "checkboxes", self._needs()
            if not self.reader.is_family:
                kind, groups = "grouped", tuple((k, tuple(v.items())) for k, v in questions().choices["needs"].items())
        group = f"{question.group} {int(row) + 1}" if question.group and row and row != page_row else question.group
        return Asked(
            question.name.replace("*", row), say(question.ask), say(question.short), say(question.hint),
            say(question.missing), kind, group, question.optional, question.blank, question.width,
            question.inputmode, choices, groups,
        )  # fmt: skip

    def _settings(self) -> Choices:
        ours = (one for one in self.area.organisations.values() if one.area == self.area.id and one.kind in SETTINGS)
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

        given = {name: value for name, value in self.values.items() if starred(whole(name)) not in self._of_other_ages}
        pairs = [(name, one) for name, value in given.items() for one in listed(value)]
        # A date that nobody has typed is three empty fields as well, so that an error leads to the first of them.
        dates = [f"{name}-{part}" for name in named("date") for part in ("day", "month", "year")]
        pairs += [(name, "") for name in dates if name not in self.values]
        return Form.from_multidict(
            MultiDict(pairs),
            lists=named("list", "names", "checkboxes", "needs"),
            booleans={starred(name) for name in named("yes_no")},
            ticks=named("tick"),
            labels=self._labels(),
        )

    def with_page(self, leaf: Leaf, sent: Form) -> "Filled":
        """Put what was sent from one page in the place of what was there; nothing else that was sent is kept."""
        kept = {name: value for name, value in self.values.items() if not leaf.owns(whole(name))}
        new = {name: value for name, value in sent.values.items() if leaf.owns(whole(name))}
        seen = [slug for slug in self.seen if slug != leaf.slug]
        return replace(self, values={**kept, **new, SEEN: [*seen, leaf.slug]})

    def with_person(self) -> "Filled":
        """Add a person to tell, the last of `rows`."""
        return self.with_row("contacts", {"language": "en"})

    def with_row(self, listed: str, known: Values) -> "Filled":
        """Add a row, the last of `rows_of(listed)`, with what is known of it."""
        own = 1 if self.reader.is_family and listed == "contacts" else 0
        row = len(self.rows_of(listed)) + own
        return replace(self, values={**self.values, **{f"{listed}.{row}.{name}": said for name, said in known.items()}})

    def without_row(self, listed: str, row: str) -> "Filled":
        """Take a row away; those behind move up, so that the numbers stay those of the data's rows."""
        if row not in self.rows_of(listed):
            return self
        values: dict[str, str | list[str]] = {}
        for name, value in self.values.items():
            moved = moved_up(name, f"{listed}.", ".", int(row))
            if moved is not None:
                values[moved] = value
        seen: list[str] = []
        for slug in self.seen:
            page = next((one for one in ROW_PAGES[listed] if slug.startswith(one)), None)
            moved = moved_up(slug, page, "", int(row)) if page else slug
            seen += [moved] if moved else []
        return replace(self, values={**values, SEEN: seen})

    @property
    def seen(self) -> list[str]:
        """The pages that have been answered."""
        return list(listed(self.values.get(SEEN, [])))

    def data(self) -> dict[str, Any]:
        """The form's data for `ReferralForm`, with what a family is not asked because it is known."""
        data = self.typed()
        if self.reader.is_family:
            own = (data.get("contacts") or [{}])[0]
            known = {name: own[name] for name in ("name", "email", "phone") if name in own}
            data["referrer"] = {"role": self.reader.names[0]} | known
            data["consent"] |= {"by": own.get("name"), "on": self.today.isoformat()}
            data["concern_raised_on"] = self.today.isoformat()
        return without_nothing(data)

    def told(self) -> dict[str, Any]:
        """What somebody has answered so far, as an alert carries it: nothing that was filled in for them."""
        answered = [leaf for leaf in self.leaves if leaf.slug in self.seen and leaf.slug not in LISTED]
        own = {name: value for name, value in self.values.items() if any(leaf.owns(whole(name)) for leaf in answered)}
        own = {name: value for name, value in own.items() if not name.endswith(".language") or value != "en"}
        typed = replace(self, values=own).typed()
        # A box that is not ticked is a no, also on a page that nobody has seen.
        typed["child"] = {
            name: said for name, said in typed["child"].items() if said is not False or f"child.{name}" in own
        }
        return {name: part for name, part in typed.items() if part not in ({}, [])}

    def typed(self) -> dict[str, Any]:
        """The form's data without what a family is not asked."""
        data = self.form.data()
        for name in ("child", "referrer", "consent"):
            data.setdefault(name, {})
        if other := data.pop("other_setting", None):
            data["child"]["setting"] = other
        for path in NUMBERS:
            as_number(data, path.split("."))
        data["needs"] = self._ranked(data.get("needs", []), data.pop("main_need", None))
        return data

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
        own = [error for error in found.errors if leaf.owns(error.field)]
        return replace(found, errors=tuple(sorted(own, key=lambda error: leaf.place(error.field) or 0)))

    def command(self) -> ReferralForm:
        """The form as the handler takes it; raises where something is wrong."""
        return ReferralForm.model_validate_json(json.dumps(self.data()))

    def wrong(self) -> Form:
        """The form with everything that is wrong anywhere, in the order of its pages."""
        found = [error for leaf in self.leaves for error in self.wrong_on(leaf).errors]
        known = {error.field for error in found}
        rest = [error for error in self._judged(None).errors if error.field not in known]
        return replace(self.form, errors=(*found, *rest))

    def where(self, path: str) -> str:
        """The page on which a path of the data is asked; "" where none asks it."""
        asked = next((leaf.slug for leaf in self.leaves if leaf.owns(path)), "")
        below = (leaf for leaf in self.leaves if any(one.name.startswith(f"{path}.") for one in leaf.questions))
        return asked or next((leaf.slug for leaf in below), "")

    def _judged(self, leaf: Leaf | None) -> Form:
        data = self.data() if leaf is None else assuming(self.data(), self.today, leaf)
        try:
            found = refusal(lambda: handlers.check_form(ReferralForm.model_validate_json(json.dumps(data)), self.now))
        except ValidationError as wrong:
            found = field_errors(wrong, self._missing(), labels=self._labels(), model=ReferralForm)
            # What is wrong on another page must not hide what is wrong on this one.
            if leaf is not None and not any(leaf.owns(error.field) for error in found) and (alone := self._alone(leaf)):
                return alone.wrong_on(leaf)
        said = (self._for_families(error) if self.reader.is_family else error for error in found)
        return self.form.with_errors(error for error in said if not self._is_filled_in(error.field))

    def _alone(self, leaf: Leaf) -> "Filled | None":
        """The form with the answers of one page and nothing else; None where it has no others."""
        if leaf.slug in LISTED:
            return None
        own = {name: value for name, value in self.values.items() if leaf.owns(whole(name))}
        others = {name for name in self.values if name not in own and name != SEEN}
        return replace(self, values=own) if others else None

    def _for_families(self, error: FieldError) -> FieldError:
        """Say to who does not agree what they can do; the sentence for staff tells them to ask the family."""
        if error.field != "consent.given" or self.form.value(error.field) != "no":
            return error
        ask = f"{self.area.contacts.advice_name} on {self.area.contacts.advice_phone}"
        sentence = f"We can only send the form if you agree. It is saved. To talk about it first, call {ask}"
        return FieldError(error.field, sentence)

    def _is_filled_in(self, path: str) -> bool:
        return self.reader.is_family and path.startswith(FILLED_FOR_FAMILIES)

    def _labels(self) -> dict[str, str]:
        return {asked.name: asked.label for leaf in self.leaves for asked in leaf.questions}

    def _missing(self) -> dict[str, str]:
        said = {f"{one.name}:missing": one.missing for leaf in self.leaves for one in leaf.questions if one.missing}
        said |= {f"{one.name}:bool_type": one.missing for leaf in self.leaves for one in leaf.questions if one.missing}
        repeated = (one for leaf in self.leaves if leaf.repeat for one in leaf.questions)
        said |= {f"{starred(one.name)}:missing": one.missing for one in repeated}
        return said | {"contacts:missing": "Add at least one person to tell"}

    # --- where it stands

    def tasks(self) -> list[Task]:
        """The task list: each section with its pages and how far it is."""
        return [
            Task(section.slug, self.reader.say(section.title), leaves, self._status(leaves), section.optional)
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

    def is_answered(self, leaf: Leaf) -> bool:
        """Whether anything stands on an optional page; on one that lists rows, whether there are any."""
        if leaf.slug in LISTED:
            return bool(self.rows_of(LISTED[leaf.slug]))
        return any(said for asked in leaf.questions if asked.blank for said in self._in_words(asked))

    def parts(self) -> list[tuple[str, bool, list[Answered]]]:
        """What was answered, in words: each section, and each person to tell as a part of its own (True)."""
        found = []
        for task in self.tasks():
            answers = self._answers([leaf for leaf in task.leaves if not leaf.row])
            if answers or not task.optional:
                found.append((task.title, False, answers))
            for row in dict.fromkeys(leaf.row for leaf in task.leaves if leaf.row):
                leaves = [leaf for leaf in task.leaves if leaf.row == row]
                found.append((self.person(row), True, self._answers(leaves)))
        return found

    def _answers(self, leaves: Sequence[Leaf]) -> list[Answered]:
        """What was answered or has to be; a page of which nothing was is one line."""
        found = []
        for leaf in leaves:
            lines = [(asked, tuple(self._in_words(asked))) for asked in leaf.questions if not _is_in_list(leaf, asked)]
            shown = [(asked.heading, said) for asked, said in lines if said or not asked.optional]
            found += [Answered(heading, said, leaf.slug) for heading, said in shown]
            if lines and not shown and not leaf.optional:
                found.append(Answered(lines[0][0].heading if len(lines) == 1 else leaf.title, (), leaf.slug))
        return found

    def _in_words(self, asked: Asked) -> Iterator[str]:
        if asked.kind == "date":
            parts = [self.form.value(f"{asked.name}-{part}") for part in ("year", "month", "day")]
            yield from [typed_day(parts)] if any(parts) else []
            return
        texts = dict(asked.choices) | {"yes": "Yes", "no": "No"}
        for value in self.form.all(asked.name):
            if value.strip():
                yield from texts.get(value, value).splitlines()


def _is_in_list(leaf: Leaf, asked: Asked) -> bool:
    """Whether a question stands only on the page that lists rows, each of which has its own answers."""
    return leaf.slug in LISTED and "*" in asked.name


def refusal(do: Callable[[], Any]) -> list[FieldError]:
    """Do something, and give what it is refused for; nothing where it is done."""
    try:
        do()
    except Refused as refused:
        return [FieldError(refused.field or "", refused.sentence)]
    except Problem as problem:
        return list(problem.errors)
    return []
