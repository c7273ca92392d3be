"""A request as it was sent, and what its operation's document says of each of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemathesis.core import NOT_SET

NOTHING = object()
"""What was sent at a field that was left out."""


@dataclass(frozen=True)
class Sent:
    """One request; `operation` is `POST /api/patients`."""

    operation: str
    document: Mapping[str, Any]
    """The whole OpenAPI document."""
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, case: Any, document: Mapping[str, Any]) -> Sent:
        """The request that schemathesis made up."""
        body = None if case.body is NOT_SET else case.body
        return cls(case.operation.label, document, body, case.query or {}, case.headers or {})

    @property
    def described(self) -> dict[str, Any]:
        """The operation in the document."""
        method, path = self.operation.split(" ")
        found: dict[str, Any] = self.document["paths"][path][method.lower()]
        return found

    @property
    def is_a_table(self) -> bool:
        """Whether it brings a file of CSV."""
        return isinstance(self.body, str) and "text/csv" in self.described.get("requestBody", {}).get("content", {})

    def value(self, field: str) -> Any:
        """What was sent at this dotted path of the body, else as parameter or header; NOTHING without it."""
        for source in (self.body, self.query, self.headers):
            found = _at(source, field.split("."))
            if found is not NOTHING:
                return found
        return NOTHING

    def schemas(self, field: str) -> Iterator[dict[str, Any]]:
        """What the document says of this field: its schema, and the alternatives in it."""
        for parameter in map(self._resolved, self.described.get("parameters", [])):
            if parameter["name"] == field:
                yield from self._alternatives(parameter["schema"])
        for content in self.described.get("requestBody", {}).get("content", {}).values():
            yield from self._below(content["schema"], field.split("."))

    def _below(self, schema: dict[str, Any], path: list[str]) -> Iterator[dict[str, Any]]:
        for each in self._alternatives(schema):
            if not path:
                yield each
            elif path[0].isdecimal() and "items" in each:
                yield from self._below(each["items"], path[1:])
            elif path[0] in each.get("properties", {}):
                yield from self._below(each["properties"][path[0]], path[1:])

    def _alternatives(self, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        schema = self._resolved(schema)
        yield schema
        for each in schema.get("anyOf", []):
            yield from self._alternatives(each)

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        found: Any = schema
        while "$ref" in found:
            target: Any = self.document
            for step in found["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            found = target
        return dict(found)


def _at(source: Any, path: list[str]) -> Any:
    for step in path:
        if isinstance(source, list) and step.isdecimal() and int(step) < len(source):
            source = source[int(step)]
        elif isinstance(source, Mapping) and step in source:
            source = source[step]
        else:
            return NOTHING
    return source
