"""Errors as RFC 9457 problem+json, and JSON bodies read strictly: errors name the field, never its value."""

import json
import math
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, ValidationError
from python_multipart.multipart import parse_options_header

from frontdoor.web.forms import FieldError, field_errors

MAX_BODY = 1024 * 1024
SHORT_BODY = 16 * 1024
"""Bytes that are read sooner than another thread would take them up."""
MAX_DEPTH = 32
MAX_KEYS = 1000
PROBLEM = "application/problem+json"
Model = TypeVar("Model", bound=BaseModel)


class Command(BaseModel):
    """A body that somebody sends us: strict, and nothing unknown in it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Problem(Exception):
    """An answer that says what is wrong and how to put it right."""

    def __init__(self, status: int, code: str, title: str, *, errors: Sequence[FieldError] = (), **more: Any) -> None:
        super().__init__(title)
        self.status, self.code, self.title, self.errors, self.more = status, code, title, errors, more


def answer(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """Write a problem as the response."""
    body: dict[str, Any] = {"type": "about:blank", "code": problem.code, "title": problem.title}
    body |= {"status": problem.status, **problem.more}
    if problem.errors:
        body["errors"] = [{"field": error.field, "message": error.message} for error in problem.errors]
    return JSONResponse(body, problem.status, headers=headers, media_type=PROBLEM)


def wrong_fields(errors: Sequence[FieldError], code: str = "invalid") -> Problem:
    """Say which fields are wrong."""
    return Problem(422, code, "Some of what was sent cannot be used: see errors.", errors=errors)


def parse_json(body: bytes) -> Any:
    """Parse JSON as RFC 8259 means it: UTF-8, no key twice, no NaN, no lone surrogates, at most 32 deep."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_no_key_twice, parse_constant=_no_constants)
        _check(value, MAX_DEPTH)
    except (ValueError, RecursionError) as wrong:
        reason = wrong.args[0] if isinstance(wrong, _NotStrict) else "it is not valid JSON in UTF-8"
        raise Problem(400, "malformed", f"The body cannot be read: {reason}. Send strict JSON, in UTF-8.") from None
    return value


def validate(model: type[Model], value: Any) -> Model:
    """Make the model of parsed JSON, or raise the problem that names the fields."""
    try:
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as wrong:
        raise wrong_fields(field_errors(wrong, model=model)) from None


async def read_body(request: Request) -> bytes:
    """Read the body, refusing what is not JSON or packed (415) and what is too long (413)."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise Problem(415, "encoded", "Send the body as it is, without compression.")
    kind, parameters = parse_options_header(request.headers.get("content-type", ""))
    if kind.lower() != b"application/json" or parameters.get(b"charset", b"utf-8").lower() not in {b"utf-8", b"utf8"}:
        raise Problem(415, "not_json", "Send the body as application/json, in UTF-8.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Problem(413, "too_large", "The body must be 1 MiB or less.")
    return body


async def _raw_json(request: Request, body: Annotated[bytes, Depends(read_body)]) -> Any:
    # Reading a large body strictly takes a while, and must not hold up everybody else.
    is_short = len(body) <= SHORT_BODY
    request.state.sent = parse_json(body) if is_short else await run_in_threadpool(parse_json, body)
    return request.state.sent


RawJson = Depends(_raw_json)
"""A parsed body that the route validates by itself."""


def json_body(model: type[BaseModel]) -> Any:
    """Declare a JSON body of this model: strict, documented in OpenAPI, remembered for idempotent answers."""

    def read(sent: Annotated[Any, RawJson]) -> BaseModel:
        return validate(model, sent)

    read.body_model = model  # type: ignore[attr-defined]
    return Depends(read)


class _NotStrict(ValueError):
    pass


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _NotStrict("a key stands in it twice")
    return value


def _no_constants(_name: str) -> Any:
    raise _NotStrict("NaN and Infinity are not JSON")


def _check(value: Any, depth: int) -> None:
    if depth == 0:
        raise _NotStrict(f"it is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _NotStrict("a text holds half of a character") from None
    elif isinstance(value, float) and not math.isfinite(value):
        raise _NotStrict("a number is too large")
    elif isinstance(value, dict):
        if len(value) > MAX_KEYS:
            raise _NotStrict(f"an object in it has more than {MAX_KEYS} keys")
        for key, part in value.items():
            _check(key, depth)
            _check(part, depth - 1)
    elif isinstance(value, list):
        for part in value:
            _check(part, depth - 1)
