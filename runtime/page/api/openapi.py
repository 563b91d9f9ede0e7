"""The document of the HTTP interface, made of the endpoints and their types."""

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from .... import __version__
from ..messages.run import Failure
from .endpoints import Asked, Endpoint

PATH = "/api/openapi.json"
_REASONS = {
    200: "Done.",
    204: "Done.",
    206: "The range that was asked for.",
    400: "The request cannot be used.",
    401: "A token is missing, or is not valid.",
    403: "The token lets its owner look and change nothing, or another page asks.",
    404: "There is no such thing.",
    408: "The body came too slowly.",
    409: "This run cannot do that, or not now.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    416: "There is no such range.",
    421: "The host is another one.",
    422: "What is asked for is refused.",
    429: "Too many wrong tokens came from there, or its other search goes on.",
    503: "Not now.",
}
_TEMPLATE = "#/components/schemas/{name}"


def described(endpoints: Sequence[Endpoint]) -> Endpoint:
    """Return the endpoint that gives the document of these endpoints and of itself."""

    def answer(_asked: Asked) -> Response:
        return Response(content, media_type="application/json")

    itself = Endpoint(
        method="GET",
        path=PATH,
        summary="Give this document.",
        answer=answer,
        needs="open",
        returns="application/json",
    )
    content = json.dumps(document([*endpoints, itself]), ensure_ascii=False, indent=1).encode()
    return itself


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the document, by OpenAPI 3.1."""
    kinds = [
        kind
        for one in endpoints
        for kind in (one.query, one.body, one.path_type, one.returns)
        if isinstance(kind, type)
    ]
    schemas, components = msgspec.json.schema_components([*kinds, Failure], ref_template=_TEMPLATE)
    refs = dict(zip([*kinds, Failure], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, refs, components)
    for unused in {
        kind.__name__ for one in endpoints for kind in (one.query, one.path_type) if kind
    }:
        components.pop(unused, None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "stzsar's live page",
            "version": __version__,
            "description": "What a page asks of stzsar-run --serve. A WebSocket at /api/live has "
            "pictures and results.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(
    one: Endpoint, refs: dict[Any, dict[str, Any]], components: dict[str, Any]
) -> dict[str, Any]:
    name = re.sub(r"\W+", "_", f"{one.method.lower()} {one.path}").strip("_")
    parameters = [
        *_parameters(one.path_type, "path", components),
        *_parameters(one.query, "query", components),
    ]
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": one.summary,
        "responses": _responses(one, refs),
    }
    if one.needs != "open":
        operation["security"] = [{"token": []}, {}]
    if parameters:
        operation["parameters"] = parameters
    if one.body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": refs[one.body]}},
        }
    return operation


def _parameters(
    kind: type[msgspec.Struct] | None, place: str, components: dict[str, Any]
) -> list[dict[str, Any]]:
    if kind is None:
        return []
    schema = components[kind.__name__]
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": place,
            "required": place == "path" or name in required,
            "schema": _without_null(field),
            **({"style": "form", "explode": True} if field.get("type") == "array" else {}),
        }
        for name, field in schema["properties"].items()
    ]


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a text of an address: it is left out where JSON would say null."""
    kept = {key: value for key, value in field.items() if key not in ("anyOf", "default")}
    for option in field.get("anyOf", ()):
        if option != {"type": "null"}:
            kept |= option
    if None in kept.get("enum", ()):
        kept["enum"] = [value for value in kept["enum"] if value is not None]
    return kept


def _responses(one: Endpoint, refs: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    if one.returns is None:
        responses: dict[str, Any] = {"204": {"description": _REASONS[204]}}
    elif isinstance(one.returns, type):
        responses = {"200": _content(200, "application/json", refs[one.returns])}
    else:
        media = (one.returns,) if isinstance(one.returns, str) else one.returns
        found = {
            kind: {"schema": {"type": "string", "format": "binary"}}
            if not kind.startswith("application/json")
            else {}
            for kind in media
        }
        responses = {"200": {"description": _REASONS[200], "content": found}}
        if media == ("video/mp4",) or media == ("image/jpeg",):
            responses["206"] = {"description": _REASONS[206], "content": found}
    errors = {400, 403, 421, *one.errors}
    if one.needs != "open":
        errors |= {401, 429}
    if one.body:
        errors |= {408, 413, 415}
    for status in sorted(errors):
        kind = refs[one.returns] if _says_itself(one, status) else refs[Failure]
        responses[str(status)] = _content(status, "application/json", kind)
    return responses


def _says_itself(one: Endpoint, status: int) -> bool:
    """Say whether an endpoint answers with its own type also where it says no: /healthz does."""
    return status == 503 and one.needs == "open"


def _content(status: int, media: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": _REASONS[status], "content": {media: {"schema": schema}}}
