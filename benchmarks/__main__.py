"""`python -m benchmarks [NAME …]`: measures on a private platform, prints a table, writes build/bench.json."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, table, write
from chaos.campaign import prepare_witness, witnesses
from operations.env_file import private
from operations.platform import Platform

ROOT = Path(__file__).parent.parent


def main() -> None:
    """The command line; a goal that is missed is shown and does not fail, since these machines are noisy."""
    known = _known()
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(known)}; all without it")
    chosen = parser.parse_args().names or list(known)
    if unknown := sorted(set(chosen) - set(known)):
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
    state = Path(tempfile.mkdtemp(prefix="platform-bench-"))
    platform = Platform(ROOT, private(state, ROOT, WITNESS_DATABASE_PASSWORD="witness"), state, say=print)
    os.environ.update(platform.settings)
    try:
        platform.up(["postgresql", "pgbouncer", "kafka", "mail", "migrations", "topics"])
        prepare_witness(platform.settings)
        platform.parts.extend(witnesses(platform, 1))
        platform.up()
        figures: list[Figure] = []
        for name in chosen:
            print(f"measuring {name} …", flush=True)
            figures += known[name](platform)
    finally:
        platform.down()
        platform.remove()
        shutil.rmtree(state, ignore_errors=True)
    write(figures, ROOT / "build" / "bench.json")
    print("\n" + table(figures))


def _known() -> dict[str, Callable[[Platform], list[Figure]]]:
    # imported late: they read the settings of the private platform
    from benchmarks import events, patients, searches, spine, therapists

    return {
        "patients": patients.measure,
        "events": events.measure,
        "therapists": therapists.measure,
        "spine": spine.measure,
        "searches": searches.measure,
    }


if __name__ == "__main__":
    main()
