"""What a service's OpenAPI document says is what the service does; `make fuzz` looks for longer."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.stage import campaign
from tests.house.sources import SERVICES
from tests.infrastructure import Infrastructure

CASES = 100
"""Requests to each service: under a minute for all of them."""
SEED = 23


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_document_and_service_agree(service: str, infrastructure: Infrastructure) -> None:
    print(f"seed {SEED}: make fuzz SEED={SEED} CASES={CASES} ARGS='--service {service}'")
    random.seed(SEED)
    outcome = campaign(service, CASES, SEED)
    assert outcome.cases >= CASES * 0.9
    assert not outcome.differences, outcome.report()
