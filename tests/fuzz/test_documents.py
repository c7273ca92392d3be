"""What a service's OpenAPI document says is what the service does; `make fuzz` looks for longer."""

from __future__ import annotations

import ast
import random

import pytest

from tests.architecture.sources import SERVICES, sources
from tests.fuzz.reasons import REFUSALS, RULES, VALUES
from tests.fuzz.stage import campaign
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


def test_every_reason_is_one_of_a_rule_that_exists() -> None:
    """A reason whose rule has gone would hide the next difference."""
    written = texts_in("shared", *SERVICES)
    for wanted in (*VALUES, *RULES, *REFUSALS):
        assert any(wanted in text for text in written), wanted


def texts_in(*folders: str) -> set[str]:
    """Every text in the sources of these folders; what is filled in later is left out."""
    nodes = (node for path in sources(*folders) for node in ast.walk(ast.parse(path.read_text())))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
