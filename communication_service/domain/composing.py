"""Composing: `planning` decides which inquiries practices should have; this module brings the rows to that.

Everything that has not gone out to a therapist is planned anew each time something about it changed, and once more in
the transaction that claims an e-mail: so an e-mail never carries a request that was withdrawn or held meanwhile.

Several practices are composed for in one transaction, step by step: what is done for all of them takes few statements,
and every lock is taken in the one order (docs/decisions/0019).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from communication_service.domain import (
    call_states,
    email_parts,
    email_texts,
    planning,
    recipients,
    states,
    unsent_rows,
)
from communication_service.domain.call_planning import CallPlanner, ChosenSlot, PlannedTimes
from communication_service.domain.contact_waits import ContactWait
from communication_service.domain.email_parts import Written
from communication_service.domain.planning import PlannedInquiry, Unsent
from communication_service.domain.templates import RenderedLetter
from communication_service.domain.unsent_rows import UnsentRows
from communication_service.settings import ContactRules
from communication_service.store import copy_queries, locks, request_queries, schedule
from communication_service.store.tables import ContactRequest, Email, Inquiry, Template
from shared.database import Session
from shared.events.catalogue import InquiryComposed, InquiryDissolved
from shared.events.event import Event
from shared.events.outbox import record_each
from shared.security.patient_texts import PatientTexts


def due(session: Session, *, now: datetime, at_most: int) -> Sequence[schedule.Due]:
    """Therapists to compose for, those who may have a place first (docs/domain.md#contact-rule-7)."""
    return schedule.due(session, now=now, limit=at_most)


def compose_if_due(
    session: Session, therapist_ids: Collection[UUID], *, rules: ContactRules, texts: PatientTexts, now: datetime
) -> int:
    """Compose what has not gone out to those of these therapists who are still due; returns for how many."""
    still = schedule.still_due(session, therapist_ids, now=now)
    wanted = [each for each in therapist_ids if each in still]
    return len(compose_all(session, wanted, rules=rules, texts=texts, now=now))


def postpone(session: Session, therapist_id: UUID, *, until: datetime) -> None:
    """Postpone composing for a therapist whose data caused an error."""
    schedule.postpone(session, therapist_id, at=until)


def compose(
    session: Session,
    therapist_id: UUID,
    *,
    rules: ContactRules,
    texts: PatientTexts,
    now: datetime,
    chosen: ChosenSlot | None = None,
) -> bool:
    """Plan anew what has not gone out to this therapist; returns False while another transaction changes it.

    `chosen`: when staff want the call to be made, if there is one to make.
    """
    return bool(compose_all(session, [therapist_id], rules=rules, texts=texts, now=now, chosen=chosen))


def compose_all(
    session: Session,
    therapist_ids: Collection[UUID],
    *,
    rules: ContactRules,
    texts: PatientTexts,
    now: datetime,
    chosen: ChosenSlot | None = None,
) -> Collection[UUID]:
    """The same for several therapists, calls in their order; returns those that no other transaction changes."""
    locked = locks.try_to_lock_therapists(session, therapist_ids)
    requests = request_queries.unsent_requests_of(session, [each for each in therapist_ids if each in locked])
    schedule.clear(session, requests.keys())
    known = copy_queries.therapists(session, requests.keys())
    for therapist_id in requests.keys() - known.keys():
        _schedule(requests[therapist_id], now + planning.UNTIL_A_COPY_IS_LOOKED_FOR_AGAIN)
    therapists = {id: known[id] for id in requests if id in known}
    rows = unsent_rows.read(session, texts, requests, therapists, rules=rules, now=now)
    compositions = [_planned(each, rules, now, has_chosen_time=chosen is not None and chosen.by_staff) for each in rows]
    _apply(session, compositions, rules=rules, texts=texts, now=now, chosen=chosen)
    for each in compositions:
        _schedule(requests[each.rows.therapist.id], planning.next_plan_at(each.unsent, each.plan, rules, now))
    session.flush()
    return requests.keys()


def _schedule(requests: Sequence[ContactRequest], at: datetime) -> None:
    for request in requests:
        request.due_at = at if request.status == "waiting" or request.inquiry_id else None


# What should be


@dataclass(frozen=True)
class _Composition:
    """What has not gone out to one therapist, and what should be."""

    rows: UnsentRows
    unsent: Unsent
    plan: Sequence[PlannedInquiry]
    placed: list[tuple[Inquiry, PlannedInquiry]] = field(default_factory=list)
    """The inquiries of the plan with their rows."""


def _planned(rows: UnsentRows, rules: ContactRules, now: datetime, *, has_chosen_time: bool) -> _Composition:
    unsent = unsent_rows.facts(rows, now, has_chosen_time=has_chosen_time)
    return _Composition(rows, unsent, planning.plan(unsent, rules, now))


def _apply(
    session: Session,
    compositions: Sequence[_Composition],
    *,
    rules: ContactRules,
    texts: PatientTexts,
    now: datetime,
    chosen: ChosenSlot | None,
) -> None:
    events = [event for each in compositions for event in _place(session, each, now)]
    record_each(session, events, now=now)
    session.flush()  # a therapist has one planned call: those that are cancelled go before others are planned
    # e-mails first: they may add keys of patients, which come before the line (docs/decisions/0019)
    _write_emails(session, compositions, rules=rules, texts=texts, now=now)
    times = PlannedTimes(session)
    for each in compositions:
        _plan_calls(session, each, times, rules=rules, now=now, chosen=chosen)


def _place(session: Session, composition: _Composition, now: datetime) -> list[tuple[Inquiry, Event, str | None]]:
    """Put the requests into the inquiries of the plan, and dissolve those that are not in it; returns the events."""
    rows = composition.rows
    left = _take_out(rows, planning.requests_to_take_out(composition.unsent))
    composition.placed.extend((_inquiry(session, rows, planned, now), planned) for planned in composition.plan)
    kept = {inquiry.id for inquiry, _ in composition.placed}
    for inquiry in rows.inquiries.values():
        if inquiry.id not in kept:
            _dissolve(rows, inquiry, now)
    events: list[_Event] = [*_who_left(left)]
    for inquiry, planned in composition.placed:
        events += _fill(rows, inquiry, planned, now)
        if planned.channel == "email" or planned.waits_for is not None:
            _cancel_call(rows, inquiry, now)
        if planned.channel != "email":
            _cancel_email(rows, inquiry, now)
    cause = _cause(rows.requests.values())
    return [(inquiry, event, cause) for inquiry, event in events]


def _cause(requests: Collection[ContactRequest]) -> str | None:
    """What caused the request that waits longest."""
    oldest = min(requests, key=lambda each: (each.waiting_since is None, each.waiting_since, each.id), default=None)
    return oldest.correlation_id if oldest else None


def _take_out(rows: UnsentRows, to_take_out: Sequence[planning.UnsentRequest]) -> list[tuple[Inquiry, ContactRequest]]:
    """Take requests that may no longer go out of their inquiries; returns those that wait, each with its inquiry."""
    left = []
    for each in to_take_out:
        request = rows.requests[each.id]
        assert request.inquiry_id is not None  # `planning.requests_to_take_out`
        if each.is_waiting:
            left.append((rows.inquiries[request.inquiry_id], request))
        request.inquiry_id = None
    return left


_Event = tuple[Inquiry, InquiryComposed | InquiryDissolved]


def _who_left(left: Sequence[tuple[Inquiry, ContactRequest]]) -> Iterator[_Event]:
    for inquiry in {inquiry.id: inquiry for inquiry, _ in left}.values():
        yield (
            inquiry,
            InquiryDissolved(
                inquiry_id=inquiry.id,
                therapist_id=inquiry.therapist_id,
                placement_request_ids=[request.id for of, request in left if of is inquiry],
            ),
        )


def _inquiry(session: Session, rows: UnsentRows, planned: PlannedInquiry, now: datetime) -> Inquiry:
    if planned.inquiry_id is not None:
        return rows.inquiries[planned.inquiry_id]
    cause = rows.requests[planned.request_ids[0]].correlation_id
    made = states.new_inquiry(rows.therapist.id, channel=planned.channel, correlation_id=cause, now=now)
    session.add(made)
    return made


def _dissolve(rows: UnsentRows, inquiry: Inquiry, now: datetime) -> None:
    states.dissolve_inquiry(inquiry, now=now)
    _cancel_email(rows, inquiry, now)
    _cancel_call(rows, inquiry, now)


def _fill(rows: UnsentRows, inquiry: Inquiry, planned: PlannedInquiry, now: datetime) -> Iterator[_Event]:
    """Put exactly these requests into the inquiry; yields the event about those that are new in it."""
    ids = list(planned.request_ids)
    is_news = inquiry.channel != planned.channel or not set(ids) <= set(inquiry.placement_request_ids)
    # one that was over meanwhile never left: for matching it waits anew, and is to be put in once more
    is_news = is_news or any(_waits_anew(rows.requests[each], inquiry) for each in ids)
    if inquiry.placement_request_ids != ids or is_news:
        inquiry.placement_request_ids, inquiry.channel, inquiry.updated_at = ids, planned.channel, now
    inquiry.waits_for, inquiry.waits_until = planned.waits_for, planned.waits_until
    inquiry.next_attempt_after = planned.next_attempt_after
    for request_id in ids:
        request = rows.requests[request_id]
        request.inquiry_id = request.newest_inquiry_id = inquiry.id
    if is_news:
        yield (
            inquiry,
            InquiryComposed(
                inquiry_id=inquiry.id,
                therapist_id=inquiry.therapist_id,
                channel=inquiry.channel,
                placement_request_ids=ids,
            ),
        )


def _waits_anew(request: ContactRequest, inquiry: Inquiry) -> bool:
    """Whether the request began to wait after the inquiry was last filled."""
    return request.waiting_since is not None and request.waiting_since > inquiry.updated_at


# E-mails


@dataclass(frozen=True)
class _Letter:
    """A letter that an inquiry should be, and the e-mail that it has."""

    rows: UnsentRows
    inquiry: Inquiry
    planned: PlannedInquiry
    written: RenderedLetter
    known: Email | None

    @property
    def wanted(self) -> list[UUID]:
        """Its requests, in their order."""
        return list(self.planned.request_ids)


def _write_emails(
    session: Session, compositions: Sequence[_Composition], *, rules: ContactRules, texts: PatientTexts, now: datetime
) -> None:
    wanted = [
        (each.rows, inquiry, planned)
        for each in compositions
        for inquiry, planned in each.placed
        if planned.channel == "email"
    ]
    if not wanted:
        return
    template = email_texts.inquiry_template(session, rules)
    drafts = [_letter(session, *each, rules, template) for each in wanted]
    known = [each.known for each in drafts if each.known is not None]
    # what stands there is read and compared: the same text is another one each time it is encrypted
    stand = email_parts.read_all_whole(session, texts, known)
    written = []
    for letter in drafts:
        email = letter.known or states.new_inquiry_email(letter.inquiry, message_id_domain=rules.sender.domain, now=now)
        _approve_or_hold(email, letter, rules, now)
        recipients.address(email, letter.rows.therapist, now=now)
        if (email.placement_request_ids, stand.get(email.id)) != (letter.wanted, letter.written.letter):
            letter.written.mark(email)
            about = [(letter.rows.requests[each].patient_id, each) for each in letter.wanted]
            written.append(Written(email, letter.written.letter, about))
            email.updated_at = now
        session.add(email)
    with session.no_autoflush:  # they have no text yet
        email_parts.write_all(session, texts, written)


def _letter(
    session: Session,
    rows: UnsentRows,
    inquiry: Inquiry,
    planned: PlannedInquiry,
    rules: ContactRules,
    template: Template,
) -> _Letter:
    patients = [rows.patients[rows.requests[each].patient_id] for each in planned.request_ids]
    written = email_texts.inquiry(session, rows.therapist, patients, rules=rules, template=template)
    return _Letter(rows, inquiry, planned, written, rows.emails.get(inquiry.id))


def _approve_or_hold(email: Email, letter: _Letter, rules: ContactRules, now: datetime) -> None:
    """Let the e-mail go, or wait: for an approval by hand of everybody in it, or for what its inquiry waits for."""
    planned, inquiry = letter.planned, letter.inquiry
    is_approved = email.approved_at is not None and {*letter.wanted} <= {*email.placement_request_ids}
    if rules.inquiries_need_approval and not is_approved:
        states.draft_email(email, now=now)
        inquiry.waits_for = inquiry.waits_for or ContactWait.APPROVAL
    elif planned.waits_for is None:
        states.approve_email(email, now=now)
    else:
        states.hold_email(email, waits_for=planned.waits_for, waits_until=planned.waits_until, now=now)


def _cancel_email(rows: UnsentRows, inquiry: Inquiry, now: datetime) -> None:
    email = rows.emails.get(inquiry.id)
    if email is not None:
        states.cancel_email(email, now=now)


# Calls


def _plan_calls(
    session: Session,
    composition: _Composition,
    times: PlannedTimes,
    *,
    rules: ContactRules,
    now: datetime,
    chosen: ChosenSlot | None,
) -> None:
    rows = composition.rows
    planner = CallPlanner(
        session, composition.unsent.practice.call_times, rows.callers, rules, now, chosen, times=times
    )
    for inquiry, planned in composition.placed:
        if planned.channel != "email":
            planner.plan(inquiry, planned, rows.calls.get(inquiry.id))


def _cancel_call(rows: UnsentRows, inquiry: Inquiry, now: datetime) -> None:
    call = rows.calls.get(inquiry.id)
    if call is not None:
        call_states.cancel_phone_call(call, now=now)
