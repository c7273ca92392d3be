"""What the service records of contacts from the events of others."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4

from sqlalchemy.orm import Session

from shared.events.catalogue import CallRecorded, EmailSent, PlacesStated, PracticeStated
from shared.values.practice_enums import CapacitySource
from shared.values.weekly import Weekly
from tests.builders.events import happened
from tests.builders.therapists import a_therapist
from tests.conftest import MONDAY
from tests.events import recorded
from therapist_service.domain import capacity, therapists
from therapist_service.domain.capacity_schemas import NewCapacity
from therapist_service.listeners import listeners

LATE = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
"""Already Tuesday in Berlin."""


def test_an_email_is_noted_without_changing_the_version(session: Session) -> None:
    known = a_therapist(session)
    sent = EmailSent(email_id=uuid4(), therapist_id=known.id, kind="inquiry", placement_request_ids=[], sent_at=LATE)
    listeners.apply(session, [happened(sent)], now=LATE)
    session.expire_all()
    shown = therapists.get(session, known.id)
    assert (shown.last_email_on, shown.version) == (date(2026, 11, 24), known.version)
    assert len(recorded(session, known.id)) == 1


def test_only_a_call_that_reached_somebody_is_a_conversation(session: Session) -> None:
    known = a_therapist(session)
    for result, moment in (("reached", MONDAY), ("no_answer", LATE), ("voicemail", MONDAY)):
        call = CallRecorded(
            phone_call_id=uuid4(), therapist_id=known.id, direction="outbound", result=result, occurred_at=moment,
            placement_request_ids=[],
        )  # fmt: skip
        listeners.apply(session, [happened(call)], now=LATE)
    session.expire_all()
    shown = therapists.get(session, known.id)
    assert (shown.last_call_on, shown.last_conversation_on) == (date(2026, 11, 24), date(2026, 11, 23))


def test_what_a_practice_says_by_link_is_written_down_as_said_by_it(session: Session) -> None:
    known = a_therapist(session)
    staff = NewCapacity.from_json({"group": {"state": "full"}})
    capacity.state(session, known.id, staff, expected_versions=None, by=None, today=MONDAY.date(), now=MONDAY)
    hours = {"monday": [{"start": "09:00", "end": "12:00"}]}
    free = PlacesStated(state="free", from_=date(2027, 1, 4))
    said = PracticeStated(email_id=uuid4(), therapist_id=known.id, occurred_at=LATE, phone_hours=hours, individual=free)
    for _ in range(2):  # the form was sent twice
        listeners.apply(session, [happened(said)], now=LATE)
    shown = therapists.get(session, known.id)
    assert (shown.phone_hours, "phone_hours" in shown.protected_fields) == (Weekly.from_json(hours), True)
    individual, group = shown.capacity.individual, shown.capacity.group
    assert (individual.source, individual.stated_on) == (CapacitySource.PRACTICE, date(2026, 11, 24))
    assert (shown.free_individual_from, group.state, group.source) == (date(2027, 1, 4), "full", "staff")
    assert (shown.status, shown.version) == ("active", known.version + 3)
    older = PracticeStated(
        email_id=uuid4(), therapist_id=known.id, occurred_at=MONDAY, individual=PlacesStated(state="full"),
        no_contact=True,
    )  # fmt: skip
    listeners.apply(session, [happened(older)], now=LATE)
    shown = therapists.get(session, known.id)
    assert (shown.capacity.individual, shown.status) == (individual, "blocked")
    assert len(recorded(session, known.id)) == 5


def test_contacts_with_nobody_we_know_are_nothing(session: Session) -> None:
    to_nobody = EmailSent(email_id=uuid4(), kind="patient_notice", placement_request_ids=[], sent_at=MONDAY)
    to_a_stranger = EmailSent(
        email_id=uuid4(), therapist_id=uuid4(), kind="inquiry", placement_request_ids=[], sent_at=MONDAY
    )
    of_a_stranger = PracticeStated(email_id=uuid4(), therapist_id=uuid4(), occurred_at=MONDAY, no_contact=True)
    listeners.apply(session, [happened(each) for each in (to_nobody, to_a_stranger, of_a_stranger)], now=MONDAY)
