"""`make fuzz CASES=50000 SEED=23`: a long campaign against every service, on a private PostgreSQL.

Ends with 1 where document and service differ.
"""

from __future__ import annotations

import os
import random
import sys
from concurrent.futures import ProcessPoolExecutor

import click

from shared.runtime import clock, logs
from tests.architecture.sources import SERVICES
from tests.fuzz.campaign import Outcome
from tests.fuzz.stage import campaign
from tests.infrastructure import Infrastructure


@click.command()
@click.option("--cases", type=int, default=50_000, show_default=True, help="Requests, of all services together.")
@click.option("--seed", type=int, help="Repeats a campaign; chosen and printed if left out.")
@click.option("--service", type=click.Choice(SERVICES), help="Only this one.")
def main(cases: int, seed: int | None, service: str | None) -> None:
    """Fuzz every service and say what was found; ends with 1 where document and service differ."""
    number = random.randrange(10**6) if seed is None else seed
    services = [service] if service else SERVICES
    print(f"seed {number}", flush=True)
    began = clock.monotonic()
    with Infrastructure.started(), ProcessPoolExecutor(os.cpu_count(), initializer=_only_what_is_critical) as processes:
        share = cases // len(services)
        found = processes.map(campaign, services, [share] * len(services), [number] * len(services))
        outcomes = [_report(each, outcome) for each, outcome in zip(services, found, strict=True)]
    sent, seconds = sum(outcome.cases for outcome in outcomes), clock.monotonic() - began
    print(f"\n{sent} requests in {seconds:.0f} s, {sent / seconds:.0f}/s")
    sys.exit(any(outcome.differences for outcome in outcomes))


def _only_what_is_critical() -> None:
    """A campaign provokes refusals by the thousand."""
    logs.configure("fuzz", "fuzz", "CRITICAL")


def _report(service: str, outcome: Outcome) -> Outcome:
    statuses = ", ".join(f"{status}: {times}" for status, times in sorted(outcome.statuses.items()))
    print(f"\n{service}: {outcome.cases} requests ({statuses}), {sum(outcome.differences.values())} differences")
    for reason, times in outcome.explained.most_common():
        print(f"  {times} x refused although the schema permits it: {reason}")
    print(outcome.report(), flush=True)
    return outcome


if __name__ == "__main__":
    main(prog_name="python -m tests.fuzz")
