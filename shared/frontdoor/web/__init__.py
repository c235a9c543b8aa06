"""The skin that all pages share: templates, components, static files, and the few words every page needs.

Common facts come from `request.state`, set by the service before a page is rendered: `actor` (an object with `name`
and `person`, or None), `nav` (a list of {"href", "text", "current"}) and `demo` (bool).
"""

import hashlib
from collections.abc import Callable
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, PrefixLoader
from jinja2.bccache import Bucket, BytecodeCache
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from frontdoor.web import parameters, wording
from frontdoor.web.forms import FieldError, Form, field_errors, identifier

HERE = Path(__file__).parent
STATIC = HERE / "static"

FILTERS = {
    "day": wording.day,
    "day_time": wording.day_time,
    "short_day": wording.short_day,
    "machine_time": wording.machine_time,
    "need": wording.need,
    "pence": wording.pence,
    "words": wording.words,
}

# status: (title, what happened and what to do now)
ERRORS = {
    400: ("Sorry, we could not read what was sent", "Go back, check the page and send it again."),
    401: ("Sign in to see this page", "Sign in, then open the page again."),
    403: (
        "You cannot see this page",
        """Your sign-in does not allow it. If you need it for your work, ask the person who manages sign-ins in your
        organisation. If you followed a link in a message, ask whoever sent it for a new one.""",
    ),
    404: (
        "Page not found",
        """If you typed the address, check it is correct. If you pasted it, check you copied all of it. If you followed
        a link in a message, ask whoever sent it for a new one.""",
    ),
    409: (
        "This has changed since you opened it",
        """Somebody else, or another tab of yours, changed it first. Nothing you did has been saved. Go back, load the
        page again to see what it says now, and then decide.""",
    ),
    413: ("What you sent is too large", "Nothing has been saved. Go back, send less text or a smaller file."),
    429: ("Too many tries", "Wait a minute and try again."),
    500: (
        "Sorry, there is a problem with the service",
        """Try again in a few minutes. If you were sending a form and saw no reference number, go back and send it
        again from the same page.""",
    ),
    503: (
        "Sorry, the service is not available just now",
        "What has a reference number is safe. Try again in a few minutes. If a child is in danger now, call 999.",
    ),
}


class Pages:
    """Renders the pages of one service: its own templates first, then the shared ones."""

    def __init__(self, package: str) -> None:
        """`package` is the service's import name; its templates are in `<package>/templates`."""
        self._package = package
        self._filters: dict[str, Callable[..., Any]] = {}

    def add_filter(self, name: str, function: Callable[..., Any]) -> None:
        """Give the templates one more filter, before the first page is rendered."""
        self._filters[name] = function

    @cached_property
    def environment(self) -> Environment:
        """The Jinja environment; made for the first page, because reading the macros takes a while."""
        environment = _environment(self._package)
        environment.filters.update(self._filters)
        return environment

    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """One full page; `context` wins over what is common to all pages."""
        html = self.environment.get_template(template).render(_common(request) | context)
        # Pages show children's data on shared computers: no copy may stay behind.
        return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})


def error_page(
    request: Request, status: int, title: str | None = None, message: str | None = None, *, code: str | None = None
) -> HTMLResponse:
    """A full page that says what went wrong and what to do now; `code` is for the person to quote to support."""
    usual_title, usual_message = ERRORS.get(status, ERRORS[500 if status >= 500 else 400])
    said = {"title": title or usual_title, "message": message or usual_message, "code": code}
    return _error_pages().render(request, "error.html", status, **said)


def mount_static(app: FastAPI) -> None:
    """Serves the shared static files under /static."""
    app.mount("/static", CachedFiles(directory=STATIC), name="static")


class CachedFiles(StaticFiles):
    """Static files with an ETag: kept for a year under the address pages use, an hour under any other."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code in (200, 304):
            current = parse_qs(scope["query_string"].decode("latin-1")).get("v") == [static_version()]
            kept = "max-age=31536000, immutable" if current else "max-age=3600"
            response.headers["Cache-Control"] = f"public, {kept}"
        return response


@cache
def static_version() -> str:
    """Changes when any static file does, so that a browser never keeps an old one."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.iterdir()):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def static(name: str) -> str:
    """The address of a static file as pages use it."""
    return f"/static/{name}?v={static_version()}"


@cache
def _error_pages() -> Pages:
    return Pages("frontdoor.web")


class _InThisProcess(BytecodeCache):
    """What one service has compiled of the shared templates, the others in this process need not compile again."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _InThisProcess()


def _environment(package: str) -> Environment:
    # Not StrictUndefined: the macros of govuk-frontend-jinja read parameters that were not given.
    environment = Environment(
        loader=ChoiceLoader(
            [
                FileSystemLoader(str(files(package) / "templates")),
                FileSystemLoader(HERE / "templates"),
                PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
            ]
        ),
        bytecode_cache=_COMPILED,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    environment.globals.update(parameters.FOR_COMPONENTS, static=static, identifier=identifier)
    environment.globals["ui"] = environment.get_template("components.html").module
    return environment


def _common(request: Request) -> dict[str, Any]:
    state = request.state
    return {
        "request": request,
        "actor": getattr(state, "actor", None),
        "nav": getattr(state, "nav", []),
        "demo": getattr(state, "demo", False),
    }


__all__ = ["FieldError", "Form", "Pages", "error_page", "field_errors", "identifier", "mount_static", "static"]
