"""What staff do: enter practices and patients, approve in each week who is asked, record what becomes of places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from matching_service import jobs
from matching_service.domain import answers, contact_plans, placement_requests, places, plan_making, plan_solving
from matching_service.domain.contact_plan_schemas import NewContactPlan
from matching_service.domain.place_schemas import Confirmation, PlaceFailure
from matching_service.domain.plan_making import Claimed
from matching_service.domain.plan_question import PackedPairs, PlanLimits, Question
from matching_service.domain.schemas import ContactList, NewPlace, Withdrawal
from matching_service.domain.week_capacity import Week
from matching_service.store import contact_plans as contact_plan_queries
from patient_service.domain import patients, searches
from patient_service.domain.accesses import Reader
from patient_service.domain.schemas import NewPatient, NewStatus
from shared.database import new_id
from shared.values.datetimes import berlin_day
from shared.values.enums import PatientStatus, RequestStatus
from shared.values.placement_enums import PlacementFailure, StaffWithdrawalReason
from simulation.policies import PLAN, SIMPLE, Chosen
from simulation.region import Newcomer
from simulation.services import Services
from therapist_service.domain import therapists
from therapist_service.domain.schemas import NewTherapist

BY_NOBODY = Reader(id=None, purpose=None)
AT_ONCE = 50
"""So many practices are entered in one transaction."""


class Staff:
    """Staff of the agency, who work by one policy."""

    def __init__(self, services: Services, policy: str) -> None:
        self._services, self._policy = services, policy
        self._matching = services.needs["matching_service"]
        self._keys = services.needs["patient_service"].keys

    # Who is there

    def enter_practices(self, wanted: Sequence[dict[str, object]], *, now: datetime) -> list[UUID]:
        """Enter therapists; returns their ids in the same order."""
        ids = []
        for first in range(0, len(wanted), AT_ONCE):
            with self._services.transaction("therapist_service") as session:
                for fields in wanted[first : first + AT_ONCE]:
                    new = NewTherapist.from_json(fields)
                    # invented names repeat
                    ids.append(therapists.register(session, new, by=None, now=now, force=True).id)
            self._services.deliver(now)
        return ids

    def enter_patient(self, newcomer: Newcomer, *, now: datetime) -> UUID:
        """Enter a patient whose search begins at once; returns the id."""
        new = NewPatient.from_json(newcomer.fields)
        with self._services.transaction("patient_service") as session:
            entered = patients.register(session, self._keys, new, force=True, by=None, now=now)
        self._services.deliver(now)  # the search needs the place of the postal code
        with self._services.transaction("patient_service") as session:
            searching = NewStatus(status=PatientStatus.SEARCHING)
            searches.set_status(session, self._keys, entered.id, searching, reader=BY_NOBODY, now=now)
        self._services.deliver(now)
        return entered.id

    # Whom to ask

    def approve_week(self, monday: date, *, calls: int, now: datetime) -> dict[UUID, int]:
        """Decide by the policy whom to ask in this week; returns the number of requests made, by patient."""
        made = self._approve_plan(monday, calls, now) if self._policy == PLAN else self._choose(monday, calls, now)
        self._services.deliver(now)
        return made

    def practices_that_fit(self, patient_ids: set[UUID], monday: date) -> dict[UUID, int]:
        """How many practices fit each of these patients."""
        question, _ = self._question(self._claimed(monday, None), monday, patient_ids)
        return {each.patient_id: each.candidates for each in question.pairs}

    def _approve_plan(self, monday: date, calls: int, now: datetime) -> dict[UUID, int]:
        with self._services.transaction("matching_service") as session:
            wanted = NewContactPlan(week=monday, max_calls=calls)
            rules = self._matching.plan_rules
            plan = contact_plans.begin(session, wanted, rules=rules, by=None, today=monday, now=now)
        jobs.make_contact_plan(self._matching.rules, now, solve=plan_solving.solve)
        with self._services.transaction("matching_service") as session:
            contact_plans.approve(session, plan.id, expected_versions=None, by=None, today=monday, now=now)
        while jobs.make_planned_requests(self._matching.texts, self._matching.rules, now):
            pass
        with self._services.transaction("matching_service") as session:
            return contact_plan_queries.numbers_made(session, plan.id)

    def _choose(self, monday: date, calls: int, now: datetime) -> dict[UUID, int]:
        question, waited = self._question(self._claimed(monday, calls), monday)
        by_patient: dict[UUID, list[Chosen]] = defaultdict(list)
        for each in SIMPLE[self._policy](question, waited):
            by_patient[each.patient_id].append(each)
        return {patient: self._approve(patient, theirs, now) for patient, theirs in by_patient.items()}

    def _approve(self, patient: UUID, chosen: Sequence[Chosen], now: datetime) -> int:
        wanted = ContactList(patient_id=patient, therapist_ids=[each.therapist_id for each in chosen])
        with self._services.transaction("matching_service") as session:
            approval = placement_requests.approve(
                session,
                self._matching.texts,
                wanted,
                rules=self._matching.rules,
                by=None,
                today=berlin_day(now),
                now=now,
            )
        return len(approval.items)

    def _claimed(self, monday: date, calls: int | None) -> Claimed:
        """What a plan of this week would be made by."""
        rules = self._matching.plan_rules
        limits = PlanLimits(rules.requests_for_everyone, calls)
        week = Week(monday)
        return Claimed(new_id(), new_id(), week, rules.requests_per_patient, rules.patients_per_therapist, limits)

    def _question(
        self, claimed: Claimed, today: date, only: set[UUID] | None = None
    ) -> tuple[Question, dict[UUID, int]]:
        """What a plan of these patients, or of all, would be made from, and for how many days each has searched."""
        with self._services.transaction("matching_service") as session:
            people = plan_making.waiting(session, claimed, rules=self._matching.rules, today=today)
            practices = plan_making.practices(session, claimed, days_between_emails=self._matching.days_between_emails)
            packed = plan_making.packed_practices(practices)
            wanted = [each for each in people if only is None or each.id in only]
            pairs: list[PackedPairs] = []
            for portion in plan_making.portions(wanted):
                pairs += plan_making.pairs(session, portion, packed)
        waited = {each.id: each.days_waited or 0 for each in wanted}
        return plan_making.question(claimed, wanted, practices, pairs), waited

    # What becomes of a place

    def record_decision(self, request: UUID, *, takes_it: bool, now: datetime) -> bool:
        """Record whether the patient takes the place; False where the offer does not stand any more."""
        with self._services.transaction("matching_service") as session:
            known = placement_requests.get(session, self._matching.texts, request)
            if known.status != RequestStatus.ACCEPTED:
                return False
            if takes_it:
                day = berlin_day(now)
                answers.place(session, self._matching.texts, request, NewPlace(), by=None, today=day, now=now)
            else:
                declined = Withdrawal(reason=StaffWithdrawalReason.PATIENT_DECLINED)
                answers.withdraw(session, request, declined, by=None, now=now)
        self._services.deliver(now)
        return True

    def record_verdict(self, request: UUID, *, works: bool, now: datetime) -> None:
        """Record whether the place works."""
        today, texts = berlin_day(now), self._matching.texts
        with self._services.transaction("matching_service") as session:
            if works:
                confirmation = Confirmation(confirmed_on=today)
                places.confirm(session, texts, request, confirmation, by=None, today=today, now=now)
            else:
                failure = PlaceFailure(reason=PlacementFailure.OTHER, failed_on=today)
                places.fail(session, texts, request, failure, by=None, today=today, now=now)
        self._services.deliver(now)

    def reopen_deferred(self, now: datetime) -> None:
        """Practices that said "later" are asked again when their time has come."""
        self._services.turn_to("matching_service")
        while jobs.reopen_deferred(now):
            pass
        self._services.deliver(now)
