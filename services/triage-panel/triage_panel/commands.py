"""What people may ask of the queues, with the sentences they read where something is wrong."""

import base64
import json
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator

from frontdoor.events import Agency, Discipline, Mode, Priority, instant, read_instant
from frontdoor.fields import LARGEST, Line, Text, Version
from frontdoor.identifiers import normal_reference
from frontdoor.problems import Command
from triage_panel.domain import NEED_A_REASON, NEED_NO_REASON, PRIORITIES, Outcome, ReasonCode


class AgreedTherapy(Command):
    """Therapy agreed with accepting: how many sessions of what, alone or in a group."""

    discipline: Discipline
    sessions: int = Field(ge=1, le=52)
    mode: Mode


class Decision(Command):
    """A decision about one entry. `version` is the entry's as the decider saw it."""

    outcome: Outcome
    reason_code: ReasonCode | None = Field(default=None, validate_default=True)
    comment: Text | None = Field(default=None, validate_default=True)
    redirect_to: Agency | None = Field(default=None, validate_default=True)
    version: Version | None = None
    priority: Priority | None = None
    therapy: AgreedTherapy | None = None

    @field_validator("reason_code")
    @classmethod
    def _says_why(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("outcome") in NEED_A_REASON:
            raise ValueError("Select a reason: the family is told why, and what to do now")
        if value is not None and info.data.get("outcome") in NEED_NO_REASON:
            raise ValueError(NEED_NO_REASON[info.data["outcome"]])
        return value

    @field_validator("comment", mode="before")
    @classmethod
    def _may_be_left_blank(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip(" \r\n\t") else value

    @field_validator("comment")
    @classmethod
    def _explains_other(cls, value: str | None, info: ValidationInfo) -> str | None:
        if not value and info.data.get("reason_code") == "other":
            raise ValueError("Enter a comment that says what the reason is")
        return value

    @field_validator("redirect_to")
    @classmethod
    def _says_where(cls, value: str | None, info: ValidationInfo) -> str | None:
        outcome = info.data.get("outcome")
        if value is None and outcome == "redirect":
            raise ValueError("Select the agency to pass the referral to")
        if value is not None and outcome not in {None, "redirect"}:
            raise ValueError("Select an agency only if you pass the referral on")
        return value

    @field_validator("priority", "therapy")
    @classmethod
    def _only_when_accepting(cls, value: object, info: ValidationInfo) -> object:
        if value is not None and info.data.get("outcome") not in {None, "accept"}:
            named = "a priority" if info.field_name == "priority" else "therapy"
            raise ValueError(f"Give {named} only if you accept the referral")
        return value


class Claim(Command):
    """Taking an entry in hand: left out, the caller; null, nobody."""

    holder: Line | None = None


class Cursor(Command):
    """Where a page of a queue ended: `rank` entries were before it, in the list of one status ("" for all open)."""

    rank: Annotated[int, Field(ge=1, le=LARGEST)]
    status: str
    order: Annotated[int, Field(ge=0, lt=len(PRIORITIES))]
    due_at: str
    received_at: str
    reference: str

    @classmethod
    def behind(cls, rank: int, status: str | None, place: tuple[int, datetime, datetime, str]) -> Self:
        """Make the cursor of the page behind an entry's place."""
        order, due_at, received_at, reference = place
        return cls(
            rank=rank,
            status=status or "",
            order=order,
            due_at=instant(due_at),
            received_at=instant(received_at),
            reference=reference,
        )

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a cursor exactly as `text` writes it; `ValueError` for any other."""
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        read = cls.model_validate_json(base64.urlsafe_b64decode(padded))
        if read.text != text or normal_reference(read.reference) != read.reference:
            raise ValueError("not a cursor of ours")
        return read

    @property
    def text(self) -> str:
        """The cursor as addresses carry it."""
        return base64.urlsafe_b64encode(json.dumps(self.model_dump()).encode()).decode().rstrip("=")

    @property
    def place(self) -> tuple[int, datetime, datetime, str]:
        """The place in the order of the queue."""
        return self.order, read_instant(self.due_at), read_instant(self.received_at), self.reference
