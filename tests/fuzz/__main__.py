"""`make fuzz CASES=50000 SEED=23`: a long campaign against every service, on a private PostgreSQL.

Ends with 1 where document and service differ.
"""

from __future__ import annotations

import argparse
import random
import sys

from shared import logs
from tests.fuzz.campaign import Outcome
from tests.fuzz.stage import campaign
from tests.house.sources import SERVICES
from tests.infrastructure import Infrastructure


def main() -> None:
    """Read the command line, fuzz, and say what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=50_000, help="requests, of all services together")
    parser.add_argument("--seed", type=int, default=None, help="repeats a campaign; chosen and printed if left out")
    parser.add_argument("--service", choices=SERVICES, help="only this one")
    given = parser.parse_args()
    number = random.randrange(10**6) if given.seed is None else given.seed
    services = [given.service] if given.service else SERVICES
    print(f"seed {number}", flush=True)
    logs.configure("fuzz", "fuzz", "CRITICAL")
    with Infrastructure.started():
        outcomes = [_tell(service, campaign(service, given.cases // len(services), number)) for service in services]
    sys.exit(any(outcome.differences for outcome in outcomes))


def _tell(service: str, outcome: Outcome) -> Outcome:
    statuses = ", ".join(f"{status}: {times}" for status, times in sorted(outcome.statuses.items()))
    print(f"\n{service}: {outcome.cases} requests ({statuses}), {sum(outcome.differences.values())} differences")
    for reason, times in outcome.explained.most_common():
        print(f"  {times} x refused although the schema permits it: {reason}")
    print(outcome.report(), flush=True)
    return outcome


if __name__ == "__main__":
    main()
