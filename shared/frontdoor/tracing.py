"""One trace follows a referral: the request, what it says, each hearer of that, and what they say in turn.

Off until `start`: a span then costs a fraction of a microsecond. Spans are made here and nowhere else (no library
traces for itself), so that what leaves the process is on a list: names are route templates and event types, and
attributes are `Attributes`. No reference, no id of a person, no address, no text of an error. The way from a referral
to its trace is the `traceparent` in its events.

    with tracing.requested(service, traceparent) as span:   an HTTP request; named once its route is known
    with tracing.working(service):                          one transaction of a request, or one thing a chore does
    with tracing.heard(service, record) as span:            one handler hearing one event (delivery/hearer.py)
    with tracing.relayed(service, payloads):                events being sent, until they are acknowledged
    tracing.current()                                       the traceparent of what is in hand, for an envelope
"""

import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypedDict, Unpack

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from frontdoor.envelope import Recorded, Undecodable, decode

if TYPE_CHECKING:  # a third of a second to import, for those who trace
    from opentelemetry.sdk.trace import SpanProcessor


class Attributes(TypedDict, total=False):
    """All that a span may say beside its name and times."""

    method: str
    route: str
    status: int
    source: str
    event_type: str
    said: tuple[str, ...]
    outcome: str
    error: str


NAMES = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "source": "frontdoor.source",
    "event_type": "frontdoor.event_type",
    "said": "frontdoor.said",
    "outcome": "frontdoor.outcome",
    "error": "error.type",
}
"""Each attribute as it leaves the process, in OpenTelemetry's words where it has one."""

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_carried: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""The traceparent of what is in hand: our own span's, or, where nothing is traced here, the caller's."""


class Span(Protocol):
    """What is being done, for as long as the `with` lasts. An exception that leaves it makes it a failed one."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None: ...
    def name(self, name: str) -> None:
        """Name it anew, in our own words."""

    def note(self, **attributes: Unpack[Attributes]) -> None:
        """Say more about it, of what is on the list."""


def wellformed(traceparent: str | None) -> str | None:
    """Give back a traceparent (W3C, version 00) as it came; None for anything else."""
    return traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None


def current() -> str | None:
    """Give the traceparent of what is in hand; None where nobody traces it."""
    return _carried.get()


def ids() -> tuple[str, str] | None:
    """Give the trace id and span id of what is in hand, in hex, for log lines."""
    carried = _carried.get()
    return (carried[3:35], carried[36:52]) if carried else None


def requested(service: str, traceparent: str | None) -> Span:
    """Begin the span of an HTTP request; a caller's `traceparent` is honoured where it is well formed."""
    parent = wellformed(traceparent)
    if _tracers is None:
        return _Carrying(parent) if parent else NOTHING
    return _Traced(_tracers(service), "HTTP", "server", parent)


def working(service: str, follows: str | None = None) -> Span:
    """Begin the span of one transaction: under what is in hand, or in the trace of the traceparent that it follows."""
    parent = wellformed(follows)
    if _tracers is None:
        return _Carrying(parent) if parent else NOTHING
    return _Traced(_tracers(service), "transaction", "internal", parent or current())


def heard(service: str, record: Recorded) -> Span:
    """Begin the span of a handler: the next step of the trace that the heard event is part of."""
    parent = wellformed(record.traceparent)
    if _tracers is None:
        return _Carrying(parent) if parent else NOTHING
    about = Attributes(source=record.source.removeprefix("front-door/"), event_type=record.type)
    return _Traced(_tracers(service), f"hear {record.type}", "consumer", parent, about)


def relayed(service: str, payloads: Sequence[bytes]) -> Span:
    """Begin a span for each of these envelopes, each in its own trace, while they are sent together."""
    return NOTHING if _tracers is None else _Relayed(_tracers(service), payloads)


def said(records: Sequence[Recorded]) -> None:
    """Note on the span in hand which events were appended."""
    span = _in_hand.get()
    if span is not None:
        span.has_said(records)


# --- off, and on -----------------------------------------------------------------------------------------------------


class _Nothing:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def name(self, name: str) -> None:
        pass

    def note(self, **attributes: Unpack[Attributes]) -> None:
        pass


NOTHING = _Nothing()


class _Carrying(_Nothing):
    """Nobody traces here, but what is said here carries on the trace that it belongs to."""

    def __init__(self, traceparent: str | None) -> None:
        self._traceparent = traceparent

    def __enter__(self) -> Self:
        self._token = _carried.set(self._traceparent)
        return self

    def __exit__(self, *_: object) -> None:
        _carried.reset(self._token)


class _Traced:
    def __init__(
        self, tracer: Tracer, name: str, kind: str, parent: str | None, about: Attributes | None = None
    ) -> None:
        context = Context()
        if parent:
            context = set_span_in_context(NonRecordingSpan(_context_of(parent)), context)
        # Errors are noted by type alone, by us: their words may be somebody's.
        self._span = tracer.start_span(
            name, context, SpanKind[kind.upper()], record_exception=False, set_status_on_exception=False
        )
        self._said: list[str] = []
        self._has_outcome = False
        self.note(**(about or {}))

    def __enter__(self) -> Self:
        self._tokens: tuple[Token[str | None], Token[_Traced | None]] = (
            _carried.set(_written(self._span.get_span_context())),
            _in_hand.set(self),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        carried, in_hand = self._tokens
        _carried.reset(carried)
        _in_hand.reset(in_hand)
        if kind is not None:
            self.note(error=kind.__name__)
            if not self._has_outcome:
                self._span.set_status(StatusCode.ERROR)
        if self._said:
            self.note(said=tuple(self._said))
        self._span.end()

    def name(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, **attributes: Unpack[Attributes]) -> None:
        for name, value in attributes.items():
            if name in NAMES:
                self._span.set_attribute(NAMES[name], value)  # type: ignore[arg-type]
        self._has_outcome |= "outcome" in attributes

    def has_said(self, records: Sequence[Recorded]) -> None:
        self._said += [record.type for record in records]


_in_hand: ContextVar[_Traced | None] = ContextVar("span", default=None)


class _Relayed(_Nothing):
    def __init__(self, tracer: Tracer, payloads: Sequence[bytes]) -> None:
        self._spans = [
            _Traced(tracer, f"send {record.type}", "producer", parent, Attributes(event_type=record.type))
            for record in map(_decoded, payloads)
            if record and (parent := wellformed(record.traceparent))
        ]

    def __exit__(self, *ended: object) -> None:
        kind = ended[0]
        for span in self._spans:
            with span:
                if isinstance(kind, type):
                    span.note(outcome="failed", error=kind.__name__)


def _decoded(payload: bytes) -> Recorded | None:
    try:
        return decode(payload)
    except Undecodable:
        return None


_tracers: Callable[[str], Tracer] | None = None


def start(processor: "SpanProcessor") -> None:
    """Trace from now on, and hand every span that has ended to this processor."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    made: dict[str, Tracer] = {}

    def tracer(service: str) -> Tracer:
        # One provider a service, because a viewer tells services apart by their resource. None of them is made the
        # process's own: a library that would trace by itself finds nothing to trace with.
        if service not in made:
            named = Resource.create({"service.name": service, "service.namespace": "front-door"})
            provider = TracerProvider(resource=named, shutdown_on_exit=False)
            provider.add_span_processor(processor)
            made[service] = provider.get_tracer("frontdoor")
        return made[service]

    global _tracers, _processor
    _tracers, _processor = tracer, processor


def start_exporting(endpoint: str) -> None:
    """Trace from now on to an OpenTelemetry collector (OTLP over HTTP), by a thread that nobody waits for."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    start(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)))


def stop() -> None:
    """Trace no more; what has ended is handed over first."""
    global _tracers, _processor
    stopping, _tracers, _processor = _processor, None, None
    if stopping is not None:
        stopping.shutdown()


_processor: "SpanProcessor | None" = None


def _context_of(traceparent: str) -> SpanContext:
    trace, span, flags = traceparent.split("-")[1:]
    return SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16) & 1))


def _written(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"
