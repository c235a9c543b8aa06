"""OpenAPI and AsyncAPI: what programs outside may ask, and what the services say to one another."""

import json
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from frontdoor.access import PUBLIC
from frontdoor.envelope import DATASCHEMA
from frontdoor.events import EVENTS, Event, topic_of

_REF = "#/components/schemas/{model}"


def openapi(app: FastAPI) -> dict[str, Any]:
    """Write the OpenAPI document of a service's JSON routes; kept on the application once written."""
    if app.openapi_schema is None:
        routes = [route for route in api_routes(app) if not _is_page(route)]
        document = get_openapi(title=app.title, version=app.version, routes=routes)
        for route in routes:
            for method in route.methods or ():
                _describe(document, document["paths"][route.path_format][method.lower()], route, method)
        app.openapi_schema = document
    return app.openapi_schema


def api_routes(app: FastAPI) -> list[APIRoute]:
    """List the routes of an application."""
    return [route for route in app.routes if isinstance(route, APIRoute)]


def _is_page(route: APIRoute) -> bool:
    programs = ("/api/", "/health/", "/metrics", ".json")
    return not any(part in route.path for part in programs)


def body_model(dependant: Dependant) -> type[BaseModel] | None:
    """Find the model that a route reads its body as."""
    for part in dependant.dependencies:
        model: type[BaseModel] | None = getattr(part.call, "body_model", None) or body_model(part)
        if model:
            return model
    return None


def _describe(document: dict[str, Any], operation: dict[str, Any], route: APIRoute, method: str) -> None:
    """Add what FastAPI cannot see: who may call, how a body is read, which problems may come back."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    document["components"]["securitySchemes"] = {"signIn": {"type": "http", "scheme": "bearer"}}
    problems = dict(_PROBLEMS)
    if _action(route) == PUBLIC:
        problems = {404: problems[404], 422: problems[422], 503: problems[503]}
    else:
        operation["security"] = [{"signIn": []}]
    if method == "POST":
        problems |= _PROBLEMS_OF_POST
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
        if model := body_model(route.dependant):
            schema = model.model_json_schema(ref_template=_REF)
            schemas |= schema.pop("$defs", {}) | {model.__name__: schema}
            operation["requestBody"] = _body("application/json", {"$ref": _REF.format(model=model.__name__)})
        elif "requestBody" not in operation and route.path_format.endswith("/uploads"):
            operation["requestBody"] = _body("multipart/form-data", _FILE)
        operation["responses"].setdefault("200", {"description": "The first answer again: Idempotent-Replay: true"})
    for status, meaning in problems.items():
        content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
        own = operation["responses"].get(str(status), {}).get("content", {})
        operation["responses"][str(status)] = {"description": meaning, "content": content | own}


def _action(route: APIRoute) -> str | None:
    actions = (getattr(part.call, "action", None) for part in route.dependant.dependencies)
    return next((action for action in actions if action), None)


def _body(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {kind: {"schema": schema}}}


_FILE = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body get the first answer again, for 7 days.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
}
PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457 problem details.",
    "type": "object",
    "required": ["code", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "code": {"type": "string", "description": "Stable; what a program decides by."},
        "title": {"type": "string", "description": "A sentence for a person."},
        "status": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_PROBLEMS = {
    401: "Nobody is signed in",
    403: "Your role does not allow it",
    404: "There is nothing here, or nothing that you may see",
    422: "Part of what was sent cannot be used: see errors",
    429: "There were too many requests: Retry-After says when to try again",
    503: "It cannot be done just now; nothing has been lost",
}
_PROBLEMS_OF_POST = {
    400: "The body is not strict JSON, or the Idempotency-Key is not visible ASCII",
    409: "It is not allowed as things stand, or somebody else was faster",
    408: "The body came too slowly",
    413: "The body is too large",
    415: "The body is of another kind",
}


def merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Merge services' OpenAPI documents into one for the origin."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for part in parts:
        own = (part["info"]["title"].split(": ")[-1]).join("//")
        paths |= {path: item for path, item in part["paths"].items() if not path.startswith(own)}
        schemas |= part.get("components", {}).get("schemas", {})
    info = {"title": "Front Door", "version": "1", "description": "One referral, three agencies, one clock."}
    security = {"signIn": {"type": "http", "scheme": "bearer"}}
    components = {"schemas": schemas, "securitySchemes": security}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": components}


def asyncapi() -> dict[str, Any]:
    """Write the AsyncAPI 3.0 document of every event, by topic, from the event classes."""
    schemas: dict[str, Any] = {"Envelope": ENVELOPE}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for name, kind in sorted(EVENTS.items()):
        schema = kind.model_json_schema(ref_template=_REF)
        schemas |= schema.pop("$defs", {}) | {name: schema}
        topic = topic_of(kind)
        key = topic.replace(".", "_")
        channel = channels.setdefault(key, {"address": topic, "messages": {}})
        channel["messages"][name] = {
            "name": name,
            "contentType": "application/cloudevents+json",
            "summary": (kind.__doc__ or "").splitlines()[0],
            "payload": _enveloped(kind),
        }
        here = {"$ref": f"#/channels/{key}"}
        operations.setdefault(f"hear_{key}", {"action": "receive", "channel": here})
        say = operations.setdefault(f"{kind.source}_says_{key}", {"action": "send", "channel": here, "messages": []})
        say["messages"].append({"$ref": f"#/channels/{key}/messages/{name}"})
    info = {"title": "Front Door events", "version": "1", "description": "CloudEvents 1.0 envelopes and their data."}
    return {
        "asyncapi": "3.0.0",
        "info": info,
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas},
    }


def _enveloped(kind: type[Event]) -> dict[str, Any]:
    schema = DATASCHEMA.format(type=kind.__name__, version=kind.schema_version)
    about = {
        "type": {"const": kind.__name__},
        "source": {"const": f"front-door/{kind.source}"},
        "dataschema": {"const": schema},
        "data": {"$ref": _REF.format(model=kind.__name__)},
    }
    return {"allOf": [{"$ref": _REF.format(model="Envelope")}, {"type": "object", "properties": about}]}


_NAME = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 1}
ENVELOPE: dict[str, Any] = {
    "title": "Envelope",
    "description": "A CloudEvents 1.0 envelope. What a reader does not know it leaves aside; a `dataschema` of a newer"
    " version than it knows it does not read. The key of the record is `subject`: its stream.",
    "type": "object",
    "required": [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "dataschema",
        "area",
        "version",
        "epoch",
        "actor",
        "correlationid",
        "data",
    ],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid"},
        "source": _NAME,
        "type": _NAME,
        "subject": {**_NAME, "description": "The stream: one thing with a life and an end."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"type": "string", "format": "uri", "description": "Ends in the version of the data."},
        "area": _NAME,
        "version": {**_COUNT, "description": "The number of the event in its stream, without gaps."},
        "epoch": {**_COUNT, "description": "One more after each restore of the service from an older copy."},
        "actor": _NAME,
        "correlationid": _NAME,
        "causationid": {**_NAME, "description": "The event that led to this one."},
        "traceparent": {**_NAME, "description": "W3C Trace Context: the trace that it is part of."},
        "previous": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 of the one before it."},
        "data": {"type": "object"},
    },
}


def written(document: dict[str, Any]) -> str:
    """Write a document as the text that is kept under docs/api."""
    return json.dumps(_in_order(document), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _in_order(part: Any) -> Any:
    # Two literals of the same words are one to Python, in the order of whichever was imported first.
    if isinstance(part, dict):
        return {name: sorted(below) if name == "enum" else _in_order(below) for name, below in part.items()}
    return [_in_order(below) for below in part] if isinstance(part, list) else part
