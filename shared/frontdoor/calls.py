"""A call by somebody to a route: who it is, whether they may, the work it does, and its answer given once."""

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from inspect import iscoroutinefunction
from typing import Annotated, Any

import structlog
from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy import Select, select
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from frontdoor import access, answers, limits, signin
from frontdoor.database import claim, is_passing
from frontdoor.event_log import Stale
from frontdoor.problems import Problem
from frontdoor.work import Parts, Work

log = structlog.get_logger()
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_AFTER = re.compile(r"([a-z-]+):([A-Za-z0-9/_.-]+):([0-9]{1,6})")
TWIN_WAIT = 5.0
"""Seconds of machine time that a twin waits for the first answer."""
TRIES = 4
"""How often a request is tried where others were quicker: a deadlock, or a change since it looked."""
ARRIVAL_WAIT = 2.0
"""Seconds of machine time that a page waits for an event on its way here."""


@dataclass(frozen=True)
class Call:
    """One request by one person, whose role allows it."""

    request: Request
    parts: Parts
    actor: access.Actor
    action: str

    @property
    def address(self) -> str:
        """The path that was asked for; the whole URL would be put together anew each time."""
        path: str = self.request.scope["path"]
        return path

    @contextmanager
    def work(self) -> Iterator[Work]:
        """Open the transaction of this call: also for reading a child's data, whose audit row stands in it."""
        with self.parts.work(self.actor) as work:
            yield work

    @contextmanager
    def look(self) -> Iterator[Session]:
        """Open a session for reading what is nobody's personal data."""
        with self.parts.database.read() as session:
            yield session

    def once(
        self,
        do: Callable[[Work], Any],
        *,
        status: int = 201,
        personal: bool = False,
        location: Callable[[Any], str] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> Response:
        """Do it and answer; or give the first answer again where this Idempotency-Key has been answered.

        `do` gives the JSON answer (a dict or a model). `prepare` runs before the transaction opens, and only where
        something will be done. Only what succeeded is kept: what was refused or failed runs again. A `personal` answer
        is not kept in clear: asked again, it is made again.
        """
        with self._alone():
            return self._once(do, status, location, prepare, personal=personal)

    def _once(
        self,
        do: Callable[[Work], Any],
        status: int,
        location: Callable[[Any], str] | None,
        prepare: Callable[[], None] | None,
        *,
        personal: bool,
    ) -> Response:
        key = self.idempotency_key()
        sent = answers.digest(getattr(self.request.state, "sent", None), self.parts.secret)
        kept = answers.Answers(self.parts.log.metadata, self.actor.person, self.address, key) if key else None
        if prepare:
            found = self._answered(kept, sent) if kept else None
            if found and not personal:
                return _again(*found)
            prepare()
        with self.work() as work:
            if kept:
                _wait_for_twin(work, kept.name)
            found = kept.find(work.session, sent, work.now) if kept else None
            if found and not personal:
                return _again(*found)
            done = do(work)
            body = done.model_dump(mode="json") if isinstance(done, BaseModel) else done
            if found:
                return _again(body, None)
            where = location(body) if location else None
            if kept:
                kept.keep(work, sent, status, None if personal else body, where)
        return JSONResponse(body, status, headers={"Location": where} if where else None)

    def _answered(self, kept: answers.Answers, sent: str) -> tuple[dict[str, Any], str | None] | None:
        with self.parts.database.glance() as session:
            return kept.find(session, sent, self.parts.clock())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let a twin in flight wait for the first answer, up to 5 seconds."""
        key = self.idempotency_key()
        if key is None:
            yield
            return
        twin = (self.parts.service, self.actor.person, self.address, key)
        until = time.monotonic() + TWIN_WAIT
        while not _take(twin):
            if time.monotonic() > until:
                raise _in_flight_still()
            time.sleep(0.02)
        try:
            yield
        finally:
            _in_flight.discard(twin)

    @contextmanager
    def guess(self) -> Iterator[None]:
        """Within, whatever is not found was a wrong guess: whoever guesses wrong too often is asked to wait."""
        source = limits.source_of(self.request)
        limits.look(self.parts, limits.LINK, source)
        try:
            yield
        except access.Denied as denied:
            if denied.status == 404:
                limits.take(self.parts, limits.LINK, source)
            raise

    def idempotency_key(self) -> str | None:
        key = self.request.headers.get("idempotency-key")
        if key is not None and not _KEY.fullmatch(key):
            raise Problem(400, "idempotency_key", "Idempotency-Key must be 1 to 128 visible ASCII characters.")
        return key

    def arrived(self) -> bool:
        """Wait for the event named by `?after=<source>:<stream>:<version>`; False: it is still on its way."""
        named = _AFTER.fullmatch(self.request.query_params.get("after", ""))
        if named is None:
            return True
        source, stream, version = named[1], named[2], int(named[3])
        table = self.parts.log.metadata.tables["stream_position"].c
        heard = select(table.version).where(table.source == source, table.stream == stream)
        if not _waiting_room.acquire(blocking=False):
            return False
        try:
            until = time.monotonic() + ARRIVAL_WAIT
            while not self._heard(heard, version):
                if time.monotonic() > until:
                    return False
                time.sleep(0.05)
        finally:
            _waiting_room.release()
        return True

    def _heard(self, position: Select[Any], version: int) -> bool:
        with self.look() as session:
            return (session.connection().scalar(position) or 0) >= version


_waiting_room = threading.BoundedSemaphore(8)
"""Pages that may wait at once for something on its way: the others say at once that it is still arriving."""
_in_flight: set[tuple[str, str, str, str]] = set()
_in_flight_guard = threading.Lock()


def _take(twin: tuple[str, str, str, str]) -> bool:
    with _in_flight_guard:
        if twin in _in_flight:
            return False
        _in_flight.add(twin)
        return True


def _wait_for_twin(work: Work, name: str) -> None:
    """Let a twin in another process end first."""
    try:
        claim(work.session, name, patience=TWIN_WAIT)
    except OperationalError as waited:
        raise _in_flight_still() from waited


def _in_flight_still() -> Problem:
    return Problem(
        409,
        "in_flight",
        "The first request with this Idempotency-Key is still being answered: send it again in a moment.",
    )


def _again(body: Any, location: str | None) -> Response:
    headers = {"Idempotent-Replay": "true"} | ({"Location": location} if location else {})
    return JSONResponse(body, 200, headers=headers)


def may(action: str, agency: str | None = None) -> Any:
    """Declare who may call a route: a row of `access.WHO_MAY`, or `access.PUBLIC`.

    A path parameter `agency`, or the one given here, limits roles of a single agency to their own.
    """

    async def call(request: Request) -> Call:
        # Async, as what it does is done sooner than another thread would take it up.
        parts: Parts = request.app.state.parts
        actor = signin.show(request, parts)
        if actor.is_signed_in:
            limits.take(parts, limits.PERSON, actor.person)
        access.permit(actor, action, parts.area.id, agency or request.path_params.get("agency"))
        made = Call(request, parts, actor, action)
        made.idempotency_key()
        return made

    call.action = action  # type: ignore[attr-defined]
    return Depends(call)


class Route(APIRoute):
    """A route whose work is tried again where others were quicker: a transaction that failed has left nothing."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        super().__init__(path, endpoint if iscoroutinefunction(endpoint) else _tried_again(endpoint), **more)
        self.endpoint = endpoint  # so that a router which includes this one wraps it once, not twice


def _tried_again(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    def answer(*args: Any, **named: Any) -> Any:
        for attempt in range(1, TRIES):
            try:
                return endpoint(*args, **named)
            except Exception as trouble:
                if not (isinstance(trouble, Stale) or is_passing(trouble)):
                    raise
                log.info("tried_again", endpoint=endpoint.__name__, error=type(trouble).__name__)
                time.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311  so that two do not meet again
        return endpoint(*args, **named)

    return answer


Anybody = Annotated[Call, may(access.PUBLIC)]
"""The call of a route that anybody may make."""
