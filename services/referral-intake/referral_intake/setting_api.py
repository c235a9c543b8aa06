"""Intake for programs of a setting: its staff's concerns, and half-termly screening."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from frontdoor.calls import Call, Route, may
from frontdoor.identifiers import short_id
from frontdoor.problems import json_body
from referral_intake import concerns, screening_rules, screenings
from referral_intake.api import created
from referral_intake.concern_forms import ConcernForm, ScreeningForm

router = APIRouter(route_class=Route, tags=["settings"])


class ConcernKept(BaseModel):
    """A concern that is kept; `why` says by which rule the SENCO has to decide."""

    concern: str
    status: Literal["logged", "to_decide"]
    why: str | None


class ScreeningKept(BaseModel):
    """A result that is kept, and the concerns that its flags opened."""

    screening: str
    concerns: list[str]


class HalfTermAnswer(BaseModel):
    """A half-term of the reader's setting; `id` is what a result names it by."""

    id: str
    name: str
    starts: date
    ends: date


class ScreenedChild(BaseModel):
    """A child's latest result, as far as it is still known who they are."""

    screening: str
    year: screening_rules.Year
    results: dict[str, screening_rules.Result]
    by: str
    recorded_at: str
    child: dict[str, str]
    note: str | None = None


class Screenings(BaseModel):
    """What was found this half-term, whose result is from an earlier one, and the half-terms that were missed."""

    half_term: HalfTermAnswer | None
    found: list[ScreenedChild]
    to_do: list[ScreenedChild]
    overdue: list[HalfTermAnswer]


@router.post("/api/concerns", status_code=201, responses=created(ConcernKept), summary="Log a concern")
def log_concern(call: Annotated[Call, may("concern.log")], form: Annotated[ConcernForm, json_body(ConcernForm)]) -> Any:
    child_id = short_id("C")
    return call.once(
        lambda work: concerns.log(work, form, child_id), prepare=lambda: concerns.prepare(call.parts, child_id)
    )


@router.get("/api/concerns", summary="List your school's concerns, as far as you may see them")
def list_concerns(call: Annotated[Call, may("concern.log")]) -> dict[str, list[dict[str, Any]]]:
    with call.work() as work:
        return {"concerns": concerns.listed(work)}


@router.post(
    "/api/screenings", status_code=201, responses=created(ScreeningKept), summary="Record a child's screening result"
)
def record_screening(
    call: Annotated[Call, may("concern.log")], form: Annotated[ScreeningForm, json_body(ScreeningForm)]
) -> Any:
    child_id = short_id("C")
    return call.once(
        lambda work: screenings.record(work, form, child_id), prepare=lambda: concerns.prepare(call.parts, child_id)
    )


@router.get("/api/screenings", response_model=Screenings, summary="Show your setting's screening of this half-term")
def list_screenings(call: Annotated[Call, may("concern.log")]) -> Any:
    with call.work() as work:
        return screenings.overview(work)
