"""Copies recreated from Kafka alone, while the platform serves."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import psycopg2
import pytest

from operations.agency import Agency
from operations.platform import Platform
from tests.infrastructure import ROOT
from tests.journeys.people import a_searching_patient, a_therapist, known_to_matching

COPIES = {
    "matching_service": ("therapists", "patients"),
    "communication_service": ("therapists", "patients", "places"),
    "patient_service": ("located_postal_codes",),
}


class Tables:
    """The copies as an administrator sees them."""

    def __init__(self, platform: Platform) -> None:
        settings = platform.settings
        self._connection = psycopg2.connect(
            host=settings["POSTGRES_HOST"],
            port=settings["POSTGRES_PORT"],
            user=settings["POSTGRES_ADMIN_USER"],
            password=settings["POSTGRES_ADMIN_PASSWORD"],
            dbname=settings["DATABASE_NAME"],
        )
        self._connection.autocommit = True

    def run(self, statement: str, *values: Any) -> list[Any]:
        """The rows of a statement, if it has any."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def content(self, service: str) -> dict[str, list[Any]]:
        """Every copy of a service, but for when it was written."""
        return {
            table: self.run(f"SELECT to_jsonb(t) - 'written_at' FROM {service}.{table} t ORDER BY id")
            for table in COPIES[service]
        }


@pytest.mark.parametrize("service", sorted(COPIES))
def test_a_rebuild_while_serving_restores_every_copy_and_removes_strays(
    platform: Platform, agency: Agency, service: str
) -> None:
    practice, patient = a_therapist(agency), a_searching_patient(agency)
    known_to_matching(agency, patient, practice)
    tables, first = Tables(platform), COPIES[service][0]
    before = tables.content(service)
    assert before[first]
    columns = ", ".join(
        row[0]
        for row in tables.run(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
            " AND is_generated = 'NEVER' AND column_name <> 'id'",
            service,
            first,
        )
    )
    # a stray that no event speaks of, a copy that is gone, and one that was altered behind everybody's back
    stray = f"INSERT INTO {service}.{first} (id, {columns}) SELECT gen_random_uuid(), {columns}"
    tables.run(f"{stray} FROM {service}.{first} LIMIT 1")
    for table in COPIES[service]:
        tables.run(f"DELETE FROM {service}.{table} WHERE id = (SELECT id FROM {service}.{table} ORDER BY id LIMIT 1)")
    assert tables.content(service) != before

    rebuilding = subprocess.Popen(
        [sys.executable, "-m", service, "rebuild"],
        cwd=ROOT,
        env={**os.environ, **platform.settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    newcomer = a_therapist(agency)
    output, errors = rebuilding.communicate(timeout=120)
    assert rebuilding.returncode == 0, errors
    assert "removed" in output

    known_to_matching(agency, patient, practice, newcomer)

    def is_restored() -> bool:
        after = tables.content(service)
        return all(row in after[table] for table, rows in before.items() for row in rows)

    agency.until(is_restored, "every copy to be as it was")
    known = {row[0]["id"] for rows in before.values() for row in rows} | {newcomer["id"]}
    assert {row[0]["id"] for rows in tables.content(service).values() for row in rows} <= known
