"""One origin for five applications: each request goes to the service whose paths it begins with, as in the gateway."""

from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from frontdoor.service import Service

HOME = "referral-intake"
"""The service that serves the origin's own addresses: home, sign-in, health, OpenAPI, static files."""


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
        paths = [(path, name) for name, service in services.items() for path in (f"/{name}", *service.paths)]
        self._paths = sorted(paths, key=lambda pair: -len(pair[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        await self.apps[self.service_of(scope["path"])](scope, receive, send)

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
