"""The pages of screening: what was found this half-term, and a place for another result. No decision is made here."""

from typing import Any

from fastapi import APIRouter, Request

from frontdoor.calls import Call, Route
from frontdoor.identifiers import short_id
from frontdoor.web import Form
from referral_intake import screenings
from referral_intake.concern_forms import ScreeningForm
from referral_intake.concern_pages import AREAS, Logging, receive
from referral_intake.form_pages import Page, Sent, pages, see

router = APIRouter(route_class=Route, include_in_schema=False)
DOMAINS = tuple(pair for pair in AREAS if pair[0] != "not_known")
RESULTS = (("on_track", "As expected"), ("watch", "To be watched"), ("flag", "Behind: open a concern"))
YEARS = (("nursery", "Nursery"), ("reception", "Reception"), ("year_1", "Year 1"))
MISSING = {
    "child.given_name": "Enter the child’s first name",
    "child.family_name": "Enter the child’s last name",
    "half_term": "Select the half-term",
    "year": "Select the year",
    **{f"results.{domain}": f"Select a result for {text[0].lower()}{text[1:]}" for domain, text in DOMAINS},
}


@router.get("/screening")
def listed(request: Request, call: Logging) -> Page:
    """What was found this half-term, who is still to be screened, and what was missed."""
    with call.work() as work:
        found = screenings.overview(work)
    around: dict[str, Any] = {"domains": DOMAINS, "results": dict(RESULTS), "years": dict(YEARS)}
    return pages.render(request, "screening.html", **found, **around, people=call.parts.area.people)


@router.get("/screening/new")
def new(request: Request, call: Logging) -> Page:
    """Record a result."""
    return _form_page(request, call, Form(), short_id("S"))


@router.post("/screening/new")
def keep(request: Request, call: Logging, sent: Sent) -> Page:
    """Keep a result."""
    form, kept = receive(call, sent, ScreeningForm, MISSING, screenings.record)
    return see("/screening") if kept else _form_page(request, call, form, sent.value("token"))


def _form_page(request: Request, call: Call, form: Form, token: str) -> Page:
    with call.work() as work:
        begun = [one for one in screenings.terms_of(work) if one.starts <= work.today]
        screenings.setting_of(work)
    choices = [(one.id, one.name) for one in reversed(begun[-6:])]
    values = {"half_term": choices[0][0]} if choices and not form.value("half_term") else {}
    shown = Form(values={**form.values, **values}, errors=form.errors)
    context: dict[str, Any] = {"form": shown, "token": token, "half_terms": choices, "domains": DOMAINS}
    context |= {"results": RESULTS, "years": YEARS}
    return pages.render(request, "screening_new.html", 422 if form.errors else 200, **context)
