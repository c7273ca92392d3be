"""One process of the platform: it is started, stopped, killed, paused and waited for without the others."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

from operations import processes
from operations.errors import NotReady, OperationsError, PermanentFailure
from operations.fingerprints import fingerprint
from operations.paths import Paths
from operations.process_specs import ProcessSpec
from operations.processes import LaunchSpec, ProcessRecord, ProcessRecords

_LAST_LINES = 20


class ManagedProcess:
    """One process of a platform, to be started, stopped, killed, paused and waited for."""

    def __init__(self, spec: ProcessSpec, records: ProcessRecords, paths: Paths) -> None:
        self.spec = spec
        self._records = records
        self._paths = paths

    @property
    def record(self) -> ProcessRecord | None:
        """The record of its living process, if it lives."""
        return self._records.living(self.spec.name)

    @property
    def pid(self) -> int | None:
        """Its process, if it lives."""
        return self.record.pid if self.record else None

    @property
    def log(self) -> Path:
        """Its log file."""
        return self._paths.log(self.spec.name)

    def is_alive(self) -> bool:
        """Whether its process lives."""
        return self.record is not None

    def is_outdated(self) -> bool:
        """Whether it runs with other settings or code than it would be started with now."""
        return self.record is not None and self.record.fingerprint != fingerprint(self.spec)

    def is_ready(self) -> bool:
        """Whether it lives and works."""
        try:
            self.spec.ready()
        except (NotReady, PermanentFailure):
            return False
        return self.is_alive()

    def start(self) -> None:
        """Start it unless it runs, and return when it is ready."""
        if not self.is_alive():
            self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start its process without waiting for anything."""
        spec = self.spec
        clear_remains(spec.name, self._records, self._paths)
        spec.prepare()
        folder = spec.folder or self._paths.root
        own = mark(self._paths, spec.name)
        what = LaunchSpec(spec.name, spec.command, spec.environment, folder, self.log, own, spec.user, spec.niceness)
        pid, start, begin = processes.launch(what)
        self._records.write(
            ProcessRecord(
                name=spec.name,
                pid=pid,
                start=start,
                address=spec.address,
                rank=spec.rank,
                log=str(self.log),
                log_start=begin,
                started_at=time.time(),
                stop_signal=spec.stop_signal,
                stop_seconds=spec.stop_seconds,
                fingerprint=fingerprint(spec),
            )
        )

    def wait_until_ready(self, seconds: float | None = None) -> None:
        """Returns when it works.

        Raises:
            OperationsError: it has ended or takes too long; the text has the end of its log.
        """
        limit = self.spec.start_seconds if seconds is None else seconds
        try:
            wait_for_success(self._check, seconds=limit)
        except (NotReady, PermanentFailure) as error:
            raise OperationsError(self._why(str(error), limit)) from error

    def _check(self) -> None:
        try:
            self.spec.ready()
        finally:
            if not self.is_alive():  # Asked last: another process on its port may have answered.
                raise PermanentFailure("its process has ended")

    def _why(self, reason: str, seconds: float) -> str:
        record = self._records.read(self.spec.name)
        when = "failed" if not self.is_alive() else f"is not ready after {seconds:g} s"
        return f"{self.spec.name} {when}: {reason}\n{end_of(self.log, record.log_start if record else 0)}"

    def stop(self) -> None:
        """Stop it as `make down` does."""
        if record := self.record:
            processes.stop(record, mark(self._paths, self.spec.name))
            self._records.forget(record)

    def kill(self) -> None:
        """End it and its children at once, as kill -9 does."""
        if record := self.record:
            processes.kill(record, mark(self._paths, self.spec.name))
            self._records.forget(record)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Pause its process (SIGSTOP): it stays alive and answers nothing."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue its paused process (SIGCONT)."""
        self.send(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        """Send its process any signal."""
        if record := self.record:
            processes.send(record, number)


def mark(paths: Paths, name: str) -> str:
    """What a process and its children carry in their environment, which shows that they were started here."""
    return f"{paths.state}:{name}"


def clear_remains(name: str, records: ProcessRecords, paths: Paths) -> None:
    """End what a process that died left behind, such as web processes whose parent was killed."""
    if (record := records.read(name)) and not processes.is_alive(record):
        processes.end_the_rest(record, mark(paths, name), patience=1)


def wait_for_success(check: Callable[[], None], *, seconds: float) -> None:
    """Call until it raises nothing; raises the last NotReady when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except NotReady:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def end_of(log: Path, begin: int) -> str:
    """The last lines that the process wrote since its start, and where the rest is."""
    with log.open("rb") as file:
        file.seek(max(begin, log.stat().st_size - 20_000))
        lines = file.read().decode("utf-8", "replace").splitlines()[-_LAST_LINES:]
    shown = "\n".join(f"  | {line}" for line in lines) or "  | (it wrote nothing)"
    return f"{shown}\n  the whole log: {log}"
