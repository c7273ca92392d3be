"""Logs tell operators what failed and where, and nothing about a patient."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared import logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def failed(problem: Exception, capsys: pytest.CaptureFixture[str]) -> dict:
    logs.configure("patient_service", "web", "INFO")
    try:
        name = "Erika Mustermann"
        raise problem
    except Exception:
        structlog.stdlib.get_logger("test").exception("request.failed", length=len(name))
    return json.loads(capsys.readouterr().err)


def test_a_failure_names_its_type_and_place_and_no_value(capsys):
    line = failed(KeyError("Erika"), capsys)
    (problem,) = line["exception"]
    assert problem["exc_type"] == "KeyError"
    assert problem["frames"][-1]["filename"].endswith("test_logs.py")
    assert "Erika" not in json.dumps(line)


def test_causes_and_groups_are_as_silent(capsys):
    line = failed(ExceptionGroup("Erika", [ValueError("Erika")]), capsys)
    assert "ValueError" in json.dumps(line)
    assert "Erika" not in json.dumps(line)


def test_what_speaks_of_our_code_is_kept(capsys):
    assert failed(RuntimeError("connect() was not called"), capsys)["exception"][0]["exc_value"]
