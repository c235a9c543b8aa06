"""Logs: a line of JSON for each thing that an operator should know, in which nothing is anybody's.

What leaves the process is on a list: our own lines have the fields in `FIELDS` and no others; of what libraries say,
only text that stands in their source leaves, without what they put into it; of an exception, its type and where it
was, and its words only where these stand in the source too. What a client sent is in none of these.
"""

import errno
import logging
import re
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from types import CodeType, TracebackType
from typing import Any, TextIO

import structlog

from frontdoor import tracing

FIELDS = frozenset(
    {
        # what every line has
        "timestamp",
        "level",
        "event",
        "logger",
        "trace_id",
        "span_id",
        "exception",
        # services, event types, codes and counts
        "service",
        "source",
        "error",
        "reason",
        "chore",
        "endpoint",
        "count",
        "database",
        "type",
        # how far the audit is sealed, and the hash of that
        "last",
        "digest",
        # ids that say nothing about whom they name: streams begin with a kind, references are random
        "stream",
        "notice",
        "alert",
    }
)
"""The fields that a line may have."""
LEVELS = {"debug", "info", "warning", "error", "critical"}
LEFT_OUT = "…"
_TOPIC = re.compile(r"front-door\.[a-z-]+\.v[0-9]+")
_LARGEST = 100_000
"""A number below is a count, a port or a status; above, it could be somebody's."""

left_out: Counter[str] = Counter()
"""`fields` that stood on no list and were dropped, since this process started."""


def set_up_logs(level: str, file: TextIO | None = None) -> None:
    """Log JSON lines, to standard error where no file is given: ours, libraries', and what nobody caught."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _traced,
            _explained,
            _listed,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(file or sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Others()]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # what a line could not be made of would be printed as it is
    sys.excepthook = _uncaught
    threading.excepthook = lambda failed: _uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)
    sys.unraisablehook = lambda failed: _uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)


# --- our own lines ---------------------------------------------------------------------------------------------------


def _traced(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if ids := tracing.ids():
        line["trace_id"], line["span_id"] = ids
    return line


def _explained(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    given = line.pop("exc_info", None)
    error = sys.exception() if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        line["exception"] = list(explain(error))
    return line


def _listed(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    left_out["fields"] += len(line.keys() - FIELDS)
    return {name: _plain(value) for name, value in line.items() if name in FIELDS}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    return [str(part) for part in value] if isinstance(value, list) else type(value).__name__


# --- exceptions ------------------------------------------------------------------------------------------------------


def explain(error: BaseException, depth: int = 10) -> Iterator[str]:
    """Say what went wrong and where, a line each, and what that came from; without anything that was sent to us."""
    yield _named(error)
    for frame, number in traceback.walk_tb(error.__traceback__):
        where = "/".join(frame.f_code.co_filename.split("/")[-3:])
        yield f"  {where}:{number} {frame.f_code.co_name}"
    if depth == 0:
        return
    for part in getattr(error, "exceptions", ()):
        yield from explain(part, depth - 1)
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield "from"
        yield from explain(before, depth - 1)


def _named(error: BaseException) -> str:
    kind = type(error)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    if code is None and isinstance(error, OSError) and error.errno:
        code = errno.errorcode.get(error.errno)
    words = error.args[0] if len(error.args) == 1 and isinstance(error.args[0], str) else None
    ours = words is not None and (words == kind.__doc__ or _stands_in(words, _last_code(error)))
    return " ".join(filter(None, (name, code, f"({words})" if ours else None)))


def _last_code(error: BaseException) -> CodeType | None:
    last = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        last = frame.f_code
    return last


def _stands_in(text: str, code: CodeType | None) -> bool:
    """Say whether a text stands in the source, letter for letter: then nobody has put anything into it."""
    return code is not None and any(isinstance(part, str) and part == text for part in code.co_consts)


def _uncaught(kind: type[BaseException], error: BaseException | None, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger().error("uncaught", exc_info=(kind, error or kind(), where))


# --- what libraries say ----------------------------------------------------------------------------------------------


class _Others(logging.Handler):
    """Hands on what libraries log by the standard library, as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        level = record.levelname.lower()
        write = getattr(structlog.get_logger(), level if level in LEVELS else "warning")
        write(_words(record), logger=record.name, exc_info=record.exc_info or None)


def _words(record: logging.LogRecord) -> str:
    template = record.msg
    if not isinstance(template, str) or not _stands_in(template, _code_of(record)):
        return LEFT_OUT
    if not record.args:
        return template
    try:
        return str(template % _harmless(record.args))
    except (TypeError, ValueError, KeyError):
        return template


def _code_of(record: logging.LogRecord) -> CodeType | None:
    frame = sys._getframe()  # noqa: SLF001  as `logging` itself finds who logs
    while frame.f_back is not None:
        if frame.f_code.co_filename == record.pathname and frame.f_lineno == record.lineno:
            return frame.f_code
        frame = frame.f_back
    return None


def _harmless(given: Any) -> Any:
    if isinstance(given, tuple):
        return tuple(map(_harmless, given))
    if isinstance(given, dict):
        return {name: _harmless(value) for name, value in given.items()}
    if isinstance(given, BaseException):
        return type(given).__name__
    if given is None or (isinstance(given, int | float) and abs(given) < _LARGEST):
        return given
    return given if isinstance(given, str) and _TOPIC.fullmatch(given) else LEFT_OUT
