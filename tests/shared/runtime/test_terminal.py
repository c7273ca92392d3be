"""Whoever stops reading does not stop the work, and gets no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT

WORK = """
import sys
from pathlib import Path
from shared.runtime.terminal import print_line

for number in range(10_000):
    print_line(f"step {number}")
Path(sys.argv[1]).write_text("done")
"""


def test_work_goes_on_when_nobody_reads_any_more(tmp_path: Path) -> None:
    done = tmp_path / "done"
    with subprocess.Popen(
        [sys.executable, "-c", WORK, str(done)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as work:
        assert work.stdout is not None
        assert work.stderr is not None
        assert work.stdout.readline() == "step 0\n"
        work.stdout.close()  # as `head -1` does
        assert work.stderr.read() == ""
        assert work.wait(30) == 0
    assert done.read_text() == "done"


TABLE = """
from operations import commands

commands._table(("name", "state"), [("part", "ready")] * 10_000)
"""


def test_a_table_can_be_cut_off() -> None:
    """`make status | head -1` prints one."""
    with subprocess.Popen(
        [sys.executable, "-c", TABLE], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as status:
        assert status.stdout is not None
        assert status.stderr is not None
        assert status.stdout.readline().startswith("name")
        status.stdout.close()
        assert status.stderr.read() == ""
        assert status.wait(60) == 0
