"""Which inquiries there should be with one practice, as things are now: decided without a database.

    domain/contact_rule.py         which channel, and whether the practice may be contacted now
    docs/domain.md#contact-rule-6  who is asked together: six at most, the longest waiting first, once gathered
    docs/domain.md#contact-rule-9  who is not asked for: paused, placed or offered a place meanwhile

`plan` takes values and returns values; `domain/composing.py` reads the former from the tables and brings these to what
the latter say. Planning what is planned already changes nothing, so that it can be done again at any time, and is once
more when an e-mail is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from communication_service.domain.call_times import CallTimes
from communication_service.domain.contact_rule import (
    ContactChannel,
    PracticeFacts,
    barrier,
    channel_to,
    first_call_at,
    later,
)
from communication_service.domain.contact_waits import ContactWait
from communication_service.settings import ContactRules
from shared.values.datetimes import berlin_day, start_of_berlin_day
from shared.values.enums import PatientStatus

UNTIL_A_COPY_IS_LOOKED_FOR_AGAIN = timedelta(minutes=1)
UNTIL_THE_NEXT_PLAN = timedelta(hours=1)
"""Every change leads to a new plan at once; this one is for what changes with time, and in case one was missed."""


# What is known


@dataclass(frozen=True)
class PatientFacts:
    """What matters of the patient for whom a practice is to be asked."""

    status: str
    search_started_on: date | None
    is_offered_a_place: bool
    """Some practice has accepted, and the patient has not decided."""


@dataclass(frozen=True)
class UnsentRequest:
    """A placement request that waits, or is in an inquiry that has not gone out."""

    id: UUID
    patient: PatientFacts | None
    """None while no copy of the patient has arrived."""
    is_waiting: bool
    hold: str | None = None
    priority: int = 0
    waiting_since: datetime | None = None
    by_phone: bool = False
    """An e-mail brought nothing, or staff chose when to call about it."""
    attempts: int = 0
    inquiry_id: UUID | None = None
    newest_inquiry_id: UUID | None = None
    """The newest inquiry it was ever part of."""

    @property
    def kept_back(self) -> str | None:
        """Why it is not asked for now; None where it is."""
        return kept_back(self.hold, self.patient) if self.is_waiting else "over"


def kept_back(hold: str | None, patient: PatientFacts | None) -> str | None:
    """Why a request that waits may not go, whatever its practice; None where it may (docs/domain.md#contact-rule-9)."""
    if hold is not None:
        return hold
    if patient is None:
        return ContactWait.PATIENT_NOT_KNOWN
    if patient.is_offered_a_place:
        return ContactWait.ACCEPTED_ELSEWHERE
    return _without_mandate(patient.status)


def _without_mandate(status: str) -> str | None:
    """Why nobody may be asked for a patient: a search is what the patient gave us the mandate for."""
    if status == PatientStatus.SEARCHING:
        return None
    if status == PatientStatus.PAUSED:
        return ContactWait.SEARCH_PAUSED
    return ContactWait.SEARCH_NOT_STARTED if status == PatientStatus.OPEN else ContactWait.SEARCH_ENDED


class CallSlot(NamedTuple):
    """When a call is planned."""

    starts_at: datetime
    ends_at: datetime
    caller_is_there: bool = True
    """Who is to make it still phones at that time."""
    is_insisted: bool = False
    """Staff insisted on its time."""
    is_claimed: bool = False
    """Somebody is about to make it, whenever it was planned for."""


@dataclass(frozen=True)
class UnsentInquiry:
    """An inquiry that has not gone out."""

    id: UUID
    next_attempt_after: datetime | None = None
    """The practice is not called before."""
    call: CallSlot | None = None
    unanswered_at: datetime | None = None
    """When the practice last left the phone ringing."""


@dataclass(frozen=True)
class Unsent:
    """Everything that has not gone out to one practice."""

    practice: PracticeFacts
    requests: Sequence[UnsentRequest]
    inquiries: Sequence[UnsentInquiry] = ()
    """The oldest first."""


# What should be


@dataclass(frozen=True)
class PlannedInquiry:
    """An inquiry that should be."""

    inquiry_id: UUID | None
    """The inquiry that stands and becomes this one; None for a new one."""
    channel: ContactChannel
    request_ids: tuple[UUID, ...]
    """In the order in which the practice reads of them, or is asked."""
    attempt: int
    """The number that a call about them has."""
    next_attempt_after: datetime | None
    waits_for: str | None = None
    waits_until: date | None = None
    """The last day on which it waits, where that is known."""
    earliest: datetime | None = None
    """When it may go, or where it may be put into a free slot, at the earliest; None while that cannot be known."""
    keeps_call: bool = False
    """The call that is planned for it stays as it is."""
    unanswered_at: datetime | None = None
    """Nobody answered then, so that its call is put into another of the practice's windows."""


class _Draft(NamedTuple):
    """An inquiry whose members are known."""

    inquiry: UnsentInquiry | None
    channel: ContactChannel
    missing: str | None
    members: Sequence[UnsentRequest]


def plan(unsent: Unsent, rules: ContactRules, now: datetime) -> list[PlannedInquiry]:
    """Returns the inquiries that should be; in each channel, all but the first wait for it.

    An inquiry that stands and is none of these has nothing left to ask.
    """
    drafts = [draft for draft in (*_under_way(unsent, rules, now), *_grouped(unsent, rules, now)) if draft.members]
    firsts = {draft.channel: draft for draft in reversed(drafts)}
    wishes = _not_called_before(drafts, unsent.inquiries)
    practice = _as_planned(unsent.practice, drafts, wishes, rules, now)
    return [
        _planned(draft, practice, wish, rules, is_first=firsts[draft.channel] is draft, now=now)
        for draft, wish in zip(drafts, wishes, strict=True)
    ]


def _as_planned(
    practice: PracticeFacts,
    drafts: Sequence[_Draft],
    wishes: Sequence[datetime | None],
    rules: ContactRules,
    now: datetime,
) -> PracticeFacts:
    """The practice with the call that is planned and stays; without one near, a letter that goes now comes first."""
    earliest = _first_call_at(practice, rules)
    staying = [
        draft.inquiry.call
        for draft, wish in zip(drafts, wishes, strict=True)
        if draft.channel == "phone"
        and draft.missing is None
        and draft.inquiry
        and draft.inquiry.call
        and still_fits(draft.inquiry.call, practice.call_times, later(wish, earliest), now)
    ]
    today = berlin_day(now)
    days = [today if each.is_claimed else berlin_day(each.starts_at) for each in staying]
    practice = replace(practice, called_on=min(days, default=None))
    goes = any(each.channel == "email" for each in drafts) and not barrier(practice, "email", rules=rules, today=today)
    return replace(practice, written_on=today) if goes else practice


def _first_call_at(practice: PracticeFacts, rules: ContactRules) -> datetime | None:
    """Before when the practice is not called, since it was written to (`contact_rule.barrier`)."""
    return None if practice.is_called_for_a_reason else first_call_at(practice.written_on, rules)


def requests_to_take_out(unsent: Unsent) -> list[UnsentRequest]:
    """Returns the requests that are in an inquiry which has not gone out, and may not go any more."""
    open_ids = {inquiry.id for inquiry in unsent.inquiries}
    return [each for each in unsent.requests if each.inquiry_id in open_ids and each.kept_back is not None]


def next_plan_at(unsent: Unsent, inquiries: Sequence[PlannedInquiry], rules: ContactRules, now: datetime) -> datetime:
    """When something changes by itself: requests have gathered, a cooldown ends; else in an hour, to be safe."""
    placed = {request_id for inquiry in inquiries for request_id in inquiry.request_ids}
    at = [now + UNTIL_THE_NEXT_PLAN]
    for request in unsent.requests:
        is_free = request.inquiry_id is None and request.id not in placed and request.kept_back is None
        if is_free and request.waiting_since is not None:
            at.append(request.waiting_since + rules.gathering)
        if request.patient is None:
            at.append(now + UNTIL_A_COPY_IS_LOOKED_FOR_AGAIN)
    at += [_day_after(inquiry.waits_until) for inquiry in inquiries if inquiry.waits_until is not None]
    return min(at)


def _day_after(day: date) -> datetime:
    return start_of_berlin_day(day + timedelta(days=1))


# Who goes together


def _under_way(unsent: Unsent, rules: ContactRules, now: datetime) -> list[_Draft]:
    """Inquiries that nobody joins: their call is due today and can be made, so somebody may be making it."""
    channel, missing = channel_to(unsent.practice, only_by_phone=True)
    return [
        _Draft(inquiry, channel, missing, _requests_to_ask(unsent, inquiry.id))
        for inquiry in unsent.inquiries
        if _is_under_way(inquiry, unsent.practice, rules, now)
    ]


def _is_under_way(inquiry: UnsentInquiry, practice: PracticeFacts, rules: ContactRules, now: datetime) -> bool:
    """Whether its call is due or claimed and keeps its time; one that is cancelled or moved holds nobody together."""
    call = inquiry.call
    if (
        call is None
        or (call.starts_at > now and not call.is_claimed)
        or channel_to(practice, only_by_phone=True).missing is not None
    ):
        return False
    earliest = later(inquiry.next_attempt_after, _first_call_at(practice, rules))
    return still_fits(call, practice.call_times, earliest, now)


def _requests_to_ask(unsent: Unsent, *inquiry_ids: UUID | None) -> list[UnsentRequest]:
    return [each for each in unsent.requests if each.inquiry_id in inquiry_ids and each.kept_back is None]


def _grouped(unsent: Unsent, rules: ContactRules, now: datetime) -> list[_Draft]:
    """Who is asked together: e-mails first, then calls (docs/domain.md#contact-rule-6)."""
    free = [inquiry for inquiry in unsent.inquiries if not _is_under_way(inquiry, unsent.practice, rules, now)]
    to_ask = _requests_to_ask(unsent, None, *(inquiry.id for inquiry in free))
    if not any(_has_gathered(request, rules, now) for request in to_ask):
        return []
    to_ask.sort(key=_order)
    choices = {only: channel_to(unsent.practice, only_by_phone=only) for only in (False, True)}
    drafts = []
    for channel in ("email", "phone"):
        members = [request for request in to_ask if choices[request.by_phone].channel == channel]
        for start in range(0, len(members), rules.patients_together):
            group = members[start : start + rules.patients_together]
            others = {each.inquiry_id for each in to_ask if each not in group}
            inquiry = _best(free, group, others)
            free = [each for each in free if each is not inquiry]
            drafts.append(_Draft(inquiry, *choices[group[0].by_phone], group))
    return drafts


def _has_gathered(request: UnsentRequest, rules: ContactRules, now: datetime) -> bool:
    if request.inquiry_id is not None:
        return True
    return request.waiting_since is not None and request.waiting_since + rules.gathering <= now


def _order(request: UnsentRequest) -> tuple[date, int, datetime | None, UUID]:
    """Who goes first: the longest search, then the higher priority, then who has waited longer here."""
    started_on = request.patient.search_started_on if request.patient else None
    return (started_on or date.max, -request.priority, request.waiting_since, request.id)


def _best(
    free: Sequence[UnsentInquiry], members: Sequence[UnsentRequest], others: Set[UUID | None]
) -> UnsentInquiry | None:
    """The inquiry that most of these are in already, and that all the others may join; of several the oldest.

    Nobody goes back to an inquiry they left, or to an older one: matching would take its events for late ones. Nor does
    anybody take the inquiry, and with it the call, in which only `others` are.
    """
    present = [request.inquiry_id for request in members]
    open_to_all = [
        each
        for each in free
        if (each.id in present or each.id not in others) and all(_may_join(request, each) for request in members)
    ]
    return max(open_to_all, key=lambda inquiry: present.count(inquiry.id), default=None)


def _may_join(request: UnsentRequest, inquiry: UnsentInquiry) -> bool:
    if request.inquiry_id == inquiry.id or request.newest_inquiry_id is None:
        return True
    return request.newest_inquiry_id < inquiry.id


# How, and when


def _planned(
    draft: _Draft,
    practice: PracticeFacts,
    wish: datetime | None,
    rules: ContactRules,
    *,
    is_first: bool,
    now: datetime,
) -> PlannedInquiry:
    waits_for, waits_until = _waits(draft, practice, rules, is_first=is_first, today=berlin_day(now))
    inquiry = PlannedInquiry(
        inquiry_id=draft.inquiry.id if draft.inquiry else None,
        channel=draft.channel,
        request_ids=tuple(request.id for request in draft.members),
        attempt=1 + max(request.attempts for request in draft.members),
        next_attempt_after=wish,
        unanswered_at=draft.inquiry.unanswered_at if draft.inquiry else None,
        waits_for=waits_for,
        waits_until=waits_until,
    )
    if waits_for is not None:
        return replace(inquiry, earliest=_day_after(waits_until) if waits_until else None)
    if draft.channel == "email":
        return replace(inquiry, earliest=now)
    earliest = later(wish, _first_call_at(practice, rules))
    call = draft.inquiry.call if draft.inquiry else None
    if call is not None and still_fits(call, practice.call_times, earliest, now):
        return replace(inquiry, earliest=call.starts_at, keeps_call=True)
    return replace(inquiry, earliest=max(now, earliest or now))


def _waits(
    draft: _Draft, practice: PracticeFacts, rules: ContactRules, *, is_first: bool, today: date
) -> tuple[str | None, date | None]:
    """What the inquiry waits for, and until when: what the rule says, or an earlier one's turn; a call is put off."""
    if draft.missing is not None:
        return draft.missing, None
    found = barrier(practice, "email", rules=rules, today=today) if draft.channel == "email" else None
    if found is not None:
        return found
    return (None if is_first else ContactWait.EARLIER_INQUIRY), None


def _not_called_before(drafts: Sequence[_Draft], inquiries: Sequence[UnsentInquiry]) -> list[datetime | None]:
    """Returns the instant before which each draft is not called: requests that join never make a call earlier."""
    wishes = {inquiry.id: inquiry.next_attempt_after for inquiry in inquiries}
    found = []
    for draft in drafts:
        theirs = [wishes.get(request.inquiry_id) for request in draft.members if request.inquiry_id]
        own = wishes[draft.inquiry.id] if draft.inquiry else None
        wish = max((each for each in theirs if each is not None), default=own)
        if draft.inquiry:
            wishes[draft.inquiry.id] = wish
        found.append(wish)
    return found


def still_fits(call: CallSlot, call_times: CallTimes | None, earliest: datetime | None, now: datetime) -> bool:
    """Whether a planned call may stay: in both sides' hours, not before `earliest`, and not of a day that is over."""
    if call.is_claimed:
        return True
    is_early = earliest is not None and call.starts_at < earliest
    is_past = berlin_day(call.starts_at) < berlin_day(now)
    fits_hours = call_times is not None and call_times.allows(call.starts_at, call.ends_at)
    fits = call.is_insisted or (fits_hours and not is_early)
    return fits and not is_past and call.caller_is_there
