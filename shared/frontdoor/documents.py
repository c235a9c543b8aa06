"""OpenAPI of a service, with the bodies that `problems.json_body` declares."""

from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from frontdoor.events import EVENTS, topic_of

_REF = "#/components/schemas/{model}"


def openapi(app: FastAPI) -> dict[str, Any]:
    """Write the OpenAPI document of a service's JSON routes; kept on the application once written."""
    if app.openapi_schema is None:
        routes = [route for route in api_routes(app) if not _is_page(route)]
        document = get_openapi(title=app.title, version=app.version, routes=routes)
        for route in routes:
            if model := body_model(route.dependant):
                _describe_body(document, route, model)
        app.openapi_schema = document
    return app.openapi_schema


def api_routes(app: FastAPI) -> list[APIRoute]:
    """List the routes of an application."""
    return [route for route in app.routes if isinstance(route, APIRoute)]


def _is_page(route: APIRoute) -> bool:
    return "/api/" not in route.path and "/health/" not in route.path and not route.path.endswith(".json")


def body_model(dependant: Dependant) -> type[BaseModel] | None:
    """Find the model that a route reads its body as."""
    for part in dependant.dependencies:
        model: type[BaseModel] | None = getattr(part.call, "body_model", None) or body_model(part)
        if model:
            return model
    return None


def _describe_body(document: dict[str, Any], route: APIRoute, model: type[BaseModel]) -> None:
    schema = model.model_json_schema(ref_template=_REF)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas |= schema.pop("$defs", {}) | {model.__name__: schema}
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}}
    for method in route.methods or ():
        document["paths"][route.path_format][method.lower()]["requestBody"] = body


def merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Merge services' OpenAPI documents into one for the origin."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for part in parts:
        paths |= {path: item for path, item in part.get("paths", {}).items() if path.startswith("/api/")}
        schemas |= part.get("components", {}).get("schemas", {})
    info = {"title": "Front Door", "version": "1", "description": "One referral, three agencies, one clock."}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def asyncapi() -> dict[str, Any]:
    """Write the AsyncAPI 3.0 document of every event, by topic, from the event classes."""
    schemas: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    for name, kind in sorted(EVENTS.items()):
        schema = kind.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {name: schema}
        topic = topic_of(kind)
        channel = channels.setdefault(topic.replace(".", "_"), {"address": topic, "messages": {}})
        channel["messages"][name] = {
            "name": name,
            "contentType": "application/cloudevents+json",
            "summary": (kind.__doc__ or "").splitlines()[0],
            "payload": {"$ref": f"#/components/schemas/{name}"},
        }
    operations = {
        f"hear_{key}": {"action": "receive", "channel": {"$ref": f"#/channels/{key}"}} for key in sorted(channels)
    }
    info = {"title": "Front Door events", "version": "1", "description": "The data of CloudEvents 1.0 envelopes."}
    return {
        "asyncapi": "3.0.0",
        "info": info,
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas},
    }
