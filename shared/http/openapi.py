"""The OpenAPI 3.1 document, generated from the schemas that the endpoints check."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic import TypeAdapter

from shared.errors import FieldProblem
from shared.http import headers
from shared.http.declaration import Cookie, Endpoint
from shared.http.examples import example_of, example_of_patch
from shared.http.inputs import JSON, MERGE_PATCH
from shared.http.problem_members import MEMBERS
from shared.http.replay import NOT_REPLAYED
from shared.http.responses import HAS_LOCATION
from shared.http.routes import Route
from shared.http.uploads import Upload
from shared.runtime.problem_documents import MEDIA_TYPE, problem_document
from shared.security.authentication import ANYONE, Access
from shared.texts import Sentence, TextLanguage
from shared.values.account_enums import Scope
from shared.values.enums import Role
from shared.values.lists import BY_COMMA
from shared.values.readable import IN_THE_DOCUMENT
from shared.values.schemas import patch_of

Document = dict[str, Any]
Mode = Literal["validation", "serialization"]

VARIABLE = re.compile(r"<(?:(?P<kind>\w+)(?:\([^)]*\))?:)?(?P<name>\w+)>")
VARIABLE_SCHEMAS: dict[str | None, Document] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "minimum": 0},
    "float": {"type": "number"},
}

PROBLEM: Document = {
    "type": "object",
    "description": "A refusal, as RFC 9457 describes it. With some codes it has further members.",
    "required": ["type", "title", "status", "detail", "code", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for a person, as `Accept-Language` prefers."},
        "code": {"type": "string", "description": "A stable word for programs.", "examples": ["input.invalid"]},
        "correlation_id": {"type": ["string", "null"], "description": "Finds this request in the logs."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {
                        "type": "string",
                        "description": "A field, parameter or header, as a dotted path; empty: the body as a whole.",
                        "examples": ["holidays.0.to"],
                    },
                    "message": {"type": "string", "description": "What is wrong with it; reads on from the field."},
                },
            },
        },
    }
    | MEMBERS,
}

LOST_UPDATE: Document = {
    "description": "The refusal of a change of what somebody else changed meanwhile.",
    "allOf": [
        {"$ref": "#/components/schemas/Problem"},
        {
            "type": "object",
            "required": ["current", "updated_by", "updated_at"],
            "properties": {
                "current": {
                    "type": ["object", "null"],
                    "description": "The object as GET shows it now; null where it is not shown at this address.",
                },
                "updated_by": {
                    "type": ["string", "null"],
                    "format": "uuid",
                    "description": "The account of who changed it last; null: the platform itself.",
                },
                "updated_at": {
                    "type": ["string", "null"],
                    "format": "date-time",
                    "description": "When it was changed last.",
                },
            },
        },
    ],
}

OWN_PATHS = ("/api/dead-letters", "/api/status")
"""Every service has these paths: a gateway in front of all services serves them below the prefix of the service."""

BESIDE_THIS_DOCUMENT = [{"url": "."}]

BEARER = "bearer"
BEARER_SCHEME: Document = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token: `POST /api/auth/login` of the user service returns one for a person, "
    "`POST /api/auth/token` for a machine.",
}

PROBLEM_RESPONSE = {"$ref": "#/components/responses/Problem"}
ERROR_RESPONSES: dict[str, dict[str, str]] = {
    "Problem": {},
    "LostUpdate": {},
    "Unauthenticated": {"WWW-Authenticate": 'How to sign in; with `error="invalid_token"` a token was not accepted.'},
    "TooManyRequests": {"Retry-After": "In how many seconds the next request may pass."},
    "Unavailable": {"Retry-After": "In how many seconds to try again."},
}
"""The responses that refuse, each with the headers that it always has."""
LANGUAGE_SENT = {"Content-Language": "The language of the sentences.", "Vary": "`Accept-Language`: it decides."}
_ERROR_RESPONSE_OF = {401: "Unauthenticated", 412: "LostUpdate", 429: "TooManyRequests", 503: "Unavailable"}

OPERATIONS = {
    "/health/live": "Whether the process answers",
    "/health/ready": "Whether it reaches what it needs (503 if not), and how many events are set aside",
    "/metrics": "Metrics for Prometheus",
}


def document(routes: Sequence[Route], *, title: str, description: str) -> Document:
    """The document of these routes, and of what every service has."""
    schemas = _Schemas(routes)
    paths: Document = {}
    schemes: Document = {BEARER: BEARER_SCHEME}
    for route in routes:
        path, variables = _path(route.path)
        paths[path] = {"parameters": variables} if variables else {}
        if route.path.startswith(OWN_PATHS):
            paths[path]["servers"] = BESIDE_THIS_DOCUMENT
        for method, endpoint, access in route.endpoints():
            paths[path][method] = _operation(route, method, endpoint, access, schemas)
            schemes |= _cookie_scheme(endpoint)
    for path, summary in OPERATIONS.items():
        paths[path] = {"servers": BESIDE_THIS_DOCUMENT, "get": _platform_operation(path, summary)}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "description": description, "version": "1"},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "securitySchemes": schemes,
            "schemas": schemas.definitions | {"Problem": PROBLEM, "LostUpdate": LOST_UPDATE},
            "parameters": headers.DESCRIBED,
            "responses": {name: _error_response(name, sent) for name, sent in ERROR_RESPONSES.items()},
        },
    }


class _Schemas:
    """All schemas of all endpoints in one set of definitions."""

    def __init__(self, routes: Sequence[Route]) -> None:
        wanted = {(id(kind), mode): TypeAdapter(kind) for kind, mode in _kinds(routes)}
        self._found, rest = TypeAdapter.json_schemas(
            [(number, mode, adapter) for (number, mode), adapter in wanted.items()],
            ref_template="#/components/schemas/{model}",
        )
        self.definitions: Document = rest.get("$defs", {})
        for shown in self.definitions.values():
            _require_only_what_everybody_reads(shown)

    def of(self, kind: Any, mode: Mode) -> Document:
        """The schema of one kind, usually a reference."""
        return self._found[id(kind), mode]

    def resolved(self, kind: Any, mode: Mode) -> Document:
        """The schema of one kind, itself."""
        schema = self.of(kind, mode)
        reference = schema.get("$ref", "")
        found: Document = self.definitions[reference.rsplit("/", 1)[-1]] if reference else schema
        return found


def _require_only_what_everybody_reads(schema: Document) -> None:
    """A field that is left out for some callers cannot be promised to all."""
    fields = schema.get("properties", {})
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if IN_THE_DOCUMENT not in fields.get(name, {})]


def _kinds(routes: Sequence[Route]) -> Iterator[tuple[Any, Mode]]:
    for route in routes:
        for _method, endpoint, _access in route.endpoints():
            if endpoint.body is not None:
                yield endpoint.body, "validation"
            if endpoint.patch is not None:
                yield patch_of(endpoint.patch), "validation"
            if endpoint.query is not None:
                yield endpoint.query, "validation"
            if endpoint.upload is not None:
                yield from ((kind, "validation") for kind in endpoint.upload.media_types.values())
            if endpoint.response is not None:
                yield endpoint.response, "serialization"


def _path(rule: str) -> tuple[str, list[Document]]:
    variables = [
        {
            "name": found["name"],
            "in": "path",
            "required": True,
            "schema": VARIABLE_SCHEMAS.get(found["kind"], {"type": "string"}),
        }
        for found in VARIABLE.finditer(rule)
    ]
    return VARIABLE.sub(r"{\g<name>}", rule), variables


def _error_response(name: str, sent: Mapping[str, str]) -> Document:
    named = {name: {"schema": {"type": "string"}, "description": about} for name, about in LANGUAGE_SENT.items()}
    required = {
        name: {"required": True, "schema": {"type": "string"}, "description": about} for name, about in sent.items()
    }
    schema = {"$ref": f"#/components/schemas/{'LostUpdate' if name == 'LostUpdate' else 'Problem'}"}
    return {
        "description": "Refused",
        "content": {MEDIA_TYPE: {"schema": schema, "examples": {each: _example(each) for each in TextLanguage}}},
        "headers": named | required,
    }


def _example(language: TextLanguage) -> Document:
    """A refusal, worded as it is in this language."""
    problem = FieldProblem.of("postal_code", "field.not_postal_code")
    sentence = Sentence.of("input.invalid.one", field=problem.field, problem=problem.sentence)
    return {"value": json.loads(problem_document(422, sentence, language, correlation_id="abc-1", errors=[problem]))}


def _cookie_scheme(endpoint: Endpoint) -> Document:
    cookie = endpoint.cookie
    if cookie is None:
        return {}
    return {cookie.name: {"type": "apiKey", "in": "cookie", "name": cookie.name, "description": cookie.description}}


def _operation(route: Route, method: str, endpoint: Endpoint, access: Access, schemas: _Schemas) -> Document:
    signed_in = access != ANYONE
    operation: Document = {
        "operationId": f"{method}_{re.sub(r'[^a-z0-9]+', '_', route.path.removeprefix('/api').lower()).strip('_')}",
        "tags": [route.path.removeprefix("/api/").strip("/").partition("/")[0]],
        "summary": endpoint.summary,
        "description": "\n\n".join(filter(None, _description(endpoint, access, schemas))),
        **_who_may(access, endpoint.cookie),
        "parameters": [*_parameters(endpoint, schemas), *_headers(endpoint)],
        "responses": _responses(route, method, endpoint, schemas, signed_in=signed_in),
    }
    body = _request_body(endpoint, schemas)
    return operation | ({"requestBody": body} if body else {})


def _who_may(access: Access, cookie: Cookie | None = None) -> Document:
    """Whether a token or a cookie is needed, and which roles and machines' scopes let a caller pass."""
    if access == ANYONE:
        return {"security": _needed(cookie), "x-roles": [ANYONE]}
    roles, scopes = _roles_and_scopes(access)
    return {"security": [{BEARER: []}], "x-roles": roles} | ({"x-scopes": scopes} if scopes else {})


def _needed(cookie: Cookie | None) -> list[Document]:
    if cookie is None:
        return []
    return [{cookie.name: []}] if cookie.is_needed else [{cookie.name: []}, {}]


def _roles_and_scopes(access: frozenset[Role | Scope]) -> tuple[list[str], list[str]]:
    return sorted(access & frozenset(Role)), sorted(access & frozenset(Scope))


def _description(endpoint: Endpoint, access: Access, schemas: _Schemas) -> Iterator[str]:
    """The method's description, the rules across its parameters (no single schema has them), and who may call."""
    yield endpoint.description
    if endpoint.query is not None:
        yield schemas.resolved(endpoint.query, "validation").get("description", "")
    roles, scopes = ([ANYONE], []) if access == ANYONE else _roles_and_scopes(access)
    yield f"Roles: {', '.join(roles)}."
    if scopes:
        yield f"Machines with the scope {' or '.join(scopes)}."


def _parameters(endpoint: Endpoint, schemas: _Schemas) -> Iterator[Document]:
    if endpoint.query is None:
        return
    schema = schemas.resolved(endpoint.query, "validation")
    required = schema.get("required", [])
    for name, described in schema.get("properties", {}).items():
        yield {"name": name, "in": "query", "required": name in required, **_form(described)}


def _form(described: Document) -> Document:
    """The schema of a parameter, and how several values are written where they are one parameter."""
    if BY_COMMA not in described:
        return {"schema": described}
    # what is empty is not sent
    schema = {name: value for name, value in described.items() if name not in (BY_COMMA, "default")} | {"minItems": 1}
    return {"schema": schema, "style": "form", "explode": False}


def _headers(endpoint: Endpoint) -> Iterator[Document]:
    ignored = {"IdempotencyKey"} if endpoint.replay == NOT_REPLAYED else set()
    names = (name for name in headers.names_of(endpoint.name) if name not in ignored)
    return ({"$ref": f"#/components/parameters/{name}"} for name in names)


def _request_body(endpoint: Endpoint, schemas: _Schemas) -> Document:
    if endpoint.upload is not None:
        return {"required": True, "content": _files(endpoint.upload, schemas)}
    if endpoint.patch is not None:
        schema, media_types, required = schemas.of(patch_of(endpoint.patch), "validation"), MERGE_PATCH, True
    elif endpoint.body is not None:
        schema, media_types = schemas.of(endpoint.body, "validation"), JSON
        required = "required" in schemas.resolved(endpoint.body, "validation")
    else:
        return {}
    made = example_of(schema, schemas.definitions)
    if endpoint.patch is not None:
        made = made or example_of_patch(schema, schemas.definitions)
    described = {"schema": schema, "example": made}
    return {"required": required, "content": dict.fromkeys(sorted(media_types), described)}


def _files(upload: Upload, schemas: _Schemas) -> Document:
    """What a file may be, by its media type."""
    return {name: _file(kind, schemas) for name, kind in upload.media_types.items()}


def _file(kind: Any, schemas: _Schemas) -> Document:
    schema = schemas.of(kind, "validation")
    return {"schema": schema, "example": example_of(schema, schemas.definitions)}


def _responses(route: Route, method: str, endpoint: Endpoint, schemas: _Schemas, *, signed_in: bool) -> Document:
    # 429: so the gateway answers any request of a client that sends too many
    refused = {403, 421, 422, 429, 500, 503, *endpoint.statuses} - {204}
    if signed_in:
        refused |= {401}
    if endpoint.forms:
        refused |= {406}
    if endpoint.brings_a_body:
        refused |= {400, 413, 415}
    if method != "get":
        refused |= {409}
    if method in ("patch", "put", "delete"):
        refused |= {412}
    if VARIABLE.search(route.path):
        refused |= {404}
    found: Document = {str(endpoint.success): _success(endpoint, schemas)}
    if 204 in endpoint.statuses:
        found["204"] = {"description": "There is nothing to show."}
    return found | {str(status): _refused(status) for status in sorted(refused)} | {"default": PROBLEM_RESPONSE}


def _refused(status: int) -> Document:
    return {"$ref": f"#/components/responses/{_ERROR_RESPONSE_OF.get(status, 'Problem')}"}


def _success(endpoint: Endpoint, schemas: _Schemas) -> Document:
    success: Document = {"description": HTTPStatus(endpoint.success).phrase}
    content: Document = {each: {"schema": {"type": "string"}} for each in endpoint.media_types}
    sent: Document = {}
    if endpoint.response is not None:
        content = {"application/json": {"schema": schemas.of(endpoint.response, "serialization")}} | content
        if "version" in schemas.resolved(endpoint.response, "serialization").get("properties", {}):
            sent["ETag"] = {"schema": {"type": "string"}, "description": "The version, for If-Match."}
    if endpoint.success in HAS_LOCATION:
        sent["Location"] = {"schema": {"type": "string"}, "description": "Where the object or the work is."}
    return success | ({"content": content} if content else {}) | ({"headers": sent} if sent else {})


def _platform_operation(path: str, summary: str) -> Document:
    return {
        "operationId": f"get_{path.strip('/').replace('/', '_')}",
        "tags": ["operations"],
        "summary": summary,
        **_who_may(ANYONE),
        "responses": {"200": {"description": "OK"}}
        | ({"503": {"description": "Not ready"}} if "ready" in path else {})
        | {"403": PROBLEM_RESPONSE, "421": PROBLEM_RESPONSE},
    }
