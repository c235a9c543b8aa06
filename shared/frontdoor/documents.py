"""OpenAPI of a service, with the bodies that `problems.json_body` declares."""

from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

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
