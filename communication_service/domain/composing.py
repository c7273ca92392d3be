"""From requests that wait to contacts that can take place: who is asked together, on which way, and what it waits for.

Everything that has not gone out to a therapist is arranged anew each time something about it changed, and once more
in the transaction that claims a letter: so a letter never carries a request that was withdrawn or held meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from communication_service.domain import arranging, states
from communication_service.domain.channels import Reachability, Way, way_to
from communication_service.settings import ContactRules
from communication_service.store import queries, suppressions
from communication_service.store.tables import Inquiry, Patient, PhoneCall, PlacementRequest, Therapist
from shared.database import Session
from shared.events.catalogue import InquiryComposed, InquiryDissolved
from shared.events.outbox import record
from shared.values.datetimes import berlin_day, start_of_berlin_day

NOT_SEARCHING = frozenset({"paused", "in_therapy", "therapy_completed", "search_aborted", "therapy_aborted"})
UNTIL_A_COPY_IS_LOOKED_FOR_AGAIN = timedelta(minutes=1)
UNTIL_ANOTHER_LOOK = timedelta(hours=1)
"""Whatever changes leads to a look at once; this one is for what changes by itself, and for mishaps."""


@dataclass
class Unsent:
    """Everything that has not gone out to one therapist."""

    therapist: Therapist
    requests: Sequence[PlacementRequest]
    patients: Mapping[UUID, Patient]
    inquiries: Sequence[Inquiry]
    calls: Mapping[UUID, PhoneCall]
    offered: Set[UUID]
    """Patients whom a practice has offered a place."""

    def may_go(self, request: PlacementRequest) -> bool:
        """Whether the request is asked for now."""
        return request.status == "waiting" and kept_back(request, self.patients, self.offered) is None


def kept_back(request: PlacementRequest, patients: Mapping[UUID, Patient], offered: Set[UUID]) -> str | None:
    """Why a request that waits may not go, whatever its practice; None where it may (docs/domain.md#contact-rule-9)."""
    patient = patients.get(request.patient_id)
    if request.hold is not None:
        return request.hold
    if patient is None:
        return "patient_not_known"
    if patient.id in offered:
        return "accepted_elsewhere"
    if patient.status in NOT_SEARCHING:
        return "search_paused" if patient.status == "paused" else "search_ended"
    return None


def due(session: Session, *, now: datetime, at_most: int) -> Sequence[queries.Due]:
    """Therapists to compose for, those who may have a place first (docs/domain.md#contact-rule-7)."""
    return queries.therapists_to_look_at(session, now=now, limit=at_most)


def compose_if_due(session: Session, therapist_id: UUID, *, rules: ContactRules, now: datetime) -> bool:
    """Arrange what has not gone out to this therapist, if there is still need; False where nothing was done."""
    return queries.is_due(session, therapist_id, now=now) and compose(session, therapist_id, rules=rules, now=now)


def leave_alone(session: Session, therapist_id: UUID, *, until: datetime) -> None:
    """Do not compose for a therapist before then: something about them cannot be handled."""
    queries.look_later(session, therapist_id, at=until)


def compose(session: Session, therapist_id: UUID, *, rules: ContactRules, now: datetime) -> bool:
    """Arrange what has not gone out to this therapist, as things are now; False while somebody else changes it."""
    if not queries.try_to_lock_therapist(session, therapist_id):
        return False
    requests = queries.unsent_requests(session, therapist_id)
    if requests is None:
        return False
    queries.begin_look(session, therapist_id)
    therapist = queries.therapist(session, therapist_id)
    if therapist is None:
        _look_next(requests, now + UNTIL_A_COPY_IS_LOOKED_FOR_AGAIN)
        return True
    unsent = _gathered(session, therapist, requests)
    inquiries = _arrange(session, unsent, rules=rules, now=now)
    session.flush()
    _look_next(requests, _next_look(unsent, inquiries, rules=rules, now=now))
    session.flush()
    return True


def _gathered(session: Session, therapist: Therapist, requests: Sequence[PlacementRequest]) -> Unsent:
    inquiries = queries.open_inquiries(session, therapist.id)
    calls = {each.id: queries.planned_call(session, each.id) for each in inquiries}
    patients = {request.patient_id for request in requests}
    return Unsent(
        therapist=therapist,
        requests=requests,
        patients=queries.patients(session, patients),
        offered=queries.patients_offered_a_place(session, patients),
        inquiries=inquiries,
        calls={inquiry: call for inquiry, call in calls.items() if call is not None},
    )


def _arrange(session: Session, unsent: Unsent, *, rules: ContactRules, now: datetime) -> list[Inquiry]:
    settled = [each for each in unsent.inquiries if _is_settled(unsent.calls.get(each.id), now=now)]
    free = [each for each in unsent.inquiries if each not in settled]
    left = _leave(unsent)
    groups = _groups(session, unsent, settled, rules=rules, now=now)
    placed: list[tuple[Inquiry, Way, list[PlacementRequest]]] = []
    for inquiry in settled:
        members = [r for r in unsent.requests if r.inquiry_id == inquiry.id]
        way = _way(session, unsent.therapist, only_by_phone=True)
        placed.append((inquiry, way, members))
    for way, members in groups:
        chosen = _best(free, members)
        if chosen is None:
            cause = members[0].correlation_id
            chosen = states.new_inquiry(unsent.therapist.id, channel=way.channel, correlation_id=cause, now=now)
            session.add(chosen)
        else:
            free.remove(chosen)
        _keep_the_wish(chosen, members, unsent.inquiries)
        placed.append((chosen, way, members))
    for inquiry in [*free, *(each for each, _, members in placed if not members)]:
        _dissolve(session, inquiry, now)
    _tell_who_left(session, left, now)
    placed = [each for each in placed if each[2]]
    for inquiry, way, members in placed:
        _fill(session, inquiry, way, members, now)
    first = {way.channel: inquiry for inquiry, way, _ in reversed(placed)}
    for inquiry, way, _ in placed:
        if first[way.channel] is not inquiry:
            arranging.cancel_call(session, inquiry, now=now)  # before the first one's is planned
    for inquiry, way, members in placed:
        arranging.arrange(
            session,
            inquiry,
            unsent.therapist,
            [unsent.patients[request.patient_id] for request in members],
            way=way,
            is_first=first[way.channel] is inquiry,
            attempt=1 + max(request.attempts for request in members),
            rules=rules,
            now=now,
        )
    return [inquiry for inquiry, _, _ in placed]


def _is_settled(call: PhoneCall | None, *, now: datetime) -> bool:
    """Whether nobody joins this contact: its call is due today, so somebody may be making it.

    A call that nobody made on its day is planned anew, and may be joined.
    """
    return call is not None and call.starts_at <= now and berlin_day(call.starts_at) == berlin_day(now)


def _keep_the_wish(inquiry: Inquiry, members: Sequence[PlacementRequest], before: Sequence[Inquiry]) -> None:
    """A practice that wants to be called back later is not called sooner because others join, or go with it."""
    theirs = {request.inquiry_id for request in members}
    wishes = [each.next_attempt_after for each in before if each.id in theirs and each.next_attempt_after is not None]
    if wishes:
        inquiry.next_attempt_after = max(wishes)


def _leave(unsent: Unsent) -> list[tuple[Inquiry, PlacementRequest]]:
    """Take requests that may not go any more out of the contacts that have not gone out."""
    by_id = {inquiry.id: inquiry for inquiry in unsent.inquiries}
    left = []
    for request in unsent.requests:
        inquiry = by_id.get(request.inquiry_id) if request.inquiry_id else None
        if inquiry is not None and not unsent.may_go(request):
            request.inquiry_id = None
            if request.status == "waiting":
                left.append((inquiry, request))
    return left


def _groups(
    session: Session, unsent: Unsent, settled: Sequence[Inquiry], *, rules: ContactRules, now: datetime
) -> list[tuple[Way, list[PlacementRequest]]]:
    """Who is asked together: letters first, the longest waiting first, at most six (docs/domain.md#contact-rule-6)."""
    taken = {inquiry.id for inquiry in settled}
    opened = {inquiry.id for inquiry in unsent.inquiries}
    going = [
        request
        for request in unsent.requests
        if unsent.may_go(request)
        and request.inquiry_id not in taken
        and (request.inquiry_id is None or request.inquiry_id in opened)
    ]
    if not any(_has_gathered(request, rules=rules, now=now) for request in going):
        return []
    going.sort(key=lambda request: _turn(request, unsent.patients[request.patient_id]))
    groups = []
    ways = {only: _way(session, unsent.therapist, only_by_phone=only) for only in (False, True)}
    for channel in ("email", "phone"):
        members = [request for request in going if ways[request.by_phone].channel == channel]
        for start in range(0, len(members), rules.patients_together):
            group = members[start : start + rules.patients_together]
            groups.append((ways[group[0].by_phone], group))
    return groups


def _has_gathered(request: PlacementRequest, *, rules: ContactRules, now: datetime) -> bool:
    if request.inquiry_id is not None:
        return True
    return request.waiting_since is not None and request.waiting_since + rules.gathering <= now


def _turn(request: PlacementRequest, patient: Patient) -> tuple[date, int, datetime | None, UUID]:
    """Who goes first: the longest search, then the higher priority, then who has waited longer here."""
    return (patient.search_started_on or date.max, -request.priority, request.waiting_since, request.id)


def _way(session: Session, therapist: Therapist, *, only_by_phone: bool) -> Way:
    suppressed = therapist.email_key is not None and suppressions.is_suppressed(session, therapist.email_key)
    return way_to(Reachability.of(therapist, is_suppressed=suppressed), only_by_phone=only_by_phone)


def _best(free: Sequence[Inquiry], members: Sequence[PlacementRequest]) -> Inquiry | None:
    """The contact that most of these are in already, and that all the others may join; of several the oldest.

    Nobody goes back to a contact they left, or to an older one: its news would pass for late there.
    """
    present = [request.inquiry_id for request in members]
    open_to_all = [each for each in free if all(_may_join(request, each) for request in members)]
    return max(open_to_all, key=lambda inquiry: present.count(inquiry.id), default=None)


def _may_join(request: PlacementRequest, inquiry: Inquiry) -> bool:
    if request.inquiry_id == inquiry.id or request.newest_inquiry_id is None:
        return True
    return request.newest_inquiry_id < inquiry.id


def _fill(session: Session, inquiry: Inquiry, way: Way, members: Sequence[PlacementRequest], now: datetime) -> None:
    """Let exactly these requests be in the contact, and tell the world what is new."""
    ids = [request.id for request in members]
    is_news = inquiry.channel != way.channel or not set(ids) <= set(inquiry.placement_request_ids)
    if inquiry.placement_request_ids != ids or is_news:
        inquiry.placement_request_ids, inquiry.channel, inquiry.updated_at = ids, way.channel, now
    for request in members:
        request.inquiry_id = request.newest_inquiry_id = inquiry.id
    if is_news:
        composed = InquiryComposed(
            inquiry_id=inquiry.id,
            therapist_id=inquiry.therapist_id,
            channel=inquiry.channel,
            placement_request_ids=ids,
        )
        record(session, inquiry, composed, now=now)


def _dissolve(session: Session, inquiry: Inquiry, now: datetime) -> None:
    states.dissolve_inquiry(inquiry, now=now)
    arranging.cancel_letter(session, inquiry, now=now)
    arranging.cancel_call(session, inquiry, now=now)


def _tell_who_left(session: Session, left: Sequence[tuple[Inquiry, PlacementRequest]], now: datetime) -> None:
    for inquiry in {inquiry.id: inquiry for inquiry, _ in left}.values():
        dissolved = InquiryDissolved(
            inquiry_id=inquiry.id,
            therapist_id=inquiry.therapist_id,
            placement_request_ids=[request.id for of, request in left if of is inquiry],
        )
        record(session, inquiry, dissolved, now=now)


def _next_look(unsent: Unsent, inquiries: Sequence[Inquiry], *, rules: ContactRules, now: datetime) -> datetime:
    """When something changes by itself: requests have gathered, a gate opens; else in an hour, to be safe."""
    moments = [now + UNTIL_ANOTHER_LOOK]
    for request in unsent.requests:
        if request.inquiry_id is None and unsent.may_go(request) and request.waiting_since is not None:
            moments.append(request.waiting_since + rules.gathering)
        if request.patient_id not in unsent.patients:
            moments.append(now + UNTIL_A_COPY_IS_LOOKED_FOR_AGAIN)
    for inquiry in inquiries:
        if inquiry.waits_until is not None:
            moments.append(start_of_berlin_day(inquiry.waits_until + timedelta(days=1)))
    return min(moments)


def _look_next(requests: Sequence[PlacementRequest], at: datetime) -> None:
    for request in requests:
        request.look_at = at if request.status == "waiting" or request.inquiry_id else None
