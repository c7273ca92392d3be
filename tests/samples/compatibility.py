"""What may not happen to an event that was published once: the rules of adding only.

Kafka keeps old events, so new code must read them; while a deployment rolls, old code reads new events. Both hold when
fields are only added, with a default, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

SAYS_NOTHING = {"title", "description", "examples", "$defs"}
"""Keywords that no reader depends on."""
HOLDS_SCHEMAS = ("anyOf", "oneOf", "allOf", "prefixItems")


def shape(model: type[BaseModel]) -> Schema:
    """The model's JSON schema as readers must understand it, without names and words, references filled in."""
    schema = model.model_json_schema(mode="validation")
    return _plain(schema, schema.get("$defs", {}))


def _plain(schema: Schema, definitions: Schema) -> Schema:
    if "$ref" in schema:
        return _plain(definitions[schema["$ref"].rpartition("/")[2]] | _beside_reference(schema), definitions)
    plain: Schema = {}
    for keyword, value in schema.items():
        if keyword in SAYS_NOTHING:
            continue
        if keyword == "properties":
            plain[keyword] = {name: _plain(field, definitions) for name, field in value.items()}
        elif keyword in HOLDS_SCHEMAS:
            plain[keyword] = [_plain(each, definitions) for each in value]
        elif isinstance(value, dict) and keyword in ("items", "additionalProperties", "propertyNames"):
            plain[keyword] = _plain(value, definitions)
        elif keyword == "required":
            plain[keyword] = sorted(value)
        else:
            plain[keyword] = value
    return plain


def _beside_reference(schema: Schema) -> Schema:
    return {keyword: value for keyword, value in schema.items() if keyword != "$ref"}


def breaks(before: Schema, after: Schema, place: str = "") -> Iterator[str]:
    """Every way in which `after` is not `before` with optional fields added, as a sentence for a person."""
    here = place or "the payload"
    for keyword in sorted({*before, *after} - {"properties", "required", *HOLDS_SCHEMAS, "items"}):
        if before.get(keyword) != after.get(keyword):
            yield f"{here}: {keyword} was {before.get(keyword)!r} and is {after.get(keyword)!r}"
    yield from _fields(before, after, place)
    for keyword in HOLDS_SCHEMAS:
        yield from _variants(before.get(keyword, []), after.get(keyword, []), place)
    if "items" in before or "items" in after:
        yield from breaks(before.get("items", {}), after.get("items", {}), f"{place}[]")


def _fields(before: Schema, after: Schema, place: str) -> Iterator[str]:
    was, now = before.get("properties", {}), after.get("properties", {})
    demanded = set(after.get("required", [])) - set(before.get("required", []))
    for name in was:
        if name not in now:
            yield f"{_in(place, name)} is gone"
        else:
            yield from breaks(was[name], _of_same_demand(was[name], now[name]), _in(place, name))
    for name in sorted(demanded):
        yield f"{_in(place, name)} must be there, and older events have none"


def _of_same_demand(was: Schema, now: Schema) -> Schema:
    """A field that had to be there may get a default: we still write it always, and older events have it."""
    return now if "default" in was else {keyword: value for keyword, value in now.items() if keyword != "default"}


def _variants(was: list[Schema], now: list[Schema], place: str) -> Iterator[str]:
    if len(was) != len(now):
        yield f"{place or 'the payload'} may be other things than before"
        return
    for before, after in zip(was, now, strict=True):
        yield from breaks(before, after, place)


def _in(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
