"""Writes docs/patient-export.schema.json, the JSON Schema of an export: `python -m operations.export_document`.

What each service holds is described by the schema of its own endpoint, since no service knows another's code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter

from shared.runtime import registry
from shared.values.patient_data import PATH

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs" / "patient-export.schema.json"
OF_THE_WHOLE = "/api/patients/<uuid:id>/export"
COLLECTS = "patient_service"
"""The service that puts the export together."""
Document = dict[str, Any]


def holders() -> dict[str, Any]:
    """The response of each service that says over HTTP what it holds about a patient."""
    found = {name: dict(_responses(name)).get(f"{PATH}/<uuid:id>") for name in registry.names()}
    return {name: response for name, response in found.items() if response is not None}


def _responses(service: str) -> Iterator[tuple[str, Any]]:
    for route in registry.load(service).routes():
        for method, endpoint, _ in route.endpoints():
            if method == "get":
                yield route.path, endpoint.response


def render() -> str:
    """The schema as the file holds it."""
    definitions: Document = {}
    whole = _schema(COLLECTS, dict(_responses(COLLECTS))[OF_THE_WHOLE], definitions)
    for service, response in holders().items():
        whole["properties"][service] = _schema(service, response, definitions)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "patient-export/1"}
    written = {**head, **whole, "$defs": dict(sorted(definitions.items()))}
    return json.dumps(written, indent=1, ensure_ascii=False) + "\n"


def _schema(service: str, response: Any, definitions: Document) -> Document:
    """The schema, whose definitions are kept apart from those of other services."""
    template = f"#/$defs/{service}.{{model}}"
    schema = TypeAdapter(response).json_schema(mode="serialization", ref_template=template)
    definitions |= {f"{service}.{name}": each for name, each in schema.pop("$defs", {}).items()}
    return schema


@click.command()
def main() -> None:
    """Write the schema of a patient's export where it is not as it should be."""
    text = render()
    if not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
        FILE.write_text(text, encoding="utf-8")
        print(f"written: {FILE.relative_to(ROOT)}")


if __name__ == "__main__":
    main(prog_name="python -m operations.export_document")
