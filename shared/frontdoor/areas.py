"""Who is who in an area: organisations, people, pathways, standards, calendars, agreements and terms.

An area is a versioned folder of YAML that every service reads at start; whatever a decision used of it
is recorded by its version. The files are checked whole before anything starts: a wrong area must fail
loudly at start and never misroute a child quietly later.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from frontdoor.calendars import SchoolCalendar, bank_holidays

Agency = Literal["health", "education", "care"]
OrganisationKind = Literal["council", "icb", "nhs_trust", "school", "college", "early_years", "charity", "private"]
StandardUnit = Literal["calendar_weeks", "working_days", "school_days"]
AgreementStatus = Literal["draft", "signed", "in_force", "suspended", "revoked", "expired"]

Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$", max_length=60)]
District = Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,2}(?:[0-9][A-Z0-9]?)?$")]
Agencies = Annotated[tuple[Agency, ...], Field(min_length=1)]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ]{7,20}$")]
Link = Annotated[str, StringConstraints(pattern=r"^https://[^\s\"'<>]+$", max_length=200)]

# Which file says what. The first is the area itself; every other holds one part under its own name.
_AREA_FILE = "area.yaml"
_PARTS = ("organisations", "people", "pathways", "standards", "calendars", "agreements", "terms")

Where = tuple[str | int, ...]

_OUTWARD = re.compile(r"(?P<outward>(?P<letters>[A-Z]{1,2})[0-9][A-Z0-9]?)(?:[0-9][A-Z]{2})?")


class AreaError(Exception):
    """An area's folder cannot be used: every problem found, each with file, path and reason."""

    def __init__(self, folder: Path, problems: list[str]) -> None:
        self.folder = folder
        self.problems = problems
        super().__init__("\n".join([f"The area in {folder} cannot be used:", *problems]))


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Organisation(_Frozen):
    """A body that refers, is referred to, provides or pays. `agency` is None where it has no single one."""

    id: Id
    name: Text
    kind: OrganisationKind
    agency: Agency | None = None
    aliases: tuple[Text, ...] = ()
    calendar: Id | None = None
    area: Id


class Person(_Frozen):
    """A sample person of the demo sign-in. In production people and roles come from the identity provider.

    `organisation` is None for a parent and a young person: they act for themselves.
    """

    person: Id
    name: Text
    roles: frozenset[Id] = Field(min_length=1)
    organisation: Id | None = None
    agency: Agency | None = None
    area: Id
    email: Email | None = None
    phone: Phone | None = None


class Contacts(_Frozen):
    """Whom people of the area can turn to: children's social care in danger, the SEND team, independent advice.

    Advice is the local SEND information, advice and support service (SENDIASS); nights are weekends too.
    """

    duty_team_day: Phone
    duty_team_night: Phone
    send_team_phone: Phone
    send_team_email: Email
    advice_name: Text
    advice_phone: Phone
    advice_email: Email
    advice_link: Link


class MinimumAge(_Frozen):
    """From which age a support is given, and which supports start meanwhile; nobody is declined for being younger."""

    from_age: int = Field(ge=1, le=24)
    interim: tuple[Id, ...] = ()


class Pathways(_Frozen):
    """Which agencies a support asked for, or a need named, concerns.

    A code that is not listed goes to `catch_all` and is marked to be sorted by a person. That is how
    "other", "no specialist assessment" and "not yet known" are treated as well: they are left out.
    """

    version: Text
    support: dict[str, Agencies]
    needs: dict[str, Agencies]
    catch_all: Agencies
    minimum_ages: dict[str, MinimumAge] = {}

    @model_validator(mode="after")
    def _ages_are_of_supports(self) -> Self:
        named = {code for code, age in self.minimum_ages.items() for code in (code, *age.interim)}
        if unknown := sorted(named - self.support.keys()):
            raise ValueError(f"minimum_ages names supports that have no pathway: {', '.join(unknown)}")
        return self

    def for_support(self, code: str) -> tuple[Agency, ...]:
        """The agencies one kind of support concerns."""
        return self.support.get(code, self.catch_all)

    def for_need(self, code: str) -> tuple[Agency, ...]:
        """The agencies one need concerns."""
        return self.needs.get(code, self.catch_all)

    def is_sorted(self, needs: tuple[str, ...], support: tuple[str, ...]) -> bool:
        """Whether every code has a pathway of its own; if not, a person must sort the referral."""
        return set(needs) <= set(self.needs) and set(support) <= set(self.support)


class Selector(_Frozen):
    """Which entries a standard is for. What is None selects all."""

    agency: Agency | None = None
    support: str | None = None


class Standard(_Frozen):
    """A promise with a clock: `step` is to be done within `limit` units after `starts_from`.

    Statutory ones never pause. `source` is the regulation, or the word that it is a local default.
    """

    code: Id
    step: Id
    title: Text
    limit: int = Field(ge=1, le=520)
    unit: StandardUnit
    version: Text
    starts_from: Literal["received", "therapy_agreed", "advice_requested"] = "received"
    statutory: bool = False
    source: Text
    applies_to: Selector | None = None


class Purpose(_Frozen):
    """One reason to share, and what each agency may be shown for it: an allow list, nothing else."""

    id: Id
    lawful_basis: Text
    categories: dict[Agency, tuple[Id, ...]] = Field(min_length=1)

    def categories_of(self, agency: str | None) -> frozenset[str]:
        """The categories one agency may be shown; for somebody of no single agency, what every one may be."""
        lists: dict[str, frozenset[str]] = {name: frozenset(shown) for name, shown in self.categories.items()}
        if agency is None:
            return frozenset.intersection(*lists.values())
        return lists.get(agency, frozenset())


class Agreement(_Frozen):
    """A data-sharing agreement between organisations. Both days of validity are included."""

    id: Id
    version: int = Field(ge=1)
    status: AgreementStatus
    valid_from: date
    valid_to: date
    parties: tuple[Id, ...] = Field(min_length=2)
    purposes: dict[str, Purpose] = Field(min_length=1)

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        return self

    def in_force(self, day: date) -> bool:
        """Whether it allows anything on that local day, by its status in the file and its dates."""
        return self.status == "in_force" and self.valid_from <= day <= self.valid_to


class Term(_Frozen):
    """A term of the area, by which pools and panels are planned. Schools' own terms are in `calendars`."""

    id: Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(autumn|spring|summer)$")]
    starts: date
    ends: date

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends < self.starts:
            raise ValueError("ends is before starts")
        # A real school headed its summer of 2027 "Summer Term 2026".
        if not self.starts.year == self.ends.year == int(self.id[:4]):
            raise ValueError(f"the dates of term {self.id} are not in that year")
        return self


class Area(_Frozen):
    """One area, as its folder says. Dictionaries are keyed by the id of what they hold."""

    id: Id
    version: Text
    name: Text
    lead: Id
    postcode_districts: tuple[District, ...] = Field(min_length=1)
    default_calendar: Id
    contacts: Contacts
    organisations: dict[str, Organisation]
    people: dict[str, Person]
    pathways: Pathways
    standards: dict[str, Standard]
    calendars: dict[str, SchoolCalendar]
    agreements: tuple[Agreement, ...]
    terms: tuple[Term, ...]

    def setting(self, text: str) -> Organisation | None:
        """The organisation of this area with that id, name or alias, however it is spaced or punctuated.

        Text that matches nothing gives None: it is kept and flagged, and grants nothing.
        """
        return self._by_plain_name.get(_plain(text))

    def inside(self, postcode: str) -> bool:
        """Whether a postcode lies in the area's districts. One that cannot be read does not."""
        found = _OUTWARD.fullmatch(re.sub(r"\s", "", postcode).upper())
        if found is None:
            return False
        return found["outward"] in self.postcode_districts or found["letters"] in self.postcode_districts

    def calendar_of(self, organisation: str | None) -> SchoolCalendar:
        """The calendar of a setting by its id; the area's default where it has none or is not known."""
        found = self.organisations.get(organisation) if organisation else None
        return self.calendars[(found.calendar if found else None) or self.default_calendar]

    def knows(self, person: str, role: str) -> bool:
        """Say whether somebody of this area has a role."""
        known = self.people.get(person)
        return known is not None and known.area == self.id and role in known.roles

    def term(self, term_id: str) -> Term | None:
        """The term with that id, such as `2026-autumn`."""
        return next((term for term in self.terms if term.id == term_id), None)

    def term_on(self, day: date) -> Term | None:
        """The term in which a local day lies; None in the holidays between terms."""
        return next((term for term in self.terms if term.starts <= day <= term.ends), None)

    @cached_property
    def _by_plain_name(self) -> Mapping[str, Organisation]:
        return dict(_plain_names(self))


def areas_folder(start: Path | None = None) -> Path:
    """The folder that holds the areas: `deploy/areas` beside the source, or above `start` where one is given."""
    here = (start or Path(__file__)).resolve()
    for parent in (here, *here.parents):
        if (parent / "deploy" / "areas").is_dir():
            return parent / "deploy" / "areas"
    raise FileNotFoundError(f"No folder deploy/areas was found above {here}: say where the areas are.")


def load_area(folder: Path) -> Area:
    """Read and check an area's folder. Raises `AreaError` with every problem found."""
    content = _read_folder(folder)
    try:
        # Through JSON, because strictness there means what it should for a file: a list may become a
        # tuple and "2026-09-01" a date, but "6" never a number.
        area = Area.model_validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        raise AreaError(folder, [_problem(part["loc"], part["msg"]) for part in error.errors()]) from None
    problems = [_problem(path, reason) for path, reason in _broken_links(area)]
    if problems:
        raise AreaError(folder, problems)
    # Worked out now, so that the first referral of the day need not wait half a second for them.
    for year in {year for term in area.terms for year in (term.starts.year, term.ends.year + 1)}:
        bank_holidays(year)
    return area


# --- Reading -----------------------------------------------------------------------------------------


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML that refuses a key written twice, of which YAML would quietly keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str):
                # YAML reads a bare `no` or `2026-09-01` as something else than the word written.
                raise yaml.MarkedYAMLError(problem=f"the name {name!r} is not text", problem_mark=key.start_mark)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"{name!r} is written twice", problem_mark=key.start_mark)
            seen.add(name)
        return cast(dict[Any, Any], super().construct_mapping(node, deep))


def _read_folder(folder: Path) -> dict[str, Any]:
    wanted = {_AREA_FILE, *(f"{part}.yaml" for part in _PARTS)}
    there = {path.name for path in folder.glob("*.y*ml")}
    problems = [f"{name}: the file is missing" for name in sorted(wanted - there)]
    problems += [f"{name}: no such file belongs to an area" for name in sorted(there - wanted)]
    files: dict[str, dict[str, Any]] = {}
    for name in sorted(wanted & there):
        try:
            files[name] = _read_file(folder / name)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise AreaError(folder, problems)
    return _put_together(folder, files)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ValueError(f"line {line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    if not isinstance(content, dict):
        raise ValueError("expected names with values")
    return content


def _put_together(folder: Path, files: dict[str, dict[str, Any]]) -> dict[str, Any]:
    content = dict(files[_AREA_FILE])
    problems = [f"{_AREA_FILE}: {name}: belongs in {name}.yaml" for name in _PARTS if name in content]
    for part in _PARTS:
        file = files[f"{part}.yaml"]
        problems += [f"{part}.yaml: {name}: expected {part} alone" for name in file if name != part]
        if part not in file:
            problems.append(f"{part}.yaml: {part}: is missing")
        content[part] = file.get(part)
    if problems:
        raise AreaError(folder, problems)
    _put_ids(content)
    return content


def _put_ids(content: dict[str, Any]) -> None:
    """Give each entry the id it is filed under, so that no id is written twice and none can differ."""
    for part, name in (("organisations", "id"), ("people", "person"), ("standards", "code"), ("calendars", "id")):
        content[part] = _with_ids(content[part], name)
    for part in ("organisations", "people"):
        for entry in _entries(content[part]):
            entry.setdefault("area", content.get("id"))
    for agreement in content["agreements"] if isinstance(content["agreements"], list) else ():
        if isinstance(agreement, dict) and "purposes" in agreement:
            agreement["purposes"] = _with_ids(agreement["purposes"], "id")


def _with_ids(entries: Any, name: str) -> Any:
    if not isinstance(entries, dict):
        return entries
    return {key: {name: key, **entry} if isinstance(entry, dict) else entry for key, entry in entries.items()}


def _entries(entries: Any) -> list[dict[str, Any]]:
    return [entry for entry in entries.values() if isinstance(entry, dict)] if isinstance(entries, dict) else []


# --- Checking ----------------------------------------------------------------------------------------


def _problem(path: Where, reason: str) -> str:
    file = f"{path[0]}.yaml" if path and path[0] in _PARTS else _AREA_FILE
    return f"{file}: {'.'.join(str(step) for step in path)}: {reason}"


def _broken_links(area: Area) -> Iterator[tuple[Where, str]]:
    """What each file alone cannot show: ids that lead nowhere, and names that would match two."""
    yield from _broken_keys(area)
    if area.lead not in area.organisations:
        yield ("lead",), f"there is no organisation {area.lead}"
    if area.default_calendar not in area.calendars:
        yield ("default_calendar",), f"there is no calendar {area.default_calendar}"
    for key, organisation in area.organisations.items():
        if organisation.calendar and organisation.calendar not in area.calendars:
            yield ("organisations", key, "calendar"), f"there is no calendar {organisation.calendar}"
    for key, person in area.people.items():
        if person.organisation and person.organisation not in area.organisations:
            yield ("people", key, "organisation"), f"there is no organisation {person.organisation}"
        elif person.organisation and area.organisations[person.organisation].area != person.area:
            yield ("people", key, "area"), f"{person.organisation} is in another area"
    yield from _broken_agreements(area)
    yield from _overlapping_terms(area)
    yield from _names_that_match_two(area)


def _broken_keys(area: Area) -> Iterator[tuple[Where, str]]:
    named: dict[Where, dict[str, str]] = {
        ("organisations",): {key: entry.id for key, entry in area.organisations.items()},
        ("people",): {key: entry.person for key, entry in area.people.items()},
        ("standards",): {key: entry.code for key, entry in area.standards.items()},
        ("calendars",): {key: entry.id for key, entry in area.calendars.items()},
    }
    for index, agreement in enumerate(area.agreements):
        named["agreements", index, "purposes"] = {key: entry.id for key, entry in agreement.purposes.items()}
    for where, ids in named.items():
        for key, name in ids.items():
            if key != name:
                yield (*where, key), f"is filed under {key} but names itself {name}"


def _broken_agreements(area: Area) -> Iterator[tuple[Where, str]]:
    for index, agreement in enumerate(area.agreements):
        for party in agreement.parties:
            if party not in area.organisations:
                yield ("agreements", index, "parties"), f"there is no organisation {party}"


def _overlapping_terms(area: Area) -> Iterator[tuple[Where, str]]:
    for index, (earlier, later) in enumerate(zip(area.terms, area.terms[1:], strict=False), start=1):
        if later.starts <= earlier.ends:
            yield ("terms", index, "starts"), f"{later.id} starts before {earlier.id} has ended"


def _names_that_match_two(area: Area) -> Iterator[tuple[Where, str]]:
    seen: dict[str, str] = {}
    for plain, organisation in _plain_names(area):
        other = seen.setdefault(plain, organisation.id)
        if other != organisation.id:
            yield ("organisations", organisation.id), f"has the same id, name or alias as {other}"


def _plain_names(area: Area) -> Iterator[tuple[str, Organisation]]:
    for organisation in area.organisations.values():
        # Another authority's organisations are known by their people, but are no setting of ours.
        if organisation.area == area.id:
            for name in (organisation.id, organisation.name, *organisation.aliases):
                yield _plain(name), organisation


def _plain(text: str) -> str:
    """A name without case, accents, spaces and punctuation, so that "St. Mary's & St John" finds itself."""
    decomposed = unicodedata.normalize("NFKD", text.replace("&", " and ")).casefold()
    return "".join(letter for letter in decomposed if letter.isalnum())
