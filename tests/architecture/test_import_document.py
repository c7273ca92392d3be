"""The form of the import's files that is published is the one that the code reads."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from operations import import_document
from testkit.synthetic_region import import_file, therapists
from tests.conftest import MONDAY
from therapist_service.domain.import_files import Blocks, read
from therapist_service.domain.import_records import KNOWN


def test_the_documented_schema_and_the_scrapers_copy_are_not_stale() -> None:
    stale = [file for file, text in import_document.render().items() if file.read_text(encoding="utf-8") != text]
    assert stale == [], "`make import-schema` writes them"
    Draft202012Validator.check_schema(json.loads(import_document.SCHEMA.read_text()))


def test_the_schema_names_every_field_of_a_record() -> None:
    assert import_document.schema()["$defs"]["SentRecord"]["properties"].keys() == KNOWN


def test_a_file_of_the_form_has_no_odd_statistics() -> None:
    """What the schema requires beside the records is what the import compares them with."""
    _, document = import_file(therapists(3), MONDAY, deletions=["a-1"])
    assert list(Draft202012Validator(import_document.schema()).iter_errors(document)) == []
    assert document["statistics"].keys() == import_document.COUNTS.keys()
    content = json.dumps(document).encode()
    file = read(Blocks(len(content), lambda _: content))
    assert (file.total, file.notes) == (4, [])
    for name in import_document.COUNTS:
        del document["statistics"][name]
    content = json.dumps(document).encode()
    assert len(read(Blocks(len(content), lambda _: content)).notes) == 3
