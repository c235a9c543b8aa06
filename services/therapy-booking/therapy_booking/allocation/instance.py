"""What an allocation is asked about: sites, people, money, blocks and requests, read strictly from `therapy-blocks/1`.

Ids count from 0 in the order of each list, and everything else refers to them. Distances are kilometres on a plane,
money is pounds, weeks count from the start of the plan.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config

FORMAT = "therapy-blocks/1"
SLOTS_A_DAY = 6
PENCE = 100
MOST_CELLS = 100_000_000

Count = Annotated[int, Field(ge=0, le=10**12)]
Id = Annotated[int, Field(ge=0, le=10**8)]
Weeks = Annotated[int, Field(ge=0, le=10_000)]
Place = Annotated[float, Field(ge=-1e6, le=1e6)]
Money = Annotated[float, Field(ge=0, le=1e12)]
Price = Annotated[float, Field(ge=0, le=1e8)]
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
Word = Annotated[str, Field(min_length=1, max_length=100, pattern=PRINTABLE)]
Mode = Literal["clinic", "school", "online"]
Region = Annotated[int, Field(ge=-(10**8), le=10**8)]

strictly = with_config(ConfigDict(strict=True, allow_inf_nan=False, extra="ignore"))


class Malformed(ValueError):
    """An instance that cannot be used: where in it, and why, in words for its author."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


@strictly
@dataclass(frozen=True, slots=True)
class Site:
    id: Id
    x: Place
    y: Place


@strictly
@dataclass(frozen=True, slots=True)
class Provider:
    id: Id
    region: Region


@strictly
@dataclass(frozen=True, slots=True)
class Commissioner:
    """Who pays: at most so many pounds, and so many children."""

    id: Id
    budget: Money
    max_places: Count
    name: Annotated[str, Field(max_length=200, pattern=PRINTABLE)] = ""


@strictly
@dataclass(frozen=True, slots=True)
class Contract:
    """How many of a commissioner's children a provider may take."""

    provider: Id
    commissioner: Id
    max_places: Count


@strictly
@dataclass(frozen=True, slots=True)
class Therapist:
    id: Id
    discipline: Word
    provider: Id
    skills: Annotated[list[Word], Field(max_length=50)]
    comms: Annotated[list[Word], Field(max_length=50)]
    contracted_blocks: Count


@strictly
@dataclass(frozen=True, slots=True)
class Block:
    """A run of weekly sessions that could be opened: a therapist, a place, a time of the week, seats."""

    id: Id
    therapist: Id
    provider: Id
    site: Id | None
    mode: Mode
    discipline: Word
    format: Literal["individual", "group"]
    cap: Annotated[int, Field(ge=1, le=1000)]
    min_run: Annotated[int, Field(ge=0, le=1000)]
    window: Annotated[int, Field(ge=0, le=1000)]
    start_week: Weeks
    day: Annotated[int, Field(ge=0, le=6)]
    hour: Annotated[int, Field(ge=0, lt=SLOTS_A_DAY)]
    price: Price


@strictly
@dataclass(frozen=True, slots=True)
class Request:
    """One child's need of one block, as it waits."""

    id: Id
    child: Id
    discipline: Word
    format: Literal["individual", "group", "either"]
    tier: Annotated[int, Field(ge=1, le=4)]
    waited_weeks: Weeks
    standard_weeks: Weeks
    x: Place
    y: Place
    modes: Annotated[list[Mode], Field(max_length=3)]
    max_km: Annotated[float, Field(ge=0, le=1e7)]
    needs: Annotated[list[Word], Field(max_length=50)]
    avail: Annotated[list[Annotated[int, Field(ge=0, lt=7 * SLOTS_A_DAY)]], Field(max_length=7 * SLOTS_A_DAY)]
    commissioner: Id
    region: Region
    school: Id | None = None
    skill: Word | None = None
    prev_therapist: Id | None = None
    sibling_of: Id | None = None


@strictly
@dataclass(frozen=True, slots=True)
class Instance:
    """All that a plan is made from."""

    format: Literal["therapy-blocks/1"]
    horizon_weeks: Weeks
    sites: Annotated[list[Site], Field(max_length=1_000_000)]
    providers: Annotated[list[Provider], Field(max_length=5_000)]
    commissioners: Annotated[list[Commissioner], Field(max_length=2_000)]
    contracts: Annotated[list[Contract], Field(max_length=1_000_000)]
    therapists: Annotated[list[Therapist], Field(max_length=100_000)]
    blocks: Annotated[list[Block], Field(max_length=3_000_000)]
    requests: Annotated[list[Request], Field(max_length=1_000_000)]


reader = TypeAdapter(Instance)


def parsed(text: bytes) -> Instance:
    """Read an instance from the bytes of its JSON file; raise `Malformed` with the first thing that is wrong."""
    try:
        instance = reader.validate_json(text)
    except ValidationError as wrong:
        raise first_of(wrong) from None
    refuse_contradictions(instance)
    return instance


def of(data: Any) -> Instance:
    """Read an instance from parsed JSON; raise `Malformed` with the first thing that is wrong."""
    return parsed(json.dumps(data).encode())


def first_of(wrong: ValidationError) -> Malformed:
    error = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ""
    for step in error["loc"]:
        where += f"[{step}]" if isinstance(step, int) else f".{step}" if where else step
    if error["type"] == "missing":
        return Malformed(where, "this is needed and is not there")
    if error["type"] == "string_pattern_mismatch":
        return Malformed(where, "no line breaks or other control characters, please")
    return Malformed(where or "the file", f"{error['msg'][0].lower()}{error['msg'][1:]}")


def refuse_contradictions(instance: Instance) -> None:
    """Raise `Malformed` for what is well formed but cannot be: ids out of place, references to nothing, doubles."""
    for problem in contradictions(instance):
        raise problem


def contradictions(instance: Instance) -> Iterable[Malformed]:
    """All contradictions, in the order of the file."""
    yield from too_varied(instance)
    for table in ("sites", "providers", "commissioners", "therapists", "blocks", "requests"):
        yield from out_of_place(table, getattr(instance, table))
    yield from broken_contracts(instance)
    for therapist in instance.therapists:
        yield from missing(f"therapists[{therapist.id}].provider", therapist.provider, instance.providers)
    for block in instance.blocks:
        yield from broken_block(instance, block)
    for request in instance.requests:
        yield from broken_request(instance, request)
    for commissioner in instance.commissioners:
        yield from part_pennies(f"commissioners[{commissioner.id}].budget", commissioner.budget)


def too_varied(instance: Instance) -> Iterable[Malformed]:
    """Skills and needs, each by therapist, are tables: they must not fill the memory."""
    most = MOST_CELLS // max(len(instance.therapists), 1)
    for name, asked in (
        ("skill", {request.skill for request in instance.requests}),
        ("needs", {tuple(request.needs) for request in instance.requests}),
    ):
        if len(asked) > most:
            yield Malformed("requests", f"they ask for {len(asked):,} different {name}; at most {most:,}, please")


def out_of_place(table: str, rows: Iterable[Any]) -> Iterable[Malformed]:
    for place, row in enumerate(rows):
        if row.id != place:
            twice = f"{table}[{row.id}] has it already; " if row.id < place else ""
            yield Malformed(
                f"{table}[{place}].id",
                f"it is {row.id}; {twice}ids count from 0 in the order of the list: {place} here",
            )
            return


def missing(where: str, id: int | None, rows: list[Any]) -> Iterable[Malformed]:
    if id is not None and id >= len(rows):
        yield Malformed(where, f"it names {id}, and there is no such id: the list has {len(rows)}")


def part_pennies(where: str, pounds: float) -> Iterable[Malformed]:
    if not math.isclose(pounds * PENCE, round(pounds * PENCE), rel_tol=0, abs_tol=1e-4):
        yield Malformed(where, "pounds with at most two decimals, please")


def broken_contracts(instance: Instance) -> Iterable[Malformed]:
    seen: dict[tuple[int, int], int] = {}
    for place, contract in enumerate(instance.contracts):
        where = f"contracts[{place}]"
        yield from missing(f"{where}.provider", contract.provider, instance.providers)
        yield from missing(f"{where}.commissioner", contract.commissioner, instance.commissioners)
        first = seen.setdefault((contract.provider, contract.commissioner), place)
        if first != place:
            yield Malformed(where, f"contracts[{first}] is for the same provider and commissioner")


def broken_block(instance: Instance, block: Block) -> Iterable[Malformed]:
    where = f"blocks[{block.id}]"
    yield from missing(f"{where}.therapist", block.therapist, instance.therapists)
    yield from missing(f"{where}.provider", block.provider, instance.providers)
    yield from missing(f"{where}.site", block.site, instance.sites)
    yield from part_pennies(f"{where}.price", block.price)
    if block.site is None and block.mode != "online":
        yield Malformed(f"{where}.site", f"a block at a {block.mode} needs a site")
    if block.format == "group" and block.min_run > block.cap:
        yield Malformed(f"{where}.min_run", f"a group of at most {block.cap} never has {block.min_run}")
    therapist = instance.therapists[block.therapist]
    if block.provider != therapist.provider:
        yield Malformed(f"{where}.provider", f"therapist {block.therapist} works for provider {therapist.provider}")
    if block.discipline != therapist.discipline:
        yield Malformed(f"{where}.discipline", f"therapist {block.therapist} gives {therapist.discipline}")


def broken_request(instance: Instance, request: Request) -> Iterable[Malformed]:
    where = f"requests[{request.id}]"
    yield from missing(f"{where}.commissioner", request.commissioner, instance.commissioners)
    yield from missing(f"{where}.school", request.school, instance.sites)
    yield from missing(f"{where}.prev_therapist", request.prev_therapist, instance.therapists)
    yield from missing(f"{where}.sibling_of", request.sibling_of, instance.requests)
    if request.sibling_of == request.id:
        yield Malformed(f"{where}.sibling_of", "a request is not its own sibling")
