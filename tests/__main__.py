"""`make test`: all tests in six pytest processes side by side, each with a PostgreSQL of its own.

Four groups use a processor and a database much of the time, and are made to take equally long, since on two processors
the longest group is what is waited for. The other two mostly wait: for Kafka and threads, and for whole
platforms whose processes are stopped and started; made-up requests (`tests/fuzz`) fill that time. The tests of a
group share its platform, so the groups are explicit folders, and no scheduler distributes single tests.
"""

from __future__ import annotations

import compileall
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from shared.runtime import registry
from tests.infrastructure import STATE_OF_THE_PLATFORM

ROOT = Path(__file__).resolve().parent.parent
MAIL_AND_PEOPLE = ("communication_service", "user_service")
GROUPS = {
    "services": tuple(f"tests/{name}" for name in registry.names() if name not in MAIL_AND_PEOPLE),
    "mail and people": (*(f"tests/{name}" for name in MAIL_AND_PEOPLE), "tests/across_services"),
    "end to end": ("tests/fuzz", "tests/end_to_end"),
    "platform": ("tests/operations", "tests/containers", "tests/chaos", "tests/boundaries/test_http.py"),
    "kafka": ("tests/shared/events", "tests/shared/runtime"),
}
"""The folders, and the one file that takes as long as several, of each group; the group `rules` has all the others,
also folders that are new."""
FOUND_NOTHING = 5
"""pytest's exit code where no test was chosen, such as by `-k`."""
FAILURE = re.compile(r"^(?:FAILED|ERROR) .*", re.MULTILINE)
STATE = re.compile(rf"^-+ {STATE_OF_THE_PLATFORM} -+\n(.*?)^[-_=]{{3}}", re.MULTILINE | re.DOTALL)
MOST_LINES, LONGEST_LINE = 12, 400
"""Of what is said once more at the end: a reader of a CI often sees only the last lines of all."""


@dataclass
class Run:
    """One pytest process; with an `output`, what it prints goes there."""

    process: subprocess.Popen[bytes]
    output: IO[bytes] | None

    def finish(self) -> int:
        """Print what it printed until now, then what it prints until its end, and return its exit code."""
        printed = 0
        while True:
            ended = self.process.poll() is not None
            if self.output is not None:
                new = os.pread(self.output.fileno(), 2**30, printed)
                printed += len(new)
                sys.stdout.buffer.write(new)
                sys.stdout.flush()
            if ended:
                return self.process.returncode
            time.sleep(0.2)

    def failures(self) -> list[str]:
        """Returns the lines of its output that say what failed, and what a platform said of it."""
        if self.output is None or self.process.returncode in (0, FOUND_NOTHING):
            return []
        output = os.pread(self.output.fileno(), 2**30, 0).decode(errors="replace")
        states = [line for state in STATE.findall(output)[:1] for line in state.splitlines()]
        return [line[:LONGEST_LINE] for line in [*FAILURE.findall(output)[:MOST_LINES], *states[:MOST_LINES]]]

    def stop(self) -> None:
        """End it where it still runs; it then stops what it has started."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()


def arguments_of_groups() -> dict[str, list[str]]:
    """Returns the arguments of pytest that choose the tests of each group."""
    others = [f"--ignore={path}" for paths in GROUPS.values() for path in paths]
    return {"rules": others} | {name: list(paths) for name, paths in GROUPS.items()}


def start(arguments: Sequence[str], output: IO[bytes] | None) -> Run:
    """Start pytest; without `output` it prints to the terminal as it runs."""
    command = [sys.executable, "-m", "pytest", *arguments]
    errors = subprocess.STDOUT if output else None
    return Run(subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=output, stderr=errors), output)


def environment() -> dict[str, str]:
    """Returns this process's environment, with Python keeping what it compiles.

    The tests start some hundred processes of ours; where a machine forbids it, each would compile all modules again.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def compile_modules() -> None:
    """Compile what several groups import, once: in a new checkout each of them would compile all of it.

    pytest compiles the test modules itself, in another way.
    """
    is_test = re.compile(r"/(test_\w+|conftest)\.py$")
    for folder in [file.parent for file in sorted(ROOT.glob("*/__init__.py"))]:
        compileall.compile_dir(folder, quiet=2, rx=is_test, workers=0)


def run_side_by_side(groups: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Returns the exit code of each group; they print one after the other, and at last what failed once more."""
    with ExitStack() as stack:
        runs = {name: start(chosen, stack.enter_context(tempfile.TemporaryFile())) for name, chosen in groups.items()}
        for run in runs.values():
            stack.callback(run.stop)
        codes = {name: run.finish() for name, run in runs.items()}
        for name, run in runs.items():
            for line in run.failures():
                print(f"{name}: {line}")
        return codes


def main(arguments: Sequence[str]) -> int:
    """Run all groups with these further arguments of pytest; returns 0 where no test failed.

    Where the arguments name files or folders, one process runs those.
    """
    if any(each.startswith("tests/") for each in arguments):
        return start(arguments, None).finish()
    begun = time.monotonic()
    compile_modules()
    codes = run_side_by_side({name: [*chosen, *arguments] for name, chosen in arguments_of_groups().items()})
    words = {0: "passed", FOUND_NOTHING: "had nothing to run"}
    said = [f"{name} {words.get(code, f'FAILED (exit code {code})')}" for name, code in codes.items()]
    print(f"\ntests in six groups: {', '.join(said)}, in {time.monotonic() - begun:.0f} s", flush=True)
    return exit_code(codes)


def exit_code(codes: Mapping[str, int]) -> int:
    """Returns the exit code of the whole from those of the groups: not 0 where any has failed.

    That a group found nothing is fine as long as another one found something.
    """
    failed = [code for code in codes.values() if code not in (0, FOUND_NOTHING)]
    if failed:
        return failed[0]
    return FOUND_NOTHING if set(codes.values()) == {FOUND_NOTHING} else 0


def _terminate(number: int, _: object) -> None:
    """On SIGTERM, leave as after an exception, so that the groups are stopped."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    # a shell starts what runs in its background with SIGINT ignored, and the groups would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
