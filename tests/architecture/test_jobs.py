"""Every job says what it does: `python -m <service> job` lists them."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from tests.architecture.sources import SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_every_job_of_a_service_says_what_it_does(service: str, settings: Any) -> None:
    declared = importlib.import_module(f"{service}.service").SERVICE
    jobs = declared.jobs(declared.dependencies(settings))
    assert [job.name for job in jobs if len(job.does.split()) < 4] == []
