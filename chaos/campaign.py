"""One campaign: a private platform, a load, faults, quiet, an audit."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import create_engine, text

from chaos import witness
from chaos.auditor import SERVICES, Auditor, Findings
from chaos.faults import Faults, schedule
from chaos.load import Journal, Load
from migrations import roles
from operations import probes
from operations.failures import Failure
from operations.parts import Part
from operations.platform import Platform
from operations.ports import reserve_block
from operations.services import surroundings
from operations.settings import private
from shared import db

ROOT = Path(__file__).parent.parent
WITNESSES = 2
SECONDS_TO_REST = 180


@dataclass(frozen=True)
class Campaign:
    """What is asked for: the same seed and length make the same faults."""

    seed: int
    seconds: float
    broken: str = ""
    """`marking` or `seen`: the witness is broken on purpose, to try the auditor."""
    say: Callable[[str], None] = print

    def run(self) -> dict[str, Any]:
        """The result as it is written to build/chaos.json."""
        with self._platform() as platform:
            journal = Journal()
            load = Load(platform.settings, journal, self.seed)
            workers = [part.name for part in platform.parts if part.name.endswith(".worker")]
            workers += [part.name for part in platform.parts if part.name.startswith("witness")]
            webs = [part.name for part in platform.parts if part.name.endswith(".web")]
            planned = schedule(self.seed, self.seconds, workers, webs, ["kafka"])
            faults = Faults(platform, planned, self.say)
            self.say(f"seed {self.seed}, {self.seconds:g} s, {len(planned)} faults planned")
            load.start()
            faults.start()
            time.sleep(self.seconds)
            load.finish()
            faults.finish()
            self.say("all parts are back; waiting until nothing moves any more")
            rest = Rest(platform)
            rest.wait(SECONDS_TO_REST)
            return self._result(Auditor(platform, journal).audit(), journal, faults.happened)

    def _result(self, found: Findings, journal: Journal, faults: int) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "seconds": self.seconds,
            "faults": faults,
            "acknowledged": journal.acknowledged(),
            "lost": len(found.lost),
            "doubled": len(found.doubled),
            "reordered": len(found.reordered),
            "twice_mailed": len(found.twice_mailed),
            "ok": found.ok,
            "counts": found.counts,
            "findings": [*found.lost, *found.doubled, *found.reordered, *found.twice_mailed][:100],
        }

    @contextmanager
    def _platform(self) -> Iterator[Platform]:
        state = Path(tempfile.mkdtemp(prefix="platform-chaos-"))
        quick = {"REQUEST_GATHERING_SECONDS": "1", "EMAIL_RETRY_SECONDS": "2", "WITNESS_DATABASE_PASSWORD": "witness"}
        settings = private(state, ROOT, **quick)
        # durable: what PostgreSQL has acknowledged must survive its being killed
        platform = Platform(ROOT, settings, state, durable=True, say=self.say)
        os.environ.update(settings)
        try:
            platform.up(["postgresql", "pgbouncer", "kafka", "mail", "migrations", "topics"])
            prepare_witness(settings)
            platform.parts.extend(witnesses(platform, WITNESSES, self.broken))
            platform.up()
            yield platform
        finally:
            platform.down()
            platform.remove()
            shutil.rmtree(state, ignore_errors=True)


def prepare_witness(settings: dict[str, str]) -> None:
    """Role, schema and tables of the witness."""
    admin = _administrator(settings)
    passwords = {"witness": settings["WITNESS_DATABASE_PASSWORD"]}
    roles.prepare(admin, owner_password=settings["DATABASE_OWNER_PASSWORD"], service_passwords=passwords)
    admin.close()
    owner = create_engine(
        f"postgresql+psycopg2://{roles.OWNER}:{settings['DATABASE_OWNER_PASSWORD']}"
        f"@{settings['POSTGRES_HOST']}:{settings['POSTGRES_PORT']}/{settings['DATABASE_NAME']}"
    )
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL search_path = witness, public"))
        connection.dialect.default_schema_name = "witness"
        witness.Tables.metadata.create_all(connection, checkfirst=False)
        connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('campaign')"))
    owner.dispose()
    os.environ["WITNESS_PORT"] = "1"
    db.connect(witness.Settings().database_url, pool_size=4)


def _administrator(settings: dict[str, str]) -> Any:
    return psycopg2.connect(
        host=settings["POSTGRES_HOST"],
        port=settings["POSTGRES_PORT"],
        user=settings["POSTGRES_ADMIN_USER"],
        password=settings["POSTGRES_ADMIN_PASSWORD"],
        dbname=settings["DATABASE_NAME"],
    )


def witnesses(platform: Platform, number: int, broken: str = "") -> list[Part]:
    """That many workers of the witness, as parts of the platform."""
    first = reserve_block(number, also_at=100)
    return [_witness(platform, place, first + place, broken) for place in range(number)]


def _witness(platform: Platform, number: int, port: int, broken: str) -> Part:
    address = f"http://127.0.0.1:{port + 100}"
    return Part(
        name=f"witness.{number}",
        command=(sys.executable, "-m", "chaos.witness"),
        address=address,
        ready=lambda: probes.answers_http(f"{address}/health/ready"),
        rank=6,
        environment=surroundings(platform.settings) | {"WITNESS_PORT": str(port), "BROKEN": broken},
        ports={f"witness {number}": port + 100},
        start_seconds=120,
    )


class Rest:
    """Whether the platform has nothing left to do."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def wait(self, seconds: float) -> None:
        """Return when nothing has moved for a while; raises `Failure` naming what still does."""
        deadline, quiet_since, before = time.monotonic() + seconds, time.monotonic(), None
        while True:
            now = self._state()
            if now != before:
                before, quiet_since = now, time.monotonic()
            busy = {what: number for what, number in now.items() if number and not what.startswith("done")}
            if not busy and time.monotonic() - quiet_since > 5:
                return
            # what was lost never comes to rest: the auditor will name it
            if time.monotonic() - quiet_since > 45:
                return
            if time.monotonic() > deadline:
                raise Failure(f"the platform did not come to rest within {seconds:g} s: {json.dumps(busy)}")
            time.sleep(0.5)

    def _state(self) -> dict[str, int]:
        connection = _administrator(self._platform.settings)
        connection.autocommit = True
        state = {}
        with connection.cursor() as cursor:
            for what, statement in self._questions().items():
                cursor.execute(statement)
                row = cursor.fetchone()
                state[what] = row[0] if row else 0
        connection.close()
        return state

    @staticmethod
    def _questions() -> dict[str, str]:
        schemas = (*SERVICES, "witness")
        questions = {
            f"unpublished in {s}": f"SELECT count(*) FROM {s}.outbox WHERE published_at IS NULL"  # noqa: S608
            for s in schemas
        }
        questions |= {f"done by {s}": f"SELECT count(*) FROM {s}.seen" for s in schemas}  # noqa: S608
        return questions | {
            "effects missing": "SELECT (SELECT count(*) FROM witness.outbox)"
            " - (SELECT count(DISTINCT event_id) FROM witness.ledger)",
            "mails on their way": "SELECT count(*) FROM communication_service.emails"
            " WHERE status IN ('approved', 'sending')",
            "done mails": "SELECT count(*) FROM communication_service.emails WHERE status = 'sent'",
            "requests on their way": "SELECT count(*) FROM matching_service.placement_requests m"
            " LEFT JOIN communication_service.placement_requests c USING (id) WHERE c.id IS NULL",
        }
