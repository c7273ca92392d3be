"""Two files of one person become one: what is kept, and what follows."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from patient_service.domain import consents, files, merged_fields, practice_summaries
from patient_service.domain.schemas import NewConsent, PatientFile, PatientView
from shared.events.republish import republish
from shared.security.encryption import Keys
from tests.builders.merging import OTHER, merge, merged
from tests.builders.patients import NOBODY, a_patient, a_patient_who_is
from tests.conftest import MONDAY
from tests.events import recorded

# What is kept, and what is filled


def test_the_kept_ones_values_stand_and_empty_ones_are_filled(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    kept = a_patient(session, keys, phone="0241 123456", languages=["de"], registered_on="2026-03-01")
    others = {"phone": "0241 999999", "email": "erika@example.org", "title": "Dr.", "registered_on": "2026-01-01"}
    other = a_patient(session, keys, last_contact_on="2026-11-20", **OTHER, **others)
    shown = merged(client, kept, other)
    assert (shown["id"], shown["reference"]) == (str(kept.id), kept.reference)
    assert (shown["first_name"], shown["phone"], shown["languages"]) == ("Erika", "0241 123456", ["de"])
    assert (shown["title"], shown["email"]) == ("Dr.", "erika@example.org")
    assert (shown["registered_on"], shown["last_contact_on"]) == ("2026-01-01", "2026-11-20")
    assert shown["version"] == kept.version + 1


@pytest.mark.parametrize(
    ("kept", "other", "shown"),
    [
        ({"street": None, "house_number": None}, {"postal_code": "10115", "city": "Berlin"}, {"street": None}),
        ({"street": None, "house_number": None}, {}, {"street": "Musterweg", "postal_code": "52062"}),
        ({"insurance_number": None}, {"insurance_number": "A123456780"}, {"insurance_number": "A123456780"}),
        (
            {"insurance_type": "private"},
            {"insurance_type": "statutory", "health_insurer": "Musterkasse"},
            {"insurance_type": "private", "health_insurer": None},
        ),
        ({"gender": "unknown"}, {"gender": "male"}, {"gender": "male"}),
        ({"contracts_signed": False}, {"contracts_signed": True}, {"contracts_signed": True}),
        ({"max_distance_km": 25}, {"max_distance_km": 10, "max_travel_minutes": 30}, {"max_travel_minutes": None}),
    ],
)
def test_what_belongs_together_is_filled_together(
    client: FlaskClient, session: Session, keys: Keys, kept: Any, other: Any, shown: dict[str, Any]
) -> None:
    result = merged(client, a_patient(session, keys, **kept), a_patient(session, keys, **(OTHER | other)))
    assert {name: result[name] for name in shown} == shown


def test_texts_of_both_are_joined_and_an_interview_stays_whole(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    kept = a_patient(session, keys, anamnesis={"occupation": "Lehrerin"}, consultation={"held_on": "2026-05-01"})
    code = {"held_on": "2025-01-01", "placement_code": "A1B2-C3D4-E5F6"}
    other = a_patient(session, keys, anamnesis={"occupation": "Köchin", "medication": "keine"}, consultation=code)
    shown = merged(client, kept, other)
    assert (shown["anamnesis"]["occupation"], shown["anamnesis"]["medication"]) == ("Lehrerin", "keine")
    assert shown["consultation"]["held_on"] == "2026-05-01"
    assert shown["consultation"]["placement_code"] is None


def _files() -> st.SearchStrategy[PatientFile]:
    texts = st.none() | st.sampled_from(["a", "b"])
    return st.builds(
        PatientFile.model_construct,
        first_name=st.just("Erika"),
        last_name=st.just("Erfunden"),
        street=texts,
        house_number=texts,
        postal_code=texts,
        city=texts,
        phone=texts,
        title=texts,
        excluded_therapist_ids=st.lists(st.uuids(), max_size=3, unique=True),
        registered_on=st.dates(),
        last_contact_on=st.none() | st.dates(),
    )


@given(_files(), _files())
def test_no_value_of_the_kept_one_is_lost_and_no_address_is_made_up(kept: PatientFile, other: PatientFile) -> None:
    one = merged_fields.filled(kept, other)
    address = merged_fields.TOGETHER[0]
    for name in (*address, "phone", "title"):
        assert getattr(one, name) == getattr(kept, name) or getattr(kept, name) is None
    shown = [getattr(one, name) for name in address]
    assert any(
        all(getattr(file, name) in (None, value) for name, value in zip(address, shown, strict=True))
        for file in (kept, other)
    )
    assert {*kept.excluded_therapist_ids, *other.excluded_therapist_ids} == set(one.excluded_therapist_ids)
    assert merged_fields.filled(one, other) == one


def test_a_crisis_of_either_file_is_one_of_the_person(client: FlaskClient, session: Session, keys: Keys) -> None:
    kept = a_patient(session, keys)
    shown = merged(client, kept, a_patient(session, keys, anamnesis={"complaints": "Suizidgedanken"}, **OTHER))
    assert shown["crisis"]["flagged"]
    waiting = client.get("/api/patients", query_string={"crisis": "unacknowledged"}).json["items"]
    assert [each["id"] for each in waiting] == [str(kept.id)]


def test_what_became_of_the_crises_of_both_stays_known(client: FlaskClient, session: Session, keys: Keys) -> None:
    kept, other = a_patient(session, keys), a_patient(session, keys, **OTHER)
    for patient, said in ((other, "Zuerst."), (kept, "Danach.")):
        client.post(f"/api/patients/{patient.id}/crisis/flag", json={"reason": said})
    client.post(f"/api/patients/{other.id}/crisis/acknowledge", json={"note": "Zuletzt."})
    history = merged(client, kept, other)["crisis"]["history"]
    assert [(each["what"], each["reason"]) for each in history] == [
        ("raised", "Zuerst."),
        ("raised", "Danach."),
        ("acknowledged", "Zuletzt."),
    ]


# What follows


def test_history_accesses_and_consents_are_those_of_both(client: FlaskClient, session: Session, keys: Keys) -> None:
    kept = a_patient_who_is(session, keys, "searching", "search_aborted")
    other = a_patient_who_is(session, keys, "search_aborted", "open", **OTHER)
    given = NewConsent.from_json({"purpose": "health_data", "given_on": "2026-01-15", "text_version": "1"})
    consents.give(session, keys, other.id, given, reader=NOBODY, now=MONDAY)
    both = f"/api/patients?ids={kept.id},{other.id}"
    client.get(both, headers={"X-Purpose": "callback"})
    client.get(f"/api/patients/{other.id}", headers={"X-Purpose": "Anruf"})
    assert [each["purpose"] for each in merged(client, kept, other)["consents"]] == ["health_data"]
    history = client.get(f"/api/patients/{kept.id}/history").json
    assert [(each["reference"], each["from"], each["to"]) for each in history["items"]] == [
        (kept.reference, "open", "searching"),
        (kept.reference, "searching", "search_aborted"),
        (other.reference, "open", "search_aborted"),
        (other.reference, "search_aborted", "open"),
        (kept.reference, "search_aborted", "search_aborted"),
    ]
    assert [each["reason"] for each in history["items"]][:4] == ["it is so"] * 4
    assert [each["kind"] for each in history["items"]] == [*["status"] * 4, "merge"]
    assert other.reference in history["items"][-1]["reason"]
    log = client.get(f"/api/patients/{kept.id}/access-log").json
    seen = [(each["action"], each["purpose"], each["reference"]) for each in log["items"]]
    assert ("read", "Anruf", other.reference) in seen
    assert sum(purpose == "callback" for _, purpose, _ in seen) == 1
    assert len({each["id"] for each in log["items"]}) == len(log["items"]) == log["total"]


def test_a_merge_and_its_refusals_are_noted_in_both_files(client: FlaskClient, session: Session, keys: Keys) -> None:
    kept, other = a_patient(session, keys), a_patient(session, keys, date_of_birth="1980-01-01", **OTHER)

    def noted(patient: PatientView) -> list[str]:
        log = client.get(f"/api/patients/{patient.id}/access-log").json["items"]
        return [each["action"] for each in log if each["action"] not in ("audited", "created")]

    assert merge(client, kept.id, other.id).status_code == 409
    assert (noted(kept), noted(other)) == (["read"], ["read"])
    client.patch(f"/api/patients/{other.id}?force=true", json={"date_of_birth": "1990-05-17"})
    merged(client, kept, other)
    assert noted(kept) == ["changed", "changed", "read"]
    assert merge(client, kept.id, other.id).status_code == 409
    assert noted(kept) == ["read", "changed", "changed", "read"]


def test_a_list_of_accesses_is_read_in_parts_without_a_gap(client: FlaskClient, session: Session, keys: Keys) -> None:
    kept, other = a_patient(session, keys), a_patient(session, keys, **OTHER)
    for _ in range(3):
        client.get(f"/api/patients?ids={kept.id},{other.id}")
        client.get(f"/api/patients/{other.id}")
    merged(client, kept, other)
    seen: list[str] = []
    after: dict[str, Any] | None = {}
    while after is not None:
        part = client.get(f"/api/patients/{kept.id}/access-log", query_string={"limit": 2} | after).json
        seen += [each["id"] for each in part["items"]]
        after = None if part["next"] is None else {"after": part["next"]}
    assert len(seen) == len(set(seen)) == 9


def test_a_withdrawal_in_either_file_counts_for_what_was_given_before(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    """The patient who withdraws a mandate means the person, not the file."""

    def mandate(patient_id: UUID, on: str) -> UUID:
        new = NewConsent.from_json({"purpose": "mandate", "given_on": on, "text_version": "1"})
        return consents.give(session, keys, patient_id, new, reader=NOBODY, now=MONDAY).id

    kept = a_patient_who_is(session, keys, "searching")
    mandate(kept.id, "2026-01-15")
    other = a_patient(session, keys, **OTHER)
    withdrawn = mandate(other.id, "2026-02-01")
    consents.withdraw(session, keys, other.id, withdrawn, reader=NOBODY, now=MONDAY)
    shown = merged(client, kept, other)
    assert shown["status"] == "paused"
    assert [each["withdrawn_on"] for each in shown["consents"]] == [MONDAY.date().isoformat()] * 2
    history = client.get(f"/api/patients/{kept.id}/history").json["items"]
    assert [(each["from"], each["to"]) for each in history[-2:]] == [
        ("searching", "searching"),
        ("searching", "paused"),
    ]


@pytest.mark.parametrize("withdrawn_in", ["kept", "other"])
@pytest.mark.parametrize("days", [-1, 0, 1])
def test_of_one_day_a_withdrawal_in_either_file_stands(
    client: FlaskClient, session: Session, keys: Keys, withdrawn_in: str, days: int
) -> None:
    """Who recorded the consent in one file knew nothing of the withdrawal in the other."""
    both = {"kept": a_patient(session, keys, practice_summary="x"), "other": a_patient(session, keys, **OTHER)}
    withdrew = both[withdrawn_in]
    (agreed,) = (each for each in both.values() if each is not withdrew)

    def give(patient_id: UUID, at: datetime) -> UUID:
        given = {"purpose": "practice_summary", "given_on": f"{at:%Y-%m-%d}", "text_version": "1"}
        return consents.give(session, keys, patient_id, NewConsent.from_json(given), reader=NOBODY, now=at).id

    first = give(withdrew.id, MONDAY)
    give(agreed.id, MONDAY + timedelta(days=days))
    consents.withdraw(session, keys, withdrew.id, first, reader=NOBODY, now=MONDAY)
    shown = merged(client, both["kept"], both["other"])
    assert [each["withdrawn_on"] is None for each in shown["consents"]].count(True) == (days > 0)
    (summary,) = practice_summaries.read(session, keys, [both["kept"].id], reader=NOBODY, now=MONDAY).items
    assert (summary.practice_summary is not None) == (days > 0)


def test_what_was_given_again_in_the_file_of_the_withdrawal_stands(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    """Also on that day, and whatever else of that day ends in the other file."""
    kept, other = a_patient(session, keys), a_patient(session, keys, **OTHER)
    given = NewConsent.from_json({"purpose": "mandate", "given_on": f"{MONDAY:%Y-%m-%d}", "text_version": "1"})

    def give(patient: PatientView) -> UUID:
        return consents.give(session, keys, patient.id, given, reader=NOBODY, now=MONDAY).id

    consents.withdraw(session, keys, other.id, give(other), reader=NOBODY, now=MONDAY)
    give(kept)
    again = give(other)
    shown = merged(client, kept, other)["consents"]
    assert [each["id"] for each in shown if each["withdrawn_on"] is None] == [str(again)]


def test_every_placement_code_is_revealed_and_none_is_lost(client: FlaskClient, session: Session, keys: Keys) -> None:
    codes = {"A1B2-C3D4-E5F6": {}, "B1B2-C3D4-E5F6": OTHER, "C1B2-C3D4-E5F6": OTHER | {"first_name": "Erike"}}
    kept, other, first = (
        a_patient(session, keys, consultation={"placement_code": code, "held_on": "2026-05-01"}, **fields)
        for code, fields in codes.items()
    )
    for into, duplicate in ((other, first), (kept, other)):
        assert merge(client, into.id, duplicate.id, "?force=true").status_code == 200
    shown = client.post(f"/api/patients/{kept.id}/placement-code/reveal").json
    assert shown["placement_code"] == "A1B2-C3D4-E5F6"
    assert {each["reference"]: each["placement_code"] for each in shown["of_merged_files"]} == {
        other.reference: "B1B2-C3D4-E5F6",
        first.reference: "C1B2-C3D4-E5F6",
    }
    client.patch(f"/api/patients/{kept.id}", json={"consultation": None})
    shown = client.post(f"/api/patients/{kept.id}/placement-code/reveal").json
    assert (shown["placement_code"], len(shown["of_merged_files"])) == (None, 2)


def test_the_events_say_who_is_kept_and_who_is_no_more(client: FlaskClient, session: Session, keys: Keys) -> None:
    excluded = str(uuid4())
    kept = a_patient_who_is(session, keys, "searching")
    other = a_patient(session, keys, excluded_therapist_ids=[excluded], **OTHER)
    merged(client, kept, other)
    excluding, changed = recorded(session, kept.id)[-2:]
    assert excluding["type"] == "patient.therapists_excluded"
    assert excluding["data"]["patient"]["excluded_therapist_ids"] == [excluded]
    assert (changed["type"], changed["data"]["previous_status"]) == ("patient.status_changed", "searching")
    assert changed["data"]["patient"]["other_references"] == [other.reference]
    last = recorded(session, other.id)[-1]
    assert last["type"] == "patient.merged"
    assert last["data"] == {
        "patient_id": str(other.id),
        "merged_into": str(kept.id),
        "kept_sequence": changed["sequence"],
        "status": "open",
        "placement_request_id": None,
        "placement_state": None,
    }


def test_republishing_says_of_the_merged_one_that_they_are_merged(
    client: FlaskClient, session: Session, keys: Keys
) -> None:
    kept, other = a_patient(session, keys), a_patient(session, keys, **OTHER)
    merged(client, kept, other)
    said = recorded(session, other.id)[-1]
    assert republish(partial(files.snapshots, keys=keys), portion=1).states == 2
    again = recorded(session, other.id)[-1]
    assert (again["type"], again["data"]) == ("patient.merged", said["data"])
    assert (again["sequence"], again["republished"]) == (said["sequence"] + 1, True)
