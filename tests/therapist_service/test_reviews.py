"""What of an import waits for a person, and what becomes of it when they decide."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.http.web import web_app
from shared.values.enums import ReviewKind, Role
from tests.accounts import signed_in
from tests.builders.imports import EVERYTHING, FIRST, SECOND, THIRD, Folder, a_file, a_record
from tests.builders.lists import sorted_without_index
from tests.builders.therapists import a_therapist
from tests.conftest import MONDAY
from tests.events import recorded
from therapist_service.domain import review_rules
from therapist_service.domain.schemas import ImportedFields
from therapist_service.service import SERVICE
from therapist_service.store import review_lists
from therapist_service.store.tables import ImportReview, Therapist

URL = "/api/import-reviews"
FOURTH, FIFTH, SIXTH = (f"therapists_20261123_{hour}0000.json" for hour in ("07", "08", "09"))

MIRA = {
    "first_name": "Mira", "last_name": "Heide", "street": "Musterweg", "house_number": "1", "postal_code": "52062",
    "city": "Aachen", "phone": "+492414710123", "languages": ["de"],
}  # fmt: skip


@pytest.fixture
def app(folder: Folder) -> Flask:
    folder.passes = frozenset()
    return web_app(SERVICE, folder.settings)


def mira(external_id: str = "a-1", **fields: Any) -> dict[str, Any]:
    return a_record(external_id, **{**MIRA, **fields})


def known(folder: Folder, *records: dict[str, Any]) -> None:
    """Therapists whom a first file brought, without reviews."""
    folder.passes = EVERYTHING
    folder.bring(FIRST, a_file(list(records) or [mira()]))
    folder.passes = frozenset()


def change(folder: Folder, name: str, *records: dict[str, Any], gone: tuple[str, ...] = ()) -> list[str]:
    """Bring a file; returns the outcomes of its records."""
    done = folder.bring(name, a_file(modifications=list(records), deletions=gone))
    assert done.status == "completed", done.reason
    return [str(record.outcome) for record in folder.records(done)]


def reviews(client: FlaskClient, **query: str) -> list[dict[str, Any]]:
    answer = client.get(URL, query_string={"sort": "created_at", **query})
    assert answer.status_code == 200, answer.json
    found: list[dict[str, Any]] = answer.json["items"]
    return found


def pending(client: FlaskClient) -> dict[str, Any]:
    (review,) = reviews(client, state="pending")
    return review


def decide(client: FlaskClient, review: dict[str, Any], how: str, **body: Any) -> Any:
    return client.post(f"{URL}/{review['id']}/{how}", json=body or None)


def changes(review: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What waits, or waited and was left out."""
    return {row["field"]: (row["before"], row["after"]) for row in review["difference"] if row["outcome"] != "applied"}


def outcomes(review: dict[str, Any]) -> dict[str, str]:
    return {row["field"]: row["outcome"] for row in review["difference"]}


def people(session: Session) -> list[Therapist]:
    session.expire_all()
    return list(session.scalars(select(Therapist).order_by(Therapist.id)))


def test_a_new_therapist_waits_until_somebody_approves(client: FlaskClient, folder: Folder, session: Session) -> None:
    done = folder.bring(FIRST, a_file([mira(colour="red")]))
    assert (done.counts.waiting, done.counts.additions, people(session)) == (1, 0, [])
    review = pending(client)
    assert (review["kind"], review["therapist_id"], review["candidate_ids"]) == ("new", None, [])
    assert (review["external_id"], review["source"], review["import_id"]) == ("a-1", "116117.de", str(done.id))
    phone = {"field": "phone", "before": None, "after": MIRA["phone"], "protected": False, "outcome": "waiting"}
    assert phone in review["difference"]
    approved = decide(client, review, "approve")
    assert approved.status_code == 200, approved.json
    assert approved.json["state"] == "approved"
    (therapist,) = people(session)
    shown = client.get(f"/api/therapists/{therapist.id}").json
    assert approved.json["therapist_id"] == shown["id"]
    assert (shown["phone"], shown["languages"], shown["protected_fields"]) == (MIRA["phone"], ["de"], [])
    assert [each["external_id"] for each in shown["sources"]] == ["a-1"]
    assert [event["type"] for event in recorded(session, therapist.id)] == ["therapist.registered"]
    again = decide(client, review, "approve")
    assert (again.status_code, again.json["code"], len(people(session))) == (409, "import_review.decided", 1)
    assert change(folder, SECOND, mira()) == ["unchanged"]


def test_what_is_harmless_is_applied_and_the_rest_waits(client: FlaskClient, folder: Folder, session: Session) -> None:
    known(folder)
    hours = {"monday": [{"start": "09:00", "end": "09:50"}]}
    sent = mira(phone_hours=hours, languages=["de", "tr"], phone="+492414710999", last_name="Heide-Sommer")
    assert change(folder, SECOND, sent) == ["waiting"]
    (therapist,) = people(session)
    assert (therapist.languages, therapist.phone, therapist.last_name) == (["de", "tr"], MIRA["phone"], "Heide")
    review = pending(client)
    assert (review["kind"], review["therapist_id"]) == ("identity", str(therapist.id))
    assert changes(review) == {"last_name": ("Heide", "Heide-Sommer"), "phone": (MIRA["phone"], "+492414710999")}
    at_once = {"phone_hours": "applied", "languages": "applied"}
    assert outcomes(review) == {"last_name": "waiting", "phone": "waiting"} | at_once
    decided = decide(client, review, "approve", fields=["last_name"]).json
    assert outcomes(decided) == {"last_name": "applied", "phone": "rejected"} | at_once
    assert (decided["state"], decided["applied_fields"]) == ("approved", ["last_name"])
    (therapist,) = people(session)
    assert (therapist.last_name, therapist.phone) == ("Heide-Sommer", MIRA["phone"])
    # the other field counts as rejected until its value changes
    assert change(folder, THIRD, sent) == ["unchanged"]
    assert change(folder, FOURTH, {**sent, "phone": "+492414710888"}) == ["waiting"]
    assert changes(pending(client)) == {"phone": (MIRA["phone"], "+492414710888")}


@pytest.mark.parametrize(
    ("passes", "field", "value", "outcome"),
    [
        ("contact", "email", "mira@example.org", "applied"),
        ("identity", "email", "mira@example.org", "waiting"),
        ("identity", "title", "Dr.", "applied"),
        ("contact", "title", "Dr.", "waiting"),
        ("", "offers", ["Video"], "applied"),
        ("", "accreditation", "private", "applied"),
        ("", "postal_code", "52070", "waiting"),
    ],
)
def test_the_policy_says_what_waits(
    app: Flask, folder: Folder, passes: str, field: str, value: Any, outcome: str
) -> None:
    known(folder)
    folder.passes = folder.settings.model_copy(update={"import_passes": passes}).passes
    assert change(folder, SECOND, mira(**{field: value})) == [outcome]


def test_of_every_field_that_an_import_may_set_it_is_said_whether_a_change_waits() -> None:
    kinds = (review_rules.IDENTITY, review_rules.CONTACT, review_rules.HARMLESS)
    assert sorted(name for names in kinds for name in names) == sorted(ImportedFields.model_fields)


def test_a_reactivation_waits_and_a_block_stays(client: FlaskClient, folder: Folder, session: Session) -> None:
    known(folder)
    change(folder, SECOND, gone=("a-1",))
    assert change(folder, THIRD, mira()) == ["waiting"]
    review = pending(client)
    assert (review["kind"], changes(review)) == ("reactivation", {"status": ("inactive", "active")})
    assert decide(client, review, "reject").json["state"] == "rejected"
    assert (change(folder, FOURTH, mira()), people(session)[0].status) == (["unchanged"], "inactive")
    change(folder, FIFTH, gone=("a-1",))
    assert change(folder, SIXTH, mira()) == ["waiting"], "the source lost them and has them again"
    assert decide(client, pending(client), "approve").status_code == 200
    assert (people(session)[0].status, people(session)[0].inactive_by) == ("active", None)


def test_a_newer_file_supersedes_and_an_equal_one_does_not(client: FlaskClient, folder: Folder) -> None:
    known(folder)
    change(folder, SECOND, mira(phone="+492414710999"))
    first = pending(client)
    assert change(folder, THIRD, mira(phone="+492414710999")) == ["waiting"]
    assert pending(client)["id"] == first["id"]
    change(folder, FOURTH, mira(phone="+492414710888"))
    second = pending(client)
    assert client.get(f"{URL}/{first['id']}").json["state"] == "superseded"
    for how in ("approve", "reject", "reopen"):
        refused = decide(client, first, how)
        assert (refused.status_code, refused.json["code"]) == (409, "import_review.superseded")
    assert change(folder, FIFTH, mira()) == ["unchanged"]
    assert client.get(f"{URL}/{second['id']}").json["state"] == "superseded", "the source says what is known again"


def test_a_rejected_person_waits_again_only_as_somebody_else(
    client: FlaskClient, folder: Folder, session: Session
) -> None:
    change(folder, FIRST, mira())
    rejected = decide(client, pending(client), "reject", reason="Works as a coach.").json
    assert (rejected["state"], rejected["reason"]) == ("rejected", "Works as a coach.")
    assert change(folder, SECOND, mira(languages=["de", "tr"])) == ["unchanged"]
    assert change(folder, THIRD, mira(fax="keine Ahnung")) == ["unchanged"], "what cannot be read says nothing"
    assert change(folder, FOURTH, mira(street="Ringweg")) == ["waiting"]
    refused = decide(client, rejected, "reopen")
    assert (refused.status_code, refused.json["code"]) == (409, "import_review.superseded"), "a newer one waits"
    assert people(session) == []


def test_a_decision_can_be_reopened(client: FlaskClient, folder: Folder, session: Session) -> None:
    known(folder)
    change(folder, SECOND, mira(phone="+492414710999", email="mira@example.org"))
    review = pending(client)
    assert decide(client, review, "reopen").json["code"] == "import_review.not_decided"
    decide(client, review, "reject", reason="wrong")
    reopened = decide(client, review, "reopen").json
    assert (reopened["state"], reopened["reason"], reopened["decided_at"]) == ("pending", "wrong", None)
    decide(client, review, "approve", fields=["phone"])
    reopened = decide(client, review, "reopen").json
    assert changes(reopened) == {"email": (None, "mira@example.org")}
    decide(client, review, "approve")
    assert (people(session)[0].phone, people(session)[0].email) == ("+492414710999", "mira@example.org")
    assert decide(client, review, "reopen").json["code"] == "import_review.nothing_left"


def test_what_staff_set_meanwhile_stays(client: FlaskClient, folder: Folder, session: Session) -> None:
    known(folder)
    change(folder, SECOND, mira(phone="+492414710999", fax="+492414710777"))
    review = pending(client)
    url = f"/api/therapists/{people(session)[0].id}"
    client.patch(url, json={"phone": "+492414710555"})
    refused = decide(client, review, "approve", fields=["phone"])
    assert (refused.status_code, refused.json["code"]) == (409, "import_review.overtaken")
    client.patch(url, json={"protected_fields": []})
    assert decide(client, review, "approve", fields=["phone"]).status_code == 409, "it is theirs without protection too"
    approved = decide(client, review, "approve").json
    assert (approved["state"], approved["applied_fields"]) == ("approved", ["fax"])
    shown = client.get(url).json
    assert (shown["phone"], shown["fax"]) == ("+492414710555", "+492414710777")
    change(folder, THIRD, mira(phone=shown["phone"], fax=shown["fax"], mobile="+4917139200123"))
    client.patch(url, json={"mobile": "+4917139200999"})
    assert decide(client, pending(client), "approve").json["code"] == "import_review.overtaken", "nothing is left of it"


def test_protected_fields_are_shown_and_stay(client: FlaskClient, folder: Folder, session: Session) -> None:
    known(folder)
    client.patch(f"/api/therapists/{people(session)[0].id}", json={"phone": "+492414710555"})
    change(folder, SECOND, mira(phone="+492414710999", street="Ringweg"))
    rows = {row["field"]: (row["protected"], row["outcome"]) for row in pending(client)["difference"]}
    assert rows == {"street": (False, "waiting"), "phone": (True, "protected")}
    assert decide(client, pending(client), "approve", fields=["phone"]).status_code == 409
    unknown = decide(client, pending(client), "approve", fields=["languages"])
    assert (unknown.status_code, unknown.json["errors"][0]["field"]) == (422, "fields")
    assert decide(client, pending(client), "approve").json["applied_fields"] == ["street"]


def test_who_was_entered_by_hand_does_not_become_a_second_therapist(
    client: FlaskClient, folder: Folder, session: Session
) -> None:
    by_hand = a_therapist(session, first_name="Dr. Mira", last_name="von der Heide", street="Musterweg")
    session.commit()
    assert change(folder, FIRST, mira()) == ["waiting"]
    (therapist,) = people(session)
    assert (pending(client)["kind"], pending(client)["therapist_id"]) == ("contact", str(by_hand.id))
    decide(client, pending(client), "approve")
    shown = client.get(f"/api/therapists/{therapist.id}").json
    assert (shown["last_name"], shown["phone"], shown["source"]["external_id"]) == (
        "von der Heide",
        MIRA["phone"],
        "a-1",
    )


@pytest.mark.parametrize("passes", [frozenset(), EVERYTHING])
def test_who_married_is_proposed_and_never_joined_by_itself(
    client: FlaskClient, folder: Folder, session: Session, passes: frozenset[ReviewKind]
) -> None:
    known(folder)
    folder.passes = passes
    done = folder.bring(SECOND, a_file([mira("b-1", last_name="Sommer")], deletions=["a-1"]))
    assert done.counts.waiting == 1
    (before,) = people(session)
    review = pending(client)
    assert (review["kind"], review["candidate_ids"]) == ("identity", [str(before.id)])
    assert changes(review) == {"last_name": ("Heide", "Sommer")}
    nobody = decide(client, review, "approve", therapist_id=str(uuid4()))
    assert (nobody.status_code, nobody.json["code"]) == (404, "therapist.not_found")
    approved = decide(client, review, "approve", therapist_id=str(before.id))
    assert (approved.status_code, approved.json["therapist_id"]) == (200, str(before.id))
    shown = client.get(f"/api/therapists/{before.id}").json
    assert (shown["last_name"], shown["source"]["external_id"]) == ("Sommer", "b-1")
    assert [(each["external_id"], each["gone_at"] is None) for each in shown["sources"]] == [
        ("b-1", True),
        ("a-1", False),
    ]
    folder.passes = EVERYTHING
    assert change(folder, THIRD, mira("b-1", last_name="Sommer")) == ["applied"], "they are back"
    assert change(folder, FOURTH, mira("a-1")) == ["unchanged"], "the newer entry counts"
    assert change(folder, FIFTH, gone=("a-1",)) == ["unchanged"]
    assert [(each.last_name, each.status) for each in people(session)] == [("Sommer", "active")]


def test_two_people_of_one_name_in_one_street(client: FlaskClient, folder: Folder, session: Session) -> None:
    known(folder, mira(), mira("a-2", phone="+492414710999"))
    assert len(people(session)) == 2, "one file shows both, so they are two"
    change(folder, SECOND, mira("b-1", phone="+492414710777"))
    review = pending(client)
    assert (review["kind"], len(review["candidate_ids"])) == ("identity", 2)
    removed = a_therapist(session)
    assert client.delete(f"/api/therapists/{removed.id}").status_code == 200
    assert decide(client, review, "approve", therapist_id=str(removed.id)).status_code == 404
    decide(client, review, "approve")
    assert [each.first_name for each in people(session) if each.id != removed.id] == ["Mira"] * 3, "a new person"


@pytest.mark.parametrize("passes", [frozenset(), EVERYTHING])
def test_a_record_that_makes_an_external_id_somebody_elses_waits(
    client: FlaskClient, folder: Folder, session: Session, passes: frozenset[ReviewKind]
) -> None:
    known(folder)
    folder.passes = passes
    other = mira(first_name="Jan", last_name="Sommer", languages=["en"], phone="+492414710999")
    assert change(folder, SECOND, other) == ["waiting"]
    (holder,) = people(session)
    assert (holder.last_name, holder.languages, holder.phone) == ("Heide", ["de"], MIRA["phone"]), (
        "nothing half applied"
    )
    review = pending(client)
    assert (review["kind"], review["candidate_ids"]) == ("identity", [str(holder.id)])
    approved = decide(client, review, "approve").json
    holder, newcomer = people(session)
    assert (approved["therapist_id"], newcomer.last_name, newcomer.status) == (str(newcomer.id), "Sommer", "active")
    assert (holder.status, holder.inactive_by) == ("inactive", "import"), "no source has them any more"
    assert change(folder, THIRD, other) == ["unchanged"]


def test_many_are_decided_at_once_but_not_who_somebody_is(
    client: FlaskClient, folder: Folder, session: Session
) -> None:
    known(folder, *(mira(f"a-{n}", first_name=f"Mira{n}", phone=f"+4924147101{n}0") for n in range(3)))
    sent = [mira(f"a-{n}", first_name=f"Mira{n}", phone=f"+4924147101{n}1") for n in range(3)]
    change(folder, SECOND, *sent, mira("b-1", first_name="Mira0", last_name="Sommer", phone="+492414710100"))
    bulk = {"filter": {"state": ["pending"]}, "expected_total": 3, "action": "approve"}
    assert client.post(f"{URL}/bulk", json=bulk).status_code == 409
    results = client.post(f"{URL}/bulk", json=bulk | {"expected_total": 4}).json["results"]
    assert [each["status"] for each in results] == [200, 200, 200, 409]
    assert results[3]["problem"]["code"] == "import_review.alone"
    assert [each.phone for each in people(session)] == [each["phone"] for each in sent]
    rejected = {"ids": [results[3]["id"]], "expected_total": 1, "action": "reject", "reason": "no"}
    keyed = {"Idempotency-Key": "once"}
    first, again = (client.post(f"{URL}/bulk", json=rejected, headers=keyed) for _ in range(2))
    assert first.json == again.json == {"results": [{"id": results[3]["id"], "status": 200, "problem": None}]}
    wrong = client.post(f"{URL}/bulk", json=bulk | {"reason": "no"})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "reason")


def test_reviews_are_filtered_and_counted(client: FlaskClient, folder: Folder, session: Session) -> None:
    known(folder)
    change(folder, SECOND, mira(phone="+492414710999"), mira("a-2", first_name="Jan"))
    (therapist,) = people(session)
    contact, new = reviews(client)
    assert [each["kind"] for each in (contact, new)] == ["contact", "new"]
    assert reviews(client, kind="new,identity") == reviews(client, ids=new["id"]) == [new]
    assert reviews(client, therapist_id=str(therapist.id)) == [contact]
    assert reviews(client, import_id=new["import_id"]) == [contact, new]
    assert reviews(client, import_id=str(uuid4())) == reviews(client, state="approved") == []
    assert client.get(f"{URL}?count_by=kind&limit=1").json["counts"] == {"contact": 1, "new": 1}
    assert client.get(f"{URL}?view=row").json["items"][0].keys().isdisjoint({"difference", "reason"})
    assert client.get(f"{URL}/{uuid4()}").status_code == 404
    assert sorted_without_index(session, select(ImportReview.id), review_lists.IMPORT_REVIEWS) == []


def test_who_may_decide_is_who_may_read_the_therapist(app: Flask, client: FlaskClient, folder: Folder) -> None:
    change(folder, FIRST, mira())
    review = pending(client)
    assert decide(signed_in(app, Role.IMPORTER), review, "reject").status_code == 403
    coordinator = signed_in(app, Role.COORDINATOR)
    assert decide(coordinator, review, "reject", reason="a coach").json["reason"] == "a coach"
    assert coordinator.get(f"/api/imports/{review['import_id']}").status_code == 200
    shown: Any = signed_in(app, Role.IMPORTER).get(f"{URL}/{review['id']}").json
    assert "reason" not in shown


def test_a_review_follows_a_merge_and_ends_with_who_is_no_more(
    client: FlaskClient, folder: Folder, session: Session
) -> None:
    otto = mira("b-2", first_name="Otto", last_name="Regen", street="Nebenweg", phone=None)
    known(folder, mira("a-1"), otto)
    change(folder, SECOND, mira("a-1", phone="+492414710999"))
    one, other = people(session)
    refused = decide(client, pending(client), "approve", therapist_id=str(other.id))
    assert (refused.status_code, refused.json["code"]) == (409, "import_review.other_therapist")
    merged = client.post(f"/api/therapists/{other.id}/merge", json={"duplicate_id": str(one.id)})
    assert (merged.status_code, pending(client)["therapist_id"]) == (200, str(other.id))
    assert decide(client, pending(client), "approve").json["applied_fields"] == ["phone"]
    assert client.get(f"/api/therapists/{other.id}").json["phone"] == "+492414710999"

    change(folder, THIRD, {**otto, "phone": "+492414710777"})
    session.execute(update(Therapist).where(Therapist.id == other.id).values(removed_at=MONDAY))
    refused = decide(client, pending(client), "approve")
    assert (refused.status_code, refused.json["code"]) == (409, "import_review.therapist_gone")
