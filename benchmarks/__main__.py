"""`python -m benchmarks [NAME …]`: measures on a private platform, prints a table, writes build/bench.json."""

from __future__ import annotations

import base64
import os
import secrets
from importlib import import_module
from pathlib import Path

import click

from benchmarks.figures import Figure, table, write
from chaos.campaign import prepare_witness, witnesses
from testkit.private_platform import PrivatePlatform, private_platform

ROOT = Path(__file__).parent.parent
NAMES = (
    "patients",
    "tokens",
    "events",
    "therapists",
    "large_import",
    "throughput",
    "matches",
    "searches",
    "patient_imports",
    "patient_searches",
    "rewrap",
    "contact_plans",
    "call_plan",
    "distances",
    "contact_log",
    "contacts",
)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
def main(names: tuple[str, ...]) -> None:
    """Measure everything, or only the named benchmarks.

    A missed goal is shown but is no failure, since the speed of the machine varies.
    """
    figures: list[Figure] = []
    ring = ",".join(base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
    chosen = {"WITNESS_DATABASE_PASSWORD": "witness", "MASTER_KEY": ring}
    with private_platform(chosen, durable=True, yields_to_others=True, say=print) as platform:
        os.environ.update(platform.settings)
        platform.up(["postgresql", "pgbouncer", "kafka", "mail", "migrations", "topics"])
        prepare_witness(platform.settings)
        platform.process_specs.extend(witnesses(platform, 1))
        platform.up()
        for name in names or NAMES:
            print(f"measuring {name} …", flush=True)
            figures += _measure(name, platform)
    write(figures, ROOT / "build" / "bench.json")
    print("\n" + table(figures))


def _measure(name: str, platform: PrivatePlatform) -> list[Figure]:
    # imported late: the modules read the settings of the private platform
    measured: list[Figure] = import_module(f"benchmarks.{name}").measure(platform)
    return measured


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
