"""What practices say of themselves by the link in an e-mail: their phone hours, their places, that nobody is to ask."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from shared.database import Session
from shared.events.catalogue import PlacesStated, PracticeStated
from shared.values.datetimes import berlin_day
from shared.values.enums import CapacityState
from shared.values.practice_enums import CapacitySource
from shared.values.weekly import Weekly
from therapist_service.domain import blocks, capacity, therapists
from therapist_service.domain.capacity_rules import SETTINGS
from therapist_service.domain.capacity_schemas import CapacityStatement, NewCapacity, NewCapacityStatement
from therapist_service.domain.schemas import NewBlock
from therapist_service.store import queries
from therapist_service.store.tables import Therapist

BY_LINK: Final = "Die Praxis hat es über den Link in einer E-Mail angegeben."
"""The reason in the log, where a change has nobody of the staff as its author."""
NO_CONTACT: Final = "Die Praxis möchte nicht mehr angefragt werden (Link in einer E-Mail)."


def follow(session: Session, said: PracticeStated, *, now: datetime) -> None:
    """Write down what a practice said; of one that is no more, nothing. The caller holds the therapist's lock.

    Phone hours are protected from imports from now on, as those that staff set.
    """
    therapist = queries.therapist(session, queries.kept_one(session, said.therapist_id), lock=True)
    if therapist is None or therapist.removed_at is not None:
        return
    hours = Weekly.from_json(said.phone_hours)
    if hours is not None:
        therapists.change_phone_hours(
            session, therapist.id, hours, expected_versions=None, by=None, reason=BY_LINK, now=now
        )
    if said.individual is not None or said.group is not None:
        _state_places(session, therapist, said, now=now)
    if said.no_contact:
        new = NewBlock(reason=NO_CONTACT)
        blocks.block(session, therapist.id, new, by=None, today=berlin_day(now), now=now)


def _state_places(session: Session, therapist: Therapist, said: PracticeStated, *, now: datetime) -> None:
    known = therapists.capacity_of(therapist)
    new = {name: _statement(getattr(known, name), getattr(said, name), said.occurred_at) for name in SETTINGS}
    capacity.state(
        session,
        therapist.id,
        NewCapacity(**new),
        expected_versions=None,
        by=None,
        today=berlin_day(max(now, said.occurred_at)),
        reason=BY_LINK,
        now=now,
    )


def _statement(
    known: CapacityStatement, said: PlacesStated | None, occurred_at: datetime
) -> NewCapacityStatement | None:
    """What stands of places in one setting; what somebody said on a later day stays."""
    day = berlin_day(occurred_at)
    if said is None or (known.stated_on is not None and known.stated_on > day):
        return None if known.state == CapacityState.UNKNOWN else NewCapacityStatement.of(known)
    values = {"state": said.state, "from_": said.from_, "stated_on": day, "source": CapacitySource.PRACTICE}
    return NewCapacityStatement.of(values)
