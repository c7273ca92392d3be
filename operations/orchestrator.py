"""All processes of the platform on this machine, started and stopped together or one by one.

platform = Orchestrator(root, env_file.load(root))
platform.up(only=["postgresql", "pgbouncer", "migrations", "kafka", "topics", "mail"])
platform.process("kafka").restart()
platform.down()
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import groupby
from pathlib import Path

from operations import gateway, kafka, mail, pgbouncer, ports, postgres, processes, services
from operations.env_file import local_parts
from operations.environment import make_import_folder
from operations.errors import NotReady, OperationsError, PermanentFailure
from operations.managed_process import ManagedProcess, clear_remains, end_of, mark, wait_for_success
from operations.paths import Paths
from operations.process_specs import ExternalService, ProcessSpec, StartupTask
from operations.processes import ProcessRecord, ProcessRecords


def _quiet(_: str) -> None:
    return None


class Orchestrator:
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
        self.paths = Paths(self.root, (state or root / ".state").resolve())
        self.paths.make()
        self.records = ProcessRecords(self.paths.run)
        self._durable = durable
        self._say = say

    # --- what there is ---------------------------------------------------------------------------------------------

    @cached_property
    def process_specs(self) -> list[ProcessSpec]:
        """Every process that is started here, in the order of starting."""
        local = local_parts(self.settings)
        known: dict[str, Callable[[], list[ProcessSpec]]] = {
            "postgresql": lambda: [postgres.process_spec(self.settings, self.paths, rank=0, durable=self._durable)],
            "pgbouncer": lambda: [pgbouncer.process_spec(self.settings, self.paths, rank=1)],
            "kafka": lambda: kafka.process_specs(self.settings, self.paths, rank=2),
            "mail": lambda: [mail.process_spec(self.settings, self.paths, rank=3)],
        }
        infrastructure = [spec for name, make in known.items() if name in local for spec in make()]
        in_front = gateway.process_spec(self.settings, self.paths, rank=7)
        return [*infrastructure, *services.process_specs(self.settings, self.paths, rank=6), in_front]

    @property
    def mailbox(self) -> mail.Mailbox:
        """The mails that the mail catcher kept."""
        return mail.Mailbox.of(self.settings)

    def external_services(self) -> list[ExternalService]:
        """Every server that exists already and is only used."""
        known = {
            "postgresql": postgres.external_service,
            "pgbouncer": pgbouncer.external_service,
            "kafka": kafka.external_service,
            "mail": mail.external_service,
        }
        local = local_parts(self.settings)
        return [describe(self.settings) for name, describe in known.items() if name not in local]

    def process(self, name: str) -> ManagedProcess:
        """One process, to start, stop or kill it by itself."""
        found = [spec for spec in self.process_specs if spec.name == name]
        if not found:
            raise OperationsError(
                f"there is no process {name}; there are {', '.join(spec.name for spec in self.process_specs)}"
            )
        return self._managed(found[0])

    def _managed(self, spec: ProcessSpec) -> ManagedProcess:
        return ManagedProcess(spec, self.records, self.paths)

    # --- all together ----------------------------------------------------------------------------------------------

    def up(self, only: Iterable[str] | None = None) -> None:
        """Start what is missing and return when all of it is ready.

        `only` names processes, whole services, and the tasks `migrations`, `topics` and `administrator`; without it
        everything is started. When a process fails, those that were started keep running: the cause can be looked at,
        and the next `up` continues.
        """
        wanted = None if only is None else frozenset(only)
        with processes.only_one(self.paths.state / "lock", self._say):
            make_import_folder(self.settings["IMPORT_URL"])
            specs = [spec for spec in self.process_specs if _wanted(spec.name, wanted)]
            missing = self._missing(specs)
            self._check_external_services(wanted)
            self._check_ports(missing)
            # also where all is running: a topic that was deleted is made again, and both tasks change nothing else
            tasks = services.startup_tasks(self.settings, migrations=4, topics=5)
            work: list[ProcessSpec | StartupTask] = [*specs, *(task for task in tasks if _wanted(task.name, wanted))]
            for infrastructure in [spec for spec in missing if spec.rank < 4]:
                self.process(infrastructure.name).launch()  # They boot side by side; each is waited for below.
            for _, group in groupby(sorted(work, key=lambda item: item.rank), key=lambda item: item.rank):
                self._start_together(list(group), missing=missing)

    def _missing(self, specs: Sequence[ProcessSpec]) -> list[ProcessSpec]:
        """Returns the processes that do not run, and says which ones do."""
        missing = [spec for spec in specs if not self.records.living(spec.name)]
        for spec in specs:
            if spec in missing:
                clear_remains(spec.name, self.records, self.paths)
            else:
                outdated = ", with older settings or code: `make restart`" if self._managed(spec).is_outdated() else ""
                self._say(f"{spec.name:<32} already running{outdated}")
        return missing

    def _start_together(self, group: Sequence[ProcessSpec | StartupTask], missing: Sequence[ProcessSpec]) -> None:
        """Run the tasks of one rank, start its processes and wait until they are ready."""
        for task in group:
            if isinstance(task, StartupTask):
                self.run(task)
        members = [self._managed(spec) for spec in group if isinstance(spec, ProcessSpec)]
        for member in members:
            if not member.is_alive():
                member.launch()
        errors = [text for member in members if (text := self._wait(member, is_new=member.spec in missing))]
        if errors:
            raise OperationsError("\n\n".join(errors))

    def _wait(self, member: ManagedProcess, *, is_new: bool) -> str | None:
        try:
            member.wait_until_ready()
        except OperationsError as error:
            return str(error)
        if is_new:
            age = time.time() - member.record.started_at if member.record else 0
            self._say(f"{member.spec.name:<32} ready at {member.spec.address}  ({age:.1f} s)")
        return None

    def down(self, only: Iterable[str] | None = None) -> bool:
        """Stop what was started here, in the opposite order; False when nothing was running.

        `only` names processes and whole services, as in `up`.
        """
        wanted = None if only is None else frozenset(only)
        with processes.only_one(self.paths.state / "lock", self._say):
            records = [record for record in self.records.all()[::-1] if _wanted(record.name, wanted)]
            for _, group in groupby(records, key=lambda record: record.rank):
                together = list(group)
                with ThreadPoolExecutor(max_workers=len(together)) as pool:
                    list(pool.map(self._stop, together))
            return bool(records)

    def _stop(self, record: ProcessRecord) -> None:
        if not processes.is_alive(record):
            clear_remains(record.name, self.records, self.paths)
            self._say(f"{record.name:<32} was gone already")
        elif processes.stop(record, mark(self.paths, record.name)):
            self._say(f"{record.name:<32} killed: it did not stop within {record.stop_seconds:g} s")
        else:
            self._say(f"{record.name:<32} stopped")
        self.records.forget(record)

    def remove(self) -> None:
        """Delete everything that a stopped platform wrote, its data included."""
        alive = [record.name for record in self.records.all() if processes.is_alive(record)]
        if alive:
            raise OperationsError(f"still running: {', '.join(alive)}")
        self.paths.remove()

    # --- the checks before the start -------------------------------------------------------------------------------

    def _check_external_services(self, only: Set[str] | None, *, seconds: float = 10) -> None:
        for service in self.external_services():
            if not _wanted(service.name, only):
                continue
            try:
                wait_for_success(service.ready, seconds=seconds)
            except (NotReady, PermanentFailure) as error:
                raise OperationsError(
                    f"{service.name} is not among LOCAL_PARTS, so it should exist at {service.address}, but {error}\n"
                    f"  settings that point at it: {service.settings}"
                ) from error
            self._say(f"{service.name:<32} reached at {service.address}")

    def _check_ports(self, missing: Iterable[ProcessSpec]) -> None:
        taken = [
            f"{spec.name} cannot start: port {port} is taken by {ports.holder(port)}\n"
            f"  {_where_to_move(setting, spec)} in .env moves it"
            for spec in missing
            for setting, port in spec.ports.items()
            if not ports.is_free(port, spec.bind)
        ]
        if taken:
            offset = int(self.settings.get("PORT_OFFSET") or 0) + 1000
            raise OperationsError(
                "\n".join([*taken, f"  or PORT_OFFSET={offset} make up moves all ports (after `make down`)"])
            )

    # --- one by one ------------------------------------------------------------------------------------------------

    def run(self, task: StartupTask) -> None:
        """Run one command to its end, with its output in a log of its name."""
        begun = time.monotonic()
        log = self.paths.log(task.name)
        with log.open("ab") as output:
            begin = output.tell()
            code = _run(task, self.root, output.fileno())
        if code != 0:
            raise OperationsError(f"{task.name} failed with code {code}\n{end_of(log, begin)}")
        self._say(f"{task.name:<32} done  ({time.monotonic() - begun:.1f} s)")
        if line := task.announce(end_of(log, begin)):
            self._say(line)


def _wanted(name: str, only: Set[str] | None) -> bool:
    return only is None or name in only or name.partition(".")[0] in only


def _where_to_move(setting: str, spec: ProcessSpec) -> str:
    name, _, distance = setting.partition(" + ")
    return f"{name} ({spec.name} is {distance} above it)" if distance else name


def _run(task: StartupTask, folder: Path, output: int) -> int:
    try:
        done = subprocess.run(
            task.command,
            env=task.environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=task.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        os.write(output, f"not finished after {task.seconds:g} s\n".encode())
        return 124
    return done.returncode
