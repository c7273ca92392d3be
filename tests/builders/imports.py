"""Import files in a folder, and a worker's turn at them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.database import transaction
from shared.values.enums import ReviewKind
from tests.builders.lists import asked_for
from tests.conftest import MONDAY
from therapist_service import jobs
from therapist_service.domain import import_records, imports
from therapist_service.domain.import_files import ImportFile
from therapist_service.domain.import_records import Entry, RawRecord
from therapist_service.domain.import_schemas import ImportRecordView, ImportView
from therapist_service.domain.lists import IMPORT_RECORDS, IMPORTS
from therapist_service.domain.review_rules import Passes
from therapist_service.jobs.import_folder import ImportFolder

FIRST = "therapists_20261123_040000.json"
SECOND = "therapists_20261123_050000.json"
THIRD = "therapists_20261123_060000.json"
EVERYTHING: Passes = frozenset(ReviewKind)
"""The policy with which imports are applied at once."""


def a_record(external_id: str = "a-1", **fields: Any) -> dict[str, Any]:
    """A valid import record."""
    return {"external_id": external_id, "last_name": "Sonnentau", "city": "Aachen", "procedures": ["VT"], **fields}


def a_file(
    additions: Sequence[Any] = (),
    modifications: Sequence[Any] = (),
    deletions: Sequence[Any] = (),
    version: Any = "1.0",
    **more: Any,
) -> dict[str, Any]:
    """The document of a file whose statistics add up; `deletions` are external ids or raw records."""
    gone = [{"external_id": each} if isinstance(each, str) else each for each in deletions]
    return {
        "metadata": {
            "timestamp": "2026-11-23T04:00:00Z",
            "scrape_id": "2026112304",
            "source": "116117.de",
            "version": version,
        },
        "changes": {"additions": list(additions), "modifications": list(modifications), "deletions": gone},
        "statistics": {
            "total_therapists_scraped": len(additions) + len(modifications),
            "new_therapists": len(additions),
            "updated_therapists": len(modifications),
            "deleted_therapists": len(gone),
            "unchanged_therapists": 0,
        },
        **more,
    }


def records(file: ImportFile, *, end: int) -> list[RawRecord]:
    """The file's first records."""
    return [import_records.record(file, position) for position in range(min(end, file.total))]


def entries(file: ImportFile, *, end: int) -> list[Entry]:
    """The file's first records, looked at."""
    return [import_records.entry(each) for each in records(file, end=end)]


class Folder:
    """A folder of files with a worker beside it."""

    passes: Passes = EVERYTHING
    """What is applied without a review; tests of reviews set less."""

    def __init__(self, path: Path, settings: Any) -> None:
        self.path = path
        self.settings = settings.model_copy(update={"import_url": path.as_uri()})
        self.watch = ImportFolder(self.settings)

    def drop(self, name: str, content: Any, *, at: datetime = MONDAY - timedelta(hours=1)) -> Path:
        """Put a file there, last changed at that moment: a document, or text or bytes as they are."""
        path = self.path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    def work(self, now: datetime = MONDAY) -> None:
        """Everything that a worker finds to do at that moment."""
        while self.watch.watch(now) + jobs.Applying(self.passes).next(now):
            pass

    def imports(self) -> list[ImportView]:
        """All imports, the oldest first."""
        with transaction() as session:
            return list(imports.list_part(session, asked_for(IMPORTS, limit=200)).items[::-1])

    def bring(self, name: str, content: Any, *, now: datetime = MONDAY) -> ImportView:
        """Drop a file and let the worker work; the newest import. Documents differ by their names, as scrapes do."""
        if isinstance(content, dict) and isinstance(content.get("metadata"), dict):
            content["metadata"]["scrape_id"] = name
        self.drop(name, content)
        self.work(now)
        return max(self.imports(), key=lambda each: each.id)

    def records(self, known: ImportView) -> list[ImportRecordView]:
        """What became of the first records of an import."""
        with transaction() as session:
            found = imports.list_records(session, known.id, asked_for(IMPORT_RECORDS, limit=200)).items
            return [ImportRecordView.of(each) for each in found]
