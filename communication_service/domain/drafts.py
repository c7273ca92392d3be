"""E-mails that staff write, approve, send or cancel.

A confirmation and a withdrawal are answers: the practice knows the patient's reference from a contact before. So
nobody can write an inquiry past its cooldown by giving it another name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from html import escape
from uuid import UUID

from communication_service.domain import email_parts, emails, practice_facts, recipients, states
from communication_service.domain.draft_schemas import DraftText, NewDraft
from communication_service.domain.email_parts import Letter
from communication_service.domain.schemas import EmailView
from communication_service.settings import ContactRules
from communication_service.store import copy_queries, locks, request_queries, schedule
from communication_service.store.tables import ContactRequest, Email, PracticeCopy
from shared.database import Session
from shared.database.rows import check_version, require
from shared.errors import Conflict
from shared.security.patient_texts import PatientTexts
from shared.values.emails import EmailText
from shared.values.enums import ContactRequestStatus, EmailKind, EmailStatus
from shared.values.schemas import MergePatch, merged

_HTML = (
    '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head>\n'
    '<body style="font-family: Arial, Helvetica, sans-serif; font-size: 15px; line-height: 1.5; color: #222222">\n'
    "{}\n</body></html>\n"
)
NOTHING = EmailText("", "", "")
UNSENT = frozenset({EmailStatus.DRAFT, EmailStatus.WAITING, EmailStatus.APPROVED})


def create(
    session: Session, texts: PatientTexts, new: NewDraft, *, rules: ContactRules, by: UUID | None, now: datetime
) -> EmailView:
    """Write an e-mail to the practice of a request, as a draft.

    Raises `NotFound`, and `Conflict` where the practice cannot be written to, or was not asked for the patient.
    """
    known = require(request_queries.request(session, new.placement_request_id), "placement_request")
    locks.lock_therapist(session, known.therapist_id)
    request = require(request_queries.request_for_change(session, known.id), "placement_request")
    _require_known_there(request, new.kind)
    practice = _require_practice(session, request)
    email = states.new_email(
        new.kind, practice.id, message_id_domain=rules.sender.domain, is_draft=True, by=by, now=now
    )
    recipients.address(email, practice, now=now)
    email.correlation_id = request.correlation_id
    _write(session, texts, email, request, new)
    session.add(email)
    session.flush()
    return emails.get(session, texts, email.id, by=by, now=now)


def _require_known_there(request: ContactRequest, kind: EmailKind) -> None:
    is_accepted = request.answered or request.status == ContactRequestStatus.ACCEPTED
    if kind == EmailKind.CONFIRMATION and not is_accepted:
        raise Conflict("email.not_answered")
    if not is_accepted and request.emailed_on is None and request.status != ContactRequestStatus.CONTACTED:
        raise Conflict("email.not_asked")


def _require_practice(session: Session, request: ContactRequest) -> PracticeCopy:
    practice = copy_queries.therapist(session, request.therapist_id)
    if practice is None or practice.email_key is None:
        raise Conflict("email.no_address")
    _require_written_to(session, practice)
    return practice


def _require_written_to(session: Session, practice: PracticeCopy) -> None:
    found = practice_facts.barrier_of_notices(session, practice)
    if found is not None:
        raise Conflict("email.not_wanted", waits_for=found.waits_for.value)


def _write(session: Session, texts: PatientTexts, email: Email, request: ContactRequest, text: DraftText) -> None:
    """Put the text into the e-mail, all of it encrypted with the key of the patient whom it is about."""
    letter = Letter(NOTHING, [EmailText(text.subject, f"{text.body_text}\n", _as_html(text.body_text))], NOTHING)
    email_parts.write(session, texts, email, letter, [(request.patient_id, request.id)])


def _as_html(text: str) -> str:
    """The same text as HTML: paragraphs where it has empty lines, and its lines as they are."""
    paragraphs = (escape(each).replace("\n", "<br>\n") for each in re.split(r"\n{2,}", text))
    return _HTML.format("\n".join(f"<p>{each}</p>" for each in paragraphs))


def change(
    session: Session,
    texts: PatientTexts,
    email_id: UUID,
    patch: MergePatch,
    *,
    expected_versions: Collection[int] | None,
    by: UUID | None,
    now: datetime,
) -> EmailView:
    """Change the text of a draft. Raises `NotFound`, `LostUpdate`, `InvalidFields`, `Conflict`."""
    email = emails.lock_and_get(session, email_id)
    check_version(email, expected_versions, "email")
    current = emails.get(session, texts, email_id, by=by, now=now)
    changes = patch.changes_to(current)
    _require_written_by_staff(email)
    if email.status != EmailStatus.DRAFT:
        raise Conflict("email.not_draft")
    wanted = merged(DraftText, {"subject": current.subject, "body_text": current.body_text}, changes)
    (request,) = request_queries.requests(session, email.placement_request_ids)
    _write(session, texts, email, request, wanted)
    email.count_change(by=by, now=now)
    session.flush()
    return emails.get(session, texts, email_id, by=by, now=now)


def _require_written_by_staff(email: Email) -> None:
    """An inquiry is what its requests make it; of a withdrawal that was written by itself nothing is to be changed."""
    if not email.written_by_staff:
        raise Conflict("email.composed")


def approve(session: Session, texts: PatientTexts, email_id: UUID, *, by: UUID | None, now: datetime) -> EmailView:
    """Let a draft go at its turn. Raises `NotFound`, and `Conflict` where it is no draft (any more).

    Also where the practice is not written to, for what lasts until something changes.
    """
    email = emails.lock_and_get(session, email_id)
    if email.status != EmailStatus.DRAFT:
        raise Conflict("email.not_draft")
    _approve(session, email, by=by, now=now)
    return _changed(session, texts, email, by=by, now=now)


def send(session: Session, texts: PatientTexts, email_id: UUID, *, by: UUID | None, now: datetime) -> EmailView:
    """Let an e-mail go as soon as it may: approved, outside of the hours for sending too, without a pause after a try.

    An inquiry still waits for its cooldowns. Raises `NotFound`, and `Conflict` where it has gone out or was cancelled,
    or where the practice of a draft is not written to.
    """
    email = emails.lock_and_get(session, email_id)
    _require_unsent(email)
    if email.status == EmailStatus.DRAFT:
        _approve(session, email, by=by, now=now)
    email.is_urgent, email.not_before = True, None
    return _changed(session, texts, email, by=by, now=now)


def _approve(session: Session, email: Email, *, by: UUID | None, now: datetime) -> None:
    practice = email.therapist_id and copy_queries.therapist(session, email.therapist_id)
    if practice and email.inquiry_id is None:
        _require_written_to(session, practice)
    email.approved_at, email.approved_by = now, by
    states.approve_email(email, now=now)
    if email.inquiry_id is not None and email.therapist_id is not None:
        # planned anew: it may have to wait for something else
        schedule.add(session, schedule.to_therapists([email.therapist_id]), at=now)


def cancel(session: Session, texts: PatientTexts, email_id: UUID, *, by: UUID | None, now: datetime) -> EmailView:
    """Never send a notice. Raises `NotFound`, and `Conflict` where it has gone out, or is an inquiry.

    Whom an inquiry is about is decided in matching: withdrawing its requests dissolves it.
    """
    email = emails.lock_and_get(session, email_id)
    _require_unsent(email)
    if email.kind == EmailKind.INQUIRY:
        raise Conflict("email.composed")
    states.cancel_email(email, now=now)
    return _changed(session, texts, email, by=by, now=now)


def _require_unsent(email: Email) -> None:
    if email.status not in UNSENT:
        raise Conflict("email.gone_out")


def _changed(session: Session, texts: PatientTexts, email: Email, *, by: UUID | None, now: datetime) -> EmailView:
    email.count_change(by=by, now=now)
    session.flush()
    return emails.get(session, texts, email.id, by=by, now=now)
