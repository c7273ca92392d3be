"""Work on a schedule and with the mail server: compose, send, doubt, follow up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from communication_service.dependencies import Dependencies
from communication_service.domain import (
    acceptances,
    composing,
    erasures,
    mail_server,
    notices,
    placement_requests,
    progress,
    published_contacts,
    sending,
)
from communication_service.jobs.asking import asking, asking_who
from communication_service.jobs.call_plans import PlanningCalls
from communication_service.jobs.email_sending import UNTIL_A_FAILURE_IS_TRIED_AGAIN, Sending
from communication_service.jobs.reading import ReadingReplies, remove_old_replies
from communication_service.settings import ContactRules, Settings
from shared.database import is_trouble, transaction
from shared.runtime import clock
from shared.runtime.health import ReadinessCheck
from shared.runtime.jobs import Job
from shared.runtime.logs import logger
from shared.runtime.mail_readiness import mail_server_check
from shared.runtime.spans import span
from shared.security.patient_texts import PatientTexts

__all__ = ["Sending", "jobs", "needs"]

log = logger(__name__)

AT_ONCE = 50
DUE_AT_ONCE = 200
"""So many therapists are found due at once: to find them reads every request that is due."""


def compose(rules: ContactRules, texts: PatientTexts, now: datetime, *, together: int = AT_ONCE) -> int:
    """Put requests that have gathered into e-mails and calls; a therapist who cannot be handled holds up nobody.

    `together`: for how many therapists in one transaction.
    """
    with transaction() as session:
        due = [each.therapist_id for each in composing.due(session, now=now, at_most=DUE_AT_ONCE)]
    done, started = 0, clock.monotonic()
    for first in range(0, len(due), together):
        # the last of them comes seconds after the first: its events must not look older than those that came before
        at = now + timedelta(seconds=clock.monotonic() - started)
        done += _compose(due[first : first + together], rules, texts, at)
    return done


def _compose(therapist_ids: Sequence[UUID], rules: ContactRules, texts: PatientTexts, now: datetime) -> int:
    try:
        with span("compose inquiries"), transaction() as session:
            return composing.compose_if_due(session, therapist_ids, rules=rules, texts=texts, now=now)
    except Exception as problem:
        if is_trouble(problem):
            raise
        if len(therapist_ids) > 1:  # each by itself: it is one of them whose data cause it
            return sum(_compose([each], rules, texts, now) for each in therapist_ids)
        (therapist_id,) = therapist_ids
        log.exception("compose.failed", therapist_id=str(therapist_id))
        with transaction() as session:
            composing.postpone(session, therapist_id, until=now + UNTIL_A_FAILURE_IS_TRIED_AGAIN)
        return 0


def write_withdrawals(rules: ContactRules, texts: PatientTexts, now: datetime) -> int:
    """Write to practices, which were written to, that requests are withdrawn; returns the number of e-mails."""
    with transaction() as session:
        due = notices.due(session, rules=rules, now=now, at_most=AT_ONCE)
    write = partial(notices.write_withdrawals, rules=rules, texts=texts, now=now)
    return _write_each("withdrawal", due, write, notices.postpone, now)


def write_confirmations(rules: ContactRules, texts: PatientTexts, now: datetime) -> int:
    """Write to practices that accepted who the patient is, and to patients which practice; returns the number."""
    with transaction() as session:
        notices.release_waiting(session, now=now, at_most=AT_ONCE)
        due = acceptances.due(session, rules=rules, now=now, at_most=AT_ONCE)
    write = partial(acceptances.write, rules=rules, texts=texts, now=now)
    return _write_each("confirmation", due, write, acceptances.postpone, now)


def _write_each(
    kind: str,
    due: Sequence[tuple[UUID, str | None]],
    write: Callable[..., int],
    postpone: Callable[..., None],
    now: datetime,
) -> int:
    """Write what is due, each in a transaction of its own; one that cannot be written is postponed."""
    written = 0
    for id, cause in due:
        with span(f"write a {kind}", correlation_id=cause):
            try:
                with transaction() as session:
                    written += write(session, id, cause=cause)
            except Exception as problem:
                if is_trouble(problem):
                    raise
                log.exception(f"{kind}.failed", id=str(id))
                with transaction() as session:
                    postpone(session, id, until=now + UNTIL_A_FAILURE_IS_TRIED_AGAIN)
    return written


def write_progress(rules: ContactRules, texts: PatientTexts, now: datetime) -> int:
    """Write to patients how their search goes on; returns the number of e-mails.

    Each in a transaction of its own: one whose data cause an error holds up nobody, and is tried again the next time.
    """
    written, last = 0, None
    while True:
        with transaction() as session:
            due = progress.due(session, rules=rules, now=now, after=last, at_most=AT_ONCE)
        if not due:
            return written
        last = due[-1]
        written += sum(_write_progress(each, rules, texts, now) for each in due)


def _write_progress(patient_id: UUID, rules: ContactRules, texts: PatientTexts, now: datetime) -> int:
    try:
        with span("write a progress mail"), transaction() as session:
            return progress.write(session, patient_id, rules=rules, texts=texts, now=now)
    except Exception as problem:
        if is_trouble(problem):
            raise
        log.exception("progress.failed", patient_id=str(patient_id))
        return 0


def retry_wrongly_refused(now: datetime) -> int:
    """Let e-mails wait again, and free their addresses, that a mail server refused which refuses everybody.

    One that cannot wait again holds up nobody; it is tried again at the next time.
    """
    with transaction() as session:
        wrong = mail_server.list_wrongly_refused(session)
    for email_id in wrong:
        try:
            with transaction() as session:
                if mail_server.begin_to_take_back(session, email_id):
                    sending.take_back_refusal(session, email_id, now=now)
        except Exception as problem:
            if is_trouble(problem):
                raise
            log.exception("email.refusal_not_taken_back", email_id=str(email_id))
        else:
            log.info("email.refusal_taken_back", email_id=str(email_id))
    return len(wrong)


MAIL_SERVER = mail_server_check(mail_server.trouble)


def doubts(now: datetime) -> int:
    """Put e-mails in doubt whose sender died; they are never sent again by themselves."""
    with transaction() as session:
        lost = sending.doubt_unrecorded(session, now=now)
    for each in lost:
        with span("doubt an e-mail", correlation_id=each.correlation_id):
            log.error("email.in_doubt", email_id=str(each.email_id))
    return len(lost)


def follow_up(rules: ContactRules, now: datetime) -> int:
    """Let practices be called that left an e-mail unanswered for a week."""
    with transaction() as session:
        return placement_requests.follow_up(session, rules=rules, now=now)


def needs(settings: Settings) -> Sequence[ReadinessCheck]:
    """That every key is there with which something was written."""
    return [Dependencies.of(settings).rings.needed()]


def confirm_erasures(now: datetime) -> int:
    """Confirm that nothing which may yet go out speaks of a patient who was erased."""
    with transaction() as session:
        notices.cancel_about_erased(session, now=now, at_most=AT_ONCE)
    with transaction() as session:
        return erasures.confirm_erasures(session, now=now)


def publish_contacts(rules: ContactRules, now: datetime) -> int:
    """Publish how practices can be contacted, and when callers phone, where that has changed."""
    with transaction() as session:
        return published_contacts.publish(session, rules=rules, now=now)


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """The jobs of this service."""
    rules, texts = dependencies.rules, dependencies.texts
    sending = Sending(
        rules,
        texts,
        dependencies.mail_server,
        asking(dependencies.patients),
        asking_who(dependencies.patients),
        dependencies.links,
        connections=rules.mail_connections,
    )
    reading = ReadingReplies(rules, texts, dependencies.links.tokens, dependencies.mailbox)
    return [
        Job("compose", timedelta(seconds=1), partial(compose, rules, texts), needs_current_events=True),
        Job("send", timedelta(seconds=1), sending.run, release=sending.release, needs_current_events=True),
        Job("withdrawals", timedelta(seconds=1), partial(write_withdrawals, rules, texts), needs_current_events=True),
        Job(
            "confirmations", timedelta(seconds=1), partial(write_confirmations, rules, texts), needs_current_events=True
        ),
        Job("progress", timedelta(minutes=1), partial(write_progress, rules, texts), needs_current_events=True),
        Job("take-back", timedelta(seconds=15), retry_wrongly_refused),
        Job("doubts", timedelta(seconds=15), doubts),
        Job("erasures", timedelta(seconds=2), confirm_erasures),
        Job("plan-calls", timedelta(seconds=30), PlanningCalls(rules, texts).run, needs_current_events=True),
        Job("publish-contacts", timedelta(seconds=10), partial(publish_contacts, rules)),
        Job("read-replies", timedelta(minutes=1), reading.run),
        Job("old-replies", timedelta(minutes=10), partial(remove_old_replies, rules)),
        Job("follow-up", timedelta(minutes=1), partial(follow_up, rules), needs_current_events=True),
    ]
