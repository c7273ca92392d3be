"""What people who run the platform do and see: the tables of every service, commands at the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import urlsafe_b64decode
from datetime import datetime
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import OKPKey

from migrations.connections import administrator
from migrations.settings import MigrationSettings
from operations.services import environment
from shared.runtime import registry
from testkit.private_platform import PrivatePlatform
from tests.infrastructure import ROOT
from user_service.domain.secret_values import SecretValues

COPIES = {
    "matching_service": ("therapists", "patients"),
    "communication_service": ("therapists", "patients", "places"),
    "patient_service": ("located_postal_codes",),
}
"""What each service keeps of others, and a rebuild writes anew."""

UNHEARD = """
    WITH owners AS (SELECT id, sequence FROM therapist_service.therapists
              UNION SELECT id, sequence FROM patient_service.patients),
         places AS (SELECT id, sequence, owner_sequence, erased FROM geocoding_service.located_addresses)
    (SELECT id, sequence FROM owners EXCEPT SELECT id, owner_sequence FROM places)
    UNION ALL (SELECT id, sequence FROM owners EXCEPT (SELECT id, sequence FROM matching_service.therapists
                                                 UNION SELECT id, sequence FROM matching_service.patients))
    UNION ALL (SELECT id, sequence FROM places WHERE NOT erased
                                         EXCEPT (SELECT id, geocoded_sequence FROM matching_service.therapists
                                                 UNION SELECT id, geocoded_sequence FROM matching_service.patients))
    UNION ALL (SELECT id, sequence FROM owners EXCEPT (SELECT id, sequence FROM communication_service.therapists
                                                 UNION SELECT id, sequence FROM communication_service.patients))
    UNION ALL (SELECT id, sequence FROM places WHERE NOT erased
                                         EXCEPT (SELECT id, sequence FROM communication_service.places
                                                 UNION SELECT id, sequence FROM patient_service.located_postal_codes))
"""
"""The last states of owners and of their places that a service has not handled."""


class Tables:
    """The tables as an administrator sees them."""

    def __init__(self, platform: PrivatePlatform) -> None:
        self._connection = administrator(MigrationSettings.of(platform.settings))
        self._connection.autocommit = True

    def run(self, statement: str, *values: Any) -> list[Any]:
        """The rows of a statement, if it has any."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def content(self, service: str, *, without: tuple[str, ...] = ("written_at",)) -> dict[str, list[Any]]:
        """Every copy of a service, but for when it was written."""
        return {
            table: [
                row for (row,) in self.run(f"SELECT to_jsonb(t) - %s FROM {service}.{table} t ORDER BY id", [*without])
            ]
            for table in COPIES[service]
        }

    def add_stray(self, service: str, table: str) -> None:
        """A copy of somebody of whom no event speaks; not of somebody erased, of whom no event speaks any more."""
        names = [
            name
            for (name,) in self.run(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
                " AND is_generated = 'NEVER' AND column_name <> 'id'",
                service,
                table,
            )
        ]
        columns, living = ", ".join(names), "WHERE NOT erased" if "erased" in names else ""
        stray = f"INSERT INTO {service}.{table} (id, {columns}) SELECT gen_random_uuid(), {columns}"
        ((added,),) = self.run(f"{stray} FROM {service}.{table} {living} LIMIT 1 RETURNING 1")
        assert added

    def unpublished(self, service: str) -> int:
        """How many events of the service Kafka has not got."""
        ((waiting,),) = self.run(f"SELECT count(*) FROM {service}.outbox WHERE published_at IS NULL")
        return int(waiting)

    def all_have_handled(self) -> bool:
        """Whether every service has handled the last event of every patient, therapist and place."""
        return not self.run(UNHEARD)


def trouble_of(platform: PrivatePlatform) -> str:
    """What stands in the way of a platform that does not do what a test waits for, line by line.

    Who has not handled which last state, events that are dead letters or not published, and each worker's last trouble.
    """
    tables = Tables(platform)
    lines = [f"not handled: {row}" for row in tables.run(UNHEARD)[:10]]
    for service in registry.names():
        if unpublished := tables.unpublished(service):
            lines.append(f"{service}: {unpublished} events not published")
        columns = 'topic, partition, "offset", event_type, reason, created_at::text'
        select = f"SELECT {columns} FROM {service}.dead_letters"
        lines += [f"{service}: dead letter {row}" for row in tables.run(f"{select} ORDER BY created_at DESC LIMIT 3")]
        written = platform.process(f"{service}.worker").log.read_text(errors="replace").splitlines()
        trouble = [line for line in written if '"level": "warning"' in line or '"level": "error"' in line]
        lines += [line[:400] for line in trouble[-4:]]
    return "\n".join(lines)


def at_the_terminal(platform: PrivatePlatform, service: str, *command: str) -> subprocess.Popen[str]:
    """A command of a service, running."""
    return subprocess.Popen(
        [sys.executable, "-m", service, *command],
        cwd=ROOT,
        env=environment(service, platform.settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended_well(running: subprocess.Popen[str]) -> str:
    """What the command printed."""
    output, errors = running.communicate(timeout=300)
    assert running.returncode == 0, errors
    return output


def reissued(platform: PrivatePlatform, token: str, *, expires_at: datetime) -> str:
    """The token as the user service would have issued it with this end, signed with its own key."""
    header, claims = (json.loads(urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    select = "SELECT private_jwk FROM user_service.signing_keys WHERE id = %s"
    ((sealed,),) = Tables(platform).run(select, header["kid"])
    box = SecretValues.of(platform.settings["SIGNING_KEY_SECRET"]).box
    key = OKPKey.import_key(json.loads(box.decrypt(bytes(sealed), UUID(header["kid"]).bytes)))
    ends = int(expires_at.timestamp())
    begins = min(claims["iat"], ends - 60)
    return jwt.encode(header, {**claims, "iat": begins, "nbf": begins, "exp": ends}, key, [header["alg"]])
