"""What comes back by e-mail: kept once, matched to the e-mail that it answers, and shown to staff.

An answer counts only once staff confirm it. By itself only this follows: an e-mail that came back is a call, and an
address that does not exist, or wants no more inquiries, gets none (docs/decisions/0053-replies-by-e-mail.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from communication_service.domain import (
    answer_proposals,
    bounces,
    emails,
    incoming_mail,
    patient_addresses,
    replies,
    reply_contents,
    reply_effects,
    reply_matching,
    shown_replies,
    written_answers,
)
from communication_service.domain.link_tokens import LinkTokens
from communication_service.domain.mail_reply_schemas import (
    AnswerProposal,
    ReplyAssignment,
    ReplyConfirmation,
    ReplyFields,
    ReplyFilter,
    ReplyView,
)
from communication_service.domain.reply_contents import ReplyContent
from communication_service.domain.schemas import CallResponse
from communication_service.settings import ContactRules
from communication_service.store import answers as answer_store
from communication_service.store import copy_queries, email_queries, request_queries
from communication_service.store import mail_replies as store
from communication_service.store.tables import Email, MailReply
from shared.database import Session, first_version, new_id
from shared.database.rows import require
from shared.errors import Conflict, FieldProblem, RuleBroken
from shared.security.patient_texts import LostText, PatientTexts
from shared.values.contacts import mailbox_of
from shared.values.datetimes import berlin_day
from shared.values.enums import CallAnswer, Channel
from shared.values.lists import Listed, ListRequest
from shared.values.reply_enums import AnswerNeed, ReplyKind, ReplyMatch, ReplyState

UNDECIDED: Final = frozenset({ReplyState.WAITING, ReplyState.RECORDED})


@dataclass(frozen=True)
class Received:
    """An e-mail as the mailbox has it."""

    raw: bytes
    """Its beginning, or all of it."""
    size: int
    fingerprint: bytes
    received_at: datetime
    uid_validity: int
    uid: int

    @property
    def is_cut(self) -> bool:
        """Whether there is more of it than was read."""
        return self.size > len(self.raw)


# What comes in


def receive(
    session: Session, texts: PatientTexts, tokens: LinkTokens, received: Received, *, rules: ContactRules, now: datetime
) -> bool:
    """Keep an e-mail of the mailbox, and do what follows from it by itself; False where it is kept already.

    Raises `TooEarly` for a report about an e-mail that is being sent: it is to be read again in a moment.
    """
    mail = incoming_mail.read(received.raw)
    match = reply_matching.match(session, tokens, mail, today=berlin_day(now))
    email = None if match.email_id is None else emails.lock_and_get(session, match.email_id)
    if mail.kind == ReplyKind.BOUNCE and email is not None and bounces.is_early(email, now=now):
        raise bounces.TooEarly
    reply = store.add(
        session,
        {
            "id": new_id(),
            **first_version(by=None, now=now),
            "kind": _kind(mail.kind, email),
            "state": ReplyState.RECORDED if mail.kind == ReplyKind.AUTO_REPLY else ReplyState.WAITING,
            "email_id": match.email_id,
            "patient_id": None if email is None else email.patient_id,
            "matched_by": match.by,
            "suggested_email_id": match.suggested,
            "received_at": received.received_at,
            "size": received.size,
            "is_cut": received.is_cut,
            "attachments": mail.attachments,
            "fingerprint": received.fingerprint,
            "uid_validity": received.uid_validity,
            "uid": received.uid,
        },
    )
    if reply is None:
        return False
    reply_contents.seal(session, texts, reply, ReplyContent.of(mail), email)
    if reply_effects.follow_receipt(session, texts, mail, email, match, rules=rules, now=now):
        reply.state = ReplyState.RECORDED
    session.flush()
    return True


def _kind(kind: ReplyKind, email: Email | None) -> ReplyKind:
    """What it is, by whom the e-mail went to that it answers."""
    if kind not in (ReplyKind.ANSWER, ReplyKind.PATIENT_ANSWER):
        return kind
    return ReplyKind.PATIENT_ANSWER if email is not None and email.patient_id is not None else ReplyKind.ANSWER


# What staff see


def list_part(session: Session, wanted: ListRequest[ReplyFilter]) -> Listed:
    """A part of the replies, without what they say."""
    filters = wanted.filters
    found = store.read_part(
        session,
        wanted.part,
        is_matched=filters.matched,
        therapist_id=filters.therapist_id,
        patient_id=copy_queries.with_kept(session, filters.patient_id),
        state=filters.state,
        kind=filters.kind,
        email_id=filters.email_id,
    )
    practices = store.therapists_of(session, {each.email_id for each in found.rows if each.email_id is not None})
    return found.shown(
        [ReplyFields.of(_fields(each, practices.get(each.email_id) if each.email_id else None)) for each in found.rows]
    )


def get(session: Session, texts: PatientTexts, reply_id: UUID, *, by: UUID | None, now: datetime) -> ReplyView:
    """One reply with what it says, and what it seems to answer. Raises `NotFound`."""
    return _view(session, texts, require(store.reply(session, reply_id), "reply"), by=by, now=now)


def _fields(reply: MailReply, therapist_id: UUID | None) -> dict[str, object]:
    names = ReplyFields.model_fields.keys() - {"therapist_id"}
    return {name: getattr(reply, name) for name in names} | {"therapist_id": therapist_id}


def _view(session: Session, texts: PatientTexts, reply: MailReply, *, by: UUID | None, now: datetime) -> ReplyView:
    content = _content(session, texts, reply)
    email = None if reply.email_id is None else email_queries.email(session, reply.email_id)
    shown_replies.record_reply(session, reply, by=by, now=now)
    return ReplyView.of(
        _fields(reply, None if email is None else email.therapist_id)
        | {
            "sender": content.sender,
            "sender_name": content.sender_name,
            "subject": content.subject,
            "body_text": content.text,
            "is_from_recipient": None if email is None else _is_recipient(session, texts, email, content.sender),
            "proposals": _proposals(session, reply, content.text, today=berlin_day(reply.received_at)),
        }
    )


def _is_recipient(session: Session, texts: PatientTexts, email: Email, sender: str) -> bool:
    mailbox = mailbox_of(sender)
    if email.patient_id is not None:
        return patient_addresses.went_to(session, texts, email, mailbox)
    return mailbox == email.recipient_key


def _content(session: Session, texts: PatientTexts, reply: MailReply) -> ReplyContent:
    found = reply_contents.read(session, texts, [reply])[reply.id]
    return ReplyContent("", "", "", texts.worded(found)) if isinstance(found, LostText) else found


def _proposals(session: Session, reply: MailReply, text: str, *, today: date) -> list[AnswerProposal]:
    """What a practice seems to answer; a program, a mail server or a patient answers nothing, whatever the words."""
    if reply.kind != ReplyKind.ANSWER:
        return []
    requests = {each.id: each for each in request_queries.requests_now(session, reply.placement_request_ids)}
    patients = copy_queries.patients(session, {each.patient_id for each in requests.values()})
    known = answer_store.newest_by_request(session, requests)
    asked = [
        (requests[id], patients.get(requests[id].patient_id)) for id in reply.placement_request_ids if id in requests
    ]
    names = [[patient.reference, *patient.other_references] if patient else [] for _, patient in asked]
    return [
        AnswerProposal(
            placement_request_id=request.id,
            patient_reference=(patient.reference or None) if patient else None,
            need=replies.need_of(request, patient, known.get(request.id)) if patient else AnswerNeed.OVER,
            outcome=proposed.outcome,
            available_from=proposed.available_from,
            because=proposed.because,
        )
        for (request, patient), proposed in zip(asked, answer_proposals.propose(text, names, today=today), strict=True)
    ]


# What staff decide


def confirm(
    session: Session,
    texts: PatientTexts,
    reply_id: UUID,
    said: ReplyConfirmation,
    *,
    rules: ContactRules,
    by: UUID | None,
    now: datetime,
) -> ReplyView:
    """Record what the practice answers: what staff say, or what is proposed for patients who need an answer.

    A yes must be said: after it the practice learns who the patient is, and a phrase may be read wrongly. Raises
    `NotFound`, `Conflict` where it is decided or changed already, is a patient's, answers no e-mail that is known, or a
    request is answered already, and `RuleBroken` where nothing is answered, a yes is only proposed, or it is not said
    which version of the reply the proposals were read in.
    """
    known = require(store.reply(session, reply_id), "reply")
    if known.email_id is None:
        raise Conflict("reply.not_matched")
    if known.patient_id is not None:
        raise Conflict("reply.from_patient")
    email = emails.lock_and_get(session, known.email_id)
    reply = _lock_undecided(session, reply_id)
    if reply.email_id != email.id or said.version not in (None, reply.version):
        raise Conflict("reply.changed_meanwhile")
    answers = [CallResponse.from_json(each.to_json()) for each in said.responses] or _proposed(session, texts, reply)
    if not answers:
        problem = FieldProblem.of("responses", "field.nothing_proposed")
        raise RuleBroken("reply.nothing_to_confirm", errors=[problem])
    if not said.responses and said.version is None:
        # who assigns the reply to another e-mail changes what is proposed
        raise RuleBroken("reply.version_not_said", errors=[FieldProblem.of("version", "field.version_not_said")])
    written_answers.record_written(session, texts, email, answers, channel=Channel.EMAIL, rules=rules, by=by, now=now)
    return _decide(session, texts, reply, ReplyState.CONFIRMED, by=by, now=now)


def _proposed(session: Session, texts: PatientTexts, reply: MailReply) -> list[CallResponse]:
    text = _content(session, texts, reply).text
    proposed = [
        CallResponse(
            placement_request_id=each.placement_request_id,
            outcome=CallAnswer(each.outcome),
            available_from=each.available_from,
        )
        for each in _proposals(session, reply, text, today=berlin_day(reply.received_at))
        if each.outcome is not None and each.need == AnswerNeed.OPEN
    ]
    if any(each.outcome == CallAnswer.ACCEPTED for each in proposed):
        problem = FieldProblem.of("responses", "field.acceptance_only_proposed")
        raise RuleBroken("reply.acceptance_only_proposed", errors=[problem])
    return proposed


def dismiss(session: Session, texts: PatientTexts, reply_id: UUID, *, by: UUID | None, now: datetime) -> ReplyView:
    """Say that nothing follows from a reply. Raises `NotFound`, and `Conflict` where it is decided already."""
    reply = _lock_undecided(session, reply_id)
    return _decide(session, texts, reply, ReplyState.DISMISSED, by=by, now=now)


def assign(
    session: Session,
    texts: PatientTexts,
    reply_id: UUID,
    to: ReplyAssignment,
    *,
    rules: ContactRules,
    by: UUID | None,
    now: datetime,
) -> ReplyView:
    """Say which e-mail a reply answers; where it wants no more of them, what follows for that e-mail's address.

    What follows from a mail server's report about the e-mail's recipient happens now. Raises `NotFound`, and `Conflict`
    where it is decided already, the e-mail never went out, or one that came back is being sent still.
    """
    email = emails.lock_and_get(session, to.email_id)
    if not reply_matching.went_out(email):
        raise Conflict("email.not_sent")
    reply = _lock_undecided(session, reply_id)
    content = reply_contents.read(session, texts, [reply])[reply.id]
    reply.email_id, reply.matched_by, reply.kind = email.id, ReplyMatch.STAFF, _kind(ReplyKind(reply.kind), email)
    if not isinstance(content, LostText):
        reply_contents.seal(session, texts, reply, content, email)
        if reply_effects.follow_assignment(session, texts, reply, content, email, rules=rules, now=now):
            reply.state = ReplyState.RECORDED
    return _changed(session, texts, reply, by=by, now=now)


def _lock_undecided(session: Session, reply_id: UUID) -> MailReply:
    reply = require(store.reply(session, reply_id, lock=True), "reply")
    if reply.state not in UNDECIDED:
        raise Conflict("reply.decided")
    return reply


def _decide(
    session: Session, texts: PatientTexts, reply: MailReply, state: ReplyState, *, by: UUID | None, now: datetime
) -> ReplyView:
    reply.state = state
    return _changed(session, texts, reply, by=by, now=now)


def _changed(session: Session, texts: PatientTexts, reply: MailReply, *, by: UUID | None, now: datetime) -> ReplyView:
    reply.count_change(by=by, now=now)
    session.flush()
    return _view(session, texts, reply, by=by, now=now)


# Their end


def remove_old(session: Session, *, rules: ContactRules, now: datetime, at_most: int) -> int:
    """Remove what came back longer ago than it is kept, with its keys; returns the number."""
    gone = store.remove_old(session, before=now - timedelta(days=rules.reply_days), limit=at_most)
    reply_contents.forget(session, gone)
    return len(gone)
