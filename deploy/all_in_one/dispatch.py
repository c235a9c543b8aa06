"""One origin for five applications: each request goes to the service whose paths it begins with, as in the gateway."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx2
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from frontdoor.peers import Ask
from frontdoor.service import Service
from frontdoor.signin import inside_token
from frontdoor.work import Parts

HOME = "referral-intake"
"""The service that serves the origin's own addresses: home, sign-in, health, OpenAPI, static files."""


def in_process(apps: Mapping[str, ASGIApp], asking: Parts) -> Ask:
    """Ask a service in this process, as over HTTP."""

    async def ask(name: str, path: str) -> tuple[int, Any]:
        transport = httpx2.ASGITransport(app=apps[name])
        async with httpx2.AsyncClient(transport=transport, base_url="http://inside") as client:
            answer = await client.get(f"/{name}{path}", headers={"Authorization": f"Bearer {inside_token(asking)}"})
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.status_code, answer.json() if is_json else answer.text

    return ask


class Dispatcher:
    """An ASGI application; its lifespan starts and stops the whole product."""

    def __init__(
        self,
        apps: Mapping[str, ASGIApp],
        services: Mapping[str, Service],
        start: Callable[[], None],
        stop: Callable[[], None],
    ) -> None:
        self.apps = apps
        self._start, self._stop = start, stop
        self._sending = 0
        paths = [(path, name) for name, service in services.items() for path in (f"/{name}", *service.paths)]
        self._paths = sorted(paths, key=lambda pair: -len(pair[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        app = self.apps[self.service_of(scope["path"])]
        if scope["method"] != "POST":
            await app(scope, receive, send)
            return
        arrived = False

        async def receive_and_count() -> Message:
            nonlocal arrived
            message = await receive()
            # Only what has arrived whole counts: an open connection that sends nothing holds nobody up.
            if not arrived and message["type"] == "http.request" and not message.get("more_body", False):
                arrived = True
                self._sending += 1
            return message

        try:
            await app(scope, receive_and_count, send)
        finally:
            self._sending -= arrived

    def busy(self) -> bool:
        """Say whether people are sending something just now."""
        return self._sending > 0

    def service_of(self, path: str) -> str:
        """Name the service that serves a path: the longest of all services' paths that it begins with."""
        for prefix, name in self._paths:
            if path == prefix or path.startswith(f"{prefix}/"):
                return name
        return HOME

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self._stop()
                await send({"type": "lifespan.shutdown.complete"})
                return
