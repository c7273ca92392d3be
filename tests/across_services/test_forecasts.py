"""What the communication service plans is forecast by matching as soon as it is published."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import Engine

from communication_service.domain import published_contacts
from communication_service.store import tables as c
from matching_service.domain import contact_forecasts
from matching_service.domain.forecast_schemas import Contactable
from matching_service.store import tables as m
from shared.events.catalogue import AddressGeocoded, TherapistUpdated
from shared.values.datetimes import BERLIN
from tests.across_services.worlds import a_world
from tests.builders.communication import RULES
from tests.builders.events import happened
from tests.builders.world import World

pytestmark = pytest.mark.slow


def forecast(world: World, therapist: UUID) -> Contactable:
    published_contacts.publish(world.communication, rules=RULES, now=world.now)
    world.communication.flush()
    world.deliver_all()
    return contact_forecasts.contactable(world.matching, [therapist], now=world.now)[therapist][1]


def test_a_planned_call_and_its_end_are_known_to_matching(world_engines: dict[str, tuple[Engine, Any]]) -> None:
    with a_world(world_engines) as world:
        patient = world.a_patient()
        therapist = world.a_therapist(email=None)
        world.set_status(patient, "searching")
        world.settle()
        request = world.approve(patient, therapist)
        assert request is not None
        world.settle()
        (call,) = world.rows(c.PhoneCall, status="planned")

        before = forecast(world, therapist)
        assert (before.waits_for, before.earliest_at) == ("planned_call", max(call.starts_at, world.now))
        world.withdraw(request)
        world.settle()
        assert forecast(world, therapist).waits_for != "planned_call"


def evening(year: int, month: int, day: int) -> datetime:
    """After the hours of every practice, so that calls begin with the first minute of another day's."""
    return datetime.combine(date(year, month, day), time(19), BERLIN)


def written_to(world: World, therapist: UUID) -> None:
    """Somebody else's letter goes to the practice."""
    someone = world.a_patient(first_name="Someone", last_name="Else")
    world.set_status(someone, "searching")
    world.settle()
    assert world.approve(someone, therapist) is not None
    world.settle()
    world.send()
    world.settle()


def is_phone_only(world: World, therapist: UUID) -> None:
    written_to(world, therapist)
    world.change_therapist(therapist, TherapistUpdated, contact_preference="phone_only")
    world.settle()


def lies_in(*states: str) -> Callable[[World, UUID], None]:
    def geocode(world: World, therapist: UUID) -> None:
        world.deliver_all()
        practice = world.matching.get_one(m.TherapistCopy, therapist)
        address = {name: getattr(practice, name) for name in ("street", "house_number", "postal_code", "city")}
        geocoded = AddressGeocoded(owner_kind="therapist", owner_id=therapist, **address, federal_states=list(states))
        happened(geocoded, therapist, time=world.now)
        for name in ("matching", "communication"):
            world.under_way.setdefault((name, therapist), []).append(geocoded)
        world.deliver_all()

    return geocode


class Case(NamedTuple):
    """A practice, what happened before, when somebody is to be asked, and what is expected."""

    practice: dict[str, Any]
    before: Callable[[World, UUID], None] | None
    asked_at: datetime
    waits: tuple[str | None, date | None] | None = None
    """What a letter waits for, and until when."""
    called_on: date | None = None


BY_PHONE: dict[str, Any] = {"email": None}
BY_LETTER = {"email": "praxis@example.org"}


def closed(first: str, last: str) -> dict[str, str]:
    return {"from": first, "to": last}


TWICE = [closed("2026-11-20", "2026-11-27"), closed("2026-11-28", "2026-12-02")]
CASES = {
    "nothing": Case(BY_LETTER, None, evening(2026, 11, 24), waits=(None, None)),
    "holidays": Case(
        {**BY_LETTER, "holidays": TWICE},
        None,
        evening(2026, 11, 24),
        waits=("practice_holidays", date(2026, 12, 2)),
    ),
    "holidays to come": Case(
        {**BY_LETTER, "holidays": [closed("2026-11-25", "2026-11-27")]},
        None,
        evening(2026, 11, 24),
        waits=(None, None),
    ),
    "written to": Case(BY_LETTER, written_to, evening(2026, 11, 24), waits=("emailed_recently", date(2026, 11, 29))),
    "written to, then holidays": Case(
        {**BY_LETTER, "holidays": [closed("2026-11-24", "2026-12-04")]},
        written_to,
        evening(2026, 11, 24),
        waits=("practice_holidays", date(2026, 12, 4)),
    ),
    "a call after a letter without an answer": Case(
        BY_LETTER, written_to, evening(2026, 11, 30), waits=("planned_call", date(2026, 12, 1))
    ),
    "phoned": Case(BY_PHONE, None, evening(2026, 11, 24), called_on=date(2026, 11, 25)),
    "phoned after holidays": Case(
        {**BY_PHONE, "holidays": TWICE}, None, evening(2026, 11, 24), called_on=date(2026, 12, 3)
    ),
    "phoned after a letter": Case(BY_LETTER, is_phone_only, evening(2026, 11, 23), called_on=date(2026, 11, 25)),
    # Fronleichnam is on Thursday, in North Rhine-Westphalia and not in Berlin
    "a holiday of its state": Case(BY_PHONE, lies_in("NW"), evening(2027, 5, 26), called_on=date(2027, 5, 28)),
    "a holiday of another state": Case(BY_PHONE, lies_in("BE"), evening(2027, 5, 26), called_on=date(2027, 5, 27)),
    "a holiday near a border": Case(BY_PHONE, lies_in("NI", "NW"), evening(2027, 5, 26), called_on=date(2027, 5, 28)),
    "a state that is not known": Case(BY_PHONE, None, evening(2027, 5, 26), called_on=date(2027, 5, 28)),
}


def test_what_is_forecast_is_what_communication_does(world_engines: dict[str, tuple[Engine, Any]]) -> None:
    with a_world(world_engines) as world:
        patient = world.a_patient()
        world.set_status(patient, "searching")
        world.settle()
        for name, case in CASES.items():
            with world.taken_back():
                therapist = world.a_therapist(**case.practice)
                world.deliver_all()
                if case.before is not None:
                    case.before(world, therapist)
                world.now = case.asked_at
                world.follow_up()
                world.settle()
                found = forecast(world, therapist)
                assert world.approve(patient, therapist) is not None, name
                world.settle()
                expected = ("phone", None) if case.waits is None else ("email", case.waits)
                waits = (found.waits_for, found.waits_until) if case.waits is not None else None
                assert (found.channel, waits) == expected, name
                assert found.earliest_at is not None, name
                (inquiry,) = [each for each in world.rows(c.Inquiry) if contains(world, each, patient)]
                if case.called_on is None:
                    assert (inquiry.channel, as_forecast(inquiry)) == expected, name
                else:
                    (call,) = world.rows(c.PhoneCall, status="planned")
                    assert call.starts_at == found.earliest_at, name
                    assert call.starts_at.astimezone(BERLIN).date() == case.called_on, name


def contains(world: World, inquiry: c.Inquiry, patient: UUID) -> bool:
    requests = {each.id for each in world.rows(c.ContactRequest, patient_id=patient)}
    return inquiry.status != "dissolved" and bool(requests & {*inquiry.placement_request_ids})


def as_forecast(inquiry: c.Inquiry) -> tuple[str | None, date | None]:
    """What the inquiry waits for, in the words of forecasts."""
    waits_for = inquiry.waits_for
    is_of_letters = waits_for in ("therapist_emailed_recently", "address_emailed_recently")
    return "emailed_recently" if is_of_letters else waits_for, inquiry.waits_until
