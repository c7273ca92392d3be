"""`python -m benchmarks [NAME …]`: measures on a private platform, prints a table, writes build/bench.json."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib import import_module
from pathlib import Path

import click

from benchmarks.figures import Figure, table, write
from chaos.campaign import prepare_witness, witnesses
from operations.env_file import private
from operations.platform import Platform

ROOT = Path(__file__).parent.parent
NAMES = ("patients", "events", "therapists", "throughput", "searches")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
def main(names: tuple[str, ...]) -> None:
    """Measure everything, or only the named benchmarks.

    A missed goal is shown but is no failure, since the speed of the machine varies.
    """
    state = Path(tempfile.mkdtemp(prefix="platform-bench-"))
    platform = Platform(ROOT, private(state, ROOT, WITNESS_DATABASE_PASSWORD="witness"), state, say=print)
    os.environ.update(platform.settings)
    try:
        platform.up(["postgresql", "pgbouncer", "kafka", "mail", "migrations", "topics"])
        prepare_witness(platform.settings)
        platform.parts.extend(witnesses(platform, 1))
        platform.up()
        figures: list[Figure] = []
        for name in names or NAMES:
            print(f"measuring {name} …", flush=True)
            figures += _measure(name, platform)
    finally:
        platform.down()
        platform.remove()
        shutil.rmtree(state, ignore_errors=True)
    write(figures, ROOT / "build" / "bench.json")
    print("\n" + table(figures))


def _measure(name: str, platform: Platform) -> list[Figure]:
    # imported late: the modules read the settings of the private platform
    measured: list[Figure] = import_module(f"benchmarks.{name}").measure(platform)
    return measured


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
