"""Addresses of practices are looked up by a job, and what it learns is published at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from prometheus_client import REGISTRY
from sqlalchemy import select
from sqlalchemy.orm import Session

from geocoding_service import jobs
from geocoding_service.clients.nominatim import Nominatim as Client
from geocoding_service.dependencies import Dependencies
from geocoding_service.domain import geocoder_requests, outside_servers
from geocoding_service.domain.cleaning import Address
from geocoding_service.domain.schemas import GeocodeQuery
from geocoding_service.jobs import Lookups
from geocoding_service.listeners import listeners
from geocoding_service.settings import NominatimSettings
from geocoding_service.store import geocoder_requests as store
from geocoding_service.store.tables import AddressLookup, LocatedAddress
from shared.database import new_id, transaction
from shared.errors import Outage
from shared.events.catalogue import PatientErased, TherapistRemoved
from shared.events.event import Event
from shared.http.web import web_app
from shared.runtime import registry
from shared.values.places import Place
from tests.builders.addresses import a_patient_changed, a_therapist_changed
from tests.builders.events import happened
from tests.conftest import MONDAY
from tests.events import recorded
from tests.fakes.nominatim import Nominatim, a_place, nominatim
from tests.fakes.other_service import with_json

HOUR = timedelta(hours=1)
OUTAGE = with_json({"error": "overloaded"}, 503)


@pytest.fixture
def server() -> Iterator[Nominatim]:
    """A Nominatim server that knows the house of `a_therapist_changed`."""
    with nominatim(a_place()) as running:
        yield running


@pytest.fixture
def asking(server: Nominatim, session: Session) -> Lookups:
    """What asks it."""
    rules = server.rules()
    return Lookups(rules, Client(rules))


def arrive(session: Session, *events: Event) -> None:
    listeners.apply(session, events, now=MONDAY)
    session.commit()


def work(asking: Lookups, now: Any = MONDAY) -> int:
    """Both jobs, once: plan, and ask as long as there is an answer. Returns the number of answers."""
    jobs.plan_lookups(now)
    return sum(1 for _ in iter(lambda: asking.run(now), 0))


def published(session: Session, owner: UUID) -> list[tuple[Any, ...]]:
    return [
        (event["sequence"], event["data"]["precision"], event["data"]["latitude"]) for event in recorded(session, owner)
    ]


def known(session: Session) -> AddressLookup:
    (found,) = session.scalars(select(AddressLookup).execution_options(populate_existing=True))
    return found


def test_a_house_is_published_for_every_practice_in_it_and_asked_for_once(
    session: Session, server: Nominatim, asking: Lookups
) -> None:
    first, second, elsewhere, patient = (new_id() for _ in range(4))
    arrive(
        session,
        a_therapist_changed(first),
        a_therapist_changed(second, street="Musterweg 1", house_number=None),
        a_therapist_changed(elsewhere, street=None, house_number=None),
        a_patient_changed(patient),
    )
    assert server.asked == []  # no listener asks
    assert work(asking) == 1
    assert len(server.asked) == 1
    for practice in (first, second):
        (_, area, _), (sequence, precision, latitude) = published(session, practice)
        assert (area, sequence, precision, latitude) == ("postal_code", 2, "address", 50.7767)
    assert recorded(session, first)[1]["data"]["street"] == "Musterweg"
    assert recorded(session, second)[1]["data"]["street"] == "Musterweg 1"  # the address as its owner wrote it
    assert "Nominatim" in recorded(session, first)[1]["data"]["source"]
    for other in (elsewhere, patient):
        assert len(published(session, other)) == 1
    assert work(asking) == 0
    assert len(server.asked) == 1


def test_the_owners_next_event_and_a_new_practice_there_have_the_better_answer_from_the_cache(
    session: Session, server: Nominatim, asking: Lookups
) -> None:
    owner, later = new_id(), new_id()
    arrive(session, a_therapist_changed(owner))
    work(asking)
    arrive(session, a_therapist_changed(owner, sequence=2, phone="+49241123456"), a_therapist_changed(later))
    assert len(published(session, owner)) == 2
    assert published(session, later) == [(1, "address", 50.7767)]
    assert work(asking) == 0
    # after half a year it is asked for again, and what does not change is not published again
    assert work(asking, MONDAY + timedelta(days=181)) == 1
    assert len(published(session, owner)) == 2


def test_what_is_not_known_or_elsewhere_is_asked_for_again_after_a_week(
    session: Session, server: Nominatim, asking: Lookups
) -> None:
    owner = new_id()
    arrive(session, a_therapist_changed(owner))
    for places in ([], [a_place(54.5, 7.0)], [a_place(road="Bahnhofstraße")]):
        server.places = places
        now = known(session).due_at if server.asked else MONDAY
        assert work(asking, now) == 1
        assert work(asking, now + timedelta(days=6)) == 0
        assert abs(known(session).due_at - now - timedelta(days=7)) < HOUR
    assert published(session, owner)[1:] == []
    server.places = [a_place()]
    assert work(asking, known(session).due_at) == 1
    assert published(session, owner)[1:] == [(2, "address", 50.7767)]
    # a good answer stays when the server does not know the house any more
    server.places = []
    assert work(asking, known(session).due_at) == 1
    assert known(session).latitude == 50.7767


def test_an_outage_is_visible_leaves_the_server_alone_and_is_made_good_by_itself(
    session: Session, server: Nominatim, asking: Lookups
) -> None:
    owners = [new_id() for _ in range(5)]
    arrive(session, *[a_therapist_changed(each, house_number=str(1 + n)) for n, each in enumerate(owners)])
    well, server.answers["/search"] = server.answers["/search"], OUTAGE
    assert work(asking) == 0
    for _ in range(10):
        assert work(asking) == 0
    assert len(server.asked) == outside_servers.MOST_FAILURES  # then it is left alone
    with pytest.raises(Outage, match=r"since 2026-11-23 09:0\d UTC: the answer has the status 503"):
        jobs.GEOCODER.holds()
    assert not jobs.GEOCODER.decisive
    jobs.plan_lookups(MONDAY)
    assert REGISTRY.get_sample_value("platform_geocoder_in_trouble") == 1
    # one request in each pause, however many ask; the pause grows
    assert asking.run(MONDAY + timedelta(minutes=2)) == 0
    assert asking.run(MONDAY + timedelta(minutes=2)) == 0
    assert len(server.asked) == outside_servers.MOST_FAILURES + 1
    assert [published(session, each) for each in owners] == [[(1, "postal_code", pytest.approx(50.776, abs=0.02))]] * 5
    server.answers["/search"] = well
    later = MONDAY + HOUR
    assert sum(1 for _ in iter(lambda: asking.run(later), 0)) == 5
    assert jobs.GEOCODER.holds()
    jobs.plan_lookups(later)
    assert REGISTRY.get_sample_value("platform_geocoder_in_trouble") == 0
    assert REGISTRY.get_sample_value("platform_addresses_waiting") == 0
    assert published(session, owners[0])[1:] == [(2, "address", 50.7767)]


def test_a_server_that_refuses_us_is_left_alone_at_once(session: Session, server: Nominatim, asking: Lookups) -> None:
    arrive(session, *[a_therapist_changed(house_number=str(number)) for number in range(1, 4)])
    server.answers["/search"] = with_json({}, 429)
    work(asking)
    work(asking)
    assert len(server.asked) == 1


@pytest.mark.usefixtures("real_commits")
def test_two_workers_never_ask_for_the_same_address() -> None:
    """A claim is a lease: who claims next gets another address, also while the first transaction is open."""
    with transaction() as session:
        addresses = [Address("Musterweg", number, "52062", "Aachen") for number in ("1", "2")]
        geocoder_requests.request(session, addresses, now=MONDAY)
    lease = timedelta(minutes=1)
    with transaction() as one, transaction() as other:
        claims = [geocoder_requests.claim(each, lease=lease, now=MONDAY) for each in (one, other)]
        assert {claim and claim.address.house_number for claim in claims} == {"1", "2"}
    with transaction() as session:
        assert geocoder_requests.claim(session, lease=lease, now=MONDAY) is None
        assert geocoder_requests.claim(session, lease=lease, now=MONDAY + 2 * lease) is not None


def test_an_answer_that_an_event_did_not_know_is_published_later(
    session: Session, server: Nominatim, asking: Lookups
) -> None:
    """Neither of two transactions at one moment sees the other's: the job of planning compares."""
    owner = new_id()
    arrive(session, a_therapist_changed(owner))
    work(asking)
    row = session.get_one(LocatedAddress, owner, populate_existing=True)
    row.latitude, row.longitude, row.precision = 50.77, 6.08, "postal_code"
    session.commit()
    assert jobs.plan_lookups(MONDAY) == 1
    assert published(session, owner)[-1] == (3, "address", 50.7767)
    assert jobs.plan_lookups(MONDAY) == 0


def test_a_key_that_addresses_are_not_cleaned_to_any_more_is_written_anew(
    session: Session, server: Nominatim, asking: Lookups
) -> None:
    """Otherwise it is planned, asked for and forgotten for ever, and never published."""
    owner, neighbour, nameless = new_id(), new_id(), new_id()
    arrive(session, *[a_therapist_changed(each) for each in (owner, neighbour, nameless)])
    for id in (owner, neighbour, nameless):
        session.get_one(LocatedAddress, id).lookup_key = "musterw|1|52062|aachen"
    session.get_one(LocatedAddress, nameless).street = None
    session.commit()
    assert work(asking) == 1
    assert jobs.forget_lookups(MONDAY) == 0
    assert (jobs.plan_lookups(MONDAY), work(asking)) == (0, 0)
    assert len(server.asked) == 1
    for id in (owner, neighbour):
        assert published(session, id)[-1] == (2, "address", 50.7767)
    assert session.get_one(LocatedAddress, nameless, populate_existing=True).lookup_key is None


def test_an_address_is_forgotten_with_its_last_practice(session: Session, server: Nominatim, asking: Lookups) -> None:
    staying, leaving = new_id(), new_id()
    arrive(session, a_therapist_changed(staying), a_therapist_changed(leaving))
    work(asking)
    arrive(session, happened(TherapistRemoved(therapist_id=leaving), sequence=2))
    assert jobs.forget_lookups(MONDAY) == 0
    arrive(session, a_therapist_changed(staying, sequence=2, street="Anderer Weg"))
    assert jobs.forget_lookups(MONDAY) == 1
    assert published(session, leaving)[-1][1:] == (None, None)
    # an answer that comes after that is kept nowhere
    claimed = geocoder_requests.Claim("musterweg|1|52062|aachen", Address("Musterweg", "1", "52062", "Aachen"))
    answers = asking.geocoder.search(street="Musterweg", house_number="1", postal_code="52062", city="Aachen")
    assert geocoder_requests.record_answer(session, claimed, answers, rules=asking.rules, now=MONDAY).outcome == "found"
    assert store.answered(session, [claimed.key]) == {}


def test_of_a_patient_nothing_is_asked_for_and_an_erasure_finds_nothing_to_forget(
    session: Session, server: Nominatim, asking: Lookups
) -> None:
    patient = new_id()
    arrive(session, a_patient_changed(patient))
    work(asking)
    erased = PatientErased(patient_id=patient)
    arrive(session, happened(erased, patient, sequence=2))
    work(asking)
    assert server.asked == []
    assert session.scalars(select(AddressLookup)).all() == []


def test_without_a_server_nothing_is_asked_and_only_old_requests_are_forgotten() -> None:
    without = Dependencies(NominatimSettings(), None)
    assert [job.name for job in jobs.jobs(without)] == ["forget-lookups", "forget-routes"]


# What staff ask for


def client_of(settings: Any, rules: NominatimSettings) -> Any:
    """The API with these settings."""
    app: Flask = web_app(registry.load("geocoding_service"), settings.model_copy(update={"nominatim": rules}))
    return app.test_client()


ASKED = "/api/geocode?street=Musterstr.&house_number=1&postal_code=52062&city=Aachen"


def test_what_staff_ask_for_goes_nowhere_unless_a_setting_allows_it(
    session: Session, settings: Any, server: Nominatim
) -> None:
    client = client_of(settings, server.rules())
    answer = client.get(ASKED).json
    assert (answer["precision"], answer["pending"]) == ("postal_code", False)
    assert client.get("/api/reverse-geocode?latitude=50.7767&longitude=6.0839").json["street"] is None
    assert server.asked == []
    assert session.scalars(select(AddressLookup)).all() == []


def test_what_staff_may_look_up_is_answered_at_once_and_kept_for_a_day(
    session: Session, settings: Any, server: Nominatim
) -> None:
    server.places = [a_place(road="Musterstraße")]
    client = client_of(settings, server.rules(for_requests=True))
    for _ in range(2):
        answer = client.get(ASKED).json
        assert (answer["precision"], answer["latitude"], answer["pending"]) == ("address", 50.7767, False)
        assert answer["federal_states"] == ["NW"]
    assert len(server.asked) == 1
    kept = known(session).requested_until
    assert kept is not None
    assert jobs.forget_lookups(kept - HOUR) == 0
    assert jobs.forget_lookups(kept) == 1
    there = client.get("/api/reverse-geocode?latitude=50.7767&longitude=6.0839").json
    assert (there["street"], there["house_number"], there["postal_code"]) == ("Musterstraße", "1", "52062")
    assert (there["precision"], there["distance_km"], there["federal_state"]) == ("address", 0, "NW")
    assert session.scalars(select(AddressLookup)).all() == []  # of a place nothing is kept


def test_who_finds_others_waiting_for_the_server_is_answered_by_what_is_known(
    session: Session, server: Nominatim, asking: Lookups
) -> None:
    """A slow server must not hold up all threads of a process, which answer other questions too."""
    dependencies = Dependencies(server.rules(for_requests=True), asking.geocoder)
    query = GeocodeQuery(street="Musterweg", house_number="1", postal_code="52062")
    place = Place(50.7767, 6.0839)
    with dependencies.waiting:
        jobs.look_up_for_request(query, dependencies, now=MONDAY)
        assert jobs.address_at(place, dependencies, now=MONDAY) == []
    assert server.asked == []
    assert asking.run(MONDAY) == 1  # the job asks later
    assert len(jobs.address_at(place, dependencies, now=MONDAY)) == 1


def test_while_the_server_is_away_staff_are_answered_by_the_postal_code_and_the_job_asks_later(
    session: Session, settings: Any, server: Nominatim, asking: Lookups
) -> None:
    well, server.answers["/search"] = server.answers["/search"], OUTAGE
    server.places = [a_place(road="Musterstraße")]
    client = client_of(settings, server.rules(for_requests=True))
    answer = client.get(ASKED).json
    assert (answer["precision"], answer["pending"]) == ("postal_code", True)
    server.answers["/search"] = well
    assert asking.run(known(session).due_at) == 1
    assert client.get(ASKED).json["precision"] == "address"


def test_several_addresses_are_answered_as_known_and_the_rest_is_looked_up_afterwards(
    session: Session, settings: Any, server: Nominatim, asking: Lookups
) -> None:
    owner = new_id()
    arrive(session, a_therapist_changed(owner))
    work(asking)
    body = {"addresses": [{"q": "Musterweg 1, 52062 Aachen"}, {"q": "nirgends"}, {"q": "Am Markt 5, 52062 Aachen"}]}
    for allowed in (False, True):
        client = client_of(settings, server.rules(for_requests=allowed))
        practice, nothing, other = client.post("/api/geocode", json=body).json["items"]
        assert (practice["precision"], nothing, other["precision"]) == ("address", None, "postal_code")
        assert (practice["pending"], other["pending"]) == (False, allowed)
    assert len(server.asked) == 1
    assert client.post("/api/geocode", json={"addresses": []}).status_code == 422
    assert client.post("/api/geocode", json={"addresses": body["addresses"] * 34}).status_code == 422
