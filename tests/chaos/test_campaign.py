"""The fault campaign in short, and the trial of its auditor: what was broken on purpose must be found."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.faults import KINDS
from tests.infrastructure import ROOT

# on a machine that does much else a platform alone may take minutes to start
pytestmark = pytest.mark.timeout(900)


class Campaign:
    """A campaign in a process of its own, as `make chaos` starts it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._said, self._written = folder / "said", folder / "chaos.json"
        command = [sys.executable, "-m", "chaos", *arguments, "--result", str(self._written)]
        with self._said.open("w") as said:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)

    def end(self) -> tuple[int, str]:
        """Its exit code and what it said."""
        return self._process.wait(), self._said.read_text()

    def result(self) -> dict[str, Any]:
        """What it wrote."""
        found: dict[str, Any] = json.loads(self._written.read_text())
        return found

    def stop(self) -> None:
        """End it where a test that failed has left it running; it takes its platform away."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()


@pytest.fixture
def short_campaign(tmp_path: Path) -> Iterator[Campaign]:
    """Every kind of fault once, on all services."""
    campaign = Campaign(tmp_path, "--seed", "2", "--seconds", "25")
    yield campaign
    campaign.stop()


def test_every_kind_of_fault_harms_nothing(short_campaign: Campaign) -> None:
    code, said = short_campaign.end()
    assert code == 0, said
    result = short_campaign.result()
    assert result["ok"]
    assert [result[kind] for kind in ("lost", "doubled", "reordered", "twice_mailed")] == [0, 0, 0, 0]
    assert all(f" s  {kind} " in said for kind in KINDS), said
    assert result["faults"] >= len(KINDS), said
    # an audit of nothing proves nothing
    assert result["acknowledged"] > 100
    for proven in ("therapists", "patients", "events in the log", "effects in the ledger"):
        assert result["counts"][proven] > 0, proven


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Campaign]]:
    """A campaign for each way to break the witness; side by side, since they mostly wait."""
    started = {
        broken: Campaign(tmp_path_factory.mktemp(broken), "--seed", "10", "--seconds", "12", "--break", broken)
        for broken in ("marking", "processed")
    }
    yield started
    for campaign in started.values():
        campaign.stop()


def found_wrong(campaign: Campaign) -> tuple[dict[str, Any], str]:
    """What it wrote and said when the auditor has found something, as it must."""
    code, said = campaign.end()
    assert code == 1, said
    result = campaign.result()
    assert not result["ok"]
    return result, said


def test_the_auditor_finds_what_marking_before_the_answer_loses(trials: dict[str, Campaign]) -> None:
    result, said = found_wrong(trials["marking"])
    assert result["lost"] > 0
    assert any(
        re.search(r"was marked as published at .* and is not in the log", each) for each in result["findings"]
    ), said
    assert result["doubled"] == 0, said


def test_the_auditor_finds_what_happens_twice_without_processed_events(trials: dict[str, Campaign]) -> None:
    result, said = found_wrong(trials["processed"])
    assert result["doubled"] > 0
    assert any(re.search(r"had ([2-9]|\d\d+) effects", finding) for finding in result["findings"]), said
    assert result["lost"] == 0, said
