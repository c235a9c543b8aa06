"""The addresses of the whole origin, which referral-intake serves: it asks every service and merges what they say."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse

from frontdoor import documents, metrics
from frontdoor.calls import Anybody, Call, may
from frontdoor.peers import Peers
from frontdoor.web import Pages

router = APIRouter()
pages = Pages("frontdoor.web")


def _peers(request: Request) -> Peers:
    peers: Peers = request.app.state.peers
    return peers


@router.get("/health/live")
def live(_call: Anybody) -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@router.get("/health/ready")
async def ready(request: Request, _call: Anybody) -> Response:
    """Say whether all services hear and answer, each with its parts."""
    found = await _peers(request).all("/health/ready")
    fine = all(status == 200 for status, _ in found.values())
    services = {name: report for name, (_, report) in found.items()}
    body = {"status": "ok" if fine else "unavailable", "services": services}
    return JSONResponse(body, 200 if fine else 503)


@router.get("/openapi.json")
async def openapi(request: Request, _call: Anybody) -> Any:
    """Give one OpenAPI document for all services' JSON."""
    found = await _peers(request).all("/openapi.json")
    return documents.merged([document for status, document in found.values() if status == 200])


@router.get("/asyncapi.json")
def asyncapi(_call: Anybody) -> Any:
    """Give the AsyncAPI document of every event."""
    return documents.asyncapi()


@router.get("/metrics", response_class=PlainTextResponse)
async def all_metrics(request: Request, _call: Annotated[Call, may("operations.read")]) -> str:
    """Give all services' Prometheus metrics."""
    found = await _peers(request).all("/metrics")
    return metrics.merged(found)


@router.get("/operations", response_class=HTMLResponse)
async def operations(request: Request, _call: Annotated[Call, may("operations.read")]) -> HTMLResponse:
    """Show how every service does: what it hears, how far behind, what is parked."""
    found = await _peers(request).all("/health/ready")
    return pages.render(request, "operations.html", services={name: report for name, (_, report) in found.items()})
