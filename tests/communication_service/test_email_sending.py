"""A worker that stood still, and how old an answer is: what is not certain any more does not go."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from communication_service.jobs import Sending
from communication_service.jobs.asking import MOST_LETTERS, in_questions, purpose_of
from communication_service.store.tables import Email
from shared.database import new_id, transaction
from shared.runtime import clock
from shared.runtime.smtp import MailServer
from shared.security.authentication import LONGEST_PURPOSE
from tests.builders.communication import a_patient, a_request, a_therapist, composed, rows, the
from tests.communication_service.conftest import NOW
from tests.fakes.smtp import FakeMailServer


@pytest.mark.parametrize(
    ("stood_still", "attempt", "status"),
    [
        ("a moment", 1, "sent"),
        ("the whole lease", 1, "approved"),
        ("some seconds", 1, "sent"),
        ("some seconds", 2, "sending"),
    ],
)
def test_a_worker_that_stood_still_hands_over_only_what_is_its_own_still(
    stood_still: str,
    attempt: int,
    status: str,
    catcher: FakeMailServer,
    sending: Sending,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a_request(a_therapist())
    composed()
    seconds = {"a moment": timedelta(), "some seconds": timedelta(seconds=10), "the whole lease": sending.lease}
    shown, deliver = clock.now, MailServer.deliver

    def deliver_later(self: MailServer, *args: Any, **kwargs: Any) -> Any:
        # the machine is suspended: its monotonic clock does not run
        monkeypatch.setattr(clock, "now", lambda: shown() + seconds[stood_still])
        with transaction() as session:
            session.execute(update(Email).values(attempts=attempt))
        return deliver(self, *args, **kwargs)

    monkeypatch.setattr(MailServer, "deliver", deliver_later)
    sending.run(NOW)
    assert len(catcher.messages) == (status == "sent")
    assert the(Email).status == status


class OneAfterTheOther:
    """An executor without threads: a test has one connection to the database."""

    def submit(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*args))
        return done


def test_the_patients_of_all_letters_are_asked_for_together_and_an_answer_ages_from_its_question(
    catcher: FakeMailServer, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    patients = [a_patient(has_practice_summary=True) for _ in range(3)]
    for patient in patients:
        a_request(a_therapist(), patient)
    a_request(a_therapist(), a_patient())
    composed()
    shown, asked = clock.monotonic, list[tuple[set[UUID], str]]()

    def ask_slowly(ids: Collection[UUID], purpose: str) -> dict[UUID, str | None]:
        asked.append((set(ids), purpose))
        if len(asked) == 1:
            monkeypatch.setattr(clock, "monotonic", lambda: shown() + 5)
        return dict.fromkeys(ids, "Panikattacken")

    together = replace(sending, ask=ask_slowly, connections=8)
    monkeypatch.setitem(vars(together), "_threads", OneAfterTheOther())
    assert together.run(NOW) == 4
    assert together.run(NOW) == 0
    (first, purpose), *again = asked
    ids = [each.id for each in rows(Email) if str(each.id) in purpose]
    assert (first, len(ids), len(again)) == (set(patients), 3, 3)
    assert {frozenset(each) for each, _ in again} == {frozenset({patient}) for patient in patients}
    assert sorted(why for _, why in again) == sorted(f"letter {each}" for each in ids)


def test_a_question_is_about_no_more_than_the_patient_service_answers_at_once() -> None:
    letters = {new_id(): {new_id() for _ in range(6)} for _ in range(4)}
    nobody, unknown = new_id(), new_id()
    ids = list(letters)
    found = in_questions({ids[0]: letters[ids[0]], nobody: set(), unknown: None, **letters})
    assert found == [ids[:3], ids[3:], [nobody]]
    many = {new_id(): {new_id()} for _ in range(13)}
    assert [len(each) for each in in_questions(many)] == [MOST_LETTERS, 1]
    assert len(purpose_of([new_id() for _ in range(MOST_LETTERS)])) <= LONGEST_PURPOSE
