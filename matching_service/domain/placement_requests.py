"""Whom staff decided to ask for a patient."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from matching_service.domain import audit_log, explaining, publishing, states
from matching_service.domain.consequences import recompute_holds
from matching_service.domain.criteria import CAN_BE_SET_ASIDE, CRITERIA_QUERY
from matching_service.domain.known_patients import unknown_patient
from matching_service.domain.request_views import view, views
from matching_service.domain.schemas import (
    Approval,
    ContactList,
    Override,
    RefusedRule,
    RefusedTherapist,
    RequestFields,
    RequestFilter,
    RequestView,
)
from matching_service.domain.search import of_patient
from matching_service.settings import AskAgainRules
from matching_service.store import lists, queries
from matching_service.store.tables import PatientCopy, PlacementRequest
from shared.database import Session, first_version, new_id
from shared.database.rows import check_version, require
from shared.errors import Conflict, FieldProblem
from shared.events.catalogue import RequestApproved
from shared.events.outbox import record
from shared.security.patient_texts import PatientText, PatientTexts
from shared.texts import Sentence
from shared.values.enums import MatchCriterion, PatientStatus, RequestStatus
from shared.values.lists import Listed, ListRequest
from shared.values.placement_enums import AuditEvent
from shared.values.schemas import MergePatch, merged


def list_part(session: Session, texts: PatientTexts, wanted: ListRequest[RequestFilter]) -> Listed:
    """A part of the placement requests."""
    filters = wanted.filters
    found = lists.requests(
        session,
        wanted.part,
        patient_id=filters.patient_id,
        therapist_id=filters.therapist_id,
        status=filters.status,
        unmet_criteria=filters.unmet_criteria,
        still_fits=filters.still_fits,
    )
    return found.shown(views(session, texts, found.rows))


def get(session: Session, texts: PatientTexts, request_id: UUID) -> RequestView:
    """One placement request; raises `NotFound`."""
    return view(session, texts, require(queries.request(session, request_id), "placement_request"))


def change(
    session: Session,
    texts: PatientTexts,
    request_id: UUID,
    patch: MergePatch,
    *,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    now: datetime,
) -> RequestView:
    """Change priority or note.

    Raises `NotFound`, `LostUpdate`, `Conflict` for a patient who was erased, and `InvalidFields` for fields that do not
    fit.
    """
    request = lock_request(session, request_id)
    check_version(request, expected_versions, "placement_request")
    current = view(session, texts, request)
    wanted = merged(RequestFields, current, patch.changes_to(current))
    if wanted.note != current.note:
        request.note = texts.encrypt(session, request.patient_id, request.id, wanted.note)
    if (wanted.priority, wanted.note) != (current.priority, current.note):
        request.priority = wanted.priority
        request.count_change(by=by, now=now)
    return view(session, texts, request)


def set_priority(session: Session, request_id: UUID, priority: int, *, by: UUID | None, now: datetime) -> None:
    """Give a request another priority. Raises `NotFound`, and `Conflict` for a patient who was erased."""
    request = lock_request(session, request_id)
    if request.priority != priority:
        request.priority = priority
        request.count_change(by=by, now=now)


def lock_request(session: Session, request_id: UUID) -> PlacementRequest:
    """The request that people are about to change, with its patient's lock and its own.

    Raises `NotFound`, and `Conflict` for a patient who was erased: of them nothing more is recorded, whatever it is.
    """
    request = require(next(iter(queries.lock_with_patients(session, [request_id])), None), "placement_request")
    # also one whose request is about to become that of a kept file
    if queries.was_erased(session, queries.kept_patient(session, request.patient_id)):
        raise Conflict("placement_request.patient_erased")
    return request


def lock_request_that_goes_on(session: Session, request_id: UUID) -> PlacementRequest:
    """The same; of one that was ended by a merge the one that goes on."""
    request = lock_request(session, request_id)
    if request.merged_into is None:
        return request
    # the same patient's, whose lock we hold: both became the kept one's, and go where that one goes
    return lock_request(session, queries.standing_for(session, [request_id])[request_id])


@dataclass(frozen=True)
class Judgement:
    """Whether a therapist may be asked: why not, and which criteria staff set aside."""

    refused: list[RefusedTherapist]
    set_aside: Mapping[MatchCriterion, str]
    """With the reasons."""


def approve(
    session: Session,
    texts: PatientTexts,
    wanted: ContactList,
    *,
    rules: AskAgainRules,
    by: UUID | None,
    today: date,
    now: datetime,
) -> Approval:
    """Ask these therapists for this patient, as far as the rules allow it (docs/domain.md#contact-rule-3).

    Who was not reached some weeks ago is asked again with the same request.

    Raises `NotFound` for a patient whose copy is not here, `Conflict` where the patient does not search or every
    therapist is refused; then its errors say why, per therapist.
    """
    queries.share_therapists(session, wanted.therapist_ids)
    patient = queries.lock_patients(session, [wanted.patient_id]).get(wanted.patient_id)
    if patient is None:
        raise unknown_patient(session, wanted.patient_id)
    if patient.status != PatientStatus.SEARCHING:
        raise Conflict("patient.not_searching", status=_status_of(patient))
    judgements = _judge(session, patient, wanted, rules=rules, today=today)
    refused = [refusal for judgement in judgements.values() for refusal in judgement.refused]
    allowed = {who: judgement for who, judgement in judgements.items() if not judgement.refused}
    if not allowed:
        raise _all_refused(refused, wanted.therapist_ids)
    made = _ask(session, texts, patient.id, allowed, by=by, now=now)
    recompute_holds(session, patient.id, patient.status, now=now)
    return Approval(items=views(session, texts, made), refused=refused)


def _all_refused(refused: Sequence[RefusedTherapist], therapist_ids: Sequence[UUID]) -> Conflict:
    """The refusal, which says why as an approval does."""
    problems = [_problem(each, therapist_ids) for each in refused]
    conflict = Conflict("placement_request.all_refused", errors=problems)
    conflict.members["refused"] = refused
    return conflict


def _ask(
    session: Session,
    texts: PatientTexts,
    patient_id: UUID,
    allowed: Mapping[UUID, Judgement],
    *,
    by: UUID | None,
    now: datetime,
) -> list[PlacementRequest]:
    """A request to each of these therapists: a new one, or the one that nobody answered."""
    unanswered = {
        each.therapist_id: each
        for each in queries.lock_live_requests_of_patient(session, patient_id)
        if each.status == RequestStatus.NO_ANSWER and each.therapist_id in allowed
    }
    set_aside = {who: each.set_aside for who, each in allowed.items()}
    overrides = _overrides(session, texts, patient_id, set_aside, {who: each.id for who, each in unanswered.items()})
    return [
        _ask_again(session, unanswered[who], each, by=by, now=now)
        if who in unanswered
        else _make(session, patient_id, who, each, by=by, now=now)
        for who, each in overrides.items()
    ]


def _status_of(patient: PatientCopy) -> PatientStatus | Sentence:
    return PatientStatus(patient.status) if patient.status else Sentence.of("word.unknown_status")


def find_approved(
    session: Session,
    texts: PatientTexts,
    request_ids: Sequence[UUID],
    refused: Sequence[RefusedRule],
    *,
    rules: AskAgainRules,
    today: date,
) -> Approval:
    """What an approval answered the first time, with the requests and what refusals compare as they are now."""
    found = queries.requests_with_ids(session, request_ids)
    patient = queries.patient(session, found[0].patient_id) if found else None
    who = [each.therapist_id for each in refused]
    failed = {} if patient is None else _failures(session, patient, who, rules=rules, today=today)
    return Approval(items=views(session, texts, found), refused=[_refused_again(each, failed) for each in refused])


def _refused_again(refused: RefusedRule, failed: Mapping[UUID, Sequence[explaining.Failure]]) -> RefusedTherapist:
    who = refused.therapist_id
    if refused.rule is None:
        return _nobody_known(who).refused[0]
    still = next((each for each in failed.get(who, ()) if each.rule == refused.rule), None)
    if still is not None:
        return _refusal(who, still)
    detail = Sentence.of("criterion.failed_then")
    return RefusedTherapist(therapist_id=who, rule=refused.rule, values=None, detail=detail)


def _problem(refusal: RefusedTherapist, therapist_ids: Sequence[UUID]) -> FieldProblem:
    field = f"therapist_ids.{therapist_ids.index(refusal.therapist_id)}"
    if refusal.rule is None:
        return FieldProblem(field, refusal.detail)
    return FieldProblem.of(field, "field.criterion_fails", rule=refusal.rule, detail=refusal.detail)


def _make(
    session: Session,
    patient_id: UUID,
    therapist_id: UUID,
    overrides: _Overrides,
    *,
    by: UUID | None,
    now: datetime,
) -> PlacementRequest:
    request = PlacementRequest(
        id=overrides.request_id,
        patient_id=patient_id,
        therapist_id=therapist_id,
        priority=0,
        approved_by=by,
        approved_at=now,
        overridden_rules=overrides.rules,
        override_reasons=overrides.reasons,
        **first_version(by=by, now=now),
    )
    states.approve(request)
    session.add(request)
    event = RequestApproved(
        placement_request_id=request.id, patient_id=patient_id, therapist_id=therapist_id, approved_at=now
    )
    record(session, request, event, now=now)
    audit_log.add_entry(session, request, AuditEvent.APPROVED, occurred_at=now, by=by, now=now)
    return request


def _ask_again(
    session: Session, request: PlacementRequest, overrides: _Overrides, *, by: UUID | None, now: datetime
) -> PlacementRequest:
    """Ask a practice anew that was not reached: the same request goes on, so that a late answer finds it."""
    states.approve_again(request, now=now)
    request.approved_by, request.approved_at = by, now
    request.overridden_rules, request.override_reasons = list(overrides.rules), overrides.reasons
    # it is composed only after communication knows of this, so whatever is said of earlier contacts is old
    request.inquiry_at = now
    request.count_change(by=by, now=now)
    record(session, request, publishing.reopened(request), now=now)
    audit_log.add_entry(session, request, AuditEvent.APPROVED, occurred_at=now, by=by, now=now)
    return request


@dataclass(frozen=True)
class _Overrides:
    """The criteria that are set aside for a request that is to be made or asked again, and the reasons, encrypted."""

    request_id: UUID
    rules: list[MatchCriterion]
    reasons: bytes | None


def _overrides(
    session: Session,
    texts: PatientTexts,
    patient_id: UUID,
    set_aside: Mapping[UUID, Mapping[MatchCriterion, str]],
    known: Mapping[UUID, UUID],
) -> dict[UUID, _Overrides]:
    """What is set aside by therapist; all reasons are encrypted together. `known`: requests that are asked again."""
    ids = {therapist: known.get(therapist) or new_id() for therapist in set_aside}
    given = [who for who, reasons in set_aside.items() if reasons]
    to_encrypt = [PatientText(patient_id, ids[who], list(set_aside[who].values())) for who in given]
    encrypted = dict(zip(given, texts.encrypt_all(session, to_encrypt), strict=True))
    return {who: _Overrides(ids[who], list(rules), encrypted.get(who)) for who, rules in set_aside.items()}


def _judge(
    session: Session, patient: PatientCopy, wanted: ContactList, *, rules: AskAgainRules, today: date
) -> dict[UUID, Judgement]:
    """Each therapist of the list by the criteria of matching."""
    failed = _failures(session, patient, wanted.therapist_ids, rules=rules, today=today)
    return {
        who: _judgement(who, failed[who], wanted.overrides) if who in failed else _nobody_known(who)
        for who in wanted.therapist_ids
    }


def _failures(
    session: Session, patient: Any, therapist_ids: Collection[UUID], *, rules: AskAgainRules, today: date
) -> dict[UUID, list[explaining.Failure]]:
    """Which criteria each of these therapists fails who are known here."""
    excluded = queries.with_kept_therapists(session, patient.excluded_therapist_ids)
    search = of_patient(patient, excluded=excluded, rules=rules, today=today)
    judged = CRITERIA_QUERY.each(session, search, therapist_ids)
    return {who: explaining.failures_of(each, search) for who, each in judged.items()}


def _judgement(therapist_id: UUID, failed: Sequence[explaining.Failure], overrides: Sequence[Override]) -> Judgement:
    reasons = {each.rule: each.reason for each in overrides if each.therapist_id == therapist_id}
    set_aside = {criterion: reason for criterion, reason in reasons.items() if criterion in CAN_BE_SET_ASIDE}
    return Judgement(
        refused=[_refusal(therapist_id, check) for check in failed if check.rule not in set_aside],
        set_aside={check.rule: set_aside[check.rule] for check in failed if check.rule in set_aside},
    )


def _refusal(therapist_id: UUID, failed: explaining.Failure) -> RefusedTherapist:
    return RefusedTherapist(therapist_id=therapist_id, rule=failed.rule, values=failed.values, detail=failed.detail)


def _nobody_known(therapist_id: UUID) -> Judgement:
    detail = Sentence.of("therapist.unknown_here")
    return Judgement([RefusedTherapist(therapist_id=therapist_id, rule=None, values=None, detail=detail)], {})
