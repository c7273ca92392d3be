"""Valid input of any kind, made from its JSON schema, with any one value in it exchanged for another."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, TypeAdapter

from shared.http.dead_letters import DeadLetterFilter, Decision
from shared.http.declaration import Endpoint
from shared.values.schemas import patch_of
from tests.architecture.sources import SERVICES
from therapist_service.domain.import_files import Metadata
from therapist_service.domain.import_records import SentDeletion, SentRecord

Path = tuple[str | int, ...]
"""Where a value stands in a document: names of fields, places in lists."""

BY_FORMAT = {
    "uuid": "01933f0e-7c3a-7000-8000-abcdefabcdef",
    "date": "2026-12-01",
    "date-time": "2026-11-23T09:00:00Z",
    "email": "praxis@example.org",
}


class Input:
    """One kind of input."""

    def __init__(self, kind: Any) -> None:
        self.adapter: TypeAdapter[Any] = TypeAdapter(kind)
        self.schema = self.adapter.json_schema(mode="validation")

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema behind references and beside null."""
        while True:
            if "$ref" in schema:
                schema = self.schema["$defs"][schema["$ref"].rpartition("/")[2]]
            elif "anyOf" in schema and "properties" not in schema:  # beside properties it is a rule across them
                schema = {**schema, **next(each for each in schema["anyOf"] if each != {"type": "null"})}
                schema.pop("anyOf")
            else:
                return schema

    def example(self, schema: dict[str, Any] | None = None, path: Path = (), value: Any = None) -> Any:
        """Valid input with what is required; at the path, if one is given, the value."""
        schema = self.resolved(self.schema if schema is None else schema)
        if schema.get("type") == "object" and not (path == () and value is not None):
            return self._object(schema, path, value)
        if path and schema.get("type") == "array":
            return [self.example(schema["items"], path[1:], value)] if path[1:] else [value]
        return _plain(self, schema)

    def _object(self, schema: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
        fields = schema.get("properties", {})
        made = {name: self.example(fields[name]) for name in schema.get("required", ())}
        if path:
            name = str(path[0])
            made[name] = self.example(fields[name], path[1:], value) if path[1:] else value
        return made

    def example_with(self, paths: Iterable[Path], value: Any) -> Any:
        """Valid input with what is required, and the value at each of the paths, none of which is inside another."""
        document = self.example()
        for path in paths:
            _graft(document, self.example(path=path, value=value), path)
        return document

    def paths(self, schema: dict[str, Any] | None = None, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Every place that holds a value, with the value's schema; of a list the first."""
        schema = self.resolved(self.schema if schema is None else schema)
        if path:
            yield path, schema
        for name, of in schema.get("properties", {}).items():
            yield from self.paths(of, (*path, name))
        if schema.get("type") == "array":
            yield from self.paths(schema["items"], (*path, 0))

    def different_paths(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Of the places with one and the same schema the first."""
        seen = set()
        for path, schema in self.paths():
            if (said := json.dumps(_as_checked(schema), sort_keys=True)) not in seen:
                seen.add(said)
                yield path, schema


def _graft(document: Any, other: Any, path: Path) -> None:
    """Put into the document what the other one has at the path, with what is around it where the document has none."""
    for part in path[:-1]:
        if (part not in document) if isinstance(document, dict) else not document:
            break
        document, other, path = document[part], other[part], path[1:]
    if isinstance(document, list) and not document:
        document.append(other[0])
    else:
        document[path[0]] = other[path[0]]


ABOUT_IT = ("title", "default", "description")
"""What a schema says of a value that does not decide how it is read; its examples tell the kinds of texts apart."""


def _as_checked(schema: Any) -> Any:
    """The schema without what is only for people, also inside of it."""
    if isinstance(schema, list):
        return [_as_checked(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    fields = {name: _as_checked(each) for name, each in schema.get("properties", {}).items()}
    checked = {name: _as_checked(each) for name, each in schema.items() if name not in (*ABOUT_IT, "properties")}
    return checked | ({"properties": fields} if fields else {})


def _plain(known: Input, schema: dict[str, Any]) -> Any:
    for said in ("examples", "enum"):
        if schema.get(said):
            return schema[said][0]
    if "const" in schema:
        return schema["const"]
    match schema.get("type"):
        case "string":
            return BY_FORMAT.get(schema.get("format", ""), "Muster")
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        case "array":
            return [known.example(schema["items"])] * schema.get("minItems", 0)
        case "boolean":
            return True
    return None


def all_endpoints() -> Iterator[tuple[str, str, str, Endpoint]]:
    """Every service, path and method with what it takes."""
    for service in SERVICES:
        for route in importlib.import_module(f"{service}.api.routes").ROUTES:
            for method, endpoint, _ in route.endpoints():
                yield service, route.path, method, endpoint


def bodies() -> dict[str, Input]:
    """Every body that any service reads, patches among them, by a name for pytest."""
    found = {"dead letter decision": Input(Decision)}
    for service, path, method, endpoint in all_endpoints():
        kind = patch_of(endpoint.patch) if endpoint.patch is not None else endpoint.body
        if kind is not None:
            found[f"{service} {method} {path}"] = Input(kind)
    return found


def queries() -> dict[str, type[BaseModel]]:
    """Every query string that any service reads."""
    found: dict[str, type[BaseModel]] = {"dead letters": DeadLetterFilter}
    return found | {
        f"{s} {method} {path}": endpoint.query
        for s, path, method, endpoint in all_endpoints()
        if endpoint.query is not None
    }


def imported() -> dict[str, Input]:
    """What is read from an import file."""
    return {each.__name__: Input(each) for each in (SentRecord, SentDeletion, Metadata)}
