"""Work on a schedule and with the mail server: compose, send, doubt, follow up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from tenacity import stop_after_delay

from communication_service.dependencies import (
    AskForDetails,
    AskForSummaries,
    Dependencies,
    asking,
    asking_who,
    nobody_is_known,
    nobody_to_ask,
)
from communication_service.domain import (
    acceptances,
    composing,
    erasures,
    mail_server,
    notices,
    outgoing,
    personal_letters,
    placement_requests,
    practice_summaries,
    progress,
    sending,
)
from communication_service.domain.in_flight import InFlightEmail
from communication_service.domain.letter_headers import Links
from communication_service.domain.mail_server import NotTaken, TroubleCause, TroubleChange
from communication_service.domain.personal_letters import WantedDetails
from communication_service.domain.practice_summaries import NONE_ASKED, Summaries
from communication_service.domain.sending import EmailClaim
from communication_service.settings import ContactRules, Settings
from shared.database import Session, is_trouble, transaction
from shared.runtime import clock, metrics
from shared.runtime.health import ReadinessCheck
from shared.runtime.jobs import Job
from shared.runtime.logs import logger
from shared.runtime.mail_readiness import mail_server_check
from shared.runtime.retries import retrying
from shared.runtime.service_client import ServiceUnreachable
from shared.runtime.smtp import Delivery, MailServer, Report
from shared.runtime.spans import span
from shared.security.patient_texts import PatientTexts
from shared.values.emails import OutgoingEmail
from shared.values.mail_enums import MailMode
from shared.values.patient_details import PatientDetailsAnswer

log = logger(__name__)

AT_ONCE = 50
UNTIL_A_FAILURE_IS_TRIED_AGAIN = timedelta(minutes=10)
UNTIL_SUMMARIES_ARE_ASKED_AGAIN = timedelta(seconds=15)
RECORDING = retrying(is_trouble, stop=stop_after_delay(120))
"""What the mail server said must not be lost to a moment without a database: it would leave the e-mail in doubt."""


def compose(rules: ContactRules, texts: PatientTexts, now: datetime) -> int:
    """Put requests that have gathered into e-mails and calls; a therapist who cannot be handled holds up nobody."""
    with transaction() as session:
        due = composing.due(session, now=now, at_most=AT_ONCE)
    done, started = 0, clock.monotonic()
    for therapist_id, correlation_id in due:
        # the last of fifty comes seconds after the first: its events must not look older than those that came before
        at = now + timedelta(seconds=clock.monotonic() - started)
        with span("compose an inquiry", correlation_id=correlation_id):
            done += _compose(therapist_id, rules, texts, at)
    return done


def _compose(therapist_id: UUID, rules: ContactRules, texts: PatientTexts, now: datetime) -> int:
    try:
        with transaction() as session:
            return composing.compose_if_due(session, therapist_id, rules=rules, texts=texts, now=now)
    except Exception as problem:
        if is_trouble(problem):
            raise
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
    """Write to patients how their search goes on; returns the number of e-mails."""
    with transaction() as session:
        return progress.write_due(session, rules=rules, texts=texts, now=now, at_most=AT_ONCE)


DRY_RUN = Report(Delivery.SENT, "a dry run: nothing was handed over")
GIVEN_BACK = Report(Delivery.NOT_TRIED, "the worker stopped before the e-mail was handed over")
REFUSED = frozenset({Delivery.REFUSED_RECIPIENT, Delivery.REFUSED_MESSAGE})
CONCERNS_EVERY_EMAIL = frozenset({Delivery.REFUSED_US, Delivery.SERVER_TROUBLE, Delivery.IN_DOUBT})


@dataclass(frozen=True)
class PreparedEmail:
    """An e-mail that goes now, and what it was made of."""

    claim: EmailClaim
    outgoing: OutgoingEmail
    patients: Collection[UUID]
    """Of whom the patient service was asked."""
    wanted: WantedDetails | None
    details: PatientDetailsAnswer | None
    """Whom it names, or to whom it goes, as the patient service said."""
    claimed_at: float
    """By the monotonic clock."""


@dataclass(frozen=True)
class Sending:
    """Hands e-mails that may go to the mail server."""

    rules: ContactRules
    texts: PatientTexts
    server: MailServer
    ask: AskForSummaries = nobody_to_ask
    ask_who: AskForDetails = nobody_is_known
    links: Links | None = None
    fresh_seconds: float = 2.0
    """A letter that was claimed longer ago is looked at again before its first byte: a mail server may take half a
    minute until then, and what was withdrawn meanwhile must not go."""
    in_flight: InFlightEmail = field(default_factory=InFlightEmail, compare=False)

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts: certainly longer than a hand-over and its recording can take."""
        return timedelta(seconds=2 * self.server.longest_seconds)

    def run(self, now: datetime) -> int:
        """Send the first e-mail that may go; 1 where the server said what becomes of it."""
        with transaction() as session:
            waiting = sending.next_to_send(session, rules=self.rules, now=now)
            metrics.mail_server_in_trouble.set(mail_server.trouble(session) is not None)
        for email_id, correlation_id in waiting:
            with span("send an e-mail", "producer", correlation_id=correlation_id):
                report = self._send(email_id, now)
            if report is not None:
                # a server in trouble is left alone until its next turn
                return int(report.delivery not in (*CONCERNS_EVERY_EMAIL, Delivery.NOT_TRIED))
        return 0

    def _send(self, email_id: UUID, now: datetime) -> Report | None:
        """Claim, hand over, record: three steps, and nothing open while the server is spoken to."""
        claimed = self._claim(email_id, now)
        if claimed is None:
            return None
        claim, started = claimed.claim, clock.monotonic()
        report = GIVEN_BACK
        if self.in_flight.take(claim):
            report = self._deliver(claimed)
            self.in_flight.start_delivery()
        ended = now + timedelta(seconds=clock.monotonic() - started)
        for attempt in RECORDING:
            with attempt, transaction() as session:
                counted = _record(session, claim, report, rules=self.rules, now=ended)
        metrics.emails_handed_over.labels(report.delivery).inc()
        log.info("email.handed_over", email_id=str(email_id), outcome=report.delivery, counted=counted)
        return report

    def _deliver(self, claimed: PreparedEmail) -> Report:
        if claimed.claim.mode == MailMode.DRY_RUN:
            return DRY_RUN if self._may_go(claimed) else GIVEN_BACK
        going = claimed.outgoing
        report = self.server.deliver(going.sender, going.recipient, going.message, may_go=lambda: self._may_go(claimed))
        # a server quotes the address, and a patient's is kept nowhere
        return replace(report, detail=report.cause or report.delivery) if claimed.claim.is_to_patient else report

    def release(self, now: datetime) -> None:
        """Release the e-mail that a slow mail server has not let us hand over: it is not in doubt, it never went."""
        held = self.in_flight.close()
        if held is not None:
            with transaction() as session:
                _record(session, held, GIVEN_BACK, rules=self.rules, now=now)
            log.info("email.given_back", email_id=str(held.email_id))

    def _claim(self, email_id: UUID, now: datetime) -> PreparedEmail | None:
        try:
            with transaction() as session:
                patients = practice_summaries.patients_of_email(session, email_id)
                wanted = personal_letters.wanted(session, email_id)
            summaries, details = self._ask(patients, email_id), self._ask_who(wanted)
            with transaction() as session:
                claim = sending.claim(
                    session,
                    email_id,
                    rules=self.rules,
                    texts=self.texts,
                    lease=self.lease,
                    summaries=summaries,
                    details=details,
                    now=now,
                )
                if claim is None:
                    return None
                return PreparedEmail(
                    claim,
                    outgoing.message(claim, rules=self.rules, links=self.links, now=now),
                    patients,
                    wanted,
                    details,
                    clock.monotonic(),
                )
        except ServiceUnreachable:
            self._let_wait(email_id, now)
            return None
        except Exception as problem:
            if is_trouble(problem):
                raise
            log.exception("send.not_possible", email_id=str(email_id))
            with transaction() as session:
                until = now + UNTIL_A_FAILURE_IS_TRIED_AGAIN
                sending.postpone(session, email_id, until=until, detail=type(problem).__name__)
            return None

    def _ask(self, patients: Collection[UUID], email_id: UUID) -> Summaries:
        return self.ask(patients, f"letter {email_id}") if patients else NONE_ASKED

    def _ask_who(self, wanted: WantedDetails | None) -> PatientDetailsAnswer | None:
        return None if wanted is None else self.ask_who(wanted)

    def _let_wait(self, email_id: UUID, now: datetime) -> None:
        with transaction() as session:
            until = now + UNTIL_SUMMARIES_ARE_ASKED_AGAIN
            practice_summaries.let_wait(session, email_id, until=until, now=now)

    def _may_go(self, claimed: PreparedEmail) -> bool:
        """Asked last, when the mail server waits for the first byte: nobody can take the letter back after this."""
        return self._is_still_right(claimed) and self.in_flight.start_delivery()

    def _is_still_right(self, claimed: PreparedEmail) -> bool:
        claim = claimed.claim
        if clock.monotonic() - claimed.claimed_at < self.fresh_seconds:
            return True
        try:
            summaries = self._ask(claimed.patients, claim.email_id)
            if self._ask_who(claimed.wanted) != claimed.details:
                return False
            with transaction() as session:
                return practice_summaries.still_stands(session, claim.email_id, claim.text, summaries, rules=self.rules)
        except Exception as problem:  # the mail server waits: what is not certain does not go, and is tried again
            log.warning("send.not_certain", email_id=str(claim.email_id), problem=type(problem).__name__)
            return False


def _record(session: Session, claim: EmailClaim, report: Report, *, rules: ContactRules, now: datetime) -> bool:
    """Record what became of an e-mail; False where that is recorded already."""
    attempt, detail = (claim.email_id, claim.attempt), report.detail
    begins_trouble = _record_of_server(session, claim, report, rules=rules, now=now)
    if report.delivery == Delivery.SENT:
        return sending.record_sent(session, *attempt, rules=rules, now=now)
    if report.delivery == Delivery.IN_DOUBT:
        return sending.record_doubt(session, *attempt, detail=detail, now=now)
    if report.delivery in REFUSED and mail_server.is_refusal_believed(session):
        # a refusal of the address that stands for all of them says nothing of the practice's
        is_bad = report.delivery == Delivery.REFUSED_RECIPIENT and claim.mode == MailMode.SEND
        return sending.record_refusal(session, *attempt, detail=detail, address_is_bad=is_bad, now=now)
    began_trouble = report.delivery == Delivery.REFUSED_US and begins_trouble
    if report.delivery == Delivery.TRY_LATER or began_trouble:
        return sending.record_deferral(
            session, *attempt, detail=detail, rules=rules, now=now, began_trouble=began_trouble
        )
    return sending.record_not_tried(session, *attempt, detail=detail, now=now)


def _record_of_server(
    session: Session, claim: EmailClaim, report: Report, *, rules: ContactRules, now: datetime
) -> bool:
    """Write down what this says of the mail server; True where a trouble begins that concerns every e-mail."""
    change, cause = TroubleChange.NOTHING, TroubleCause(report.detail, report.cause)
    if claim.mode == MailMode.DRY_RUN:
        return False
    if report.delivery == Delivery.SENT:
        change = mail_server.record_taken(session)
    elif report.delivery in CONCERNS_EVERY_EMAIL:
        change = mail_server.record_trouble(session, cause, rules=rules, now=now)
    elif report.delivery != Delivery.NOT_TRIED:
        not_taken = NotTaken(
            claim.email_id, cause, is_first=claim.deferrals == 0, is_refused=report.delivery in REFUSED
        )
        change = mail_server.record_not_taken(session, not_taken, rules=rules, now=now)
    if change == TroubleChange.TROUBLE_BEGINS:
        log.error("mail_server.in_trouble", outcome=report.delivery, cause=report.cause)
    if change == TroubleChange.TROUBLE_ENDS:
        log.info("mail_server.works_again")
    return change == TroubleChange.TROUBLE_BEGINS


def retry_wrongly_refused(now: datetime) -> int:
    """Let e-mails wait again, and free their addresses, that a mail server refused which refuses everybody."""
    with transaction() as session:
        wrong = mail_server.list_wrongly_refused(session)
    for email_id in wrong:
        with transaction() as session:
            if mail_server.begin_to_take_back(session, email_id):
                sending.take_back_refusal(session, email_id, now=now)
        log.info("email.refusal_taken_back", email_id=str(email_id))
    return len(wrong)


MAIL_SERVER = mail_server_check(mail_server.trouble)


def doubts(now: datetime) -> int:
    """Put e-mails in doubt whose sender died; they are never sent again by themselves."""
    with transaction() as session:
        lost = sending.doubt_unrecorded(session, now=now)
    for email_id, correlation_id in lost:
        with span("doubt an e-mail", correlation_id=correlation_id):
            log.error("email.in_doubt", email_id=str(email_id))
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


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """The jobs of this service."""
    rules, texts = dependencies.rules, dependencies.texts
    patients, server = dependencies.patients, dependencies.mail_server
    sending = Sending(rules, texts, server, asking(patients), asking_who(patients), dependencies.links)
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
        Job("follow-up", timedelta(minutes=1), partial(follow_up, rules), needs_current_events=True),
    ]
