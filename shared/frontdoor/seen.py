"""What is seen of each request: a span, a count and how long it took, by the route's template and never its address."""

import time
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from frontdoor import metrics, tracing
from frontdoor.failpoints import reach

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods by name; whatever else somebody sends is `OTHER`: labels are ours, not a caller's."""

_PLACES = {True: ("answer.before", "answer.after"), False: ("look.before", "look.after")}
"""By whether it is a POST: the places before and after an answer is sent."""


class Seen:
    """ASGI middleware, outermost: everything that is answered is seen here."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app, self._service = app, service
        self._counts = metrics.counts_of(service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; see what became of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        before, after = _PLACES[scope["method"] == "POST"]
        began = time.perf_counter()

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                reach(before)
            await send(message)

        with tracing.requested(self._service, _traceparent(scope)) as span:
            try:
                await self.app(scope, receive, send_and_see)
            finally:
                method, route = method_of(scope), route_of(scope)
                if span is not tracing.NOTHING:
                    span.name(f"{method} {route}")
                    span.note(method=method, route=route, status=status)
                reach(after)
                self._counts.answered(method, route, status, time.perf_counter() - began)


def _traceparent(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return str(value, "latin-1")
    return None


def method_of(scope: Scope) -> str:
    """Name the request's method."""
    method: str = scope["method"]
    return method if method in METHODS else "OTHER"


def route_of(scope: MutableMapping[str, Any]) -> str:
    """Name the route that answered by its template; `unknown` where there is none."""
    route = scope.get("route")
    if route is None:
        return "/static/{file}" if scope["path"].startswith("/static/") else "unknown"
    template: str = getattr(route, "path_format", None) or "unknown"
    return template
