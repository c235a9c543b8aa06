"""How much is too much: requests of a person, wrong guesses at a family's link, attempts to sign in.

Whoever goes beyond is asked to wait, and nothing else changes. The demo sign-in knows no limit below 500 a second.
"""

from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from fastapi import Request

from frontdoor import metrics
from frontdoor.problems import Problem
from frontdoor.replicas import Limit
from frontdoor.work import Parts

PERSON, LINK, SIGN_IN = "person", "link", "sign_in"
LIMITS = {
    PERSON: Limit(PERSON, 1_000, 10),
    LINK: Limit(LINK, 60, 60),
    SIGN_IN: Limit(SIGN_IN, 60, 60),
}
"""Requests of one person; links that open nothing, and attempts to sign in, of one source."""
IN_THE_DEMO = {name: Limit(name, 10_000, 10) for name in LIMITS}


def take(parts: Parts, name: str, subject: str) -> None:
    """Count one more of this kind; raises the problem that asks to wait."""
    if wait := parts.replicas.take(_limit(parts, name), subject):
        raise _too_many(parts, name, wait)


def look(parts: Parts, name: str, subject: str) -> None:
    """Raise the problem that asks to wait, where there have been too many; count nothing."""
    if wait := parts.replicas.full(_limit(parts, name), subject):
        raise _too_many(parts, name, wait)


def source_of(request: Request) -> str:
    """Name where a request comes from: an address, or of IPv6 the network that one subscriber has."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else host


def _limit(parts: Parts, name: str) -> Limit:
    return (IN_THE_DEMO if parts.demo else LIMITS)[name]


def _too_many(parts: Parts, name: str, wait: float) -> Problem:
    metrics.counts_of(parts.service).limited(name)
    seconds = ceil(wait)
    unit = "second" if seconds == 1 else "seconds"
    sentence = f"There were too many requests from here. Nothing has been lost: try again in {seconds} {unit}."
    return Problem(429, "too_many_requests", sentence, retry_after=seconds)
