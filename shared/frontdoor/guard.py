"""What every answer of every service carries, and what no request may do, whatever the route."""

import asyncio
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from frontdoor.problems import Problem, answer

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_ELSEWHERE = Problem(
    403,
    "from_elsewhere",
    "This was asked for by a page of another site. Nothing has been changed: open our own page, and try again.",
)
PATIENCE = 20.0
"""Seconds of machine time that a body may take, and one more for each `A_SECONDS` bytes that have come."""
A_SECONDS = 1024
_TOO_SLOW = Problem(408, "too_slow", "This came too slowly. Nothing has been saved: send it again, or a smaller file.")
_CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


class Guard:
    """ASGI middleware: security headers on every answer; no change asked for by another site's page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                guarded(MutableHeaders(scope=message), scope["path"])
            await send(message)

        if scope["method"] in _CHANGES and _from_elsewhere(Headers(scope=scope)):
            await answer(_ELSEWHERE)(scope, receive, send_with_headers)
            return
        await self.app(scope, _in_time(receive), send_with_headers)


def _in_time(receive: Receive) -> Receive:
    """Receive a body that keeps coming; one that drips in is a `Problem`, and holds nobody's place for ever."""
    loop = asyncio.get_running_loop()
    began, arrived, is_whole = loop.time(), 0, False

    async def receive_in_time() -> Message:
        nonlocal arrived, is_whole
        if is_whole:  # what may still come is that the other side has gone
            return await receive()
        left = began + PATIENCE + arrived / A_SECONDS - loop.time()
        try:
            async with asyncio.timeout(max(left, 0.0)):
                message = await receive()
        except TimeoutError:
            raise _TOO_SLOW from None
        arrived += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        return message

    return receive_in_time


def guarded(headers: MutableHeaders, path: str) -> None:
    """Give an answer's headers what every answer carries: also one that is made outside the middleware."""
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if not path.startswith("/static/"):
        headers.setdefault("Cache-Control", "no-store")


def _from_elsewhere(headers: Headers) -> bool:
    """Say whether a browser says that another site's page asks (programs say nothing; our cookie is SameSite=Lax)."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
