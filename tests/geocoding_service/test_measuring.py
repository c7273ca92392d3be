"""Estimates are improved by a router's answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from geocoding_service.clients.osrm import Osrm
from geocoding_service.domain import measuring
from geocoding_service.domain.measuring import Measured
from geocoding_service.jobs import Routing
from shared import database
from shared.runtime import cli, logs
from shared.values import travel
from shared.values.enums import TravelMode
from shared.values.places import Place
from tests.fakes.osrm import OsrmServer, osrm

AACHEN = Place(50.7753, 6.0839)


@pytest.fixture
def server() -> Iterator[OsrmServer]:
    """An OSRM server for walks."""
    with osrm() as running:
        yield running


@pytest.fixture
def measure(server: OsrmServer, session: Session, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command, in the transaction of this test."""
    monkeypatch.setenv("OSRM_FOOT_URL", server.url)
    monkeypatch.setenv("OSRM_INTERVAL_SECONDS", "0.001")
    monkeypatch.setattr(database, "connect", lambda *_, **__: None)
    monkeypatch.setattr(logs, "configure", lambda *_: None)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli.commands, ["measure-routes", *arguments], obj="geocoding_service")

    return run


def test_a_router_says_detour_and_speed_by_length_and_other_modes_stay(
    measure: Any, server: OsrmServer, tmp_path: Path
) -> None:
    server.detour, server.speed_kmh = 1.4, 5
    file = tmp_path / "estimates.csv"
    done = measure("foot", "--routes", "60", "--write", "--to", str(file))
    assert done.exit_code == 0, done.output
    assert "   10 km: 60 of 60 routes, 1.4 times as long as the straight line, 5 km/h" in done.output
    written = travel.read(file.read_text().splitlines())
    assert [row.straight_km for row in written[TravelMode.FOOT]] == [1, 5, 10]
    assert all(row.detour == pytest.approx(1.4, abs=0.02) for row in written[TravelMode.FOOT])
    assert all(row.speed_kmh == pytest.approx(5, abs=0.1) for row in written[TravelMode.FOOT])
    for mode in (TravelMode.CAR, TravelMode.TRANSIT, TravelMode.BICYCLE):
        assert written[mode] == travel.table()[mode]
    assert file.read_text().startswith("# How routes are estimated")


def test_of_a_router_that_is_not_believed_or_away_nothing_is_written(
    measure: Any, server: OsrmServer, tmp_path: Path
) -> None:
    file = tmp_path / "estimates.csv"
    server.detour, server.speed_kmh = 1.3 * 3.28, 5  # in feet
    done = measure("foot", "--routes", "60", "--write", "--to", str(file))
    assert (done.exit_code, "too few" in done.output, "Nothing is written" in done.output) == (1, True, True)
    server.stop()
    done = measure("foot", "--routes", "60", "--write", "--to", str(file))
    assert (done.exit_code, "router_foot is not asked since" in done.output) == (1, True)
    assert "believed" not in done.output  # of routes that nobody was asked for nothing is said
    done = measure("bicycle", "--write", "--to", str(file))
    assert (done.exit_code, "No router is configured for bicycle." in done.output) == (1, True)
    assert not file.exists()


def test_the_command_waits_for_its_turn_however_long_the_interval_is(session: Session, server: OsrmServer) -> None:
    rules, waited = server.rules(interval_seconds=60, most_targets=3), list[float]()
    ends = [Place(50.9 + n / 100, 6.9) for n in range(6)]
    routes = Routing(rules, TravelMode.CAR, Osrm(rules, TravelMode.CAR), waited.append).measure(AACHEN, ends)
    assert [route is not None for route in routes] == [True] * 6
    assert waited == [pytest.approx(0, abs=30), pytest.approx(60, abs=30)]


def test_longer_routes_that_take_less_time_are_no_table() -> None:
    """A limit in minutes would be no radius."""
    slow, fast = (
        Measured(km, [1.3] * 30, [minutes / km] * 30, asked=30) for km, minutes in ((5.0, 40.0), (10.0, 30.0))
    )
    assert slow.is_enough
    with pytest.raises(ValueError, match="takes no longer"):
        measuring.table_with(TravelMode.CAR, [slow, fast])
    walked = [Measured(float(km), [1.3] * 30, [1.3 / 7.1 * 60] * 30, asked=30) for km in (1, 5, 10)]
    with pytest.raises(ValueError, match=r"7.1 km/h are not usual by car for 1 km, 5 km, 10 km"):
        measuring.table_with(TravelMode.CAR, walked)
    few = Measured(5.0, [1.3] * 29, [2.0] * 29, asked=60)
    with pytest.raises(ValueError, match="too few routes can be believed of 5 km"):
        measuring.table_with(TravelMode.CAR, [few])


def test_the_same_routes_are_measured_each_time() -> None:
    first, again = (list(measuring.samples(10, routes=30)) for _ in range(2))
    assert first == again
    assert 30 <= sum(len(ends) for _, ends in first) < 50
    for start, ends in first:
        assert 0 < len(ends) <= 20
        assert start not in ends
