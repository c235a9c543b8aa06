"""The other services of an installation: how the origin asks them all, and how a hearer asks an owner to say again."""

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from frontdoor.events import EVENTS
from frontdoor.signin import inside_token
from frontdoor.work import Parts

Ask = Callable[[str, str], Awaitable[tuple[int, Any]]]
"""(service, path under the service) -> (HTTP status, JSON or text)."""
QUICKLY = httpx2.Timeout(2.0, connect=1.0)
"""Seconds of machine time that a person who asks how the services do waits for one that does not answer."""
PATIENTLY = httpx2.Timeout(10.0, connect=2.0)
NAMES = tuple(sorted({kind.source for kind in EVENTS.values()}))
"""The services of an installation: everybody who says something."""


class Peers:
    """The services of this origin, in alphabetical order, and how to ask them."""

    def __init__(self, names: tuple[str, ...], ask: Ask) -> None:
        self.names, self.ask = names, ask

    async def all(self, path: str) -> dict[str, tuple[int, Any]]:
        """Ask every service the same, all at once."""
        found = await asyncio.gather(*(self.ask(name, path) for name in self.names))
        return dict(zip(self.names, found, strict=True))


def over_http(peers: str, asking: Parts) -> Ask:
    """Ask services by their addresses (`peers`, with `{service}`); one that does not answer is unavailable (503)."""
    client = httpx2.AsyncClient(timeout=QUICKLY)

    async def ask(name: str, path: str) -> tuple[int, Any]:
        try:
            answer = await client.get(f"{peers.format(service=name)}/{name}{path}", headers=_token(asking))
            is_json = answer.headers.get("content-type", "").startswith("application/json")
            return answer.status_code, answer.json() if is_json else answer.text
        except (httpx2.HTTPError, ValueError) as trouble:
            why = f"does not answer ({type(trouble).__name__})"
            return 503, {"service": name, "status": "unavailable", "why": why, "hearing": {"ok": False}}

    return ask


def ask_again(peers: str, asking: Parts) -> Callable[[str, str, int], list[bytes]]:
    """Make what asks an owner for a stream's events from a version on, as the bytes that were hashed.

    It raises `httpx2.HTTPError` where the owner does not answer or refuses.
    """
    client = httpx2.Client(timeout=PATIENTLY)  # one for all: making it reads every certificate there is

    def say_again(source: str, stream: str, since: int) -> list[bytes]:
        said: list[bytes] = []
        following: int | None = since
        while following is not None:
            address = f"{peers.format(service=source)}/{source}/internal/replay"
            answer = client.post(address, json={"stream": stream, "from": following}, headers=_token(asking))
            page = answer.raise_for_status().json()
            said += map(b64decode, page["events"])
            following = page["next"]
        return said

    return say_again


def _token(asking: Parts) -> dict[str, str]:
    return {"Authorization": f"Bearer {inside_token(asking)}"}
