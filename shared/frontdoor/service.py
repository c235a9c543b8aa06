"""What every service is made of: its description, its web application, its health, its errors and its chores."""

import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from pydantic import Field
from sqlalchemy import MetaData
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError, ProgrammingError
from starlette.exceptions import HTTPException
from starlette.types import Lifespan

from frontdoor import access, answers, audit_seal, documents, metrics, problems, readiness, signin
from frontdoor.calls import Anybody, Call, Route, may
from frontdoor.database import Busy, is_passing, may_not
from frontdoor.delivery import parking, positions
from frontdoor.delivery.hearer import DecidesAbout, Hearer, Subscriptions
from frontdoor.envelope import MOST
from frontdoor.event_log import EventLog, Stale
from frontdoor.events import Event
from frontdoor.guard import Guard, guarded
from frontdoor.problems import Command, Problem
from frontdoor.seal import KeyMissing
from frontdoor.seen import Seen
from frontdoor.web import error_page, mount_static
from frontdoor.web.forms import FieldError
from frontdoor.work import Parts, Refused

log = structlog.get_logger()

Lifecycle = Mapping[str, tuple[frozenset[str], str | None]]
"""Event type -> (the states it may happen in, the state it leads to; None: the same). It begins as ``""``."""


@dataclass(frozen=True)
class Chore:
    """Something due, done again and again outside requests and delivery.

    `run` gives back how much it did that others may have something to do about.
    """

    name: str
    run: Callable[[Parts], int]
    every: float = 1.0


def _seal_audit(parts: Parts) -> int:
    audit_seal.seal_audit(parts)
    return 0  # nobody has anything to do about a seal


def _forget_answers(parts: Parts) -> int:
    answers.forget(parts)
    return 0  # nor about an answer that nobody asks for again


EVERYBODYS = (
    Chore("audit-seal", _seal_audit, every=audit_seal.EVERY),
    Chore("answers", _forget_answers, every=600.0),
)
"""What every service does beside its own chores."""


@dataclass(frozen=True, eq=False)
class Service:
    """A deployable's description: what it is called, serves, says and hears. Its `app.py` makes one."""

    name: str
    paths: tuple[str, ...]
    routers: tuple[APIRouter, ...]
    log: EventLog
    subscriptions: Subscriptions
    refusal: type[Event]
    lifecycles: Mapping[str, Lifecycle]
    decides_about: DecidesAbout = lambda _event: ()
    chores: tuple[Chore, ...] = ()
    backlog: metrics.Backlog = metrics.no_backlog

    def __post_init__(self) -> None:
        """Add the kept tables that every service has to its metadata, and the chores that every service does."""
        for part in (positions, parking, answers, access, audit_seal):
            part.define(self.metadata)
        object.__setattr__(self, "chores", (*self.chores, *EVERYBODYS))

    @property
    def metadata(self) -> MetaData:
        """All tables of the service."""
        return self.log.metadata

    def hearer(self, parts: Parts) -> Hearer:
        """Make the service's ears."""
        return Hearer(parts, self.subscriptions, self.refusal, self.decides_about)


Health = Callable[[], dict[str, Any]]


def build(
    service: Service,
    parts: Parts,
    hearing: Health,
    lifespan: Lifespan[FastAPI] | None = None,
) -> FastAPI:
    """Make the service's web application. `hearing` tells how its delivery does, as `Progress.report`.

    `lifespan` starts and stops what runs beside it, where nobody else does.
    """
    app = FastAPI(
        title=f"Front Door: {service.name}",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.parts = parts
    app.state.service = service
    if parts.replicas.state != "absent":
        parts.database.on_commit(partial(parts.replicas.ring, service.name))
    for router in (*service.routers, _operations(service, parts, hearing)):
        app.router.routes.extend(router.routes)
    mount_static(app)
    app.add_middleware(Guard)
    app.add_middleware(Seen, service=service.name)
    _explain_errors(app)
    return app


class StreamAsked(Command):
    """A stream that a hearer wants to hear again, from a version on."""

    stream: str = Field(min_length=1, max_length=200)
    since: int = Field(alias="from", ge=1, lt=MOST)


REPLAY_PAGE = 200
"""Events of a stream that are said again in one answer; `next` is the version to go on from."""


def _operations(service: Service, parts: Parts, hearing: Health) -> APIRouter:
    router = APIRouter(prefix=f"/{service.name}", route_class=Route)

    @router.get("/health/live")
    def live(_call: Anybody) -> dict[str, str]:
        return {"service": service.name, "status": "ok"}

    @router.get("/health/ready")
    def ready(_call: Anybody) -> Response:
        report = readiness.report(parts, hearing())
        return JSONResponse(report, 200 if report["status"] == "ok" else 503)

    @router.get("/metrics", response_class=PlainTextResponse)
    def service_metrics(_call: Annotated[Call, may("operations.read")]) -> str:
        return metrics.text_of(parts, hearing(), service.backlog)

    @router.post("/internal/replay")
    def replay(
        call: Annotated[Call, may("stream.replay")], asked: Annotated[StreamAsked, problems.json_body(StreamAsked)]
    ) -> dict[str, Any]:
        with call.look() as session:
            said = service.log.stream(session, asked.stream, asked.since, REPLAY_PAGE)
        more = said[-1].version + 1 if len(said) == REPLAY_PAGE else None
        return {"events": [b64encode(record.payload).decode() for record in said], "next": more}

    @router.get("/openapi.json")
    def openapi(request: Request, _call: Anybody) -> dict[str, Any]:
        return documents.openapi(request.app)

    return router


# --- errors ----------------------------------------------------------------------------------------------------------


def _explain_errors(app: FastAPI) -> None:
    for kind, explain in _EXPLANATIONS.items():
        app.add_exception_handler(kind, _answer_with(explain))


def _answer_with(explain: Callable[[Any], Problem]) -> Callable[[Request, Exception], Response]:
    def handle(request: Request, error: Exception) -> Response:
        answer = _answer(request, error, explain(error))
        guarded(answer.headers, request.url.path)  # what nobody expected is answered outside all middleware
        return answer

    return handle


def _answer(request: Request, error: Exception, problem: Problem) -> Response:
    if problem.status >= 500 and not isinstance(error, Busy | OperationalError):
        log.error("unexpected", error=type(error).__name__, exc_info=error)
    if wants_json(request):
        return problems.answer(problem, _headers(problem))
    if problem.status == 401:
        return RedirectResponse(f"/sign-in?next={quote(_asked_for(request), safe='')}", 303)
    signin.show(request, request.app.state.parts)
    own_words = isinstance(error, Refused) or problem.status == 429
    page = error_page(request, problem.status, None, problem.title if own_words else None)
    page.headers.update(_headers(problem))
    return page


def _asked_for(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}" if request.method == "GET" else "/"


_FOR_PROGRAMS = (".json", "/health/live", "/health/ready", "/internal/replay")


def wants_json(request: Request) -> bool:
    """Say whether this request is a program's: by its address, or by what it accepts."""
    path = request.url.path
    programs = path.startswith(("/api/", "/metrics")) or path.endswith(_FOR_PROGRAMS)
    return programs or request.headers.get("accept", "").startswith("application/json")


def _headers(problem: Problem) -> dict[str, str]:
    if problem.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if problem.status == 429:
        return {"Retry-After": str(problem.more["retry_after"])}
    return {"Retry-After": "1"} if problem.status in {409, 503} and problem.code in {"busy", "in_flight"} else {}


def _refused(error: Refused) -> Problem:
    errors = [FieldError(error.field, error.sentence)] if error.field else []
    return Problem(error.status, error.code, error.sentence, errors=errors, **error.more)


def _denied(error: access.Denied) -> Problem:
    if error.status == 404:
        return _NOT_FOUND
    return Problem(error.status, "forbidden", "You may not do this: ask somebody whose role allows it.")


def _http(error: HTTPException) -> Problem:
    known = {
        404: _NOT_FOUND,
        405: Problem(405, "method_not_allowed", "Use another method: this address does not take that one."),
    }
    return known.get(error.status_code, Problem(error.status_code, "error", str(error.detail)))


def _wrong_parameters(error: RequestValidationError) -> Problem:
    fields = [FieldError(str(part["loc"][-1]), "Check this part of the address.") for part in error.errors()]
    return problems.wrong_fields(fields)


_NOT_FOUND = Problem(404, "not_found", "There is nothing here, or nothing that you may see: check the address.")
_BUSY = Problem(503, "busy", "This cannot be saved just now. Nothing has been lost: try again in a moment.")
_STALE = Problem(409, "stale", "Somebody else changed this in the meantime: look again.")
_FAILED = Problem(
    500, "failed", "Something went wrong on our side. Try again in a few minutes: nothing that has a reference is lost."
)
_EXPLANATIONS: dict[type[Exception], Callable[[Any], Problem]] = {
    Problem: lambda error: error,
    Refused: _refused,
    Stale: lambda _: _STALE,
    IntegrityError: lambda error: _STALE if is_passing(error) else _FAILED,
    access.Denied: _denied,
    access.NotSignedIn: lambda _: Problem(401, "not_signed_in", "Sign in first."),
    HTTPException: _http,
    RequestValidationError: _wrong_parameters,
    Busy: lambda _: _BUSY,
    KeyMissing: lambda _: Problem(
        503, "key_missing", "This cannot be shown just now. Nothing has been lost: try again later."
    ),
    OperationalError: lambda _: _BUSY,
    InternalError: lambda _: _BUSY,  # PostgreSQL has ended a transaction that stood idle
    # The audit may not be written: without it nothing is shown.
    ProgrammingError: lambda error: _BUSY if may_not(error) else _FAILED,
    Exception: lambda _: _FAILED,
}


# --- chores ----------------------------------------------------------------------------------------------------------


@dataclass
class ChoreRunner:
    """Runs services' chores, one thread each, until stopped."""

    jobs: Sequence[tuple[Chore, Parts]]
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin."""
        for chore, parts in self.jobs:
            name = f"{parts.service}-{chore.name}"
            thread = threading.Thread(target=self._run, args=(chore, parts), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Finish what is in hand and stop."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def once(self) -> int:
        """Run every chore once, in the caller's thread; give back how much was done."""
        return sum(chore.run(parts) for chore, parts in self.jobs)

    def _run(self, chore: Chore, parts: Parts) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                chore.run(parts)
            except Exception:
                log.exception("chore_failed", service=parts.service, chore=chore.name)
            self._stopping.wait(max(chore.every - (time.monotonic() - began), 0.05))


def data_folder(path: str | Path) -> Path:
    """Make the data folder where it is not there yet, for its owner's eyes only."""
    folder = Path(path).resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
