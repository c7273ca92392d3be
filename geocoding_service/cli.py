"""Commands of this service's own: `python -m geocoding_service measure-routes MODE`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from geocoding_service import jobs
from geocoding_service.dependencies import Dependencies
from geocoding_service.domain import measuring
from geocoding_service.domain.measuring import Measured
from shared.errors import Outage
from shared.runtime.operator_commands import AnyService, with_service
from shared.runtime.settings import ServiceSettings
from shared.runtime.terminal import print_line
from shared.values import travel
from shared.values.enums import TravelMode


@click.group()
def commands() -> None:
    """The commands of the geocoding service."""


@commands.command("measure-routes")
@click.argument("mode", type=click.Choice([each.value for each in TravelMode]))
@click.option(
    "--routes", default=600, show_default=True, type=click.IntRange(30, 100_000), help="about how many, a length"
)
@click.option("--write", is_flag=True, help="write the table of estimates that all services read")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), default=travel.TABLE, help="the file to write")
@with_service
def _measure_routes(
    service: AnyService, settings: ServiceSettings, mode: str, routes: int, *, write: bool, to: Path
) -> None:
    """Measure how long routes are and take, by a router.

    Against straight lines, for the table that routes are estimated by: detour and speed by mode and length.

    The router of the mode needs to be configured (ROUTER, with OSRM_CAR_URL and others, or VALHALLA_URL). Requests are
    sent in its turns. Services read the table when they start: give it to all of them, and restart them.
    """
    measured = _measured(service.dependencies(settings), TravelMode(mode), routes)
    try:
        table = measuring.table_with(TravelMode(mode), measured)
    except ValueError as problem:
        sys.exit(f"No table follows from these answers: {problem}. Nothing is written.")
    if write:
        to.write_text(table, encoding="utf-8")
        print_line(f"written: {to}")


def _measured(dependencies: Dependencies, mode: TravelMode, routes: int) -> list[Measured]:
    router = dependencies.routers.get(mode)
    if router is None:
        sys.exit(f"No router is configured for {mode}.")
    asking = jobs.Routing(dependencies.route_rules, mode, router)
    found = []
    try:
        for each in measuring.measure(mode, asking.measure, routes=routes):
            print_line(_shown(each))
            found.append(each)
    except Outage as outage:
        sys.exit(f"{outage.detail}. Nothing is written.")
    return found


def _shown(measured: Measured) -> str:
    counted = f"{measured.straight_km:>5g} km: {len(measured.detours)} of {measured.asked} routes"
    if not measured.is_enough:
        return f"{counted} can be believed, too few"
    row = measured.estimate()
    return f"{counted}, {row.detour:g} times as long as the straight line, {row.speed_kmh:g} km/h"
