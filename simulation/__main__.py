"""`python -m simulation`: plays a year under several policies, and writes a report with plots."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from simulation import report
from simulation.figures import of
from simulation.policies import POLICIES
from simulation.region import Size
from simulation.runs import play_all

FOLDER = Path(__file__).parent.parent / "build" / "simulation"
DEFAULT = Size()
FEWEST_WEEKS = 13
"""From an offer to the first session three weeks pass, and before it the answers, some of which say "later"."""


@click.command()
@click.argument("policies", nargs=-1, type=click.Choice(POLICIES))
@click.option("--seed", type=int, default=DEFAULT.seed, show_default=True, help="The same seed gives the same report.")
@click.option("--weeks", type=click.IntRange(1, 260), default=DEFAULT.weeks, show_default=True, help="Weeks to play.")
@click.option(
    "--therapists", type=click.IntRange(1, 40_000), default=DEFAULT.therapists, show_default=True, help="How many."
)
@click.option(
    "--waiting",
    type=click.IntRange(0, 5000),
    default=DEFAULT.waiting,
    show_default=True,
    help="Patients who search when the first week begins.",
)
@click.option(
    "--arrivals",
    type=click.FloatRange(0, 500),
    default=DEFAULT.arrivals_a_week,
    show_default=True,
    help="Patients who begin to search in a week, on average.",
)
@click.option(
    "--calls",
    type=click.IntRange(0, 5000),
    default=DEFAULT.calls_a_week,
    show_default=True,
    help="Calls that callers can make in a week.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 8),
    default=len(POLICIES),
    show_default=True,
    help="Policies that are played at once.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    help="Where report and plots are written, instead of build/simulation.",
)
def main(
    policies: Sequence[str],
    seed: int,
    weeks: int,
    therapists: int,
    waiting: int,
    arrivals: float,
    calls: int,
    processes: int,
    folder: Path,
) -> None:
    """Play a year of the agency under each of the policies, or all, and compare them.

    The rules are the services' own; people are invented, practices answer by hidden probabilities, which are the same
    under every policy. docs/simulation.md says how to read the report.
    """
    size = Size(seed, weeks, therapists, waiting, arrivals, calls)
    began = time.monotonic()
    print(f"{weeks} weeks under each policy: a week takes some seconds, the first one longer", flush=True)
    if weeks < FEWEST_WEEKS:
        print(f"in fewer than {FEWEST_WEEKS} weeks hardly anybody finds a place", flush=True)
    all_played = play_all(list(dict.fromkeys(policies or POLICIES)), size, processes)
    folder.mkdir(parents=True, exist_ok=True)
    all_figures = [of(each) for each in all_played]
    print("\n" + report.table(all_figures))
    from simulation import plots  # it takes a second to load, which --help need not wait for

    for path in (report.write(all_played, folder), *plots.draw(all_played, all_figures, folder)):
        print(f"written: {path}")
    print(f"after {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(prog_name="python -m simulation")
