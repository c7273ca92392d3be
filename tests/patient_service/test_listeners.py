"""What happens elsewhere and concerns a patient here."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies
from patient_service.domain import patients, searches
from patient_service.domain.schemas import NewStatus, PatientView
from patient_service.listeners import listeners
from patient_service.store.access_tables import FileAccess
from patient_service.store.tables import Patient
from shared.events.catalogue import (
    AddressGeocoded,
    ContactLogShown,
    EmailSent,
    PatientPlaced,
    ReplyShown,
    RequestAccepted,
    RequestWithdrawn,
)
from shared.security.encryption import Keys
from tests.builders.events import happened
from tests.builders.merging import OTHER, merged
from tests.builders.patients import NOBODY, STEPS_TO, a_patient, a_patient_who_is, a_ready_patient, geocoded
from tests.conftest import MONDAY
from tests.events import recorded


def handle(session: Session, keys: Keys, *events: Any) -> None:
    listeners.given(Dependencies(keys, OtherServices(()))).apply(session, events, now=MONDAY)


def now_shown(session: Session, keys: Keys, patient_id: UUID) -> PatientView:
    return patients.get(session, keys, patient_id, reader=NOBODY, now=MONDAY)


def test_who_is_shown_a_contact_log_stands_in_the_log_of_accesses(session: Session, keys: Keys) -> None:
    """As it happened in matching, once; of somebody who is not known there is no log."""
    patient, who, at = a_patient(session, keys).id, uuid4(), MONDAY - timedelta(minutes=5)
    shown = ContactLogShown(access_id=uuid4(), patient_id=patient, action="exported", accessed_by=who, accessed_at=at)
    event = happened(shown)
    unknown = happened(ContactLogShown(access_id=uuid4(), patient_id=uuid4(), action="read", accessed_at=at))
    handle(session, keys, event, event, unknown)
    found = session.scalars(select(FileAccess).where(FileAccess.accessed_by == who)).all()
    assert [(each.patient_id, each.action, each.accessed_at) for each in found] == [(patient, "exported", at)]
    replied = ReplyShown(access_id=uuid4(), patient_id=patient, action="read", accessed_by=who, accessed_at=at)
    handle(session, keys, happened(replied))
    newer = session.scalars(select(FileAccess.action).where(FileAccess.accessed_by == who)).all()
    assert sorted(newer) == ["exported", "read"]
    erased = happened(ContactLogShown(access_id=uuid4(), patient_id=patient, action="erased", accessed_at=at))
    with pytest.raises(ValueError):
        handle(session, keys, erased)


def accepted(patient_id: UUID, on: str, request: UUID | None = None) -> RequestAccepted:
    return happened(
        RequestAccepted(
            placement_request_id=request or uuid4(),
            patient_id=patient_id,
            therapist_id=uuid4(),
            accepted_on=date.fromisoformat(on),
        )
    )


def placed(patient_id: UUID) -> PatientPlaced:
    return happened(
        PatientPlaced(
            placement_request_id=uuid4(), patient_id=patient_id, therapist_id=uuid4(), placed_on=MONDAY.date()
        )
    )


# Where a patient lives


def location(client: FlaskClient, patient_id: UUID) -> str:
    """What readiness says of the patient's place: known, missing or pending."""
    said = client.get(f"/api/patients/{patient_id}/readiness").json
    return next((where for where in ("missing", "pending") if "location" in said[where]), "known")


def test_a_postal_code_is_known_once_it_was_found(client: FlaskClient, session: Session, keys: Keys) -> None:
    known = a_patient(session, keys)
    assert location(client, known.id) == "pending"
    handle(session, keys, geocoded(known.id, found=False, sequence=1))
    assert location(client, known.id) == "missing"
    handle(session, keys, geocoded(known.id, sequence=2), geocoded(known.id, found=False, sequence=1))
    assert location(client, known.id) == "known"


def test_an_answer_counts_only_for_the_postal_code_it_is_about(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    known = a_ready_patient(session, keys)
    client.patch(f"/api/patients/{known.id}", json={"postal_code": "50667"})
    assert location(client, known.id) == "pending"
    handle(session, keys, geocoded(known.id, "50667", sequence=2))
    assert location(client, known.id) == "known"
    client.patch(f"/api/patients/{known.id}", json={"postal_code": None})
    assert location(client, known.id) == "missing"


def test_what_was_found_for_one_patient_is_known_for_the_next(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    a_ready_patient(session, keys)
    assert location(client, a_patient(session, keys).id) == "known"


def test_a_therapists_address_says_nothing_about_postal_codes(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    known = a_patient(session, keys)
    answer = AddressGeocoded(
        owner_kind="therapist", owner_id=uuid4(), postal_code="52062", latitude=50.7, longitude=6.0, precision="city"
    )
    handle(session, keys, happened(answer, answer.owner_id))
    assert location(client, known.id) == "pending"


def test_an_answer_may_come_before_or_without_its_patient(session: Session, keys: Keys) -> None:
    handle(session, keys, geocoded(uuid4()), geocoded(uuid4(), None, found=False))


# Places


def test_the_first_acceptance_is_kept(session: Session, keys: Keys) -> None:
    known = a_patient_who_is(session, keys, "searching")
    for day, first in (("2026-11-25", 25), ("2026-11-26", 25), ("2026-11-24", 24)):
        handle(session, keys, accepted(known.id, day))
        assert now_shown(session, keys, known.id).first_place_on == date(2026, 11, first)
    assert now_shown(session, keys, known.id).version == known.version


def withdrawn(patient_id: UUID, request: UUID, reason: str) -> RequestWithdrawn:
    ids = {"placement_request_id": request, "patient_id": patient_id, "therapist_id": uuid4()}
    return happened(RequestWithdrawn.model_validate({**ids, "reason": reason}))


def test_an_acceptance_that_was_a_mistake_was_no_first_place(session: Session, keys: Keys) -> None:
    """What else stands counts; whoever was given a place and does not want it was given one all the same."""
    known, (first, second) = a_patient_who_is(session, keys, "searching"), (uuid4(), uuid4())
    handle(session, keys, accepted(known.id, "2026-11-24", first), accepted(known.id, "2026-11-25", second))
    for request, reason, day in (
        (first, "patient_declined", 24),
        (first, "entered_by_mistake", 25),
        (uuid4(), "entered_by_mistake", 25),
        (second, "entered_by_mistake", None),
        (second, "entered_by_mistake", None),
    ):
        handle(session, keys, withdrawn(known.id, request, reason))
        assert now_shown(session, keys, known.id).first_place_on == (day and date(2026, 11, day))


def test_an_offer_of_the_search_before_does_not_come_back_with_a_correction(session: Session, keys: Keys) -> None:
    known, request = a_patient_who_is(session, keys, "searching"), uuid4()
    handle(session, keys, accepted(known.id, "2026-11-23"))
    for step in ("search_aborted", "open", "searching"):
        new = NewStatus.from_json({"status": step, "reason": "it is so"})
        searches.set_status(session, keys, known.id, new, reader=NOBODY, now=MONDAY)
    handle(session, keys, accepted(known.id, "2026-11-25", request))
    handle(session, keys, withdrawn(known.id, request, "entered_by_mistake"))
    assert now_shown(session, keys, known.id).first_place_on is None


@pytest.mark.parametrize("before", list(STEPS_TO))
def test_a_placement_takes_a_searching_or_paused_patient_into_therapy(
    session: Session, keys: Keys, before: str
) -> None:
    known = a_patient_who_is(session, keys, *STEPS_TO[before])
    published_before = len(recorded(session, known.id))
    handle(session, keys, placed(known.id))
    shown = now_shown(session, keys, known.id)
    published = recorded(session, known.id)[published_before:]
    assert shown.status == ("in_therapy" if before in ("searching", "paused") else before)
    assert [(e["type"], e["data"]["previous_status"]) for e in published] == [("patient.status_changed", before)]
    state = "taken_up" if before in ("searching", "paused", "in_therapy") else "failed"
    assert published[0]["data"]["patient"]["placement_state"] == state


def test_a_place_handled_late_does_not_replace_the_present_one(session: Session, keys: Keys) -> None:
    """Such as one that was set aside and is read once more after the patient has found another."""
    known = a_patient_who_is(session, keys, "searching")
    late, present = placed(known.id), placed(known.id)
    for step in ("in_therapy", "searching"):
        new = NewStatus.from_json({"status": step, "reason": "it is so"})
        searches.set_status(session, keys, known.id, new, reader=NOBODY, now=MONDAY + timedelta(minutes=1))
    handle(session, keys, happened(present, time=MONDAY + timedelta(minutes=2)))
    handle(session, keys, late)
    last = recorded(session, known.id)[-1]["data"]["patient"]
    assert last["placement_request_id"] == str(present.placement_request_id)
    assert last["placement_state"] == "taken_up"


def test_a_placement_ends_a_pause_with_its_date_and_is_in_the_history(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    known = a_patient_who_is(session, keys, "searching")
    client.post(f"/api/patients/{known.id}/status", json={"status": "paused", "paused_until": "2099-01-01"})
    session.expire_all()
    handle(session, keys, placed(known.id))
    shown = now_shown(session, keys, known.id)
    assert (shown.status, shown.paused_until) == ("in_therapy", None)
    last = client.get(f"/api/patients/{known.id}/history").json["items"][-1]
    assert (last["from"], last["to"]) == ("paused", "in_therapy")


def test_a_repeated_placement_does_not_undo_what_staff_did_since(session: Session, keys: Keys) -> None:
    known = a_patient_who_is(session, keys, "searching")
    event = placed(known.id)
    handle(session, keys, event)
    published = len(recorded(session, known.id))
    handle(session, keys, event, event)
    assert len(recorded(session, known.id)) == published


def test_events_about_an_unknown_patient_change_nothing(session: Session, keys: Keys) -> None:
    handle(session, keys, accepted(uuid4(), "2026-11-20"), placed(uuid4()))
    assert recorded(session) == []


@pytest.mark.parametrize(
    "since",
    [
        ["search_aborted"],
        ["search_aborted", "open", "searching"],
        ["in_therapy", "searching"],
        ["in_therapy", "searching", "paused"],
    ],
)
def test_a_placement_that_comes_late_has_failed_where_people_went_on_without_it(
    session: Session, keys: Keys, since: list[str]
) -> None:
    known = a_patient_who_is(session, keys, "searching")
    event = placed(known.id)
    for step in since:
        new = NewStatus.from_json({"status": step, "reason": "it is so"})
        searches.set_status(session, keys, known.id, new, reader=NOBODY, now=MONDAY + timedelta(minutes=1))
    handle(session, keys, event)
    assert now_shown(session, keys, known.id).status == since[-1]
    published = recorded(session, known.id)[-1]["data"]["patient"]
    assert (published["placement_request_id"], published["placement_state"]) == (
        str(event.placement_request_id),
        "failed",
    )


@pytest.mark.parametrize(("to", "state"), [("searching", "failed"), ("therapy_completed", "ended")])
def test_what_became_of_a_place_is_published(session: Session, keys: Keys, to: str, state: str) -> None:
    known = a_patient_who_is(session, keys, "searching")
    handle(session, keys, placed(known.id))
    new = NewStatus.from_json({"status": to, "reason": "it is so"})
    searches.set_status(session, keys, known.id, new, reader=NOBODY, now=MONDAY)
    assert recorded(session, known.id)[-1]["data"]["patient"]["placement_state"] == state


def test_an_offer_of_an_earlier_search_is_not_the_first_of_this_one(session: Session, keys: Keys) -> None:
    known = a_patient_who_is(session, keys, "searching", "search_aborted", "open")
    handle(session, keys, accepted(known.id, "2026-11-25"))
    assert now_shown(session, keys, known.id).first_place_on is None


# E-mails to the patient


def written_to(patient_id: UUID | None, at: datetime) -> EmailSent:
    return happened(
        EmailSent(email_id=uuid4(), patient_id=patient_id, kind="patient_notice", placement_request_ids=[], sent_at=at)
    )


def test_an_email_to_the_patient_is_the_last_contact_unless_a_later_one_is_known(session: Session, keys: Keys) -> None:
    patient = a_patient(session, keys, last_contact_on="2026-03-01")
    late_evening = datetime(2026, 3, 8, 23, 30, tzinfo=UTC)  # the next day in Berlin
    handle(session, keys, written_to(patient.id, late_evening))
    shown = now_shown(session, keys, patient.id)
    assert (shown.last_contact_on, shown.version) == (date(2026, 3, 9), patient.version + 1)
    again, before = written_to(patient.id, late_evening), written_to(patient.id, late_evening - timedelta(days=3))
    handle(session, keys, again, before, written_to(None, late_evening + timedelta(days=1)))
    assert now_shown(session, keys, patient.id) == shown


def test_an_email_to_who_was_merged_or_erased_concerns_who_is_left(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    kept, other = a_patient(session, keys), a_patient(session, keys, **OTHER)
    erased = a_patient(session, keys, last_name="Anders")
    merged(client, kept, other)
    assert client.delete(f"/api/patients/{erased.id}?confirm={erased.reference}").status_code == 202
    handle(session, keys, *(written_to(each, MONDAY) for each in (other.id, erased.id, uuid4())))
    assert now_shown(session, keys, kept.id).last_contact_on == MONDAY.date()
    assert session.get_one(Patient, erased.id).last_contact_on is None
