"""A whole platform on this machine: its parts, started and stopped together or one by one.

settings = private(state, root)                      # free ports, fresh secrets
platform = Platform(root, settings, state, durable=False)
platform.up(only=["postgresql", "pgbouncer", "migrations", "kafka", "topics", "mail"])
platform.part("kafka").kill()                        # kill -9
platform.part("kafka").start()
platform.mailbox.wait_for(1)
platform.down()
platform.remove()
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import groupby
from pathlib import Path

from operations import kafka, mail, pgbouncer, ports, postgres, processes, services
from operations.env_file import local_parts
from operations.environment import make_import_folder
from operations.errors import Failure, Hopeless, NotReady
from operations.paths import Places
from operations.process_specs import Elsewhere, Part, Step
from operations.processes import Launch, Record, Records

_LAST_LINES = 20


def _quiet(_: str) -> None:
    return None


class Platform:
    """The processes that one set of settings and one state folder describe."""

    def __init__(
        self,
        root: Path,
        settings: Mapping[str, str],
        state: Path | None = None,
        *,
        durable: bool = True,
        say: Callable[[str], None] = _quiet,
    ) -> None:
        self.root = root.resolve()
        self.settings = dict(settings)
        self.places = Places(self.root, (state or root / ".state").resolve())
        self.places.make()
        self.records = Records(self.places.run)
        self.mailbox = mail.Mailbox.of(self.settings)
        self._durable = durable
        self._say = say

    # --- what there is ---------------------------------------------------------------------------------------------

    @cached_property
    def parts(self) -> list[Part]:
        """Every part that this platform starts itself, in the order of starting."""
        local = local_parts(self.settings)
        known: dict[str, Callable[[], list[Part]]] = {
            "postgresql": lambda: [postgres.part(self.settings, self.places, rank=0, durable=self._durable)],
            "pgbouncer": lambda: [pgbouncer.part(self.settings, self.places, rank=1)],
            "kafka": lambda: kafka.parts(self.settings, self.places, rank=2),
            "mail": lambda: [mail.part(self.settings, self.places, rank=3)],
        }
        infrastructure = [part for name, make in known.items() if name in local for part in make()]
        return [*infrastructure, *services.parts(self.settings, self.places, rank=6)]

    def elsewhere(self) -> list[Elsewhere]:
        """Every part that exists already, outside this platform."""
        known = {
            "postgresql": postgres.elsewhere,
            "pgbouncer": pgbouncer.elsewhere,
            "kafka": kafka.elsewhere,
            "mail": mail.elsewhere,
        }
        local = local_parts(self.settings)
        return [describe(self.settings) for name, describe in known.items() if name not in local]

    def part(self, name: str) -> "Running":
        """One part, to start, stop or kill it by itself."""
        found = [part for part in self.parts if part.name == name]
        if not found:
            raise Failure(f"there is no part {name}; there are {', '.join(part.name for part in self.parts)}")
        return Running(self, found[0])

    # --- all together ----------------------------------------------------------------------------------------------

    def up(self, only: Iterable[str] | None = None) -> None:
        """Start what is missing and return when all of it is ready.

        `only` names parts, whole services, and the steps `migrations` and `topics`; without it everything is started.
        When a part fails, what was started keeps running: the cause can be looked at, and the next `up` goes on.
        """
        wanted = None if only is None else frozenset(only)
        with processes.only_one(self.places.state / "lock", self._say):
            make_import_folder(self.settings["IMPORT_URL"])
            parts = [part for part in self.parts if _wanted(part.name, wanted)]
            missing = [part for part in parts if not self.records.living(part.name)]
            for part in missing:
                self.clear_remains(part.name)
            for part in parts:
                if part not in missing:
                    self._say(f"{part.name:<32} already running")
            self._check_elsewhere(wanted)
            self._check_ports(missing)
            # also where all is running: a topic that was deleted is made again, and both steps change nothing else
            steps = services.steps(self.settings, migrations=4, topics=5)
            work: list[Part | Step] = [*parts, *(step for step in steps if _wanted(step.name, wanted))]
            work.sort(key=lambda item: item.rank)
            for infrastructure in [part for part in missing if part.rank < 4]:
                self.part(infrastructure.name).launch()  # They boot side by side; each is waited for below.
            for _, group in groupby(work, key=lambda item: item.rank):
                self._do(list(group), started=missing)

    def _do(self, group: Sequence[Part | Step], started: Sequence[Part]) -> None:
        """Run a step, or start the parts of one rank and wait for them."""
        for step in group:
            if isinstance(step, Step):
                self.run(step)
        members = [Running(self, part) for part in group if isinstance(part, Part)]
        for member in members:
            if not member.is_alive():
                member.launch()
        failures = [text for member in members if (text := self._wait(member, is_new=member.part in started))]
        if failures:
            raise Failure("\n\n".join(failures))

    def _wait(self, member: "Running", *, is_new: bool) -> str | None:
        try:
            member.wait_until_ready()
        except Failure as failure:
            return str(failure)
        if is_new:
            age = time.time() - member.record.started_at if member.record else 0
            self._say(f"{member.part.name:<32} ready at {member.part.address}  ({age:.1f} s)")
        return None

    def down(self) -> bool:
        """Stop everything that was started here, in the opposite order; False when nothing was running."""
        with processes.only_one(self.places.state / "lock", self._say):
            records = self.records.all()[::-1]
            for _, group in groupby(records, key=lambda record: record.rank):
                together = list(group)
                with ThreadPoolExecutor(max_workers=len(together)) as hands:
                    list(hands.map(self._stop, together))
            return bool(records)

    def _stop(self, record: Record) -> None:
        if not processes.is_alive(record):
            self.clear_remains(record.name)
            self._say(f"{record.name:<32} was gone already")
        elif processes.stop(record, self.mark(record.name)):
            self._say(f"{record.name:<32} killed: it did not stop within {record.stop_seconds:g} s")
        else:
            self._say(f"{record.name:<32} stopped")
        self.records.forget(record)

    def remove(self) -> None:
        """Delete everything that a stopped platform wrote, its data included."""
        alive = [record.name for record in self.records.all() if processes.is_alive(record)]
        if alive:
            raise Failure(f"still running: {', '.join(alive)}")
        self.places.remove()

    # --- the checks before the start -------------------------------------------------------------------------------

    def _check_elsewhere(self, only: Set[str] | None, *, seconds: float = 10) -> None:
        for part in self.elsewhere():
            if not _wanted(part.name, only):
                continue
            try:
                _ask_patiently(part.ready, seconds=seconds)
            except (NotReady, Hopeless) as error:
                raise Failure(
                    f"{part.name} is not among LOCAL_PARTS, so it should exist at {part.address}, but {error}\n"
                    f"  settings that point at it: {part.settings}"
                ) from error
            self._say(f"{part.name:<32} reached at {part.address}")

    def _check_ports(self, missing: Iterable[Part]) -> None:
        host = self.settings["BIND"]
        taken = [
            f"{part.name} cannot start: port {port} is taken by {ports.holder(port)}\n"
            f"  {_mover(setting, part)} in .env moves it"
            for part in missing
            for setting, port in part.ports.items()
            if not ports.is_free(port, host)
        ]
        if taken:
            offset = int(self.settings.get("PORT_OFFSET") or 0) + 1000
            raise Failure("\n".join([*taken, f"  or PORT_OFFSET={offset} make up moves all ports (after `make down`)"]))

    # --- one by one ------------------------------------------------------------------------------------------------

    def run(self, step: Step) -> None:
        """Run one command to its end, with its output in a log of its name."""
        begun = time.monotonic()
        log = self.log(step.name)
        with log.open("ab") as output:
            begin = output.tell()
            code = _run(step, self.root, output.fileno())
        if code != 0:
            raise Failure(f"{step.name} failed with code {code}\n{_end_of(log, begin)}")
        self._say(f"{step.name:<32} done  ({time.monotonic() - begun:.1f} s)")

    def clear_remains(self, name: str) -> None:
        """End what a part that died left behind, such as web processes whose parent was killed."""
        if (record := self.records.read(name)) and not processes.is_alive(record):
            processes.end_the_rest(record, self.mark(name), patience=1)

    def log(self, name: str) -> Path:
        """The log file of a part or step."""
        return self.places.logs / f"{name}.log"

    def mark(self, name: str) -> str:
        """What every process of a part carries in its environment, to tell ours from a stranger's."""
        return f"{self.places.state}:{name}"


class Running:
    """One part of a platform, to be started, stopped, killed, frozen and waited for."""

    def __init__(self, platform: Platform, part: Part) -> None:
        self.part = part
        self._platform = platform

    @property
    def record(self) -> Record | None:
        """The record of its living process, if it lives."""
        return self._platform.records.living(self.part.name)

    @property
    def pid(self) -> int | None:
        """Its process, if it lives."""
        return self.record.pid if self.record else None

    @property
    def log(self) -> Path:
        """Its log file."""
        return self._platform.log(self.part.name)

    def is_alive(self) -> bool:
        """Whether its process lives."""
        return self.record is not None

    def is_ready(self) -> bool:
        """Whether it lives and works."""
        try:
            self.part.ready()
        except (NotReady, Hopeless):
            return False
        return self.is_alive()

    def start(self) -> None:
        """Start it unless it runs, and return when it is ready."""
        if not self.is_alive():
            self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start its process without waiting for anything."""
        part, platform = self.part, self._platform
        platform.clear_remains(part.name)
        part.prepare()
        environment = {**part.environment}
        place = part.folder or platform.root
        mark = platform.mark(part.name)
        what = Launch(part.name, part.command, environment, place, self.log, mark, part.user, part.niceness)
        pid, birth, begin = processes.launch(what)
        platform.records.write(
            Record(
                name=part.name,
                pid=pid,
                born=birth,
                address=part.address,
                rank=part.rank,
                log=str(self.log),
                log_start=begin,
                started_at=time.time(),
                stop_signal=part.stop_signal,
                stop_seconds=part.stop_seconds,
            )
        )

    def wait_until_ready(self, seconds: float | None = None) -> None:
        """Return when it works; a Failure with the end of its log when it dies or takes too long."""
        limit = self.part.start_seconds if seconds is None else seconds
        try:
            _ask_patiently(self._check, seconds=limit)
        except (NotReady, Hopeless) as error:
            raise Failure(self._why(str(error), limit)) from error

    def _check(self) -> None:
        try:
            self.part.ready()
        finally:
            if not self.is_alive():  # Asked last: a stranger on its port may have answered for it.
                raise Hopeless("its process has ended")

    def _why(self, reason: str, seconds: float) -> str:
        record = self._platform.records.read(self.part.name)
        when = "failed" if not self.is_alive() else f"is not ready after {seconds:g} s"
        return f"{self.part.name} {when}: {reason}\n{_end_of(self.log, record.log_start if record else 0)}"

    def stop(self) -> None:
        """Stop it as `make down` does."""
        if record := self.record:
            processes.stop(record, self._platform.mark(self.part.name))
            self._platform.records.forget(record)

    def kill(self) -> None:
        """End it and its children at once, as kill -9 does."""
        if record := self.record:
            processes.kill(record, self._platform.mark(self.part.name))
            self._platform.records.forget(record)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Let its process stand still (SIGSTOP), alive and silent."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        self.send(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        """Send its process any signal."""
        if record := self.record:
            processes.send(record, number)


def _wanted(name: str, only: Set[str] | None) -> bool:
    return only is None or name in only or name.partition(".")[0] in only


def _mover(setting: str, part: Part) -> str:
    name, _, distance = setting.partition(" + ")
    return f"{name} ({part.name} is {distance} above it)" if distance else name


def _ask_patiently(question: Callable[[], None], *, seconds: float) -> None:
    """Ask until the answer is good; the last NotReady rises when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return question()
        except NotReady:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def _run(step: Step, folder: Path, output: int) -> int:
    try:
        done = subprocess.run(
            step.command,
            env=step.environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=step.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        os.write(output, f"not finished after {step.seconds:g} s\n".encode())
        return 124
    return done.returncode


def _end_of(log: Path, begin: int) -> str:
    """The last lines that this life of a part wrote, and where the rest is."""
    with log.open("rb") as file:
        file.seek(max(begin, log.stat().st_size - 20_000))
        lines = file.read().decode("utf-8", "replace").splitlines()[-_LAST_LINES:]
    shown = "\n".join(f"  | {line}" for line in lines) or "  | (it wrote nothing)"
    return f"{shown}\n  the whole log: {log}"
