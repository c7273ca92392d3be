"""Therapists whom staff remove: only those to whom nothing refers are gone."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from shared.database import new_id
from shared.events.catalogue import CallRecorded, ContactEntered, EmailSent, RequestApproved
from shared.events.event import Event
from tests.builders.events import happened
from tests.builders.imports import FIRST, Folder, a_file, a_record
from tests.builders.therapists import a_therapist
from tests.conftest import MONDAY
from tests.events import recorded
from therapist_service.domain.publishing import snapshots
from therapist_service.listeners import listeners


def approved(therapist_id: UUID) -> Event:
    return RequestApproved(
        placement_request_id=uuid4(), patient_id=uuid4(), therapist_id=therapist_id, approved_at=MONDAY
    )


def emailed(therapist_id: UUID) -> Event:
    return EmailSent(
        email_id=uuid4(), therapist_id=therapist_id, kind="inquiry", placement_request_ids=[], sent_at=MONDAY
    )


def called(therapist_id: UUID) -> Event:
    return CallRecorded(
        phone_call_id=uuid4(), therapist_id=therapist_id, direction="inbound", result="reached", occurred_at=MONDAY,
        placement_request_ids=[],
    )  # fmt: skip


def entered(therapist_id: UUID) -> Event:
    return ContactEntered(contact_id=uuid4(), therapist_id=therapist_id, occurred_at=MONDAY)


CONTACTS: dict[str, tuple[str, Callable[[UUID], Event]]] = {
    "a request": ("asked", approved),
    "an entry by hand": ("asked", entered),
    "an e-mail": ("emailed", emailed),
    "a call": ("called", called),
}
"""The reference, and the event that makes it."""


def happens(session: Session, event: Event) -> None:
    listeners.apply(session, [happened(event)], now=MONDAY)
    session.expire_all()


def test_to_whom_nothing_refers_is_removed_for_everybody(client: FlaskClient, session: Session) -> None:
    known = a_therapist(session)
    url = f"/api/therapists/{known.id}"
    assert client.delete(url, headers={"If-Match": '"9"'}).status_code == 412
    answer = client.delete(url, headers={"If-Match": f'"{known.version}"'})
    assert (answer.status_code, answer.json) == (
        200,
        {"id": str(known.id), "outcome": "removed", "references": []},
    )
    for call in (client.get(url), client.delete(url), client.patch(url, json={}), client.post(f"{url}/deactivate")):
        assert (call.status_code, call.json["code"]) == (404, "therapist.not_found")
    assert client.get("/api/therapists").json["total"] == 0
    assert client.get("/api/therapists?q=Erfunden").json["items"] == []
    assert [each["action"] for each in client.get(f"{url}/history").json["items"]] == ["registered", "removed"]
    assert [event["type"] for event in recorded(session, known.id)] == ["therapist.registered", "therapist.removed"]
    ((_, state),) = snapshots(session, after=UUID(int=0), limit=9, now=MONDAY)
    assert state.name == "therapist.removed"
    assert client.delete(f"/api/therapists/{new_id()}").status_code == 404


@pytest.mark.parametrize(("reference", "contact"), CONTACTS.values(), ids=CONTACTS)
def test_contact_before_or_at_the_moment_of_the_removal_ends_the_same(
    reference: str, contact: Callable[[UUID], Event], client: FlaskClient, session: Session
) -> None:
    before, meanwhile = a_therapist(session), a_therapist(session)
    happens(session, contact(before.id))
    answer = client.delete(f"/api/therapists/{before.id}").json
    assert (answer["outcome"], answer["references"]) == ("inactive", [reference])
    assert client.delete(f"/api/therapists/{meanwhile.id}").json["outcome"] == "removed"
    for _ in range(2):
        happens(session, contact(meanwhile.id))
    for each in (before, meanwhile):
        shown = client.get(f"/api/therapists/{each.id}").json
        assert (shown["status"], shown["inactive_by"]) == ("inactive", "staff")
        assert recorded(session, each.id)[-1]["type"] == "therapist.deactivated"
    assert client.delete(f"/api/therapists/{meanwhile.id}").json["outcome"] == "inactive"  # and nothing changes
    assert len(recorded(session, meanwhile.id)) == 3


def test_whom_a_source_has_is_inactive_and_no_import_makes_them_active(client: FlaskClient, folder: Folder) -> None:
    folder.bring(FIRST, a_file([a_record("a-1")]))
    (brought,) = client.get("/api/therapists").json["items"]
    answer = client.delete(f"/api/therapists/{brought['id']}").json
    assert (answer["outcome"], answer["references"]) == ("inactive", ["source"])
