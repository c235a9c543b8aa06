"""The pages of the referral form: a task list, one thing on a page, check, send. No decision is made here."""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup, escape
from starlette.datastructures import MultiDict

from frontdoor.calls import Call, Route, may
from frontdoor.identifiers import short_id
from frontdoor.problems import MAX_BODY, Problem
from frontdoor.web import FieldError, Form, Pages
from frontdoor.work import Work
from referral_intake import alerts, domain, drafts, handlers, store, tables
from referral_intake.filled_form import Filled, refusal
from referral_intake.questions import PEOPLE, Leaf, first_values, in_words, reader_of

router = APIRouter(route_class=Route, include_in_schema=False)
pages = Pages("referral_intake")
Page = Response
Referring = Annotated[Call, may("referral.submit")]
MOST_FIELDS = 500
ADDED = ("who", "where", "what")
"""What is asked of somebody who has said that there is danger."""


async def _read_form(request: Request) -> Form:
    """Read what a page's form sent; longer than a JSON body may be, it is refused."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Problem(413, "too_large", "What you sent is too large.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Problem(400, "malformed", "What was sent cannot be read.") from None
    return Form.from_multidict(MultiDict(pairs))


Sent = Annotated[Form, Depends(_read_form)]


def see(where: str) -> RedirectResponse:
    return RedirectResponse(where, 303)


# --- the form: drafts -------------------------------------------------------------------------------------------------


@router.get("/refer")
def before_you_start(request: Request, call: Referring) -> Page:
    """What to have at hand before the form."""
    begun: dict[str, Any] = {"drafts": drafts.listed(call), "waiting": drafts.waiting(call)}
    return pages.render(request, "refer_start.html", reader=reader_of(call.actor), **begun)


@router.post("/refer")
def begin(call: Referring) -> Page:
    """Begin a form: a draft with what is known of the person who fills it in."""
    draft = short_id("D")
    call.parts.keys.create(draft, call.parts.clock())
    with call.work() as work:
        drafts.keep(work, draft, drafts.filled(call, first_values(call.actor, call.parts.area)), "danger")
    return see(f"/refer/{draft}")


@router.get("/refer/{draft}")
def tasks(request: Request, call: Referring, draft: str) -> Page:
    """The parts of the form, and how far each is."""
    filled = _open(call, draft)
    if isinstance(filled, Response):
        return filled
    listed = filled.tasks()
    with call.look() as session:
        row = store.find_draft(session, draft, call.actor.person)
        handed = row is not None and row.handed_to is not None
    context: dict[str, Any] = {"tasks": [task for task in listed if not task.optional], "handed": handed}
    optional = [(task, leaf) for task in listed if task.optional for leaf in task.leaves if not leaf.row]
    context["extra"] = [(task, leaf, filled.is_answered(leaf)) for task, leaf in optional]
    context["school"] = drafts.school_of(call)
    return pages.render(request, "refer_tasks.html", draft=draft, filled=filled, **context)


@router.get("/refer/{draft}/delete")
def confirm_delete(request: Request, call: Referring, draft: str) -> Page:
    """Ask before a draft is deleted."""
    filled = _open(call, draft)
    if isinstance(filled, Response):
        return filled
    return pages.render(request, "refer_delete.html", draft=draft, name=filled.name)


@router.post("/refer/{draft}/delete")
def delete(call: Referring, draft: str) -> Page:
    """Delete a draft, and destroy its key. Twice is harmless."""
    with call.work() as work:
        handlers.claim_draft(work, draft)
        mine = store.find_draft(work.session, draft, call.actor.person) is not None
        store.drop_draft(work.session, draft, call.actor.person)
    if mine:
        call.parts.keys.destroy(draft, call.parts.clock())
    return see("/")


@router.post("/refer/{draft}/hand-over")
def hand_over(call: Referring, draft: str, sent: Sent) -> Page:
    """Pass a form to the school's SENCO, or take it back before they have it."""
    school = drafts.school_of(call)
    with call.work() as work:
        drafts.hand_over(work, draft, school.id if school and not sent.value("back") else None)
    return see(f"/refer/{draft}")


@router.post("/refer/{draft}/take")
def take_up(call: Referring, draft: str) -> Page:
    """Take up a form that somebody of the school passed on."""
    drafts.take_up(call, draft)
    return see(f"/refer/{draft}")


def to_receipt(reference: str) -> Page:
    """Lead to the referral that a form has become."""
    return see(f"/referrals/{reference}/received")


def _open(call: Call, draft: str) -> Filled | Response:
    found = drafts.find(call, draft)
    return to_receipt(found) if isinstance(found, str) else found


def _change(call: Call, draft: str, page: str, change: Callable[[Filled], Filled]) -> Filled | Response:
    changed = drafts.change(call, draft, page, change)
    return to_receipt(changed) if isinstance(changed, str) else changed


# --- the form: check and send -----------------------------------------------------------------------------------------


@router.get("/refer/{draft}/check")
def check(request: Request, call: Referring, draft: str) -> Page:
    """Everything that was answered, with a way back to each answer."""
    filled = _open(call, draft)
    return filled if isinstance(filled, Response) else _check_page(request, draft, filled)


@router.post("/refer/{draft}/check")
def send(request: Request, call: Referring, draft: str) -> Page:
    """Send the form. The draft is its one-use token: sent twice, or after Back, it is the same referral."""
    filled = _open(call, draft)
    if isinstance(filled, Response):
        return filled
    if alerts.is_danger(filled.data()):
        return _danger_page(request, call, draft, filled)
    wrong = filled.wrong()
    if wrong.errors:
        return _check_page(request, draft, filled, wrong)
    if refused := refusal(lambda: _send(call, draft, filled)):
        return _check_page(request, draft, filled, filled.form.with_errors(refused))
    return see(f"/refer/{draft}/done")


@router.get("/refer/{draft}/done")
def done(call: Referring, draft: str) -> Page:
    """Where a form that was sent has become a referral: its receipt."""
    filled = _open(call, draft)
    return filled if isinstance(filled, Response) else see(f"/refer/{draft}")


def _send(call: Call, draft: str, filled: Filled) -> None:
    form, child_id = filled.command(), short_id("C")
    handlers.prepare_child(call.parts, form, child_id)
    with call.work() as work:
        handlers.claim_draft(work, draft)
        sent = handlers.receive_referral_once(work, draft, form, child_id, drafts.how(work, draft))
        drafts.settle_concern(work, filled, sent.reference)
        store.drop_draft(work.session, draft, call.actor.person)


def _check_page(request: Request, draft: str, filled: Filled, wrong: Form | None = None) -> Page:
    errors = [_link(draft, filled, wrong, error) for error in wrong.errors] if wrong else []
    context: dict[str, Any] = {"draft": draft, "parts": filled.parts(), "errors": errors, "lines": lines}
    return pages.render(request, "refer_check.html", 422 if errors else 200, **context)


def _link(draft: str, filled: Filled, wrong: Form, error: FieldError) -> dict[str, str]:
    page = filled.where(error.field)
    where = f"/refer/{draft}/{page}?from=check#{wrong.anchor(error.field)}"
    return {"text": error.message, "href": where} if page else {"text": error.message}


def lines(texts: tuple[str, ...] | list[str]) -> Markup:
    return Markup("<br>").join(escape(text) for text in texts)


# --- the form: somebody is in danger ----------------------------------------------------------------------------------


@router.get("/refer/{draft}/alerts/{alert}")
def danger(request: Request, call: Referring, draft: str, alert: str) -> Page:
    """What to do now, and that what was added has arrived."""
    with call.work() as work:
        sent = work.keys.unseal_or(_own_alert(work, alert).sent, {})
    return _what_to_do(request, call, draft, alert, added=domain.ADDED_LATER in sent)


@router.post("/refer/{draft}/alerts/{alert}")
def add_to_alert(call: Referring, draft: str, alert: str, sent: Sent) -> Page:
    """Add who, where and what to one's own alert; whoever has taken it has to look again. Twice is harmless."""
    added = {name: text for name in ADDED if (text := sent.value(name).strip())}
    with call.work() as work:
        row = _own_alert(work, alert)
        if added:
            row.sent = work.keys.seal(row.id, alerts.alert_with(work.keys.unseal_or(row.sent, {}), added))
            row.read_at, row.read_by = None, None
    return see(f"/refer/{draft}/alerts/{alert}")


def _own_alert(work: Work, alert: str) -> tables.Alert:
    row = alerts.claimed_alert(work, alert)
    if row is None or row.sent_by != work.actor.person:
        raise drafts.nothing_here()
    return row


def _danger_page(request: Request, call: Call, draft: str, filled: Filled) -> Page:
    refused = alerts.raise_alert(call.parts, call.actor, filled.told())
    return _what_to_do(request, call, draft, str(refused.more["alert"]), added=False)


def _what_to_do(request: Request, call: Call, draft: str, alert: str, *, added: bool) -> Page:
    around: dict[str, Any] = {"reader": reader_of(call.actor), "contacts": call.parts.area.contacts, "form": Form()}
    return pages.render(request, "refer_danger.html", draft=draft, alert=alert, added=added, **around)


# --- the form: its pages ----------------------------------------------------------------------------------------------


@router.get("/refer/{draft}/people")
def people(request: Request, call: Referring, draft: str) -> Page:
    """Who is to be told."""
    filled = _open(call, draft)
    return filled if isinstance(filled, Response) else _people_page(request, draft, filled, filled.form)


@router.post("/refer/{draft}/people")
def change_people(request: Request, call: Referring, draft: str, sent: Sent) -> Page:
    """Add a person to tell, take one away, or go on."""
    leaf = _leaf(drafts.filled(call, {}), PEOPLE)
    if sent.value("add"):
        filled = _change(call, draft, PEOPLE, lambda filled: filled.with_person())
        return filled if isinstance(filled, Response) else see(f"/refer/{draft}/person-{filled.rows[-1]}")
    if sent.value("remove"):
        filled = _change(call, draft, PEOPLE, lambda filled: filled.without_row("contacts", sent.value("remove")))
        return filled if isinstance(filled, Response) else see(f"/refer/{draft}/people")
    filled = _change(call, draft, PEOPLE, lambda filled: filled.with_page(leaf, Form()))
    if isinstance(filled, Response):
        return filled
    wrong = filled.wrong_on(leaf)
    return _people_page(request, draft, filled, wrong) if wrong.errors else go_on(request, draft, filled, leaf)


def _people_page(request: Request, draft: str, filled: Filled, form: Form) -> Page:
    leaf = _leaf(filled, PEOPLE)
    told = {row: filled.form.value(f"contacts.{row}.channel") for row in filled.rows}
    listed = [(row, filled.person(row), in_words("channel", told[row]) if told[row] else "") for row in filled.rows]
    status = 422 if form.errors else 200
    return pages.render(
        request, "refer_people.html", status, **around(request, draft, filled, leaf), form=form, people=listed
    )


@router.get("/refer/{draft}/{page}")
def show_page(request: Request, call: Referring, draft: str, page: str) -> Page:
    """One page of the form, with what was typed; coming from the check, also with what is wrong."""
    filled = _open(call, draft)
    if isinstance(filled, Response):
        return filled
    leaf = _leaf(filled, page)
    form = filled.wrong_on(leaf) if _from_check(request) else Form(values=filled.values)
    return pages.render(request, "refer_page.html", **around(request, draft, filled, leaf), form=form)


@router.post("/refer/{draft}/{page}")
def answer_page(request: Request, call: Referring, draft: str, page: str, sent: Sent) -> Page:
    """Keep what was typed on a page, right or wrong, then go on or say what is wrong."""
    filled = _change(call, draft, page, lambda filled: filled.with_page(_leaf(filled, page), sent))
    if isinstance(filled, Response):
        return filled
    leaf = _leaf(filled, page)
    if page == "danger" and alerts.is_danger(filled.data()):
        return _danger_page(request, call, draft, filled)
    wrong = filled.wrong_on(leaf)
    if wrong.errors:
        return pages.render(request, "refer_page.html", 422, **around(request, draft, filled, leaf), form=wrong)
    if sent.value("_another"):
        return see(f"/refer/{draft}/{page}" + ("?from=check" if _from_check(request) else ""))
    return go_on(request, draft, filled, leaf)


def _leaf(filled: Filled, slug: str) -> Leaf:
    leaf = filled.leaf(slug)
    if leaf is None:
        raise drafts.nothing_here()
    return leaf


def _from_check(request: Request) -> bool:
    return request.query_params.get("from") == "check"


def go_on(request: Request, draft: str, filled: Filled, leaf: Leaf) -> Page:
    """Lead to the page that follows: the check, where somebody came from it."""
    after = "check" if _from_check(request) else filled.after(leaf)
    return see(f"/refer/{draft}/{after}" if after else f"/refer/{draft}")


def around(request: Request, draft: str, filled: Filled, leaf: Leaf) -> dict[str, Any]:
    """Give what every page of the form shows around its questions."""
    before = "check" if _from_check(request) else filled.before(leaf)
    back = f"/refer/{draft}/{before}" if before else f"/refer/{draft}"
    around = {"draft": draft, "filled": filled, "leaf": leaf, "caption": filled.caption(leaf), "back": back}
    return around | {"contacts": filled.area.contacts}
