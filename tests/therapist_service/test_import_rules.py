"""What records do to therapists."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.values.enums import ReviewKind
from tests.builders.imports import EVERYTHING, FIRST, SECOND, THIRD, Folder, a_file, a_record
from tests.conftest import MONDAY
from tests.events import recorded
from therapist_service.domain import import_records
from therapist_service.domain.import_records import Entry, RawRecord
from therapist_service.store.tables import ImportReview, Therapist, TherapistSource


def therapist(session: Session, external_id: str = "a-1") -> Therapist:
    session.expire_all()
    known_as = select(TherapistSource.therapist_id).where(TherapistSource.external_id == external_id)
    return session.scalars(select(Therapist).where(Therapist.id.in_(known_as))).one()


def source(session: Session, external_id: str = "a-1") -> TherapistSource:
    session.expire_all()
    return session.scalars(select(TherapistSource).where(TherapistSource.external_id == external_id)).one()


def types(session: Session, therapist_id: UUID) -> list[str]:
    return [event["type"] for event in recorded(session, therapist_id)]


def test_an_addition_becomes_a_therapist_who_is_published(
    folder: Folder, session: Session, client: FlaskClient
) -> None:
    hours = {"monday": [{"start": "09:00", "end": "09:50"}]}
    record = a_record(phone="0221 4710123", email=" Praxis@EXAMPLE.org ", phone_hours=hours, languages=["de", "TR"])
    done = folder.bring(FIRST, a_file([record]))
    assert (done.status, done.counts.additions, done.reason) == ("completed", 1, None)
    known = therapist(session)
    shown = client.get(f"/api/therapists/{known.id}").json
    assert (shown["phone"], shown["email"], shown["languages"]) == ("+492214710123", "Praxis@example.org", ["de", "tr"])
    assert (shown["phone_hours"], shown["status"], shown["protected_fields"]) == (hours, "active", [])
    assert shown["source"] == {"name": "116117.de", "external_id": "a-1", "last_seen_at": "2026-11-23T04:00:00Z"}
    (event,) = recorded(session, known.id)
    assert (event["type"], event["sequence"], event["data"]["therapist"]["phone_hours"]) == (
        "therapist.registered",
        1,
        hours,
    )
    (record_shown,) = folder.records(done)
    assert (record_shown.action, record_shown.outcome, record_shown.therapist_id) == ("addition", "applied", known.id)


def test_a_modification_is_the_whole_new_state(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file([a_record(street="Musterweg", fax="0221 4710123")]))
    done = folder.bring(SECOND, a_file(modifications=[a_record(city="Köln", fax="0221 4710123")]))
    known = therapist(session)
    assert (known.city, known.street, known.fax, known.version) == ("Köln", None, "+492214710123", 2)
    assert types(session, known.id) == ["therapist.registered", "therapist.updated"]
    (record,) = folder.records(done)
    assert {(change.field, change.before, change.after) for change in record.difference} == {
        ("city", "Aachen", "Köln"),
        ("street", "Musterweg", None),
    }


def test_the_same_state_again_changes_and_publishes_nothing(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file([a_record(procedures=["TP", "AP"])]))
    again = a_file(modifications=[a_record(procedures=["AP", "TP"])])
    again["metadata"]["timestamp"] = "2026-11-24T04:00:00Z"
    done = folder.bring(SECOND, again)
    known = therapist(session)
    assert (done.counts.unchanged, folder.records(done)[0].outcome) == (1, "unchanged")
    assert (known.version, known.procedures, source(session).last_seen_at.day) == (1, ["TP", "AP"], 24)
    assert len(recorded(session, known.id)) == 1


def test_an_addition_that_is_known_is_a_modification_and_the_reverse(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file(modifications=[a_record()]))
    assert folder.imports()[0].counts.additions == 1
    done = folder.bring(SECOND, a_file([a_record(city="Köln")]))
    assert (done.counts.additions, done.counts.modifications) == (0, 1)
    assert therapist(session).city == "Köln"


def test_who_is_gone_becomes_inactive_and_active_again_on_reappearing(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file([a_record()]))
    gone = folder.bring(SECOND, a_file(deletions=["a-1", "never-seen"]))
    known = therapist(session)
    assert (known.status, known.inactive_by, gone.counts.deletions, gone.counts.unchanged) == (
        "inactive",
        "import",
        1,
        1,
    )
    assert folder.records(gone)[1].reason == "not known here"
    back = folder.bring(THIRD, a_file([a_record()]))
    known = therapist(session)
    assert (known.status, known.inactive_by, back.counts.modifications) == ("active", None, 1)
    assert types(session, known.id) == ["therapist.registered", "therapist.deactivated", "therapist.updated"]
    assert recorded(session, known.id)[1]["data"]["therapist"]["status"] == "inactive"


def test_an_inactivity_that_staff_set_stays(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file([a_record()]))
    known = therapist(session)
    known.status, known.inactive_by = "inactive", "staff"
    session.commit()
    folder.bring(SECOND, a_file(deletions=["a-1"]))
    folder.bring(THIRD, a_file([a_record(city="Köln")]))
    known = therapist(session)
    assert (known.status, known.inactive_by, known.city) == ("inactive", "staff", "Köln")


def test_a_block_wins_over_going_and_coming_back(folder: Folder, session: Session, client: FlaskClient) -> None:
    folder.bring(FIRST, a_file([a_record()]))
    url = f"/api/therapists/{therapist(session).id}"
    client.post(f"{url}/block", json={"reason": "wishes no contact"})
    folder.bring(SECOND, a_file(deletions=["a-1"]))
    assert client.get(url).json["status"] == "blocked"
    folder.bring(THIRD, a_file([a_record()]))
    assert (therapist(session).status, therapist(session).inactive_by) == ("blocked", None)
    folder.bring("therapists_20261123_070000.json", a_file(deletions=["a-1"]))
    assert client.post(f"{url}/unblock").json["status"] == "inactive"


def test_what_staff_set_is_never_overwritten(folder: Folder, session: Session, client: FlaskClient) -> None:
    folder.bring(FIRST, a_file([a_record(latitude=50.7, longitude=6.0)]))
    url = f"/api/therapists/{therapist(session).id}"
    client.patch(url, json={"city": "Düren", "latitude": 50.8})
    folder.bring(SECOND, a_file(modifications=[a_record(city="Köln", title="Dr.", latitude=51.0, longitude=7.0)]))
    known = therapist(session)
    assert (known.city, known.title, known.latitude, known.longitude) == ("Düren", "Dr.", 50.8, 6.0)


def test_a_known_email_is_never_overwritten_by_nothing(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file([a_record(email="a@example.org")]))
    for name, email in ((SECOND, {}), (THIRD, {"email": None}), ("therapists_20261123_070000.json", {"email": " "})):
        folder.bring(name, a_file(modifications=[a_record(title=name, **email)]))
        assert therapist(session).email == "a@example.org"
    folder.bring("therapists_20261123_080000.json", a_file(modifications=[a_record(email="b@example.org")]))
    assert therapist(session).email == "b@example.org"


@pytest.mark.parametrize("name", ["Null", "von der Heide", "Tietz -Roder", "Ng", "O'Neill", "Müller-Lüdenscheidt"])
def test_real_names_are_names(folder: Folder, session: Session, name: str) -> None:
    folder.bring(FIRST, a_file([a_record(last_name=name)]))
    assert therapist(session).last_name == name


def test_a_bad_record_is_set_aside_and_the_others_are_applied(folder: Folder, session: Session) -> None:
    bad: list[Any] = [
        a_record("b-1", last_name=None),
        {"external_id": "b-2"},
        a_record("", city="Geheimstadt"),
        {"last_name": "Nameless"},
        "no record",
        None,
        a_record("b-3", last_name="x\x00y"),
        a_record("b-4", last_name=7),
    ]
    done = folder.bring(FIRST, a_file([a_record("a-1"), *bad, a_record("a-2")], deletions=[{"id": 5}]))
    assert (done.status, done.counts.additions, done.counts.rejected) == ("completed", 2, len(bad) + 1)
    rejected = [record for record in folder.records(done) if record.outcome == "rejected"]
    assert len(rejected) == len(bad) + 1
    assert {record.external_id: record.reason for record in rejected}["b-2"] == "last_name: is required"
    reasons = " ".join(record.reason or "" for record in rejected)
    assert "Geheimstadt" not in reasons
    assert "Nameless" not in reasons
    assert all(record.reason for record in rejected)


def test_a_value_that_cannot_be_read_is_set_aside_and_what_was_known_stays(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file([a_record(phone="0221 4710123", fax="0221 4710124", languages=["de"])]))
    impossible = {"monday": [{"start": "25:00", "end": "26:00"}]}
    sent = a_record(
        phone="abends", email="none", phone_hours=impossible, languages=["en", "klingon"], latitude=50.7, seat="half"
    )
    done = folder.bring(SECOND, a_file(modifications=[sent]))
    known = therapist(session)
    (record,) = folder.records(done)
    assert (known.phone, known.fax, known.languages, known.latitude) == ("+492214710123", None, ["en"], None)
    assert record.outcome == "applied"
    for field in ("phone", "email", "phone_hours", "languages.1", "latitude"):
        assert f"{field} not taken: " in (record.reason or "")
    assert "abends" not in (record.reason or "")
    assert source(session).set_aside == {
        "phone": "abends", "email": "none", "phone_hours": impossible, "languages": ["en", "klingon"],
        "latitude": 50.7, "seat": "half",
    }  # fmt: skip


def test_unknown_fields_are_kept_aside(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file([a_record(tsz=[{"d": "2026-01-12"}], colour="red")]))
    assert source(session).set_aside == {"tsz": [{"d": "2026-01-12"}], "colour": "red"}
    done = folder.bring(SECOND, a_file(modifications=[a_record(colour="blue")]))
    assert (done.counts.unchanged, source(session).set_aside) == (1, {"colour": "blue"})
    assert therapist(session).version == 1


def test_unknown_fields_that_cannot_be_stored_harm_nobody(folder: Folder, session: Session) -> None:
    text = folder.drop(FIRST, a_file([a_record("a-1", big=["x" * 20_000]), a_record("a-2", nul="\x00")])).read_text()
    done = folder.bring(FIRST, text.replace('"last_name": "Sonnentau"', '"last_name": "Sonnentau", "huge": 1e999', 1))
    assert (done.counts.additions, done.counts.rejected) == (2, 0)
    assert source(session).set_aside == {}
    assert "not kept" in (folder.records(done)[0].reason or "")


def test_of_two_records_with_one_id_the_later_counts(folder: Folder, session: Session) -> None:
    file = a_file([a_record(city="Aachen"), a_record(city="Bonn")], [a_record(city="Köln")], deletions=["a-1"])
    done = folder.bring(FIRST, file)
    assert therapist(session).city == "Köln"
    assert [record.outcome for record in folder.records(done)] == ["rejected", "rejected", "rejected", "applied"]
    assert len(recorded(session, therapist(session).id)) == 1


def test_contacts_that_machines_noted_survive_an_import(folder: Folder, session: Session) -> None:
    folder.bring(FIRST, a_file([a_record()]))
    therapist(session).last_call_on = MONDAY.date()
    session.commit()
    folder.bring(SECOND, a_file(modifications=[a_record(city="Köln")]))
    assert (therapist(session).city, therapist(session).last_call_on) == ("Köln", MONDAY.date())


def test_an_unchanged_record_is_known_again_until_somebody_changes_the_therapist(
    folder: Folder, session: Session, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bring(hour: int, **lists: list[Any]) -> dict[str, int]:
        return folder.bring(f"therapists_20261123_{hour:02}0000.json", a_file(**lists)).counts.model_dump()

    record, with_note = a_record(phone="0221 4710123"), a_record("a-2", fax="none")
    bring(4, additions=[record, with_note])
    parsed: list[str | None] = []
    read = import_records.entry

    def noting(sent: RawRecord) -> Entry:
        parsed.append(sent.external_id)
        return read(sent)

    monkeypatch.setattr(import_records, "entry", noting)
    assert bring(5, modifications=[record, with_note])["unchanged"] == 2
    assert parsed == ["a-2"], "its outcome names once more what could not be read"
    url = f"/api/therapists/{therapist(session).id}"
    client.patch(url, json={"city": "Bonn"})
    assert bring(6, modifications=[record])["unchanged"] == 1
    client.patch(url, json={"protected_fields": []})
    assert bring(7, modifications=[record])["modifications"] == 1
    assert therapist(session).city == "Aachen"
    bring(8, deletions=["a-1"])
    assert bring(9, additions=[record])["modifications"] == 1
    assert (therapist(session).status, len(types(session, therapist(session).id))) == ("active", 6)
    parsed.clear()
    assert bring(10, additions=[record])["unchanged"] == 1
    assert parsed == []
    folder.passes = EVERYTHING - {ReviewKind.CONTACT}
    moved = {**record, "phone": "0221 4710124"}
    for hour in (11, 12):
        assert bring(hour, modifications=[moved])["waiting"] == 1, "what waits is never taken for applied"
    assert set(parsed) == {"a-1"}
    assert (bring(13, modifications=[record])["unchanged"], bring(14, modifications=[moved])["waiting"]) == (1, 1)
    (review,) = session.scalars(select(ImportReview).where(ImportReview.state == "pending"))
    client.post(f"/api/import-reviews/{review.id}/reject", json={"reason": "A wrong number."})
    parsed.clear()
    again = bring(15, modifications=[moved])
    assert (again["unchanged"], parsed) == (1, ["a-1"]), "it says once more what was rejected"
    assert bring(16, modifications=[record])["unchanged"] == 1
    assert client.post(f"/api/import-reviews/{review.id}/reopen").json["state"] == "pending"
    assert bring(17, modifications=[record])["unchanged"] == 1
    session.expire_all()
    assert review.state == "superseded", "the source does not say any more what waits"
