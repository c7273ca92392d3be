"""The report of a simulation: a table to read, and all figures as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from simulation.figures import Figures, of
from simulation.records import Played

ROWS: Final = {
    "patients who searched": "patients",
    "patients with a place": "placed",
    "places that work": "places_that_work",
    "days until half have a place": "days_until_half_have_a_place",
    "days until three quarters have": "days_until_three_quarters_have_a_place",
    "contacts for each of these": "contacts_per_place",
    "requests for each of these": "requests_per_place",
    "requests": "requests",
    "e-mails": "emails",
    "calls": "calls",
    "calls without a free caller": "calls_not_made",
    "longest search at the end, days": "longest_search",
    "nobody asked in four weeks": "not_asked_within_four_weeks",
    "inequality of days (Gini)": "gini_of_days",
}
"""The lines of the table, and the figure in each."""


def as_json(all_played: Sequence[Played]) -> dict[str, Any]:
    """What was played, and the figures of each policy."""
    return {
        "size": asdict(all_played[0].size),
        "policies": [asdict(of(each)) for each in all_played],
        "weeks": {each.policy: [asdict(week) for week in each.weeks] for each in all_played},
    }


def write(all_played: Sequence[Played], folder: Path) -> Path:
    """Write the figures as JSON into the folder; returns the file."""
    path = folder / "report.json"
    path.write_text(json.dumps(as_json(all_played), indent=2) + "\n")
    return path


def table(all_figures: Sequence[Figures]) -> str:
    """The figures as a text table, a column for each policy."""
    rows = [["", *(each.policy for each in all_figures)]]
    rows += [[name, *(_shown(getattr(each, field)) for each in all_figures)] for name, field in ROWS.items()]
    for group in ("few", "some", "many"):
        shares = [f"{each.share_placed_by_practices[group]:.0%}" for each in all_figures]
        rows.append([f"placed where {group} practices fit", *shares])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *values = (
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join((name, *values)).rstrip()


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
