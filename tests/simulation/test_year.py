"""A few weeks of a tiny region on the services' own tables: the same seed gives the same report, under each policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulation import plots, report
from simulation.figures import of
from simulation.policies import PLAN
from simulation.records import Played
from simulation.region import Size
from simulation.services import Services, connections
from simulation.year import play

TINY = Size(seed=4, weeks=2, therapists=15, waiting=3, arrivals_a_week=1, calls_a_week=6)
POLICIES = ("oldest-first", PLAN)


@contextmanager
def some_services() -> Iterator[Services]:
    """Services whose tables are as before at the end of the block."""
    with connections() as opened:
        begun = [each.begin() for each in opened.values()]
        try:
            yield Services(opened)
        finally:
            for each in begun:
                each.rollback()


def _play(policy: str) -> Played:
    with some_services() as services:
        return play(services, TINY, policy)


@pytest.fixture(scope="module")
def played(infrastructure: object) -> list[Played]:
    """What happens under each policy."""
    return [_play(policy) for policy in POLICIES]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_report(played: list[Played], tmp_path: Path) -> None:
    again = [_play(policy) for policy in POLICIES]
    assert [report.as_json([each]) for each in again] == [report.as_json([each]) for each in played]

    folders = [tmp_path / "first", tmp_path / "second"]
    for folder, all_played in zip(folders, (played, again), strict=True):
        folder.mkdir()
        report.write(all_played, folder)
        plots.draw(all_played, [of(each) for each in all_played], folder)
    written = [{path.name: path.read_bytes() for path in sorted(folder.iterdir())} for folder in folders]
    assert written[0] == written[1]
    assert sorted(written[0]) == [
        "contacts-per-place.svg", "fairness.svg", "report.json", "searching.svg", "time-to-place.svg",
    ]  # fmt: skip


@pytest.mark.slow
def test_practices_are_asked_within_the_limits_and_answer(played: list[Played]) -> None:
    for each in played:
        assert [search.number for search in each.searches] == list(range(1, len(each.searches) + 1))
        assert each.requests >= 1
        assert each.emails + each.calls >= 1
        assert each.calls <= TINY.weeks * TINY.calls_a_week
        assert len(each.weeks) == TINY.weeks
        assert each.weeks[-1].searching + each.weeks[-1].placed == len(each.searches)
        for search in each.searches:
            days = [search.begins_on, search.asked_on, search.placed_on]
            known = [day for day in days if day is not None]
            assert known == sorted(known)
            assert search.asked_on is None or search.practices_that_fit


@pytest.mark.slow
def test_the_table_has_a_column_for_each_policy_and_a_line_for_each_figure(played: list[Played]) -> None:
    lines = report.table([of(each) for each in played]).splitlines()
    assert lines[0].split() == list(POLICIES)
    searched = next(line for line in lines if line.startswith("patients who searched"))
    assert searched.split()[-2:] == [str(len(each.searches)) for each in played]
    assert len(lines) == 1 + len(report.ROWS) + 3
