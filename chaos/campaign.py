"""One campaign: a private platform, load and faults, then a wait until it is idle, and an audit."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from chaos import witness
from chaos.auditor import SERVICES, Auditor, Findings
from chaos.faults import KINDS, Faults, schedule
from chaos.hostile import HostileLoad
from chaos.journal import Journal
from chaos.load import Load
from migrations import roles
from migrations.connections import administrator, as_owner
from migrations.settings import MigrationSettings
from operations import probes
from operations.errors import OperationsError
from operations.ports import reserve_block
from operations.process_environment import of_python_process
from operations.process_specs import ProcessSpec, StartupTask
from operations.services import environment
from shared import database
from testkit.private_platform import PrivatePlatform, private_platform

ROOT = Path(__file__).parent.parent
WITNESSES = 2
SECONDS_TO_IDLE = 300
SECONDS_UNTIL_LOST = 90.0
"""Longer than any lease, session or pause between two attempts, also on a machine that does much else."""
SECONDS_OF_ANSWERS = 10.0
TRIAL = {"kill worker": 1}
LET_LEASES_END = (sys.executable, "-m", "communication_service", "job", "doubts", "--now", "2099-12-31T00:00")
"""An e-mail whose sender was killed is in doubt when its lease of a quarter of an hour has ended."""


@dataclass(frozen=True)
class Campaign:
    """The parameters: the same seed, duration and number of brokers cause the same faults."""

    seed: int
    seconds: float
    brokers: int = 1
    broken: str = ""
    """`marking` or `processed`, to test the auditor: only the witness, broken on purpose, its workers killed."""
    say: Callable[[str], None] = print

    def run(self) -> dict[str, Any]:
        """Run the campaign; returns the result that is written to build/chaos.json."""
        with self._platform() as platform:
            journal = Journal()
            load = Load(platform.settings, journal, self.seed, only_count=bool(self.broken))
            planned = schedule(self.seed, self.seconds, _victims(platform), TRIAL if self.broken else KINDS)
            faults = Faults(platform, planned, self.say, ["kafka", "witness"] if self.broken else ["kafka"])
            self.say(f"seed {self.seed}, {self.seconds:g} s, {len(planned)} faults planned")
            hostile = HostileLoad(platform, self.seed)
            load.start()
            faults.start()
            if not self.broken:
                hostile.start()
            try:
                time.sleep(self.seconds)
                faults.finish()
                if not self.broken:
                    self._kill_while_practices_answer(platform)
            finally:
                faults.stop()
                load.finish()
                hostile.finish()
            self.say("all processes are back; waiting until the platform is idle")
            # a broken witness loses events for certain: no need to wait for them
            IdleWatch(platform, 15 if self.broken == "marking" else SECONDS_UNTIL_LOST).wait(SECONDS_TO_IDLE)
            if not self.broken:
                given = environment("communication_service", platform.settings)
                platform.run(StartupTask("doubts", LET_LEASES_END, rank=7, environment=given))
            found = Auditor(platform, journal, hostile.sent).audit()
            if not (found.ok or self.broken):
                self._keep_evidence(platform)
            return self._result(found, journal, faults.happened)

    def _kill_while_practices_answer(self, platform: PrivatePlatform) -> None:
        """Let letters go and be answered, and kill what does that: while Kafka is faulty, none goes."""
        self.say("letters go and are answered, while the processes of communication are killed")
        for name in ("communication_service.web", "communication_service.worker"):
            time.sleep(SECONDS_OF_ANSWERS)
            platform.process(name).kill()
            platform.process(name).start()
        time.sleep(SECONDS_OF_ANSWERS)

    def _keep_evidence(self, platform: PrivatePlatform) -> None:
        """Keep all logs and Kafka's data: the same seed may not reproduce a finding."""
        kept = ROOT / "build" / f"chaos-{self.seed}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(platform.paths.logs, kept / "logs")
        shutil.copytree(platform.paths.state / "kafka", kept / "kafka")
        self.say(f"logs and Kafka's data are kept in {kept}")

    def _result(self, found: Findings, journal: Journal, faults: int) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "seconds": self.seconds,
            "brokers": self.brokers,
            "faults": faults,
            "acknowledged": journal.acknowledged(),
            "lost": len(found.lost),
            "doubled": len(found.doubled),
            "reordered": len(found.reordered),
            "twice_mailed": len(found.twice_mailed),
            "stuck": len(found.stuck),
            "ok": found.ok,
            "counts": found.counts,
            "findings": [finding for kind in found.kinds() for finding in kind[:20]],
        }

    @contextmanager
    def _platform(self) -> Iterator[PrivatePlatform]:
        quick = {
            "CONTACT_GATHERING_SECONDS": "1",
            "CONTACT_CONFIRMATION_DELAY_SECONDS": "1",
            "CONTACT_EMAIL_RETRY_SECONDS": "2",
            "WITNESS_DATABASE_PASSWORD": "witness",
        }
        # an incomplete file is waited for: with the usual minute it would delay later ones beyond the campaign
        quick["IMPORT_PATIENCE_SECONDS"] = "1"
        if self.broken:
            # shorter than a restart: the next holder works before its worker is killed
            quick["RELAY_LEASE_SECONDS"] = "3"
        # durable: what PostgreSQL has acknowledged must survive SIGKILL
        with private_platform(quick, brokers=self.brokers, durable=True, say=self.say) as platform:
            os.environ.update(platform.settings)
            first = ["postgresql", "pgbouncer", "kafka", "mail", "migrations", "topics"]
            platform.up(first if self.broken else [*first, "administrator"])
            prepare_witness(platform.settings)
            if self.broken:
                platform.process_specs[:] = [spec for spec in platform.process_specs if "_service." not in spec.name]
            platform.process_specs.extend(witnesses(platform, WITNESSES, self.broken))
            platform.up([spec.name for spec in platform.process_specs])
            yield platform


def _victims(platform: PrivatePlatform) -> dict[str, list[str]]:
    """Returns the names of all workers, web processes and brokers."""
    names = [part.name for part in platform.process_specs]
    return {
        "worker": [name for name in names if name.endswith(".worker") or name.startswith("witness")],
        "web": [name for name in names if name.endswith(".web")],
        "kafka": [name for name in names if name.startswith("kafka")],
    }


def prepare_witness(settings: dict[str, str]) -> None:
    """Create the role, schema and tables of the witness."""
    direct = MigrationSettings.of(settings)
    with closing(administrator(direct)) as admin:
        roles.prepare(
            admin,
            owner_password=direct.database_owner_password.get_secret_value(),
            service_passwords={"witness": settings["WITNESS_DATABASE_PASSWORD"]},
            lock_wait_seconds=direct.database_lock_wait_seconds,
        )
    with as_owner(direct, "witness") as connection:
        witness.Tables.metadata.create_all(connection, checkfirst=False)
        connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('campaign')"))
        connection.commit()
    os.environ["WITNESS_PORT"] = "1"
    database.connect(witness.Settings().database_url, pool_size=4)


def witnesses(platform: PrivatePlatform, number: int, broken: str = "") -> list[ProcessSpec]:
    """Returns that many workers of the witness, as parts of the platform."""
    first = reserve_block(number, also_at=100)
    return [_witness(platform, place, first + place, broken) for place in range(number)]


def _witness(platform: PrivatePlatform, number: int, port: int, broken: str) -> ProcessSpec:
    address = f"http://127.0.0.1:{port + 100}"
    return ProcessSpec(
        name=f"witness.{number}",
        command=(sys.executable, "-m", "chaos.witness"),
        address=address,
        ready=lambda: probes.answers_http(f"{address}/health/ready"),
        rank=6,
        environment=of_python_process(witness.Settings, platform.settings)
        | {"WITNESS_PORT": str(port), "BROKEN": broken},
        ports={f"witness {number}": port + 100},
        start_seconds=120,
    )


class IdleWatch:
    """Waits until the platform has nothing left to do."""

    def __init__(self, platform: PrivatePlatform, lost_after: float) -> None:
        """Work without progress for `lost_after` seconds is taken for lost; the auditor will report it."""
        self._settings, self._lost_after = MigrationSettings.of(platform.settings), lost_after

    def wait(self, seconds: float) -> None:
        """Returns when nothing has changed for a while; raises `OperationsError` with the remaining work."""
        deadline, quiet_since, before = time.monotonic() + seconds, time.monotonic(), None
        while True:
            now = self._state()
            if now != before:
                before, quiet_since = now, time.monotonic()
            busy = {what: number for what, number in now.items() if number and not what.startswith("done")}
            if not busy and time.monotonic() - quiet_since > 5:
                return
            if time.monotonic() - quiet_since > self._lost_after:
                return
            if time.monotonic() > deadline:
                raise OperationsError(f"the platform was not idle within {seconds:g} s: {json.dumps(busy)}")
            time.sleep(0.5)

    def _state(self) -> dict[str, int]:
        state = {}
        with closing(administrator(self._settings)) as connection, connection.cursor() as cursor:
            for what, statement in self._questions().items():
                cursor.execute(statement)
                row = cursor.fetchone()
                state[what] = row[0] if row else 0
        return state

    @staticmethod
    def _questions() -> dict[str, str]:
        schemas = (*SERVICES, "witness")
        questions = {
            f"unpublished in {s}": f"SELECT count(*) FROM {s}.outbox WHERE published_at IS NULL"  # noqa: S608
            for s in schemas
        }
        questions |= {f"done by {s}": f"SELECT count(*) FROM {s}.processed_events" for s in schemas}  # noqa: S608
        questions |= {f"done with what {s} cannot read": f"SELECT count(*) FROM {s}.dead_letters" for s in schemas}  # noqa: S608
        return questions | {
            "effects missing": "SELECT (SELECT count(*) FROM witness.outbox)"
            " - (SELECT count(DISTINCT event_id) FROM witness.ledger)",
            "mails on their way": "SELECT count(*) FROM communication_service.emails WHERE status = 'approved'",
            # an e-mail whose sender was killed stays `sending` until its lease ends
            "done mails": "SELECT count(*) FROM communication_service.emails WHERE status IN ('sending', 'sent')",
            "requests on their way": "SELECT count(*) FROM matching_service.placement_requests m"
            " LEFT JOIN communication_service.placement_requests c USING (id) WHERE c.id IS NULL",
            "requests in no inquiry": "SELECT count(*) FROM matching_service.placement_requests m"
            " WHERE m.status = 'open' AND m.hold IS NULL AND NOT EXISTS (SELECT FROM communication_service.inquiries i"
            " WHERE m.id = ANY (i.placement_request_ids) AND i.status <> 'dissolved')",
            "imports at work": "SELECT count(*) FROM therapist_service.imports WHERE status = 'running'",
            "done imports": "SELECT count(*) FROM therapist_service.imports",
        }
