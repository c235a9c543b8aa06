"""What every answer of every service carries, and what no request may do, whatever the route."""

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
_ELSEWHERE = Problem(403, "from_elsewhere", "This was asked for by a page of another site. Nothing has been changed.")
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
        await self.app(scope, receive, send_with_headers)


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
