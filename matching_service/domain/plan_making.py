"""Making a weekly plan: claimed by one worker, asked of the database in portions, solved elsewhere, proposed at once.

Each step is a transaction of its own and none lasts long. A worker that is killed leaves a claim that runs out. What
was true when a portion was read may not be any more when the plan is approved: then the rules judge once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from matching_service.domain import acceptance, plan_numbers, states, week_capacity
from matching_service.domain.criteria import PLAN_CRITERIA_QUERY
from matching_service.domain.plan_question import (
    PackedPairs,
    PatientResult,
    PlanLimits,
    Planned,
    Practice,
    Question,
    Solution,
    WaitingPatient,
)
from matching_service.domain.search import Search, of_patient
from matching_service.domain.week_capacity import PracticeLimits, Week
from matching_service.settings import DEFAULT_PLAN_RULES, AskAgainRules, ContactPlanRules
from matching_service.store import contact_plans as store
from matching_service.store import plan_candidates, queries
from matching_service.store.plan_candidates import PackedPractices
from shared.database import Session, new_id
from shared.runtime.logs import logger
from shared.texts import Sentence
from shared.values.contact_plan_enums import ContactLack, ContactPlanStatus, PlanGap, PlannedRequestState

log = logger(__name__)

LEASE: Final = timedelta(minutes=5)
"""For so long nobody else takes a plan of which its worker says nothing."""
MOST_ATTEMPTS: Final = 3
RENEWED_EVERY: Final = LEASE / 5
"""So often a worker says that it still computes, while the flow is solved."""
PORTION: Final = 200
"""At most so many patients are compared with practices by one statement."""
WIDEST_KM: Final = 400
"""A radius of so many kilometres has nearly all practices there are."""
MOST_AREA: Final = PORTION * 40**2
"""And no more patients than have this sum of radiuses, squared: a statement is over in seconds."""


Help = Mapping[UUID, Sequence[Sentence]]
"""What would help each patient whom no practice fits."""
NO_HELP: Final[Help] = {}


@dataclass(frozen=True)
class Claimed:
    """A plan that is this worker's to compute."""

    id: UUID
    claim: UUID
    week: Week
    requests_per_patient: int
    patients_per_therapist: int
    limits: PlanLimits
    calls_in_callers_hours: int | None = None
    """How many practices callers have hours for in that week; None: no caller has any."""


@dataclass(frozen=True)
class SearchingPatient:
    """A patient who searches, in the order of waiting."""

    id: UUID
    days_waited: int | None
    asked_already: int
    gap: PlanGap | None
    """Why nothing can be planned."""
    search: Search
    room: int


def claim(session: Session, *, rules: ContactPlanRules = DEFAULT_PLAN_RULES, now: datetime) -> Claimed | None:
    """The next plan that is to be computed; none while the requests of another one are made, which it must know of."""
    store.take_turn(session)
    if store.next_approving(session) is not None:
        return None
    plan = store.next_to_compute(session, now=now)
    if plan is None:
        return None
    if plan.attempts >= MOST_ATTEMPTS:
        states.fail_plan(plan, now=now)
        log.error("contact_plan.failed", plan_id=str(plan.id))
        return None
    mine = new_id()
    states.compute_plan(plan, mine, until=now + LEASE, now=now)
    week = Week(plan.week)
    calls = week_capacity.call_limit(
        session, week, plan.max_calls, minutes_per_call=rules.minutes_per_practice, now=now
    )
    return Claimed(
        id=plan.id,
        claim=mine,
        week=week,
        requests_per_patient=plan.max_requests_per_patient,
        patients_per_therapist=plan.max_patients_per_therapist,
        limits=PlanLimits(plan.requests_for_everyone, calls.calls, calls.lack),
        calls_in_callers_hours=calls.in_callers_hours,
    )


def waiting(session: Session, plan: Claimed, *, rules: AskAgainRules, today: date) -> list[SearchingPatient]:
    """Everybody who searches, those first who have longest."""
    copies = {each.id: each for each in store.copies_of_searching(session)}
    excluded = _excluded(session, copies.values())
    asked = plan_candidates.searching(session, week_began=plan.week.began)
    return [
        _waiting(copies[row.id], row, excluded[row.id], plan, rules=rules, today=today)
        for row in asked
        if row.id in copies
    ]


def _excluded(session: Session, copies: Any) -> dict[UUID, frozenset[UUID]]:
    """Whom each patient excludes, with who stands for those of them who were merged."""
    kept = queries.kept_therapists(session, {id for each in copies for id in each.excluded_therapist_ids})
    return {
        each.id: frozenset(each.excluded_therapist_ids) | {kept[id] for id in each.excluded_therapist_ids}
        for each in copies
    }


def _waiting(
    copy: Any, asked: Any, excluded: frozenset[UUID], plan: Claimed, *, rules: AskAgainRules, today: date
) -> SearchingPatient:
    search = of_patient(copy, excluded=excluded, rules=rules, today=today)
    room = max(0, plan.requests_per_patient - asked.asked_for)
    # with its pauses, as everywhere that orders by waiting (docs/domain.md#search-rule-1)
    began = copy.search_started_on
    return SearchingPatient(
        id=copy.id,
        days_waited=None if began is None else max(0, (today - began).days),
        asked_already=asked.asked_for,
        gap=_gap(search, room, is_offered=asked.is_offered),
        search=search,
        room=room,
    )


def _gap(search: Search, room: int, *, is_offered: bool) -> PlanGap | None:
    if is_offered:
        return PlanGap.PLACE_OFFERED
    if search.place is None:
        return PlanGap.PLACE_UNKNOWN
    if search.radius_km is None:
        return PlanGap.DISTANCE_LIMIT_MISSING
    return None if room else PlanGap.ASKED_ENOUGH


def practices(session: Session, plan: Claimed, *, days_between_emails: int) -> list[Practice]:
    """Everybody who may be contacted at all, with what each can take in the week."""
    mailed = plan_candidates.mailed(session)
    rows = plan_candidates.practices(session, week_began=plan.week.began)
    limits = PracticeLimits(plan.patients_per_therapist, days_between_emails)
    return [week_capacity.practice(each, mailed, plan.week, limits) for each in rows]


def packed_practices(practices: Sequence[Practice]) -> PackedPractices:
    """The practices as `pairs` compares patients with them: made once for all portions."""
    return PackedPractices.of([(each.id, each.chance, _lack(each) or "") for each in practices])


def _lack(practice: Practice) -> ContactLack | None:
    return practice.lack or (None if practice.room else ContactLack.PRACTICE_FULL)


def portions(people: Sequence[SearchingPatient]) -> Iterator[Sequence[SearchingPatient]]:
    """Those for whom something can be planned, in portions: of wide radiuses, which have many practices, fewer."""
    portion: list[SearchingPatient] = []
    area = 0.0
    for each in people:
        if each.gap is not None:
            continue
        theirs = min(each.search.radius_km or 0, WIDEST_KM) ** 2
        if portion and (len(portion) == PORTION or area + theirs > MOST_AREA):
            yield portion
            portion, area = [], 0.0
        portion.append(each)
        area += theirs
    if portion:
        yield portion


def pairs(session: Session, people: Sequence[SearchingPatient], practices: PackedPractices) -> list[PackedPairs]:
    """The therapists who fit each of these patients, as many as are considered."""
    found = PLAN_CRITERIA_QUERY.candidates(session, [each.search for each in people], practices, acceptance.LIKELINESS)
    return [
        PackedPairs(
            patient_id=row.patient_id,
            therapist_ids=bytes(row.ids or b""),
            metres=bytes(row.metres or b""),
            unknown=bytes(row.unknown or b""),
            preferred=bytes(row.preferred or b""),
            candidates=row.candidates,
            lacks={ContactLack(lack): number for lack, number in row.lacks.items()},
        )
        for row in found
    ]


def save_progress(session: Session, plan: Claimed, done: int, *, of: int, now: datetime) -> bool:
    """Note for how many patients, of all, practices were found; whether the plan still is this worker's."""
    return store.save_progress(session, plan.id, plan.claim, done=done, of=of, until=now + LEASE)


def question(
    plan: Claimed, people: Sequence[SearchingPatient], practices: Sequence[Practice], pairs: Sequence[PackedPairs]
) -> Question:
    """What the plan is made from."""
    patients = [
        WaitingPatient(
            id=each.id,
            room=each.room,
            weight=acceptance.weight(each.days_waited or 0),
            radius_metres=round(each.search.radius_metres or 1),
        )
        for each in people
        if each.gap is None
    ]
    return Question(patients, practices, pairs, plan.limits)


def without_candidates(people: Sequence[SearchingPatient], solution: Solution) -> list[SearchingPatient]:
    """Whom no practice fits, those first who have waited longest."""
    return [each for each in people if _gap_of(each, solution.patient_results.get(each.id)) == PlanGap.NOBODY_FITS]


def _gap_of(each: SearchingPatient, result: PatientResult | None) -> PlanGap | None:
    return each.gap or (None if result is not None and result.candidates else PlanGap.NOBODY_FITS)


def propose(
    session: Session,
    plan: Claimed,
    people: Sequence[SearchingPatient],
    solution: Solution,
    *,
    help: Help = NO_HELP,
    now: datetime,
) -> bool:
    """Write the plan, of all who still search; False, and nothing, where the plan is not this worker's any more."""
    known = store.one(session, plan.id, lock=True)
    if known is None or known.status != ContactPlanStatus.COMPUTING or known.claim != plan.claim:
        return False
    there = store.still_searching(session, [each.id for each in people])
    kept = _as_consented(session, [each for each in solution.requests if each.patient_id in there])
    store.add(
        session,
        [
            _patient_row(plan, position, each, solution.patient_results, help)
            for position, each in _numbered(people, there)
        ],
        [_request_row(plan, each) for each in kept],
    )
    known.patients = known.patients_done = len(there)
    known.calls_in_callers_hours = plan.calls_in_callers_hours
    plan_numbers.sum_up(known, kept)
    states.propose_plan(known, now=now)
    return True


def _as_consented(session: Session, requests: Sequence[Planned]) -> list[Planned]:
    """The requests without what followed from diagnoses that are not published any more."""
    preferred = {each.patient_id for each in requests if each.is_preferred}
    unpublished = store.unpublished_diagnoses(session, preferred)
    return [
        replace(each, is_preferred=False, chance=acceptance.without_preference(each.chance))
        if each.is_preferred and each.patient_id in unpublished
        else each
        for each in requests
    ]


def _numbered(people: Sequence[SearchingPatient], there: set[UUID]) -> Iterator[tuple[int, SearchingPatient]]:
    return enumerate((each for each in people if each.id in there), start=1)


def _patient_row(
    plan: Claimed, position: int, each: SearchingPatient, patient_results: Mapping[UUID, PatientResult], help: Help
) -> dict[str, Any]:
    result = patient_results.get(each.id, PatientResult(0, 0, {}))
    return {
        "plan_id": plan.id,
        "patient_id": each.id,
        "position": position,
        "days_waited": each.days_waited,
        "asked_already": each.asked_already,
        "candidates": result.candidates,
        "planned": result.planned,
        "gap": _gap_of(each, result),
        "lacks": result.lacks,
        "help": [sentence.to_json() for sentence in help.get(each.id, ())],
    }


def _request_row(plan: Claimed, each: Planned) -> dict[str, Any]:
    return {
        "id": new_id(),
        "plan_id": plan.id,
        "patient_id": each.patient_id,
        "therapist_id": each.therapist_id,
        "state": PlannedRequestState.PROPOSED,
        "added_by_staff": False,
        "channel": each.channel,
        "chance": each.chance,
        "metres": each.metres,
        "is_hinted": each.is_hinted,
        "is_preferred": each.is_preferred,
        "unknown": PLAN_CRITERIA_QUERY.unknown_in(each.unknown),
    }
