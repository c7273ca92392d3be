"""Writes the form of the import's files for those who make them: `python -m operations.import_document`.

`docs/therapist-import.schema.json` is the JSON Schema of a file, made of the schemas by which the therapist service
reads it. The scraper, which imports nothing of the platform, has a copy of it, and the places of the postal codes by
which the service judges coordinates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from pydantic.json_schema import models_json_schema

from shared.values.postal_codes import SOURCE, areas
from therapist_service.domain.import_files import KNOWN_MAJOR, Metadata
from therapist_service.domain.import_records import SentDeletion, SentRecord

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "docs" / "therapist-import.schema.json"
SCRAPER = ROOT / "scraper" / "therapist_scraper"
PLACES = SCRAPER / "postal_codes.csv"
LISTS = {"additions": SentRecord, "modifications": SentRecord, "deletions": SentDeletion}
COUNTS = {
    "total_therapists_scraped": "New, updated and unchanged ones together.",
    "new_therapists": "The number of additions.",
    "updated_therapists": "The number of modifications.",
    "deleted_therapists": "The number of deletions.",
    "unchanged_therapists": "Those who are in the source as before.",
}
Document = dict[str, Any]


def schema() -> Document:
    """The JSON Schema of a file about which the import finds nothing odd."""
    models = [(model, "validation") for model in (Metadata, *dict.fromkeys(LISTS.values()))]
    _, definitions = models_json_schema(models, ref_template="#/$defs/{model}")  # type: ignore[arg-type]
    definitions["$defs"]["Metadata"]["properties"]["version"]["pattern"] = rf"^{KNOWN_MAJOR}(\.[0-9]+)*$"
    lists = {name: {"type": "array", "items": _reference(model.__name__)} for name, model in LISTS.items()}
    counts = {name: {"type": "integer", "minimum": 0, "description": about} for name, about in COUNTS.items()}
    parts = {"metadata": _reference("Metadata"), "changes": _object(lists), "statistics": _object(counts)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"therapist-import/{KNOWN_MAJOR}",
        "title": "A file of therapists for the import",
        **_object(parts),
        "$defs": definitions["$defs"],
    }


def _reference(name: str) -> Document:
    return {"$ref": f"#/$defs/{name}"}


def _object(properties: Mapping[str, Document]) -> Document:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _places() -> str:
    rows = (f"{code},{place.latitude:.4f},{place.longitude:.4f}\n" for code, place in sorted(areas().items()))
    return f"# Where the people of each postal code live: {SOURCE}. Written by `make import-schema`.\n" + "".join(rows)


def render() -> dict[Path, str]:
    """What each file holds."""
    text = json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"
    return {SCHEMA: text, SCRAPER / SCHEMA.name: text, PLACES: _places()}


@click.command()
def main() -> None:
    """Write the files that are not as they should be."""
    for file, text in render().items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"written: {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main(prog_name="python -m operations.import_document")
