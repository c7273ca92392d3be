"""Who works at the same time may wait, but never for each other: locks are taken in one order (decision 0019)."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import exc
from sqlalchemy.orm import Session

from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies
from patient_service.domain import accesses, bulk, consents, erasures, files, merging, patients, searches
from patient_service.domain.bulk_schemas import PatientBulkChange
from patient_service.domain.schemas import Merge, NewConsent, NewStatus
from patient_service.listeners import listeners
from patient_service.store import access_log
from patient_service.store.tables import Patient
from shared.database import ChangedMeanwhile, new_id, transaction
from shared.errors import PlatformError
from shared.events.catalogue import (
    AddressErased,
    PatientPlaced,
    PlaceConfirmed,
    PlaceFailed,
    PlaceTakenBack,
    RequestAccepted,
    RequestCorrected,
    RequestWithdrawn,
)
from shared.events.event import Event
from shared.events.republish import republish
from shared.security.encryption import Keys
from shared.values.schemas import MergePatch
from tests.builders.access_log import READER, problems
from tests.builders.events import happened
from tests.builders.locks import observed
from tests.builders.merging import merge
from tests.builders.patients import a_patient, geocoded
from tests.concurrency import in_turn, while_uncommitted
from tests.conftest import MONDAY

pytestmark = pytest.mark.usefixtures("real_commits")

ORDER: Final = ("patients", "data_keys", "located_postal_codes", "erased_aggregates", "file_accesses")
TIMES: Final = 15
PEOPLE: Final = 10
DAY: Final = timedelta(days=1)


class BusyService:
    """Staff, workers and jobs who all want the same few patients, each in transactions that commit."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.handling = listeners.given(Dependencies(keys, OtherServices(())))
        self.patients = [self._new() for _ in range(PEOPLE)]
        self.ended: Counter[str] = Counter()
        self.bugs: list[Exception] = []

    def _new(self) -> tuple[UUID, str]:
        with transaction() as session:
            found = a_patient(session, self.keys, house_number=str(random.randrange(10**6)))
        with transaction() as session:
            self.handling.apply(session, [geocoded(found.id)], now=MONDAY)
        if random.random() < 0.5:
            new = NewStatus.from_json({"status": "searching"})
            with transaction() as session:
                searches.set_status(session, self.keys, found.id, new, reader=READER, now=MONDAY)
        return found.id, found.reference

    def _some(self, number: int) -> list[UUID]:
        return [id for id, _ in random.sample(self.patients, number)]

    def enter(self) -> None:
        """Somebody new comes; some of those who are here were merged or erased by now, and stay for a while."""
        self.patients[random.randrange(PEOPLE)] = self._new()

    def merge(self) -> None:
        """Staff merge two files, also in chains and circles."""
        kept, duplicate = self._some(2)
        wanted = Merge(duplicate_id=duplicate)
        with transaction() as session:
            merging.merge(session, self.keys, kept, wanted, force=True, reader=READER, now=MONDAY)

    def erase(self) -> None:
        """Staff erase somebody with all files, and then the job publishes it again."""
        patient_id, reference = random.choice(self.patients)
        wanted = {"confirm": reference, "expected_versions": None, "compaction_lag": DAY}
        with transaction() as session:
            erasures.erase(session, self.keys, patient_id, reader=READER, now=MONDAY, **wanted)
        with transaction() as session:
            for service in erasures.CONFIRMING:
                erasures.confirm(session, service, [(patient_id, MONDAY)])
        with transaction() as session:
            erasures.publish_again(session, compaction_lag=DAY, now=MONDAY + 2 * DAY)

    def change(self) -> None:
        """Staff change a file, and record a consent and its withdrawal."""
        (patient_id,) = self._some(1)
        patch = MergePatch({"house_number": str(random.randrange(10**6))}, {})
        with transaction() as session:
            patients.change(
                session, self.keys, patient_id, patch, expected_versions=None, force=True, reader=READER, now=MONDAY
            )
        given = NewConsent.from_json({"purpose": "mandate", "given_on": f"{MONDAY:%Y-%m-%d}", "text_version": "1"})
        with transaction() as session:
            consent = consents.give(session, self.keys, patient_id, given, reader=READER, now=MONDAY)
        with transaction() as session:
            consents.withdraw(session, self.keys, patient_id, consent.id, reader=READER, now=MONDAY)

    def assign(self) -> None:
        """Staff put somebody in charge of several."""
        ids = list(map(str, self._some(2)))
        wanted = {"ids": ids, "expected_total": 2, "action": "assign", "assigned_to": str(new_id())}
        with transaction() as session:
            bulk.change(
                session, self.keys, PatientBulkChange.from_json(wanted), days_kept=30, reader=READER, now=MONDAY
            )

    def read(self) -> None:
        """Staff and services read several files at once, and one with all that was merged into it."""
        with transaction() as session:
            several = access_log.owners(session, self._some(4))
            accesses.record(session, self.keys, several, READER, "read", now=MONDAY)
        with transaction() as session:
            patients.get(session, self.keys, self._some(1)[0], reader=READER, now=MONDAY)

    def poll(self) -> None:
        """A worker handles what several partitions brought, in no order."""
        events: list[Event] = []
        for patient_id in self._some(4):
            request = {"placement_request_id": new_id(), "patient_id": patient_id, "therapist_id": new_id()}
            events += [
                happened(RequestAccepted(**request, accepted_on=MONDAY.date())),
                happened(RequestWithdrawn(**request, reason="entered_by_mistake")),
                happened(RequestCorrected(**request)),
                happened(PatientPlaced(**request, placed_on=MONDAY.date())),
                happened(PlaceConfirmed(**request, confirmed_on=MONDAY.date())),
                happened(random.choice((PlaceFailed(**request, failed_on=MONDAY.date()), PlaceTakenBack(**request)))),
                geocoded(patient_id),
                happened(AddressErased(owner_kind="patient", owner_id=new_id())),
            ]
        with transaction() as session:
            self.handling.apply(session, random.sample(events, 10), now=MONDAY)

    def republish(self) -> None:
        """An operator has the state of everybody published again."""
        republish(partial(files.snapshots, keys=self.keys), portion=random.randrange(2, 20))

    def run(self, work: Sequence[Callable[[], None]]) -> None:
        """All of this at once, each several times."""
        threads = [threading.Thread(target=self._again_and_again, args=(each,)) for each in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _again_and_again(self, work: Callable[[], None]) -> None:
        for _ in range(TIMES):
            try:
                work()
                self.ended[work.__name__] += 1
            except PlatformError as refusal:
                self.ended[refusal.code] += 1
            except ChangedMeanwhile:  # run again, as every transaction that others overtook
                self.ended["changed meanwhile"] += 1
            except exc.DBAPIError as problem:
                self.ended[str(getattr(problem.orig, "pgcode", None) or type(problem).__name__)] += 1
            except Exception as bug:
                self.bugs.append(bug)


@pytest.mark.slow
def test_merges_erasures_changes_reads_and_workers_never_wait_for_each_other(keys: Keys) -> None:
    with observed(ORDER) as locks:
        busy = BusyService(keys)
        work = [*[busy.enter] * 2, busy.erase, busy.change, busy.assign, busy.poll, busy.republish]
        busy.run([*[busy.merge] * 4, *[busy.read] * 2, *work])
    assert not busy.bugs
    assert not {code for code in busy.ended if len(code) == 5 and code[0].isdigit()}, busy.ended
    assert locks.seen == set(locks.order)
    assert not locks.wrong
    assert all(busy.ended[each] for each in ("merge", "erase", "change", "read")), busy.ended
    assert problems() == []


@pytest.fixture
def three(keys: Keys) -> list[UUID]:
    """Three files of one person."""
    with transaction() as session:
        return [a_patient(session, keys, house_number=str(number)).id for number in range(3)]


def merged(keys: Keys, kept: UUID, duplicate: UUID, session: Session) -> None:
    merging.merge(session, keys, kept, Merge(duplicate_id=duplicate), force=True, reader=READER, now=MONDAY)


def test_a_merge_looks_again_who_was_merged_while_it_waited(app: Flask, keys: Keys, three: list[UUID]) -> None:
    """Whom it would point at the kept one is locked in the order of ids, or by nobody."""
    last, middle, first = three
    overtaken = in_turn(partial(merged, keys, middle, first), partial(merged, keys, last, middle))
    assert isinstance(overtaken, ChangedMeanwhile)
    assert merge(app.test_client(), last, middle, "?force=true").status_code == 200
    with transaction() as session:
        assert [session.get_one(Patient, each).merged_into for each in three] == [None, last, last]


def test_what_is_repeated_by_itself_needs_no_second_request(app: Flask, keys: Keys, three: list[UUID]) -> None:
    last, middle, first = three
    answer = while_uncommitted(
        partial(merged, keys, middle, first), lambda: merge(app.test_client(), last, middle, "?force=true")
    )
    assert answer.status_code == 200
    with transaction() as session:
        assert [session.get_one(Patient, each).merged_into for each in three] == [None, last, last]


def test_a_worker_looks_again_into_whom_a_patient_was_merged(keys: Keys, three: list[UUID]) -> None:
    kept, duplicate, _ = three
    overtaken = in_turn(partial(merged, keys, kept, duplicate), lambda session: searches.lock(session, [duplicate]))
    assert isinstance(overtaken, ChangedMeanwhile)
