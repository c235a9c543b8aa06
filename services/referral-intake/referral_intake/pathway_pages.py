"""The pages on which an administrator sees the pathways, tries others on last term's referrals, and adopts them."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import ValidationError

from frontdoor.calls import Call, Route, may
from frontdoor.events import AGENCIES
from frontdoor.problems import Problem
from frontdoor.web import FieldError, Form, field_errors
from frontdoor.work import Refused
from referral_intake import pathways
from referral_intake.commands import PathwayChange
from referral_intake.filled_form import refusal
from referral_intake.form_pages import Page, Sent, pages, see
from referral_intake.questions import in_words, questions

router = APIRouter(route_class=Route, include_in_schema=False)
Managing = Annotated[Call, may("pathways.manage")]
CATCH_ALL = "catch_all"


@router.get("/pathways")
def show(request: Request, call: Managing) -> Page:
    """Which need and support leads where, and who changed it."""
    with call.work() as work:
        found = pathways.show(work)
    return pages.render(request, "pathways.html", found=found, rows=_rows(found), people=call.parts.area.people)


@router.get("/pathways/change")
def change_page(request: Request, call: Managing) -> Page:
    """The pathways as boxes to tick."""
    with call.work() as work:
        found = pathways.show(work)
    return _change_page(request, found, Form(values=_values(found)))


@router.post("/pathways/change")
def change(request: Request, call: Managing, sent: Sent) -> Page:
    """Show what other pathways would have done to last term's referrals; adopt them once that has been seen."""
    with call.work() as work:
        found = pathways.show(work)
    try:
        asked = PathwayChange.model_validate(_asked(found, sent))
    except ValidationError as wrong:
        errors = field_errors(wrong, {"note": "Enter why the pathways change"}, model=PathwayChange)
        return _change_page(request, found, sent.with_errors(_on_page(error) for error in errors))
    if sent.value("adopt"):
        return _adopt(request, call, found, asked, sent)
    previewed: dict[str, Any] = {}
    with call.work() as work:
        wrong_ages = refusal(lambda: previewed.update(pathways.preview(work, asked)))
    if wrong_ages:
        return _change_page(request, found, sent.with_errors(_on_page(error) for error in wrong_ages))
    return _change_page(request, found, sent, previewed)


def _adopt(request: Request, call: Call, found: Mapping[str, Any], asked: PathwayChange, sent: Form) -> Page:
    try:
        with call.work() as work:
            pathways.adopt(work, asked)
    except Refused as refused:
        return _change_page(request, found, sent.with_errors([FieldError("note", refused.sentence)]))
    except Problem as problem:
        return _change_page(request, found, sent.with_errors(_on_page(error) for error in problem.errors))
    return see("/pathways")


def _on_page(error: FieldError) -> FieldError:
    kind, _, code = error.field.partition(".")
    field = f"{kind}.{code.partition('.')[0]}" if code else kind
    message = "Select at least one team" if kind in {"support", "needs", CATCH_ALL} else error.message
    return FieldError(field, message)


def _change_page(
    request: Request, found: Mapping[str, Any], form: Form, previewed: Mapping[str, Any] | None = None
) -> Page:
    context = {"found": found, "rows": _rows(found), "form": form, "previewed": previewed, "agencies": AGENCIES}
    supports = [(code, in_words("support", code)) for code in _codes(found, "support")]
    return pages.render(request, "pathways_change.html", 422 if form.errors else 200, **context, supports=supports)


def _codes(found: Mapping[str, Any], kind: str) -> list[str]:
    """Every code that there is: those of the form, and those that the pathways name besides."""
    of_form = questions().choices["needs"].values() if kind == "needs" else [questions().choices["support"]]
    return list(dict.fromkeys([code for group in of_form for code in group] + list(found[kind])))


def _rows(found: Mapping[str, Any]) -> list[tuple[str, str, list[str], Mapping[str, Any]]]:
    """A line for each code: the field's name, its words, its agencies, and the age from which it is given."""
    lines = []
    for kind, name in (("support", "support"), ("needs", "need")):
        for code in _codes(found, kind):
            ages = found["minimum_ages"].get(code, {}) if kind == "support" else {}
            lines.append((f"{kind}.{code}", in_words(name, code), found[kind].get(code, []), ages))
    return lines


def _values(found: Mapping[str, Any]) -> dict[str, str | list[str]]:
    values: dict[str, str | list[str]] = {name: list(agencies) for name, _, agencies, _ in _rows(found) if agencies}
    values |= {CATCH_ALL: list(found["catch_all"]), "based_on": found["version"]}
    for code, age in found["minimum_ages"].items():
        values |= {f"minimum_ages.{code}": str(age["from_age"]), f"interim.{code}": list(age["interim"])}
    return values


def _asked(found: Mapping[str, Any], sent: Form) -> dict[str, Any]:
    """What the boxes say. A code without a box ticked has no pathway: it goes to all, to be sorted by a person."""
    table = {kind: {code: sent.all(f"{kind}.{code}") for code in _codes(found, kind)} for kind in ("support", "needs")}
    ages: dict[str, Any] = {}
    for code in _codes(found, "support"):
        typed = sent.value(f"minimum_ages.{code}").strip()
        if typed:
            age = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 4 else typed
            ages[code] = {"from_age": age, "interim": sent.all(f"interim.{code}")}
    return {
        "based_on": sent.value("based_on"),
        "support": {code: agencies for code, agencies in table["support"].items() if agencies},
        "needs": {code: agencies for code, agencies in table["needs"].items() if agencies},
        CATCH_ALL: sent.all(CATCH_ALL),
        "minimum_ages": ages,
        "note": sent.value("note"),
    }
