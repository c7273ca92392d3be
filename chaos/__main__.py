"""`python -m chaos`: a steady load while parts die at seeded times; an auditor proves that nothing was harmed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from random import SystemRandom

from chaos.campaign import Campaign

RESULT = Path(__file__).parent.parent / "build" / "chaos.json"


def main() -> None:
    """The command line; ends with 1 when the auditor found something."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="repeat the faults of a campaign; random without it")
    parser.add_argument("--seconds", type=float, default=120, help="how long the load and the faults last (120)")
    parser.add_argument("--brokers", type=int, default=1, choices=[1, 3], help="Kafka nodes, killed one at a time (1)")
    parser.add_argument(
        "--break",
        dest="broken",
        choices=["marking", "seen"],
        default="",
        help="try the auditor: break the witness on purpose, and let its workers die; no service is started",
    )
    parser.add_argument("--result", type=Path, default=RESULT, help="the file to write (build/chaos.json)")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else SystemRandom().randrange(1_000_000)
    result = Campaign(seed, options.seconds, options.brokers, options.broken).run()
    options.result.parent.mkdir(exist_ok=True)
    options.result.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    if not result["ok"]:
        again = f"make chaos SEED={seed} SECONDS={options.seconds:g} BROKERS={options.brokers}"
        sys.exit(f"\nThe auditor found something. Again: {again}")


if __name__ == "__main__":
    main()
