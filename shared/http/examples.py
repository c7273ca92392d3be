"""The example of a body in the OpenAPI document, made of its schema: what "Try it out" sends unless it is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]

AN_ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
_BY_TYPE: Mapping[str, Any] = {"boolean": True, "null": None}


def example_of(schema: Document, definitions: Document) -> Any:
    """Returns a value that the schema accepts: its first example, or of an object its required properties."""
    if "$ref" in schema and not schema.get("examples"):  # one of the field itself stands beside what it refers to
        return example_of(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    if "const" in schema:
        return schema["const"]
    if schema.get("type") == "object":
        return _object(schema, definitions)
    if schema.get("type") == "array":
        return [example_of(schema["items"], definitions)] * schema.get("minItems", 0)
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], definitions)
    return _plain(schema)


def example_of_patch(schema: Document, definitions: Document) -> dict[str, Any]:
    """Returns a merge patch that changes something: the first property that has an example; empty where none has."""
    model = definitions[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
    with_example = [name for name, each in model["properties"].items() if "examples" in each]
    return {name: example_of(model["properties"][name], definitions) for name in with_example[:1]}


def _object(schema: Document, definitions: Document) -> dict[str, Any]:
    return {name: example_of(schema["properties"][name], definitions) for name in schema.get("required", [])}


def _plain(schema: Document) -> Any:
    if schema.get("type") in ("integer", "number"):
        return schema.get("minimum", 1)
    if schema.get("format") == "uuid":
        return AN_ID
    return _BY_TYPE.get(schema.get("type", ""), "text")
