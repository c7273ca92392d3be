"""A practice answers an e-mail by its link: the page shows whom it is asked for, and a button acts.

The token is the right: it names one e-mail, so nothing of another practice can be answered with it. Mail scanners open
every link, and some press every button: an empty form changes nothing. What was recorded is never recorded again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from communication_service.domain import email_texts, emails, no_more_contact, reply_forms, written_answers
from communication_service.domain.link_tokens import LinkPurpose, LinkTokens
from communication_service.domain.reply_forms import FormAnswer, NoMore, Reply
from communication_service.domain.schemas import CallResponse
from communication_service.domain.template_values import Pseudonym
from communication_service.domain.unsubscribing import BY_LINK
from communication_service.settings import ContactRules
from communication_service.store import answers as store
from communication_service.store import copy_queries, email_queries, request_queries
from communication_service.store.tables import ContactRequest, Email, PatientPseudonym, RecordedAnswer
from shared.database import Session
from shared.database.rows import require
from shared.errors import Conflict, NotFound
from shared.events.catalogue import PracticeStated
from shared.events.outbox import record
from shared.security.patient_texts import PatientTexts
from shared.texts import TextLanguage
from shared.values.datetimes import berlin_day
from shared.values.enums import CallAnswer, Channel, EmailStatus, PatientStatus, RequestOutcome
from shared.values.reply_enums import AnswerNeed, SuppressionSource
from shared.values.weekly import Weekly

LOOKING: Final = frozenset({PatientStatus.SEARCHING, PatientStatus.PAUSED})


@dataclass(frozen=True)
class AskedPatient:
    """A patient of the e-mail, as its practice reads of them."""

    place: int
    """In the e-mail, from 0."""
    need: AnswerNeed
    pseudonym: Pseudonym
    """Of one for whom no answer is needed, only the reference is shown."""


@dataclass(frozen=True)
class ReplyQuestions:
    """What the page behind a link shows."""

    patients: Sequence[AskedPatient]
    """Without those who were erased."""
    phone_hours: Weekly | None
    """As they are known."""


@dataclass(frozen=True)
class Recorded:
    """What became of a form."""

    answered: Sequence[str]
    """References of the patients for whom this answer stands now."""
    left_out: Sequence[str]
    """Of those for whom another answer stands already, or no place is needed any more."""
    reply: Reply


def page(session: Session, tokens: LinkTokens, token: str, *, language: TextLanguage, now: datetime) -> ReplyQuestions:
    """Returns what the page of this link shows. Raises `NotFound` for a token that is not valid."""
    email = _email(session, tokens, token, now)
    practice = None if email.therapist_id is None else copy_queries.therapist(session, email.therapist_id)
    return ReplyQuestions(_patients(session, email, language), practice.phone_hours if practice else None)


def reply(
    session: Session,
    texts: PatientTexts,
    tokens: LinkTokens,
    token: str,
    form: Mapping[str, str],
    *,
    language: TextLanguage,
    rules: ContactRules,
    now: datetime,
) -> Recorded:
    """Record what a practice filled in: its answers, what it says of itself, and whether it wants no more contact.

    Of a patient who was answered for already, or needs no place any more, nothing changes. Raises `NotFound` for a
    token that is not valid, `Conflict` while the e-mail is being sent, and `RuleBroken` for a form that is empty or
    cannot be read; then nothing changes.
    """
    emails.lock_and_get(session, _email(session, tokens, token, now).id)
    email = _email(session, tokens, token, now)  # as it is now, locked
    wanted = reply_forms.read(form, patients=len(email.placement_request_ids), today=berlin_day(now))
    if email.status == EmailStatus.SENDING:
        raise Conflict("reply.too_early")
    request_queries.lock_requests(session, email.placement_request_ids)
    patients = {each.place: each for each in _patients(session, email, language)}
    known = store.newest_by_request(session, email.placement_request_ids)
    taken, stands = [], []
    for place, answer in wanted.answers.items():
        request_id = email.placement_request_ids[place]
        is_open = place in patients and patients[place].need == AnswerNeed.OPEN
        is_repeated = _says_the_same(known.get(request_id), answer)
        # what was corrected meanwhile may be said again; "later" is open and need not be
        if is_open and not (is_repeated and answer.outcome == RequestOutcome.LATER):
            taken.append(_response(request_id, answer))
        if is_open or is_repeated:
            stands.append(place)
    written_answers.record_written(
        session, texts, email, taken, channel=Channel.REPLY_LINK, rules=rules, by=None, now=now
    )
    _record_practice(session, email, wanted, now=now)
    session.flush()
    return Recorded(
        [patients[place].pseudonym.reference for place in stands if place in patients],
        [patients[place].pseudonym.reference for place in wanted.answers if place in patients and place not in stands],
        wanted,
    )


def _email(session: Session, tokens: LinkTokens, token: str, now: datetime) -> Email:
    email_id = tokens.read(LinkPurpose.REPLY, token, today=berlin_day(now))
    email = require(email_queries.email(session, email_id), "link")
    if email.therapist_id is None or email.status not in written_answers.ANSWERABLE:
        raise NotFound("link")
    return email


def _patients(session: Session, email: Email, language: TextLanguage) -> list[AskedPatient]:
    requests = {each.id: each for each in request_queries.requests_now(session, email.placement_request_ids)}
    copies = copy_queries.patients(session, {each.patient_id for each in requests.values()})
    known = store.newest_by_request(session, requests)
    found = []
    for place, request_id in enumerate(email.placement_request_ids):
        request = requests.get(request_id)
        copy = None if request is None else copies.get(request.patient_id)
        if request is not None and copy is not None:
            need = need_of(request, copy, known.get(request_id))
            found.append(AskedPatient(place, need, email_texts.pseudonym(copy, None, language)))
    return found


def need_of(request: ContactRequest, patient: PatientPseudonym, known: RecordedAnswer | None) -> AnswerNeed:
    """Whether an answer is needed; after "later" a practice may still say something else while the search goes on."""
    if request.answered:
        return AnswerNeed.ANSWERED
    is_later = known is not None and known.outcome == CallAnswer.LATER and request.withdrawal_reason is None
    is_wanted = request.asked or is_later
    return AnswerNeed.OPEN if is_wanted and patient.status in LOOKING else AnswerNeed.OVER


def _says_the_same(known: RecordedAnswer | None, answer: FormAnswer) -> bool:
    """Whether this answer is recorded already: a form was sent twice."""
    return known is not None and (known.outcome, known.available_from) == (answer.outcome, answer.available_from)


def _response(request_id: UUID, answer: FormAnswer) -> CallResponse:
    return CallResponse(
        placement_request_id=request_id,
        outcome=CallAnswer(answer.outcome),
        available_from=answer.available_from,
    )


def _record_practice(session: Session, email: Email, said: Reply, *, now: datetime) -> None:
    """Write to the practice no more, or contact it no more, where it wants that; publish what it says of itself.

    Nothing of it where this e-mail's practice said the same last: a browser sends a form again weeks later, and by then
    staff may have lifted the block, or somebody set newer phone hours.
    """
    statement = said.of_practice()
    if statement is None or statement == email.statement:
        return
    email.statement = statement
    if said.no_more is not None:
        no_more_contact.suppress_addresses(session, email, BY_LINK, SuppressionSource.LINK, now=now)
    if said.no_more == NoMore.CONTACT:
        no_more_contact.mark(session, email, now=now)
    if said.says_something_of_practice:
        assert email.therapist_id is not None  # `_email`
        event = PracticeStated(
            email_id=email.id,
            therapist_id=email.therapist_id,
            occurred_at=now,
            phone_hours=said.phone_hours.to_json() if said.phone_hours else None,
            individual=said.individual,
            group=said.group,
            no_contact=said.no_more == NoMore.CONTACT,
        )
        record(session, email, event, now=now)
