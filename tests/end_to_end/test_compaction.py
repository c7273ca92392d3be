"""Rebuilds after the compaction has really run: old states are gone from Kafka, and no copy is lost."""

from __future__ import annotations

from itertools import cycle

from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform
from tests.end_to_end.kafka_log import cleaning_eagerly, on_kafka
from tests.end_to_end.operators import COPIES, Tables, at_the_terminal, ended_well
from tests.end_to_end.people import a_searching_patient, a_therapist, known_to_matching

POSTAL_CODES = cycle(["95030", "95028"])


def test_a_rebuild_after_compaction_restores_every_copy_and_removes_strays(
    platform: PrivatePlatform, api: ApiClient
) -> None:
    practice, patient, tables = a_therapist(api), a_searching_patient(api), Tables(platform)
    known_to_matching(api, patient, practice)

    def both_move() -> None:
        postal_code = next(POSTAL_CODES)
        api.patch("therapist", f"/api/therapists/{practice['id']}", {"postal_code": postal_code})
        api.patch("patient", f"/api/patients/{patient['id']}", {"postal_code": postal_code})
        api.until(tables.all_have_handled, "everybody to know where they live")

    for _ in range(3):
        both_move()
    written = on_kafka(platform)
    ours = {key for key in written if str(key[1]) in (practice["id"], patient["id"])}
    assert len(ours) == 4, "two owners, and where they live"
    assert all(written[key] == list(range(1, written[key][-1] + 1)) for key in ours)

    def old_states_are_gone() -> bool:
        both_move()
        kept = on_kafka(platform)
        return all(set(written[key][:-1]).isdisjoint(kept[key]) for key in ours)

    with cleaning_eagerly(platform):
        api.until(old_states_are_gone, "the log cleaner to remove old states", seconds=120)
    kept = on_kafka(platform)
    assert sum(map(len, kept.values())) < sum(map(len, written.values()))
    assert all(kept[key][-1] >= written[key][-1] for key in written), "the newest state of everybody is there"

    for service in ("matching_service", "communication_service"):
        before = tables.content(service)
        for table in COPIES[service]:
            assert before[table]
            tables.add_stray(service, table)
            tables.run(f"DELETE FROM {service}.{table} WHERE id = %s", before[table][0]["id"])
        assert tables.content(service) != before
        ended_well(at_the_terminal(platform, service, "rebuild"))
        assert tables.content(service) == before
