"""The pages of concerns: log one, look at them, refer or close. No decision is made here."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError

from frontdoor.calls import Call, Route, may
from frontdoor.identifiers import short_id
from frontdoor.web import Form, field_errors
from frontdoor.work import Work
from referral_intake import concerns, drafts
from referral_intake.commands import Withdrawal
from referral_intake.concern_forms import ConcernForm
from referral_intake.filled_form import refusal
from referral_intake.form_pages import Page, Sent, lines, pages, see
from referral_intake.questions import first_values

router = APIRouter(route_class=Route, include_in_schema=False)
Logging = Annotated[Call, may("concern.log")]
AREAS = (
    ("communication", "Communication and interaction"),
    ("cognition", "Cognition and learning"),
    ("emotional", "Social, emotional and mental health"),
    ("physical", "Sensory or physical"),
    ("not_known", "I am not sure"),
)
IMPACTS = (("a_little", "A little"), ("clearly", "Clearly"), ("a_lot", "A lot: it cannot wait"))
WHY = {
    "much_impact": "It affects the child a lot",
    "several_concerns": "The third concern about this child in a term",
    "strategy_has_not_helped": "What was tried has not helped",
}
MISSING = {
    "child.given_name": "Enter the child’s first name",
    "child.family_name": "Enter the child’s last name",
    "raised_on:missing": "Enter the date when you noticed it",
    "area": "Select what it is about",
    "impact": "Select how much it affects the child",
    "what:missing": "Enter what you have noticed",
}


@router.get("/concerns")
def listed(request: Request, call: Logging) -> Page:
    """The concerns of a school that the reader may see."""
    with call.work() as work:
        found = concerns.listed(work)
    return pages.render(request, "concerns.html", concerns=found, **_around(call))


@router.get("/concerns/new")
def new(request: Request, call: Logging) -> Page:
    """Log a concern."""
    return _form_page(request, call, Form(), short_id("N"))


@router.post("/concerns/new")
def log(request: Request, call: Logging, sent: Sent) -> Page:
    """Keep a concern."""
    form, kept = receive(call, sent, ConcernForm, MISSING, concerns.log)
    return see(f"/concerns/{kept['concern']}") if kept else _form_page(request, call, form, sent.value("token"))


Asked = TypeVar("Asked", bound=BaseModel)
Keep = Callable[[Work, Asked, str, str], dict[str, Any]]
"""A handler that keeps what was asked, under a new child's id and the page's token."""


def receive(
    call: Call, sent: Form, model: type[Asked], missing: Mapping[str, str], keep: Keep[Asked]
) -> tuple[Form, dict[str, Any] | None]:
    """Keep what staff of a setting say of a child: the form with what is wrong with it, and else what was kept.

    The page's token makes a second press the same one.
    """
    typed = {name: value for name, value in sent.values.items() if name != "token"}
    form = replace(sent, values=typed, booleans=frozenset({"strategy_helped"}))
    try:
        asked = model.model_validate({"child": {}} | form.data())
    except ValidationError as wrong:
        return form.with_errors(field_errors(wrong, missing, model=model)), None
    done: dict[str, Any] = {}

    def prepared() -> None:
        child_id = short_id("C")
        concerns.prepare(call.parts, child_id)
        with call.work() as work:
            done.update(keep(work, asked, child_id, sent.value("token")))

    if refused := refusal(prepared):
        return form.with_errors(refused), None
    return form, done


@router.get("/concerns/{concern}")
def show(request: Request, call: Annotated[Call, may("concern.read")], concern: str) -> Page:
    """One concern, and the others about the same child."""
    with call.work() as work:
        found, others = concerns.show(work, concern)
    return _concern_page(request, call, found, others, Form())


@router.post("/concerns/{concern}/refer")
def refer(call: Logging, concern: str) -> Page:
    """Begin a referral with everything that was written."""
    draft = short_id("D")
    call.parts.keys.create(draft, call.parts.clock())
    with call.work() as work:
        known = concerns.as_form(work, concern)
        values = {**first_values(call.actor, call.parts.area), **known, drafts.CONCERN: concern}
        drafts.keep(work, draft, drafts.filled(call, values), "danger")
    return see(f"/refer/{draft}")


@router.post("/concerns/{concern}/close")
def close(request: Request, call: Logging, concern: str, sent: Sent) -> Page:
    """Close a concern, with a reason."""
    try:
        asked = Withdrawal.model_validate({"reason": sent.value("reason")})
    except ValidationError as wrong:
        with call.work() as work:
            found, others = concerns.show(work, concern)
        form = sent.with_errors(field_errors(wrong, {"reason": "Enter why nothing more is needed"}))
        return _concern_page(request, call, found, others, form)
    with call.work() as work:
        concerns.close(work, concern, asked.reason)
    return see("/concerns")


def _concern_page(
    request: Request, call: Call, found: dict[str, Any], others: list[dict[str, Any]], form: Form
) -> Page:
    context = {"concern": found, "others": others, "form": form, "lines": lines, **_around(call)}
    return pages.render(request, "concern.html", 422 if form.errors else 200, **context)


def _form_page(request: Request, call: Call, form: Form, token: str) -> Page:
    context = {"form": form, "token": token, "contacts": call.parts.area.contacts, **_around(call)}
    return pages.render(request, "concern_new.html", 422 if form.errors else 200, **context)


def _around(call: Call) -> dict[str, Any]:
    senco = "senco" in call.actor.roles
    return {"areas": AREAS, "impacts": IMPACTS, "why": WHY, "people": call.parts.area.people, "is_senco": senco}
