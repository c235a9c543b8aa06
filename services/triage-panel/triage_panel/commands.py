"""What people may ask of the queues, with the sentences they read where something is wrong."""

from typing import Annotated

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from frontdoor.events import Agency, Discipline, Mode, Priority
from frontdoor.problems import Command
from triage_panel.domain import NEED_A_REASON, Outcome, ReasonCode

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)]
Person = Annotated[str, StringConstraints(min_length=1, max_length=200)]


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
    version: int | None = Field(default=None, ge=1)
    priority: Priority | None = None
    therapy: AgreedTherapy | None = None

    @field_validator("reason_code")
    @classmethod
    def _says_why(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("outcome") in NEED_A_REASON:
            raise ValueError("Select a reason: the family is told why, and what to do now")
        return value

    @field_validator("comment")
    @classmethod
    def _explains_other(cls, value: str | None, info: ValidationInfo) -> str | None:
        if not value and info.data.get("reason_code") == "other":
            raise ValueError("Enter a comment that says what the reason is")
        return value or None

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

    holder: Person | None = None
