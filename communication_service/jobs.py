"""Work on a schedule and with the mail server: compose, send, doubt, follow up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from uuid import UUID

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from communication_service.clients.smtp import Delivery, MailServer, Report
from communication_service.dependencies import Dependencies
from communication_service.domain import composing, mail_server, requests, sending
from communication_service.domain.letters import Envelope, as_message, inquiry_headers
from communication_service.domain.mail_server import Cause, Change, NotTaken
from communication_service.domain.sending import Claim
from communication_service.settings import ContactRules
from shared.database import Session, is_trouble, transaction
from shared.errors import Unreachable
from shared.runtime import clock, metrics
from shared.runtime.health import ReadinessCheck
from shared.runtime.jobs import Job
from shared.runtime.logs import logger
from shared.runtime.spans import span

log = logger(__name__)

AT_ONCE = 50
UNTIL_A_FAILURE_IS_TRIED_AGAIN = timedelta(minutes=10)
RECORDING = Retrying(
    retry=retry_if_exception(is_trouble),
    wait=wait_exponential(multiplier=0.2, max=10),
    stop=stop_after_delay(120),
    reraise=True,
)
"""What the mail server said must not be lost to a moment without a database: it would leave the letter in doubt."""


def compose(rules: ContactRules, now: datetime) -> int:
    """Put requests that have gathered into letters and calls; a therapist who cannot be handled holds up nobody."""
    with transaction() as session:
        due = composing.due(session, now=now, at_most=AT_ONCE)
    done, started = 0, clock.monotonic()
    for therapist_id, correlation_id in due:
        # the last of fifty comes seconds after the first: what it tells must not look older than what came before it
        at = now + timedelta(seconds=clock.monotonic() - started)
        with span("compose an inquiry", correlation_id=correlation_id):
            done += _compose(therapist_id, rules, at)
    return done


def _compose(therapist_id: UUID, rules: ContactRules, now: datetime) -> int:
    try:
        with transaction() as session:
            return composing.compose_if_due(session, therapist_id, rules=rules, now=now)
    except Exception as problem:
        if is_trouble(problem):
            raise
        log.exception("compose.failed", therapist_id=str(therapist_id))
        with transaction() as session:
            composing.leave_alone(session, therapist_id, until=now + UNTIL_A_FAILURE_IS_TRIED_AGAIN)
        return 0


class Hand:
    """The claimed letter that this process holds, until the mail server has its first byte; two threads ask it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: Claim | None = None
        self._closed = False

    def take(self, claim: Claim) -> bool:
        """Hold this letter; False when nothing may go any more."""
        with self._lock:
            self._held = None if self._closed else claim
            return not self._closed

    def let_go(self) -> bool:
        """Whether the held letter may go: from now on nobody can give it back."""
        with self._lock:
            self._held = None
            return not self._closed

    def close(self) -> Claim | None:
        """Let nothing go any more; the letter that was still held."""
        with self._lock:
            self._closed, held, self._held = True, self._held, None
            return held


GIVEN_BACK = Report(Delivery.NOT_TRIED, "the worker stopped before the letter was handed over")
REFUSED = frozenset({Delivery.REFUSED_RECIPIENT, Delivery.REFUSED_MESSAGE})
CONCERNS_EVERY_LETTER = frozenset({Delivery.REFUSED_US, Delivery.SERVER_TROUBLE, Delivery.IN_DOUBT})


@dataclass(frozen=True)
class Sending:
    """Hands letters that may go to the mail server."""

    rules: ContactRules
    server: MailServer
    hand: Hand = field(default_factory=Hand, compare=False)

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts: certainly longer than a hand-over and its recording can take."""
        return timedelta(seconds=2 * self.server.longest_seconds)

    def run(self, now: datetime) -> int:
        """Send the first letter that may go; 1 where the server said what becomes of it."""
        with transaction() as session:
            waiting = sending.to_send(session, rules=self.rules, now=now)
            metrics.mail_server_in_trouble.set(mail_server.trouble(session) is not None)
        for email_id, correlation_id in waiting:
            with span("send an e-mail", "producer", correlation_id=correlation_id):
                report = self._send(email_id, now)
            if report is not None:
                # a server in trouble is left alone until its next turn
                return int(report.delivery not in (*CONCERNS_EVERY_LETTER, Delivery.NOT_TRIED))
        return 0

    def _send(self, email_id: UUID, now: datetime) -> Report | None:
        """Claim, hand over, record: three steps, and nothing open while the server is spoken to."""
        claimed = self._claim(email_id, now)
        if claimed is None:
            return None
        claim, envelope = claimed
        started = clock.monotonic()
        report = GIVEN_BACK
        if self.hand.take(claim):
            report = self.server.deliver(envelope.sender, envelope.recipient, envelope.message, may_go=self.hand.let_go)
            self.hand.let_go()
        ended = now + timedelta(seconds=clock.monotonic() - started)
        for attempt in RECORDING:
            with attempt, transaction() as session:
                counted = _record(session, claim, report, rules=self.rules, now=ended)
        metrics.emails_handed_over.labels(report.delivery).inc()
        log.info("email.handed_over", email_id=str(email_id), outcome=report.delivery, counted=counted)
        return report

    def release(self, now: datetime) -> None:
        """Free the letter that a slow mail server has not yet let us hand over: it is not in doubt, it never went."""
        held = self.hand.close()
        if held is not None:
            with transaction() as session:
                _record(session, held, GIVEN_BACK, rules=self.rules, now=now)
            log.info("email.given_back", email_id=str(held.email_id))

    def _claim(self, email_id: UUID, now: datetime) -> tuple[Claim, Envelope] | None:
        try:
            with transaction() as session:
                claim = sending.claim(session, email_id, rules=self.rules, lease=self.lease, now=now)
                return None if claim is None else (claim, self._envelope(claim, now))
        except Exception as problem:
            if is_trouble(problem):
                raise
            log.exception("send.not_possible", email_id=str(email_id))
            with transaction() as session:
                until = now + UNTIL_A_FAILURE_IS_TRIED_AGAIN
                sending.leave_alone(session, email_id, until=until, detail=type(problem).__name__)
            return None

    def _envelope(self, claim: Claim, now: datetime) -> Envelope:
        more = inquiry_headers(sender=self.rules.sender, date=now, correlation_id=claim.correlation_id)
        return as_message(
            claim.letter,
            sender=self.rules.sender,
            recipient=claim.recipient,
            message_id=claim.message_id,
            more=more,
        )


def _record(session: Session, claim: Claim, report: Report, *, rules: ContactRules, now: datetime) -> bool:
    """Write down what became of a letter; False where somebody has settled that meanwhile."""
    letter, detail = (claim.email_id, claim.attempt), report.detail
    begins_trouble = _record_of_server(session, claim, report, rules=rules, now=now)
    if report.delivery == Delivery.SENT:
        return sending.sent(session, *letter, rules=rules, now=now)
    if report.delivery == Delivery.IN_DOUBT:
        return sending.doubt(session, *letter, detail=detail, now=now)
    if report.delivery in REFUSED and mail_server.refusals_count(session):
        is_bad = report.delivery == Delivery.REFUSED_RECIPIENT
        return sending.refused(session, *letter, detail=detail, address_is_bad=is_bad, now=now)
    began_trouble = report.delivery == Delivery.REFUSED_US and begins_trouble
    if report.delivery == Delivery.TRY_LATER or began_trouble:
        return sending.put_off(session, *letter, detail=detail, rules=rules, now=now, began_trouble=began_trouble)
    return sending.not_tried(session, *letter, detail=detail, now=now)


def _record_of_server(session: Session, claim: Claim, report: Report, *, rules: ContactRules, now: datetime) -> bool:
    """Write down what this says of the mail server; True where a trouble begins that concerns every letter."""
    change, cause = Change.NOTHING, Cause(report.detail, report.cause)
    if report.delivery == Delivery.SENT:
        change = mail_server.record_taken(session)
    elif report.delivery in CONCERNS_EVERY_LETTER:
        change = mail_server.record_trouble(session, cause, rules=rules, now=now)
    elif report.delivery != Delivery.NOT_TRIED:
        letter = NotTaken(claim.email_id, cause, is_first=claim.refusals == 0, is_refused=report.delivery in REFUSED)
        change = mail_server.record_not_taken(session, letter, rules=rules, now=now)
    if change == Change.TROUBLE_BEGINS:
        log.error("mail_server.in_trouble", outcome=report.delivery, cause=report.cause)
    if change == Change.TROUBLE_ENDS:
        log.info("mail_server.works_again")
    return change == Change.TROUBLE_BEGINS


def take_back_refusals(now: datetime) -> int:
    """Let letters wait again, and free their addresses, that a mail server refused which refuses everybody."""
    with transaction() as session:
        wrong = mail_server.refusals_to_take_back(session)
    for email_id in wrong:
        with transaction() as session:
            if mail_server.begin_to_take_back(session, email_id):
                sending.take_back_refusal(session, email_id, now=now)
        log.info("email.refusal_taken_back", email_id=str(email_id))
    return len(wrong)


def mail_server_takes_letters() -> bool:
    """True; raises `Unreachable` with the reason while letters are held back."""
    with transaction() as session:
        trouble = mail_server.trouble(session)
    if trouble:
        raise Unreachable("mail_server.in_trouble", trouble)
    return True


MAIL_SERVER = ReadinessCheck("mail_server", mail_server_takes_letters, decisive=False)
"""Not decisive: a worker that is started anew would not be let in either, and calls are planned meanwhile."""


def doubts(now: datetime) -> int:
    """Put letters in doubt whose sender died; they are never sent again by themselves."""
    with transaction() as session:
        lost = sending.doubt_what_nobody_recorded(session, now=now)
    for email_id, correlation_id in lost:
        with span("doubt an e-mail", correlation_id=correlation_id):
            log.error("email.in_doubt", email_id=str(email_id))
    return len(lost)


def follow_up(rules: ContactRules, now: datetime) -> int:
    """Let practices be called that left a letter unanswered for a week."""
    with transaction() as session:
        return requests.follow_up(session, rules=rules, now=now)


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """The jobs of this service."""
    rules = dependencies.rules
    sending = Sending(rules, dependencies.mail_server)
    return [
        Job("compose", timedelta(seconds=1), partial(compose, rules)),
        Job("send", timedelta(seconds=1), sending.run, release=sending.release),
        Job("take-back", timedelta(seconds=15), take_back_refusals),
        Job("doubts", timedelta(seconds=15), doubts),
        Job("follow-up", timedelta(minutes=1), partial(follow_up, rules)),
    ]
