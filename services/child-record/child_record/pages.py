"""The family's live status page, the shared record, and the list of records."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from child_record import domain, handlers, store
from child_record.domain import Stand
from frontdoor.calls import Anybody, Call, may
from frontdoor.database import Database
from frontdoor.events import instant
from frontdoor.fields import LARGEST
from frontdoor.service import wants_json
from frontdoor.web import Pages
from frontdoor.work import Parts

router = APIRouter()
pages = Pages("child_record")
A_PAGE = 25
REFRESH = {"Refresh": "2"}

LOOK = 0.25
"""Seconds between looks at whether something has been committed here, at disconnection and at the server's end."""
LOOK_ANYWAY = 5.0
"""Seconds after which the tables are asked although nothing was committed here: another process may have written."""
HEARTBEAT = 15.0
OPEN_FOR = 300.0
"""Seconds after which a stream ends; the browser opens it again by itself."""


# --- the family's page -----------------------------------------------------------------------------------------------


@router.api_route("/family/{token}", methods=["GET", "HEAD"])
def family(call: Anybody, token: str) -> Response:
    """Show where a referral is, to whoever holds the link; looking changes nothing."""
    with call.look() as session:
        status = handlers.read_status(call.parts, session, token)
    if wants_json(call.request):
        return JSONResponse(_status_json(status))
    page = pages.render(call.request, "family.html", token=token, **_status_page(status))
    if not status.is_heard:
        page.headers.update(REFRESH)
    return page


@router.get("/family/{token}/events")
def news(call: Anybody, token: str, since: Annotated[int | None, Query(ge=0, le=LARGEST)] = None) -> Response:
    """Tell an open page each time its record changes."""
    with call.look() as session:
        reference = handlers.open_link(call.parts, session, token).reference
    last = call.request.headers.get("last-event-id", "")
    seen = int(last) if last.isdecimal() and len(last) < 10 else since
    stream = _news(call.request, call.parts, reference, seen)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _status_json(status: handlers.Status) -> dict[str, Any]:
    steps = [_step(stand, status.now, family=True) for stand in status.stands]
    return {"reference": status.reference, "steps": steps, "next": status.next, "contact": status.contact}


def _status_page(status: handlers.Status) -> dict[str, Any]:
    said = {
        "steps": _marked(status.stands, status.now, family=True),
        "lines": [{"at": line.at, "what": domain.text(line, family=True)} for line in reversed(status.lines)],
    }
    return _status_json(status) | said | {"version": status.version, "is_heard": status.is_heard, "now": status.now}


def _step(stand: Stand, now: datetime, *, family: bool) -> dict[str, Any]:
    return {
        "agency": stand.agency,
        "what": domain.state_text(stand, family=family),
        "when": instant(stand.since) if stand.since else None,
        "due_at": instant(stand.due_at) if stand.due_at else None,
        "clock": stand.clock(now),
        "state": stand.state,
    }


def _marked(stands: Sequence[Stand], now: datetime, *, family: bool) -> list[dict[str, Any]]:
    return [_step(stand, now, family=family) | {"was_late": stand.was_late} for stand in stands]


# --- news ------------------------------------------------------------------------------------------------------------


class _Bell:
    """Counts the commits made here, so that open pages ask the tables only when there may be something new."""

    def __init__(self, database: Database) -> None:
        self.rung = 0
        database.on_commit(self._ring)

    def _ring(self) -> None:
        self.rung += 1


_bells: WeakKeyDictionary[Database, _Bell] = WeakKeyDictionary()


async def _news(request: Request, parts: Parts, reference: str, seen: int | None) -> AsyncIterator[str]:
    bell = _bells.get(parts.database) or _bells.setdefault(parts.database, _Bell(parts.database))
    began = spoke = time.monotonic()
    looked, rung = 0.0, -1
    yield "retry: 2000\n\n"
    while (now := time.monotonic()) - began < OPEN_FOR and not _server_stops() and not await request.is_disconnected():
        if bell.rung != rung or now - looked > LOOK_ANYWAY:
            looked, rung = now, bell.rung
            version = await run_in_threadpool(_version, parts, reference)
            if version != seen:
                seen, spoke = version, now
                yield f"id: {version}\ndata: {json.dumps({'version': version})}\n\n"
        if now - spoke > HEARTBEAT:
            spoke = now
            yield ": still here\n\n"
        await asyncio.sleep(LOOK)


def _version(parts: Parts, reference: str) -> int:
    with parts.database.read() as session:
        return store.version_of(session, reference)


def _server_stops() -> bool:
    """Say whether uvicorn has been told to stop: it waits for open streams to end, and tells them nothing."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))


# --- the shared record -----------------------------------------------------------------------------------------------


@router.get("/records")
def records(call: Annotated[Call, may("record.list")], before: str | None = None) -> Response:
    """List the records that somebody may see, latest first."""
    with call.work() as work:
        found, last = handlers.list_records(work, store.place(before), A_PAGE)
    rows = [
        {
            "reference": one.record.reference,
            "received_at": one.record.received_at,
            "stands": [domain.state_text(stand, family=one.reader.is_family) for stand in one.stands],
        }
        for one in found
    ]
    following = store.place_text(last) if last else None
    return pages.render(call.request, "records.html", rows=rows, following=following, first=before is None)


@router.get("/records/{reference}")
def record(call: Annotated[Call, may("timeline.read")], reference: str) -> Response:
    """Show one shared record, as far as this person may see it."""
    if not call.arrived():
        page = pages.render(call.request, "arriving.html", reference=reference)
        page.headers.update(REFRESH)
        return page
    with call.work() as work:
        shown = handlers.read_record(work, reference)
        now = work.now
    family = shown.reader.is_family
    context: dict[str, Any] = {
        "record": shown.record,
        "child": shown.child,
        "steps": _marked(shown.stands, now, family=family),
        "lines": [
            {"at": line.at, "by": line.by, "what": domain.text_for(line, shown.reader)}
            for line in reversed(shown.lines)
        ],
        "needs": shown.record.needs if shown.reader.sees("needs") else [],
        "queue": call.actor.agency if shown.reader.relation == "triager" else None,
        "has_referral": shown.reader.relation != "caseload",
    }
    return pages.render(call.request, "record.html", **context)
