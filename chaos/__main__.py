"""`python -m chaos`: a steady load while processes are killed by a seeded schedule; an auditor checks the data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import SystemRandom

import click

from chaos.campaign import Campaign

RESULT = Path(__file__).parent.parent / "build" / "chaos.json"


@click.command()
@click.option("--seed", type=int, help="Repeats the faults of a campaign; random without it.")
@click.option("--seconds", type=float, default=120, show_default=True, help="The duration of load and faults.")
@click.option(
    "--brokers", type=click.Choice([1, 3]), default=1, show_default=True, help="Kafka nodes, killed one at a time."
)
@click.option(
    "--break",
    "broken",
    type=click.Choice(["marking", "processed"]),
    help="Test the auditor: break the witness on purpose and kill its workers; no service is started.",
)
@click.option(
    "--result", type=click.Path(path_type=Path), default=RESULT, help="The file to write instead of build/chaos.json."
)
def main(seed: int | None, seconds: float, brokers: int, broken: str | None, result: Path) -> None:
    """Keep up a steady load while processes are killed; ends with 1 when the auditor found something."""
    seed = SystemRandom().randrange(1_000_000) if seed is None else seed
    found = Campaign(seed, seconds, brokers, broken or "").run()
    result.parent.mkdir(exist_ok=True)
    result.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))
    if not found["ok"]:
        again = f"make chaos SEED={seed} SECONDS={seconds:g} BROKERS={brokers}"
        sys.exit(f"\nThe auditor found something. Again: {again}")


if __name__ == "__main__":
    main(prog_name="python -m chaos")
