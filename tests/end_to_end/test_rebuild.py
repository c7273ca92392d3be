"""Copies recreated from Kafka alone, while the platform serves."""

from __future__ import annotations

import pytest

from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.operators import COPIES, Tables, at_the_terminal, ended_well
from tests.end_to_end.people import a_searching_patient, a_therapist, known_to_matching


@pytest.mark.parametrize("service", sorted(COPIES))
def test_a_rebuild_while_serving_restores_every_copy_and_removes_strays(
    platform: PrivatePlatform, api: ApiClient, service: str
) -> None:
    practice, patient = a_therapist(api), a_searching_patient(api)
    known_to_matching(api, patient, practice)
    tables, first = Tables(platform), COPIES[service][0]
    api.until(tables.all_have_handled, "everybody to know everybody")
    before = tables.content(service)
    assert before[first]
    # a stray that no event speaks of, a copy that is gone, and one that was altered behind everybody's back
    tables.add_stray(service, first)
    for table in COPIES[service]:
        tables.run(f"DELETE FROM {service}.{table} WHERE id = (SELECT id FROM {service}.{table} ORDER BY id LIMIT 1)")
    assert tables.content(service) != before

    rebuilding = at_the_terminal(platform, service, "rebuild")
    newcomer = a_therapist(api)
    assert "removed" in ended_well(rebuilding)

    known_to_matching(api, patient, practice, newcomer)

    def is_restored() -> bool:
        after = tables.content(service)
        return all(row in after[table] for table, rows in before.items() for row in rows)

    api.until(is_restored, "every copy to be as it was")
    known = {row["id"] for rows in before.values() for row in rows} | {newcomer["id"]}
    assert {row["id"] for rows in tables.content(service).values() for row in rows} <= known
