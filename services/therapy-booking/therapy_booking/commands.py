"""What people may ask of booking: strict models, with the sentences that a person reads where something is wrong."""

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from frontdoor.events import Discipline, Mode
from frontdoor.fields import IsoDate, Name, Postcode
from frontdoor.fields import Short as Id
from frontdoor.problems import Command

Pence = Annotated[int, Field(ge=0, le=100_000_000_000)]
"""Up to a thousand million pounds."""
Reason = Literal[
    "family_request",
    "child_unwell",
    "provider_cancelled",
    "therapist_absent",
    "no_longer_needed",
    "moved_away",
    "duplicate",
    "other",
]


def _local(at: time) -> time:
    if at.tzinfo is not None or at.second or at.microsecond:
        raise ValueError("Enter the local time in hours and minutes, like 09:30")
    return at


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError("Name each of them once")
    return values


LocalTime = Annotated[time, AfterValidator(_local)]
Names = Annotated[tuple[Name, ...], Field(max_length=100), AfterValidator(_each_once)]


class RegisterProvider(Command):
    """A provider from whom blocks can be bought."""

    name: Name
    kind: Literal["nhs", "council", "private", "charity"]


class RegisterTherapist(Command):
    """A therapist of a provider. `person` is their sign-in, where they have one."""

    name: Name
    provider: Id
    disciplines: Annotated[tuple[Discipline, ...], Field(min_length=1, max_length=2), AfterValidator(_each_once)]
    skills: Names = ()
    languages: Names = ()
    person: Id | None = None


class RegisterPlace(Command):
    """A place where sessions can be held."""

    name: Name
    kind: Literal["clinic", "school", "hub", "home", "online"]
    postcode: Postcode | None = None

    @field_validator("postcode", mode="before")
    @classmethod
    def _not_of_a_home(cls, value: Any, known: ValidationInfo) -> Any:
        if value is not None and known.data.get("kind") == "home":
            raise ValueError("Leave the postcode out: a child's home is known from the referral")
        return value

    def facts(self) -> dict[str, Any]:
        """Give what is kept: of a child's home nothing that was typed, since it may be an address."""
        return self.model_dump() | ({"name": "The child's home"} if self.kind == "home" else {})


class Contribute(Command):
    """What an organisation of the area puts into a pool for a discipline."""

    organisation: Id
    discipline: Discipline
    pence: Pence


class OpenPool(Command):
    """Money that organisations put together for a term."""

    name: Name
    term: Id
    contributions: Annotated[tuple[Contribute, ...], Field(min_length=1, max_length=100)]


class CommissionBlock(Command):
    """A block of weekly sessions; `price_pence` is for the whole of it."""

    provider: Id
    therapist: Id
    discipline: Discipline
    mode: Mode
    place: Id
    first_date: IsoDate
    time: LocalTime
    minutes: Annotated[int, Field(ge=5, le=480)]
    weeks: Annotated[int, Field(ge=1, le=52)]
    seats: Annotated[int, Field(ge=1, le=100)]
    price_pence: Pence


class Book(Command):
    """A child into every session of a block. `accept_shorter`: also where it has fewer sessions than agreed.

    `accept_other_mode`: also in a group where the child was agreed alone, or the other way; false refuses that.
    """

    reference: Id
    block: Id
    accept_shorter: bool = False
    accept_other_mode: bool = True
    offer: Id | None = None


class Cancel(Command):
    """A booking is given up."""

    reason_code: Reason
