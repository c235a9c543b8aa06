"""Who is signed in: a signed, short-lived cookie that every service checks by itself, or a bearer token: the demo's,
that of another service of this installation, or the message provider's.

The demo sign-in knows the area's sample people only, and is refused when `FRONTDOOR_ENV=production`.
"""

import hmac

from fastapi import Request, Response
from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer

from frontdoor import access, navigation
from frontdoor.work import Parts

COOKIE = "frontdoor-session"
LASTS = 8 * 60 * 60
"""Seconds of machine time after which somebody must sign in again."""
_DEMO = "demo-"
_INSIDE = "inside-"
INSIDE_LASTS = 60
"""Seconds of machine time for which a service's token is good: it makes another for each call."""


def actor_of(request: Request, parts: Parts) -> access.Actor:
    """Read who is asking; `access.ANYBODY` where nobody is signed in."""
    authorization = request.headers.get("authorization", "")
    if authorization:
        return _of_bearer(authorization, parts)
    cookie = request.cookies.get(COOKIE)
    if cookie is None:
        return access.ANYBODY
    try:
        person = _signer(parts).loads(cookie, max_age=LASTS)
    except BadSignature:
        return access.ANYBODY
    return _of_person(str(person), parts)


def show(request: Request, parts: Parts) -> access.Actor:
    """Tell the page that is rendered for this request who is signed in and where they may go."""
    actor = actor_of(request, parts)
    request.state.actor = actor if actor.is_signed_in else None
    request.state.nav = navigation.links(actor, request.scope["path"])
    request.state.demo = parts.demo
    return actor


def sign_in(response: Response, person: str, parts: Parts, *, secure: bool) -> None:
    """Put the session cookie on a response."""
    response.set_cookie(
        COOKIE, _signer(parts).dumps(person), max_age=LASTS, httponly=True, samesite="lax", secure=secure
    )


def sign_out(response: Response) -> None:
    """Take the session cookie away."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")


def _of_bearer(authorization: str, parts: Parts) -> access.Actor:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return access.ANYBODY
    if token.startswith(_INSIDE):
        return _of_service(token.removeprefix(_INSIDE), parts)
    if token.startswith(_DEMO):
        return _of_person(token.removeprefix(_DEMO), parts)
    is_providers = bool(parts.receipts) and hmac.compare_digest(token.encode(), parts.receipts.hex().encode())
    return access.provider(parts.area.id) if is_providers else access.ANYBODY


def inside_token(parts: Parts) -> str:
    """Write the token with which a service calls another of the same installation: `inside-<service>.<time>.<mac>`."""
    return _INSIDE + _inside(parts).sign(parts.service).decode()


def _of_service(token: str, parts: Parts) -> access.Actor:
    try:
        service = _inside(parts).unsign(token, max_age=INSIDE_LASTS)
    except BadSignature:
        return access.ANYBODY
    return access.inside(service.decode(), parts.area.id)


def _inside(parts: Parts) -> TimestampSigner:
    return TimestampSigner(parts.secret, salt="inside")


def _of_person(person: str, parts: Parts) -> access.Actor:
    known = parts.area.people.get(person) if parts.demo else None
    return access.of_person(known) if known else access.ANYBODY


def _signer(parts: Parts) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(parts.secret, salt="session")
