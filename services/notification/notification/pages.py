"""The demo's outbox, and the messages that a person must see to."""

import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup, escape

from frontdoor.access import WHO_MAY, Allow, Denied, Deny
from frontdoor.calls import Call, Route, may
from frontdoor.web import Pages
from frontdoor.work import Refused, Work
from notification import channels, handlers, store

router = APIRouter(route_class=Route)
pages = Pages("notification")

MOST_TASKS = 50
FURTHEST = 2**53
"""The largest place in the ledger that an address can name."""
_ADDRESS = re.compile(r"https?://[^\s]+")


def linked(text: str, base: str) -> Markup:
    """A message's text with its links to us made clickable, and nothing else in it taken for markup."""
    made, place = Markup(), 0
    for found in _ADDRESS.finditer(text):
        address = found.group()
        link = Markup('<a class="govuk-link" href="{}">{}</a>').format(address.removeprefix(base), address)
        made += escape(text[place : found.start()]) + (link if address.startswith(f"{base}/") else escape(address))
        place = found.end()
    return Markup("<br>").join((made + escape(text[place:])).split("\n"))


pages.add_filter("linked", linked)


@router.get("/messages", response_class=HTMLResponse, summary="Everything that the demo has sent, newest first")
def sent_messages(
    request: Request,
    call: Annotated[Call, may("messages.demo")],
    before: Annotated[int | None, Query(ge=0, le=FURTHEST)] = None,
) -> Response:
    _in_the_demo(call)
    page = channels.sent_messages(call.parts.folder, before)
    with call.work() as work:
        work.shown(call.action, sorted({message["reference"] for message in page.messages}), Allow("demo"))
        tasks = _tasks(work) if before is None and _may("notice.tasks", call) else []
        sent = [message["notice"] for message in page.messages]
        states = {notice.notice: notice.state for notice in store.notices(work.session, sent)}
    context: dict[str, Any] = {"page": page, "before": before, "first_page": before is None, "tasks": tasks}
    context |= {"states": states, "may_settle": _may("notice.settle", call), "url": call.parts.public_url}
    return pages.render(request, "sent.html", **context)


@router.post("/messages/{notice}/came-back", summary="Play the demo's provider: a message came back")
def came_back(
    notice: str,
    call: Annotated[Call, may("messages.demo")],
    before: Annotated[int | None, Query(ge=0, le=FURTHEST)] = None,
) -> Response:
    _in_the_demo(call)
    with call.work() as work:
        handlers.note_receipt(work, notice, "permanent-failure")
    shown = "/messages" if before is None else f"/messages?before={before}"
    return RedirectResponse(f"{shown}#{quote(notice)}", 303)


@router.get("/messages/tasks", response_class=HTMLResponse, summary="Messages that a person must see to")
def message_tasks(request: Request, call: Annotated[Call, may("notice.tasks")]) -> Response:
    with call.work() as work:
        tasks = _tasks(work)
    return pages.render(request, "tasks.html", tasks=tasks, may_settle=_may("notice.settle", call))


@router.post("/messages/{notice}/settled", summary="Say that somebody has seen to a message that was not sent")
def settle(notice: str, call: Annotated[Call, may("notice.settle")]) -> Response:
    with call.work() as work:
        handlers.settle_notice(work, notice)
    return RedirectResponse("/messages/tasks", 303)


def _in_the_demo(call: Call) -> None:
    if not call.parts.demo:
        raise Refused("not_found", "There is no such page: check the address", status=404)
    if call.actor.area != call.parts.area.id:  # every message has a family's link in it, and each link opens
        raise Denied(Deny(404, "area"))


def _tasks(work: Work) -> Sequence[store.Notice]:
    tasks = store.tasks(work.session, work.area.id, MOST_TASKS)
    work.shown("notice.tasks", sorted({task.reference for task in tasks}), Allow("role"))
    return tasks


def _may(action: str, call: Call) -> bool:
    roles = WHO_MAY[action].roles
    return roles is not None and bool(call.actor.roles & roles.keys()) and call.actor.area == call.parts.area.id
