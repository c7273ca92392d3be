"""What a process exports: a gauge that it never sets is absent, not 0."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.runtime import metrics
from shared.runtime.metrics import LazyGauge

OWN = sorted(name for name, value in vars(metrics).items() if isinstance(value, LazyGauge))
EXPORTS = """
import os
OTHERS = ("_total", "_created", "_sum", "_count")
from shared.runtime import metrics
def gauges():
    text = metrics.exposition(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))[0].decode()
    return sorted(line for line in text.splitlines() if line.startswith("platform_") and "{" not in line)
before = [line for line in gauges() if not line.rpartition(" ")[0].endswith(OTHERS)]
metrics.crises_unacknowledged.set(2)
metrics.crises_unacknowledged.set(3)
after = [line for line in gauges() if "crises" in line]
print(before, after)
"""


@pytest.mark.parametrize("shares_a_folder", [False, True])
def test_a_process_exports_only_gauges_that_it_has_set(tmp_path: Path, shares_a_folder: bool) -> None:
    folder = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)} if shares_a_folder else {}
    found = subprocess.run(
        [sys.executable, "-c", EXPORTS], env={"PYTHONPATH": "."} | folder, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[] ['platform_crises_unacknowledged 3.0']"


def test_every_gauge_without_labels_is_one_of_these() -> None:
    assert {"crises_unacknowledged", "outbox_waiting", "dead_letters_waiting", "consumer_lag"} <= set(OWN)
