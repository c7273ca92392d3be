"""Plots of a report, as SVG files: the same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from simulation import figures
from simulation.figures import Figures
from simulation.records import Played

COLOURS: Final = ("#8a4b08", "#2f6f9f", "#2e7d32", "#7b1fa2")
"""One for each policy, in the order of the report; they differ for the colour-blind too."""


def draw(all_played: Sequence[Played], all_figures: Sequence[Figures], folder: Path) -> list[Path]:
    """Write the plots into the folder, and return their files."""
    return [
        _write(folder / "time-to-place.svg", lambda axes: _time_to_place(axes, all_played)),
        _write(folder / "searching.svg", lambda axes: _searching(axes, all_played)),
        _write(folder / "contacts-per-place.svg", lambda axes: _contacts(axes, all_figures)),
        _write(folder / "fairness.svg", lambda axes: _fairness(axes, all_figures)),
    ]


def _write(path: Path, fill: Callable[[Axes], None]) -> Path:
    with _canvas() as (canvas, axes):
        fill(axes)
        # without the date of the drawing
        canvas.savefig(path, metadata={"Date": None})
    return path


@contextmanager
def _canvas() -> Iterator[tuple[Canvas, Axes]]:
    # identifiers in an SVG are otherwise drawn by chance, and its text becomes outlines that nobody can search
    with mpl.rc_context(
        {"svg.hashsalt": "simulation", "svg.fonttype": "none", "axes.grid": True, "axes.axisbelow": True}
    ):
        canvas = Canvas(figsize=(8, 4.5), layout="constrained")
        yield canvas, canvas.add_subplot()


def _time_to_place(axes: Axes, all_played: Sequence[Played]) -> None:
    for played, colour in zip(all_played, COLOURS, strict=False):
        curve = until_last_day(figures.spells(played.searches, played.last_day))
        days, shares = [day for day, _ in curve], [100 * share for _, share in curve]
        axes.step(days, shares, where="post", label=played.policy, color=colour)
    axes.set(
        title="How long patients search", xlabel="days since the search began", ylabel="patients without a place (%)"
    )
    axes.set_xlim(left=0)
    axes.set_ylim(0, 100)
    axes.legend()


def until_last_day(spells: Sequence[figures.Spell]) -> figures.Curve:
    """The curve of who still searches, up to the last day that was seen: after the last place it goes on level."""
    curve = figures.still_searching(spells)
    last_day, last_share = max((each.last for each in spells), default=0), curve[-1][1]
    return [*curve, (last_day, last_share)] if last_day > curve[-1][0] else curve


def _searching(axes: Axes, all_played: Sequence[Played]) -> None:
    for played, colour in zip(all_played, COLOURS, strict=False):
        weeks = range(1, len(played.weeks) + 1)
        axes.plot(weeks, [each.searching for each in played.weeks], label=played.policy, color=colour)
    axes.set(title="Patients without a place at the end of each week", xlabel="week", ylabel="patients")
    axes.set_ylim(bottom=0)
    axes.legend()


def _contacts(axes: Axes, all_figures: Sequence[Figures]) -> None:
    names = [each.policy for each in all_figures]
    # an e-mail costs nobody's time, a call costs a caller's
    emails = [each.emails / each.placed if each.placed else 0.0 for each in all_figures]
    calls = [each.calls / each.placed if each.placed else 0.0 for each in all_figures]
    axes.bar(names, emails, label="e-mails", color=COLOURS[1])
    axes.bar(names, calls, bottom=emails, label="calls", color=COLOURS[0])
    axes.set(title="Contacts for each patient with a place", ylabel="contacts")
    axes.legend()


def _fairness(axes: Axes, all_figures: Sequence[Figures]) -> None:
    width = 0.8 / max(1, len(all_figures))
    for place, (each, colour) in enumerate(zip(all_figures, COLOURS, strict=False)):
        shares = [100 * each.share_placed_by_practices[group] for group in figures.GROUPS]
        left = [group + place * width for group in range(len(shares))]
        axes.bar(left, shares, width, label=each.policy, color=colour, align="edge")
    middle = [group + 0.4 for group in range(len(figures.GROUPS))]
    axes.set_xticks(middle, [f"{group} practices fit" for group in figures.GROUPS])
    axes.set(title="Who has a place, by how many practices fit", ylabel="patients with a place (%)")
    axes.set_ylim(0, max(1, axes.get_ylim()[1]))  # where nobody has one, there is nothing to scale by
    axes.legend()
