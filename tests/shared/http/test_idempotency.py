"""The same request twice has one effect and one answer."""

from __future__ import annotations

import base64
import threading
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import select, text

from shared.database import transaction
from shared.database.idempotency import prune_idempotency
from shared.database.tables import idempotency
from shared.runtime import clock
from tests.shared.http import sample

KEY = {"Idempotency-Key": "3f0c"}


def rows() -> list[Any]:
    with transaction() as session:
        return list(session.execute(select(idempotency)))


def count_of_benches() -> int:
    with transaction() as session:
        return int(session.execute(text("SELECT count(*) FROM bench")).scalar_one())


def test_a_repetition_gets_the_first_answer_and_does_nothing(stored: FlaskClient) -> None:
    first = stored.post("/api/benches", json={"name": "x"}, headers=KEY)
    second = stored.post("/api/benches", json={"name": "x"}, headers=KEY)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json == first.json
    assert second.location == first.location
    assert second.headers["ETag"] == first.headers["ETag"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert count_of_benches() == 1


def test_without_a_key_every_request_counts(stored: FlaskClient) -> None:
    stored.post("/api/benches", json={"name": "x"})
    stored.post("/api/benches", json={"name": "y"})
    assert (count_of_benches(), rows()) == (2, [])


def test_the_same_key_with_another_request_is_refused(stored: FlaskClient) -> None:
    stored.post("/api/benches", json={"name": "x"}, headers=KEY)
    for other in (
        stored.post("/api/benches", json={"name": "y"}, headers=KEY),
        stored.post("/api/benches?force=true", json={"name": "x"}, headers=KEY),
    ):
        assert (other.status_code, other.json["code"]) == (422, "idempotency_key.reused")
        assert other.json["errors"][0]["field"] == "Idempotency-Key"
    assert count_of_benches() == 1


def test_the_same_key_at_another_address_is_another_key(stored: FlaskClient) -> None:
    assert stored.post("/api/benches", json={"name": "x"}, headers=KEY).status_code == 201
    assert stored.post("/api/naps", json={"names": ["y"]}, headers=KEY).status_code == 201


def test_a_trailing_slash_is_no_other_address(stored: FlaskClient) -> None:
    first = stored.post("/api/benches", json={"name": "x"}, headers=KEY)
    second = stored.post("/api/benches/", json={"name": "x"}, headers=KEY)
    assert second.json == first.json
    assert second.location == first.location


def test_a_repetition_is_recognised_while_the_digest_key_is_replaced(stored: FlaskClient) -> None:
    """By every process, whichever of the two keys it writes with at the time."""
    old, new = sample.DIGEST_KEY, base64.b64encode(bytes(range(32, 64))).decode()
    chosen = [{"digest_key": SecretStr(ring)} for ring in (f"{old},{new}", f"{new},{old}")]
    with_old, with_both, with_new = stored, *(sample.create_app(chosen=each).test_client() for each in chosen)
    for number, clients in enumerate(
        [(with_old, with_both, with_new), (with_both, with_old, with_new), (with_new, with_both, with_new)]
    ):
        body, headers = {"name": str(number)}, {"Idempotency-Key": str(number)}
        first, *repeated = (each.post("/api/benches", json=body, headers=headers) for each in clients)
        assert first.status_code == 201
        assert [each.json for each in repeated] == [first.json] * 2
        other = with_both.post("/api/benches", json={"name": "other"}, headers=headers)
        assert other.json["code"] == "idempotency_key.reused"
    assert count_of_benches() == 3


def test_nothing_of_the_body_is_kept(stored: FlaskClient) -> None:
    stored.post("/api/benches", json={"name": "Erika Mustermann"}, headers=KEY)
    (row,) = rows()
    assert set(row.response_reference) == {"id"}
    assert "Erika" not in repr(row)
    assert len(row.digest) == 32


def test_a_refused_request_leaves_the_key_free(stored: FlaskClient) -> None:
    assert stored.post("/api/benches", json={"name": "forbidden"}, headers=KEY).status_code == 422
    assert rows() == []
    assert stored.post("/api/benches", json={"name": "x"}, headers=KEY).status_code == 201


def test_a_request_that_the_database_refuses_leaves_the_key_free(stored: FlaskClient) -> None:
    stored.post("/api/benches", json={"name": "x"})
    assert stored.post("/api/benches", json={"name": "x"}, headers=KEY).status_code == 409
    assert rows() == []


def test_while_the_first_still_runs_a_second_is_told_to_wait(stored: FlaskClient) -> None:
    sample.SLOW_STARTED.clear()
    sample.SLOW_MAY_END.clear()
    answers = []
    other = stored.application.test_client()
    first = threading.Thread(
        target=lambda: answers.append(other.post("/api/benches", json={"name": "slow"}, headers=KEY))
    )
    first.start()
    assert sample.SLOW_STARTED.wait(10)
    second = stored.post("/api/benches", json={"name": "slow"}, headers=KEY)
    sample.SLOW_MAY_END.set()
    first.join()
    assert (second.status_code, second.json["code"]) == (409, "idempotency_key.running")
    assert second.headers["Retry-After"] == "1"
    assert answers[0].status_code == 201
    assert stored.post("/api/benches", json={"name": "slow"}, headers=KEY).json == answers[0].json
    assert count_of_benches() == 1


def test_many_at_once_have_one_effect(stored: FlaskClient) -> None:
    sample.SLOW_MAY_END.set()
    answers = []

    def send() -> None:
        client = stored.application.test_client()
        answers.append(client.post("/api/benches", json={"name": "slow"}, headers=KEY))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json["id"] for answer in answers if answer.status_code == 201}) == 1
    assert count_of_benches() == 1


def test_an_answer_of_several_objects_is_remembered_by_its_note(stored: FlaskClient) -> None:
    first = stored.post("/api/naps", json={"names": ["a", "b", "snorer"]}, headers=KEY)
    second = stored.post("/api/naps", json={"names": ["a", "b", "snorer"]}, headers=KEY)
    assert first.status_code == second.status_code == 201
    assert second.json == first.json
    assert [item["name"] for item in second.json["items"]] == ["a", "b"]
    assert second.json["refused"] == ["snorer"]
    assert "Location" not in first.headers


def test_a_key_is_forgotten_after_a_day(stored: FlaskClient) -> None:
    stored.post("/api/benches", json={"name": "x"}, headers=KEY)
    with transaction() as session:
        session.execute(idempotency.update().values(created_at=clock.now() - timedelta(hours=25)))
    assert stored.post("/api/benches", json={"name": "y"}, headers=KEY).status_code == 201
    (row,) = rows()
    assert row.created_at > clock.now() - timedelta(minutes=1)


def test_pruning_forgets_old_keys_only(stored: FlaskClient) -> None:
    stored.post("/api/benches", json={"name": "x"}, headers=KEY)
    with transaction() as session:
        assert prune_idempotency(session, clock.now()) == 0
        assert prune_idempotency(session, clock.now() + timedelta(hours=24)) == 1
    assert rows() == []


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb", "a\x7fb"])
def test_a_key_that_is_none_is_refused(stored: FlaskClient, key: str) -> None:
    answer = stored.post("/api/benches", json={"name": "x"}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert count_of_benches() == 0


def test_the_longest_key_is_accepted(stored: FlaskClient) -> None:
    assert stored.post("/api/benches", json={"name": "x"}, headers={"Idempotency-Key": "x" * 255}).status_code == 201
