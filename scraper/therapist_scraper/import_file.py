"""The file that the platform's import reads (docs/api.md#import-file of the repository)."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from therapist_scraper.differences import Difference
from therapist_scraper.errors import ScraperError

VERSION = "1.0"
NAME = re.compile(r"therapists_[0-9]{8}_[0-9]{6}\.json", re.ASCII)
ADDITIONS, MODIFICATIONS, DELETIONS = "additions", "modifications", "deletions"
CHANGES = {ADDITIONS: "new_therapists", MODIFICATIONS: "updated_therapists", DELETIONS: "deleted_therapists"}
"""The lists of a file, and under which name the statistics count each."""


def file_name(at: datetime, *, after: str | None = None) -> str:
    """Returns the name of a file of this moment (aware).

    Raises ScraperError where it would not come after the last one: the import refuses a file that is older.
    """
    name = f"therapists_{at.astimezone(UTC):%Y%m%d_%H%M%S}.json"
    if after is not None and name <= after:
        raise ScraperError(f"{name} would not come after {after}, the last file: is the clock right?")
    return name


def document(difference: Difference, *, source: str, scrape_id: str, at: datetime) -> dict[str, Any]:
    """Returns the content of the file; `at` is when the reading ended."""
    return {
        "metadata": {
            "timestamp": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "scrape_id": scrape_id,
            "source": source,
            "version": VERSION,
        },
        "changes": {
            ADDITIONS: list(difference.additions),
            MODIFICATIONS: list(difference.modifications),
            DELETIONS: [{"external_id": each} for each in difference.deletions],
        },
        "statistics": difference.statistics,
    }


def as_text(content: dict[str, Any]) -> str:
    """Returns the text of the file, with a line for each record, so that people can read and compare it."""
    changes = [
        f"  {json.dumps(name)}: [{','.join(f'{chr(10)}   {_json(record)}' for record in records)}]"
        for name, records in content["changes"].items()
    ]
    parts = [
        f' "metadata": {_json(content["metadata"])}',
        ' "changes": {\n' + ",\n".join(changes) + "\n }",
        f' "statistics": {_json(content["statistics"])}',
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
