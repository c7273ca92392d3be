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
    parser.add_argument(
        "--break",
        dest="broken",
        choices=["marking", "seen"],
        default="",
        help="break the witness on purpose: the auditor must find it",
    )
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else SystemRandom().randrange(1_000_000)
    result = Campaign(seed, options.seconds, options.broken).run()
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    if not result["ok"]:
        sys.exit(f"\nThe auditor found something. Again: make chaos SEED={seed} SECONDS={options.seconds:g}")


if __name__ == "__main__":
    main()
