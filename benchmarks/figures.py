"""The figures of benchmarks, and their table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured figure; `ratio` is figure / baseline; `goal` limits the figure or, if it says so, the ratio."""

    name: str
    figure: float
    unit: str
    baseline: float | None
    ratio: float | None
    goal: str
    met: bool


def at_least(name: str, figure: float, unit: str, goal: float, *, baseline: float | None = None) -> Figure:
    """Returns a figure that should not be smaller than the goal."""
    return _figure(name, figure, unit, f">= {goal:g}", figure >= goal, baseline)


def at_most(name: str, figure: float, unit: str, goal: float, *, baseline: float | None = None) -> Figure:
    """Returns a figure that should not be larger than the goal."""
    return _figure(name, figure, unit, f"<= {goal:g}", figure <= goal, baseline)


def share_at_least(name: str, figure: float, unit: str, share: float, *, baseline: float) -> Figure:
    """Returns a figure that should reach a share of its baseline."""
    return _figure(name, figure, unit, f"ratio >= {share:g}", figure / baseline >= share, baseline)


def share_at_most(name: str, figure: float, unit: str, share: float, *, baseline: float) -> Figure:
    """Returns a figure that should not exceed a multiple of its baseline."""
    return _figure(name, figure, unit, f"ratio <= {share:g}", figure / baseline <= share, baseline)


def _figure(name: str, figure: float, unit: str, goal: str, met: bool, baseline: float | None) -> Figure:
    ratio = round(figure / baseline, 2) if baseline else None
    return Figure(name, round(figure, 2), unit, baseline and round(baseline, 2), ratio, goal, met)


def quantile(values: Iterable[float], share: float) -> float:
    """Returns the value below which that share of the values is (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def table(figures: Sequence[Figure]) -> str:
    """Returns the figures as a text table."""
    head = ("name", "figure", "unit", "baseline", "ratio", "goal", "met")
    rows = [head, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _row(figure: Figure) -> tuple[str, ...]:
    shown = ("-" if value is None else str(value) for value in asdict(figure).values())
    return tuple(text if text not in ("True", "False") else {"True": "yes", "False": "NO"}[text] for text in shown)


def write(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures as JSON, a list of objects."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")
