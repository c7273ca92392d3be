"""Distances from one origin to thousands of targets, estimated: `POST /api/distance-matrix`, by coordinates and codes.

Measured by the service's own log, so that the client adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from benchmarks.figures import Figure, at_most, quantile
from benchmarks.load import answered
from shared.values.postal_codes import areas
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform

TARGETS = 3000
REQUESTS, WARM_UP = 200, 20
GOAL_MS = 50


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure the 99th percentile of matrices with one origin."""
    chance = Random(14)
    codes = list(areas())
    by_code = [{"postal_code": chance.choice(codes)} for _ in range(TARGETS)]
    by_place = [
        {"latitude": chance.uniform(47.5, 54.5), "longitude": chance.uniform(6.5, 14.5)} for _ in range(TARGETS)
    ]
    return [*_measure(platform, "places", by_place), *_measure(platform, "postal codes", by_code)]


def _measure(platform: PrivatePlatform, name: str, targets: list[dict[str, Any]]) -> Iterator[Figure]:
    api, log = ApiClient(platform.settings), platform.process("geocoding_service.web").log
    for number in range(WARM_UP + REQUESTS):
        if number == WARM_UP:
            begin = log.stat().st_size
        mode = ("car", "transit", "bicycle", "foot")[number % 4]
        body = {"origins": [{"postal_code": "52062"}], "destinations": targets, "mode": mode}
        api.post("geocoding", "/api/distance-matrix", body)
    times = list(answered(log, begin, "/api/distance-matrix", "POST"))
    yield at_most(f"POST /api/distance-matrix to {TARGETS:,} {name}, p99", quantile(times, 0.99), "ms", GOAL_MS)
    yield at_most(f"POST /api/distance-matrix to {TARGETS:,} {name}, p50", quantile(times, 0.5), "ms", GOAL_MS)
