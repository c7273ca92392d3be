"""What becomes of a place that matching recorded: it works, fails, or was a mistake; and what people did since."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from patient_service.clients.other_services import OtherServices
from patient_service.dependencies import Dependencies
from patient_service.domain import patients, searches
from patient_service.domain.schemas import NewStatus, PatientView
from patient_service.listeners import listeners
from shared.events.catalogue import (
    PatientPlaced,
    PlaceConfirmed,
    PlaceFailed,
    PlaceTakenBack,
    RequestAccepted,
    RequestCorrected,
)
from shared.security.encryption import Keys
from tests.builders.events import happened
from tests.builders.patients import NOBODY, a_patient_who_is
from tests.conftest import MONDAY
from tests.events import recorded


def handle(session: Session, keys: Keys, *events: Any) -> None:
    listeners.given(Dependencies(keys, OtherServices(()))).apply(session, events, now=MONDAY)


def now_shown(session: Session, keys: Keys, patient_id: UUID) -> PatientView:
    return patients.get(session, keys, patient_id, reader=NOBODY, now=MONDAY)


def placed(patient_id: UUID) -> PatientPlaced:
    place = PatientPlaced(
        placement_request_id=uuid4(), patient_id=patient_id, therapist_id=uuid4(), placed_on=MONDAY.date()
    )
    return happened(place)


def a_patient_with_a_place(session: Session, keys: Keys, *steps: str) -> tuple[PatientView, dict[str, UUID]]:
    """A patient who took up a place, and the ids that events about it have."""
    known = a_patient_who_is(session, keys, *(steps or ("searching",)))
    place = placed(known.id)
    handle(session, keys, place)
    names = ("placement_request_id", "patient_id", "therapist_id")
    return known, {name: getattr(place, name) for name in names}


def test_the_history_says_in_the_readers_language_what_became_of_a_place(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    known, place = a_patient_with_a_place(session, keys)
    handle(session, keys, happened(PlaceConfirmed(**place, confirmed_on=MONDAY.date())))
    handle(session, keys, happened(PlaceFailed(**place, failed_on=MONDAY.date())))
    said = {
        language: [
            each["reason"]
            for each in client.get(f"/api/patients/{known.id}/history", headers={"Accept-Language": language}).json[
                "items"
            ]
        ][-3:]
        for language in ("de", "en")
    }
    assert said == {
        "de": ["Ein Platz wurde angenommen.", "Der Platz wurde bestätigt.", "Der Platz kam nicht zustande."],
        "en": ["A place was taken up.", "The place was confirmed.", "The place failed."],
    }


def test_a_place_that_was_confirmed_is_the_working_one(client: FlaskClient, session: Session, keys: Keys) -> None:
    known, place = a_patient_with_a_place(session, keys)
    other = place | {"placement_request_id": uuid4()}
    handle(session, keys, happened(PlaceConfirmed(**other, confirmed_on=date(2026, 11, 20))))
    assert now_shown(session, keys, known.id).working_place_on is None
    handle(session, keys, happened(PlaceConfirmed(**place, confirmed_on=date(2026, 11, 21))))
    assert now_shown(session, keys, known.id).working_place_on == date(2026, 11, 21)
    last = client.get(f"/api/patients/{known.id}/history").json["items"][-1]
    assert (last["kind"], last["to"], last["placement_request_id"]) == (
        "place",
        "in_therapy",
        str(place["placement_request_id"]),
    )


@pytest.mark.parametrize(
    ("change", "after"), [({}, ["searching"]), ({"contracts_signed": False}, ["searching", "paused"])]
)
def test_a_place_that_failed_reopens_the_search_which_pauses_where_it_could_not_start(
    client: FlaskClient, session: Session, keys: Keys, change: dict[str, Any], after: list[str]
) -> None:
    known, place = a_patient_with_a_place(session, keys)
    handle(session, keys, happened(PlaceConfirmed(**place, confirmed_on=MONDAY.date())))
    client.patch(f"/api/patients/{known.id}", json=change)
    began, count = now_shown(session, keys, known.id).search_started_on, len(recorded(session, known.id))
    failed = happened(PlaceFailed(**place, failed_on=MONDAY.date()))
    handle(session, keys, failed, failed)
    shown = now_shown(session, keys, known.id)
    assert (shown.status, shown.working_place_on, shown.search_started_on) == (after[-1], None, began)
    published = [event["data"] for event in recorded(session, known.id)[count:]]
    assert [each["patient"]["status"] for each in published] == after
    assert {each["patient"]["placement_state"] for each in published} == {"failed"}
    assert published[0]["caused_by_place"] == str(place["placement_request_id"])


@pytest.mark.parametrize("comes", ["first", "between", "last"])
def test_of_a_failure_and_another_place_at_once_the_other_place_stands(
    session: Session, keys: Keys, comes: str
) -> None:
    """Their events are about two requests, so that either may be read first; people did nothing meanwhile."""
    known = a_patient_who_is(session, keys, "searching")
    wrong = happened(placed(known.id), time=MONDAY - timedelta(minutes=2))
    names = ("placement_request_id", "patient_id", "therapist_id")
    failed = happened(PlaceFailed(**{n: getattr(wrong, n) for n in names}, failed_on=MONDAY.date()))
    other = happened(placed(known.id), time=MONDAY - timedelta(minutes=1))
    order = {"first": (other, wrong, failed), "between": (wrong, other, failed), "last": (wrong, failed, other)}
    handle(session, keys, *order[comes])
    last = recorded(session, known.id)[-1]["data"]["patient"]
    assert (last["status"], last["placement_state"]) == ("in_therapy", "taken_up")
    assert last["placement_request_id"] == str(other.placement_request_id)


@pytest.mark.parametrize("status", ["therapy_completed", "searching"])
def test_a_failure_changes_nothing_where_people_have_gone_on(session: Session, keys: Keys, status: str) -> None:
    known, place = a_patient_with_a_place(session, keys)
    new = NewStatus.from_json({"status": status, "reason": "it is so"})
    searches.set_status(session, keys, known.id, new, reader=NOBODY, now=MONDAY)
    count = len(recorded(session, known.id))
    handle(session, keys, happened(PlaceFailed(**place, failed_on=MONDAY.date())))
    assert (now_shown(session, keys, known.id).status, len(recorded(session, known.id))) == (status, count)


def test_a_place_that_is_read_after_its_failure_is_not_the_patients(session: Session, keys: Keys) -> None:
    """Such as one that had become a dead letter."""
    known = a_patient_who_is(session, keys, "searching")
    late = placed(known.id)
    names = ("placement_request_id", "patient_id", "therapist_id")
    failed = PlaceFailed(**{name: getattr(late, name) for name in names}, failed_on=MONDAY.date())
    handle(session, keys, happened(failed), late)
    assert now_shown(session, keys, known.id).status == "searching"


@pytest.mark.parametrize(
    ("steps", "after"),
    [
        (("searching",), ("searching", None)),
        (("searching", "paused"), ("paused", date(2099, 1, 1))),
        (("searching", "in_therapy"), ("in_therapy", None)),  # people had noted the therapy before
    ],
)
def test_a_place_that_was_a_mistake_leaves_the_search_as_before_it(
    client: FlaskClient, session: Session, keys: Keys, steps: tuple[str, ...], after: tuple[str, date | None]
) -> None:
    known = a_patient_who_is(session, keys, *steps)
    if steps[-1] == "paused":
        client.post(f"/api/patients/{known.id}/status", json={"status": "paused", "paused_until": "2099-01-01"})
    place = placed(known.id)
    ids = {name: getattr(place, name) for name in ("placement_request_id", "patient_id", "therapist_id")}
    handle(session, keys, place, happened(PlaceConfirmed(**ids, confirmed_on=MONDAY.date())))
    taken_back = happened(PlaceTakenBack(**ids))
    handle(session, keys, taken_back, taken_back)
    shown = now_shown(session, keys, known.id)
    assert (shown.status, shown.paused_until, shown.working_place_on) == (*after, None)
    last = recorded(session, known.id)[-1]["data"]
    assert (last["patient"]["status"], last["patient"]["placement_state"]) == (after[0], None)
    assert last["caused_by_place"] == str(place.placement_request_id)
    # the right place, or the same once more, may have been recorded meanwhile
    again = happened(PatientPlaced(**ids, placed_on=MONDAY.date()), time=MONDAY - timedelta(minutes=1))
    handle(session, keys, again)
    assert now_shown(session, keys, known.id).status == "in_therapy"


@pytest.mark.parametrize("status", ["therapy_completed", "searching"])
def test_a_therapy_that_people_have_ended_since_stays_so_when_its_place_is_taken_back(
    session: Session, keys: Keys, status: str
) -> None:
    known, place = a_patient_with_a_place(session, keys)
    new = NewStatus.from_json({"status": status, "reason": "it is so"})
    searches.set_status(session, keys, known.id, new, reader=NOBODY, now=MONDAY)
    handle(session, keys, happened(PlaceTakenBack(**place)))
    assert now_shown(session, keys, known.id).status == status
    assert recorded(session, known.id)[-1]["data"]["patient"]["placement_request_id"] is None


def test_an_acceptance_that_was_corrected_was_no_first_place(session: Session, keys: Keys) -> None:
    known, request = a_patient_who_is(session, keys, "searching"), uuid4()
    ids = {"placement_request_id": request, "patient_id": known.id, "therapist_id": uuid4()}
    handle(session, keys, happened(RequestAccepted(**ids, accepted_on=date(2026, 11, 24))))
    for outcome, day in (("accepted", 24), ("declined_other", None)):
        handle(session, keys, happened(RequestCorrected(**ids, outcome=outcome)))
        assert now_shown(session, keys, known.id).first_place_on == (day and date(2026, 11, day))
