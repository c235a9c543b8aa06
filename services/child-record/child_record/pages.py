"""The family's live status page, the shared record, and the list of records."""

import asyncio
import json
import signal
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from child_record import domain, handlers, store
from child_record.domain import Stand
from frontdoor import access, problems
from frontdoor.calls import Anybody, Call, Route, may
from frontdoor.database import Database
from frontdoor.events import instant
from frontdoor.fields import LARGEST
from frontdoor.problems import Problem
from frontdoor.service import wants_json
from frontdoor.web import Pages
from frontdoor.work import Parts

log = structlog.get_logger()
router = APIRouter(route_class=Route)
pages = Pages("child_record")
A_PAGE = 25
REFRESH = {"Refresh": "2"}

LOOK = 0.5
"""Seconds between looks at whether a page was closed or the server stops; news wakes a stream at once."""
DEBOUNCE = 0.1
"""Seconds that commits made here are gathered for, before the tables are asked once for all of them."""
LOOK_ANYWAY = 5.0
"""Seconds after which the tables are asked although nothing was committed here: another process may have written."""
HEARTBEAT = 15.0
OPEN_FOR = 300.0
"""Seconds after which a stream ends; the browser opens it again by itself."""
FOR_ONE_LINK = 20
"""Streams that one link may hold open at a time."""
FOR_ALL_LINKS = 500
"""Streams that one process holds open at a time. A page without one is fresh when it is loaded again."""
COME_BACK = {"Retry-After": "60"}


# --- the family's page -----------------------------------------------------------------------------------------------


@router.api_route("/family/{token}", methods=["GET", "HEAD"])
def family(call: Anybody, token: str) -> Response:
    """Show where a referral is, to whoever holds the link; looking changes nothing."""
    with call.guess(), call.look() as session:
        status = handlers.read_status(call.parts, session, token)
    if wants_json(call.request):
        return JSONResponse(_status_json(status))
    page = pages.render(call.request, "family.html", token=token, area=call.parts.area, **_status_page(status))
    if not status.is_heard:
        page.headers.update(REFRESH)
    return page


@router.get("/family/{token}/events")
def news(call: Anybody, token: str, since: Annotated[int | None, Query(ge=0, le=LARGEST)] = None) -> Response:
    """Tell an open page each time its record changes, until its link opens no more."""
    with call.guess(), call.look() as session:
        link = handlers.open_link(call.parts, session, token)
        ends = store.versions_of(session, handlers.ends_of(call.parts, session, link))
    last = call.request.headers.get("last-event-id", "")
    seen = int(last) if last.isdecimal() and len(last) < 10 else since
    return _Stream(call, _Opened(token, store.stream_of(link.reference), ends), seen)


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


@dataclass(frozen=True)
class _Opened:
    """What a page was opened by: its token, and the stream of its record.

    `ends` are the streams that close the link when they change, each with how often it had changed.
    """

    token: str
    record: str
    ends: Mapping[str, int]


@dataclass(eq=False)
class _Listener:
    """One open page. Everything but `hear` happens on its own event loop."""

    opened: _Opened
    loop: asyncio.AbstractEventLoop
    version: int | None = None
    is_closed: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, versions: Mapping[str, int]) -> None:
        """Be told, by the watcher's thread, how often the record and what closes the link have changed."""
        version, is_closed = versions[self.opened.record], any(versions[s] > n for s, n in self.opened.ends.items())
        if version != self.version or is_closed:
            with suppress(RuntimeError):  # its loop has ended, and the page with it
                self.loop.call_soon_threadsafe(self._wake, version, is_closed)

    def _wake(self, version: int, is_closed: bool) -> None:
        self.version, self.is_closed = version, is_closed
        self.woken.set()

    async def listen(self) -> None:
        """Wait for news, and no longer than it takes to look whether anybody is still there."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await self.woken.wait()
        self.woken.clear()


class _Watcher:
    """Asks the tables on behalf of every open page, once after each change; its thread lives while a page is open."""

    def __init__(self, parts: Parts) -> None:
        self._guard = threading.Lock()
        self._listeners: set[_Listener] = set()
        self._is_watching = False
        self._rung = threading.Event()
        parts.database.on_commit(self._rung.set)
        parts.replicas.on_bell(parts.service, self._rung.set)

    def join(self, listener: _Listener, database: Database) -> bool:
        """Let a page listen; False: there are too many already, of its link or of all."""
        with self._guard:
            of_its_link = sum(other.opened.token == listener.opened.token for other in self._listeners)
            if of_its_link >= FOR_ONE_LINK or len(self._listeners) >= FOR_ALL_LINKS:
                return False
            self._listeners.add(listener)
            starts, self._is_watching = not self._is_watching, True
        self._rung.set()
        if starts:
            threading.Thread(target=self._watch, args=(database,), name="family-news", daemon=True).start()
        return True

    def leave(self, listener: _Listener) -> None:
        """Let a page go."""
        with self._guard:
            self._listeners.discard(listener)
            is_last = not self._listeners
        if is_last:
            self._rung.set()

    def _watch(self, database: Database) -> None:
        while True:
            if self._rung.wait(LOOK_ANYWAY):
                time.sleep(DEBOUNCE)
            self._rung.clear()
            with self._guard:
                listeners = list(self._listeners)
                self._is_watching = bool(listeners)
            if not listeners:
                return
            try:
                _tell(database, listeners)
            except Exception:
                log.exception("family_news_failed")  # told at the next look


def _tell(database: Database, listeners: Sequence[_Listener]) -> None:
    with database.read() as session:
        streams = {stream for one in listeners for stream in (one.opened.record, *one.opened.ends)}
        versions = store.versions_of(session, streams)
    for listener in listeners:
        listener.hear(versions)


_watchers: WeakKeyDictionary[Database, _Watcher] = WeakKeyDictionary()


class _Stream(Response):
    """The news of one record. It has its place among the listeners for exactly as long as it is being sent."""

    def __init__(self, call: Call, opened: _Opened, seen: int | None) -> None:
        super().__init__(media_type="text/event-stream")
        self._call, self._opened, self._seen = call, opened, seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        database = self._call.parts.database
        watcher = _watchers.get(database) or _watchers.setdefault(database, _Watcher(self._call.parts))
        listener = _Listener(self._opened, asyncio.get_running_loop())
        if not watcher.join(listener, database):
            await problems.answer(_TOO_MANY, COME_BACK)(scope, receive, send)
            return
        try:
            news = _news(self._call.request, listener, self._seen)
            headers = {"X-Accel-Buffering": "no"}
            await StreamingResponse(news, media_type=self.media_type, headers=headers)(scope, receive, send)
        finally:
            watcher.leave(listener)


_TOO_MANY = Problem(503, "too_many_open", "Too many pages are open just now: load this one again to refresh it.")


async def _news(request: Request, listener: _Listener, seen: int | None) -> AsyncIterator[str]:
    began = spoke = time.monotonic()
    yield "retry: 2000\n\n"
    while (now := time.monotonic()) - began < OPEN_FOR and not _server_stops() and not await request.is_disconnected():
        if listener.is_closed:
            return
        if listener.version not in {None, seen}:
            seen, spoke = listener.version, now
            yield f"id: {seen}\ndata: {json.dumps({'version': seen})}\n\n"
        if now - spoke > HEARTBEAT:
            spoke = now
            yield ": still here\n\n"
        await listener.listen()


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
            "name": _name(one.child),
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
    with call.look() as session:
        after = call.request.query_params.get("after", "")
        waits = handlers.may_wait(call.parts, session, call.actor, reference, after)
    if waits and not call.arrived():
        return _arriving(call, reference)
    try:
        with call.work() as work:
            shown = handlers.read_record(work, reference)
            now = work.now
    except access.Denied:
        if not waits:
            raise
        # What somebody waited for has come, and is not theirs: the same page as if it had not come.
        return _arriving(call, reference)
    family = shown.reader.is_family
    context: dict[str, Any] = {
        "record": shown.record,
        "child": shown.child,
        "steps": _marked(shown.stands, now, family=family),
        "lines": _timeline(shown),
        "others": [{"record": one.record, "steps": _marked(one.stands, now, family=False)} for one in shown.others],
        "needs": shown.record.needs if shown.reader.sees("needs") else [],
        "queue": call.actor.agency if shown.reader.relation == "triager" else None,
        "has_referral": shown.reader.relation != "caseload",
    }
    return pages.render(call.request, "record.html", **context)


def _timeline(shown: handlers.Shown) -> list[dict[str, Any]]:
    """The lines of a record and of the others of the same child, latest first, each said whose it is."""
    told = [(line, one) for one in (shown, *shown.others) for line in one.lines]
    return [
        {"at": line.at, **_byline(line), "what": domain.text_for(line, one.reader)}
        | ({"detail": f"Referral {one.record.reference}"} if shown.others else {})
        for line, one in sorted(told, key=lambda pair: pair[0].place, reverse=True)
    ]


def _arriving(call: Call, reference: str) -> Response:
    page = pages.render(call.request, "arriving.html", reference=reference)
    page.headers.update(REFRESH)
    return page


def _byline(line: domain.Line) -> dict[str, str]:
    return {"how": "automatically"} if line.by == domain.BY_ITSELF else {"by": line.by}


def _name(child: dict[str, Any]) -> str:
    return " ".join(str(child[part]) for part in ("given_name", "family_name") if child.get(part))
