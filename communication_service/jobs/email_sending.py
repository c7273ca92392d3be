"""Hands e-mails to the mail server: claimed some at a time, then each by itself, on connections that are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from tenacity import stop_after_delay

from communication_service.domain import mail_server, outgoing, personal_letters, practice_summaries, sending
from communication_service.domain.email_claims import EmailClaim, EmailToSend, claim_all, next_to_send
from communication_service.domain.email_texts import NONE_ASKED, Summaries
from communication_service.domain.in_flight import InFlightEmails
from communication_service.domain.letter_headers import Links
from communication_service.domain.mail_server import NotTaken, TroubleCause, TroubleChange
from communication_service.domain.personal_letters import WantedDetails
from communication_service.domain.sending import Taken
from communication_service.jobs.asking import (
    Age,
    AskForDetails,
    AskForSummaries,
    in_questions,
    nobody_is_known,
    nobody_to_ask,
    purpose_of,
)
from communication_service.settings import ContactRules
from shared.database import Session, is_trouble, transaction
from shared.runtime import clock, metrics
from shared.runtime.logs import logger
from shared.runtime.retries import retrying
from shared.runtime.service_client import ServiceUnreachable
from shared.runtime.smtp import Delivery, MailServer, Report
from shared.runtime.smtp_connections import KeptConnections
from shared.runtime.spans import span
from shared.security.patient_texts import PatientTexts
from shared.values.emails import OutgoingEmail
from shared.values.mail_enums import MailMode
from shared.values.patient_details import PatientDetailsAnswer

log = logger(__name__)

UNTIL_A_FAILURE_IS_TRIED_AGAIN = timedelta(minutes=10)
UNTIL_SUMMARIES_ARE_ASKED_AGAIN = timedelta(seconds=15)
TOGETHER_SECONDS = 0.02
RECORDING = retrying(is_trouble, stop=stop_after_delay(120))
"""What the mail server said must not be lost to a moment without a database: it would leave the e-mail in doubt."""
DRY_RUN = Report(Delivery.SENT, "a dry run: nothing was handed over")
GIVEN_BACK = Report(Delivery.NOT_TRIED, "the worker stopped before the e-mail was handed over")
REFUSED = frozenset({Delivery.REFUSED_RECIPIENT, Delivery.REFUSED_MESSAGE})
CONCERNS_EVERY_EMAIL = frozenset({Delivery.REFUSED_US, Delivery.SERVER_TROUBLE, Delivery.IN_DOUBT})
UNSAID = CONCERNS_EVERY_EMAIL | {Delivery.NOT_TRIED}
"""The server said nothing of the e-mail: a server in trouble is left alone until its next turn."""


@dataclass(frozen=True)
class PreparedEmail:
    """An e-mail that goes now, and what it was made of."""

    claim: EmailClaim
    outgoing: OutgoingEmail
    patients: Collection[UUID]
    """Of whom the patient service was asked."""
    named: WantedDetails | None
    details: PatientDetailsAnswer | None
    """Whom it names, or to whom it goes, as the patient service said."""
    since_claim: Age
    """How long ago it was claimed."""
    since_asked: Age
    """How long ago the patient service was asked; of nobody: how long ago it was claimed."""


class Asked(NamedTuple):
    """What the patient service said for e-mails, by their ids."""

    summaries: dict[UUID, Summaries]
    details: dict[UUID, PatientDetailsAnswer]
    ages: dict[UUID, Age]
    """How old each answer is at most: the patient service was asked so long ago."""


class HandedOver(NamedTuple):
    """What became of an e-mail, and when."""

    claim: EmailClaim
    report: Report
    at: datetime


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
    """A letter for which the patient service was asked longer ago is looked at again before its first byte: a mail
    server may take half a minute until then, and what was withdrawn meanwhile must not go."""
    connections: int = 1
    """So many e-mails at once, on connections that are kept until nothing is left; 1: a new one for each e-mail."""
    in_flight: InFlightEmails = field(default_factory=InFlightEmails, compare=False)

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts: certainly longer than a hand-over and its recording can take."""
        return timedelta(seconds=2 * self.server.longest_seconds)

    @cached_property
    def _kept(self) -> KeptConnections:
        return KeptConnections(self.server, self.connections)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.connections, thread_name_prefix="send")

    def run(self, now: datetime) -> int:
        """Send the next e-mails that may go; returns of how many the server said what becomes of them."""
        since = clock.stopwatch()
        with transaction() as session:
            waiting = next_to_send(session, rules=self.rules, now=now)
            in_trouble = mail_server.trouble(session) is not None
            metrics.mail_server_in_trouble.set(in_trouble)
        # a server in trouble gets one to try
        at_once = 1 if in_trouble else self._kept.room
        while waiting:
            some, waiting = _first(waiting, at_once)
            if claimed := self._claim(some, now, since):
                return sum(report.delivery not in UNSAID for report in self._send_all(claimed, now))
        self._kept.close()
        return 0

    def _send_all(self, claimed: Sequence[PreparedEmail], now: datetime) -> list[Report]:
        """Hand over what was claimed, and record what becomes of each as soon as it is known."""
        if len(claimed) == 1:
            return self._record([self._send(claimed[0], now)])
        sending = {self._threads.submit(self._send, each, now) for each in claimed}
        reports: list[Report] = []
        while sending:
            wait(sending, return_when=FIRST_COMPLETED)
            # most servers answer all of them within moments: what they said is recorded together
            done, sending = wait(sending, timeout=TOGETHER_SECONDS)
            reports += self._record([each.result() for each in done])
        return reports

    def _send(self, claimed: PreparedEmail, now: datetime) -> HandedOver:
        """Hand over one e-mail, with nothing open while the server is spoken to."""
        claim, started = claimed.claim, clock.monotonic()
        with span("send an e-mail", "producer", correlation_id=claim.correlation_id):
            report = GIVEN_BACK
            if self.in_flight.take(claim):
                report = self._deliver(claimed)
                self.in_flight.start_delivery(claim)
        return HandedOver(claim, report, now + timedelta(seconds=clock.monotonic() - started))

    def _record(self, handed: Sequence[HandedOver]) -> list[Report]:
        for attempt in RECORDING:
            with attempt:
                counted = _record_all(handed, self.rules)
        for each in handed:
            with span("record an e-mail", correlation_id=each.claim.correlation_id):
                metrics.emails_handed_over.labels(each.report.delivery).inc()
                email_id, is_counted = each.claim.email_id, each.claim.email_id in counted
                outcome = each.report.delivery
                log.info("email.handed_over", email_id=str(email_id), outcome=outcome, counted=is_counted)
        return [each.report for each in handed]

    def _deliver(self, claimed: PreparedEmail) -> Report:
        if claimed.claim.mode == MailMode.DRY_RUN:
            return DRY_RUN if self._may_go(claimed) else GIVEN_BACK
        going = claimed.outgoing
        server = self.server if self.connections == 1 else self._kept
        report = server.deliver(going.sender, going.recipient, going.message, may_go=lambda: self._may_go(claimed))
        # a server quotes the address, and a patient's is kept nowhere
        return replace(report, detail=report.cause or report.delivery) if claimed.claim.is_to_patient else report

    def release(self, now: datetime) -> None:
        """Release the e-mails that a slow mail server has not let us hand over: they are not in doubt, they never went.

        (docs/decisions/0007)
        """
        for held in self.in_flight.close():
            with transaction() as session:
                _record(session, held, GIVEN_BACK, rules=self.rules, now=now)
            log.info("email.given_back", email_id=str(held.email_id))

    def _claim(self, wanted: Sequence[EmailToSend], now: datetime, since: Age) -> list[PreparedEmail]:
        """Claim those of these e-mails that may go; one that cannot be handled holds up nobody.

        `since`: how long ago it was `now`; the questions take a while, in which no claim has begun.
        """
        with transaction() as session:
            patients = practice_summaries.patients_of_emails(session, [each.email_id for each in wanted])
            # a notice is alone
            named = None if wanted[0].is_inquiry else personal_letters.wanted(session, wanted[0].email_id)
        asked = self._ask_for_all(wanted, patients, named, now)
        try:
            return self._claim_with(asked, patients, named, now, since) if asked.summaries else []
        except Exception as problem:
            if is_trouble(problem):
                raise
            if len(wanted) > 1:  # each by itself: it is one of them whose data cause it
                return [one for each in wanted for one in self._claim([each], now, since)]
            email_id = wanted[0].email_id
            log.exception("send.not_possible", email_id=str(email_id))
            with transaction() as session:
                until = now + UNTIL_A_FAILURE_IS_TRIED_AGAIN
                sending.postpone(session, email_id, until=until, detail=type(problem).__name__)
            return []

    def _claim_with(
        self,
        asked: Asked,
        patients: Mapping[UUID, Collection[UUID]],
        named: WantedDetails | None,
        now: datetime,
        since: Age,
    ) -> list[PreparedEmail]:
        since_claim = clock.stopwatch()
        with transaction() as session:
            claims = claim_all(
                session,
                asked.summaries,
                rules=self.rules,
                texts=self.texts,
                lease=since() + self.lease,
                details=asked.details,
                now=now,
            )
            return [
                PreparedEmail(
                    claim,
                    outgoing.message(claim, rules=self.rules, links=self.links, now=now),
                    patients[claim.email_id],
                    named,
                    asked.details.get(claim.email_id),
                    since_claim,
                    asked.ages[claim.email_id],
                )
                for claim in claims
            ]

    def _ask_for_all(
        self,
        wanted: Sequence[EmailToSend],
        patients: Mapping[UUID, Collection[UUID]],
        named: WantedDetails | None,
        now: datetime,
    ) -> Asked:
        """What each e-mail may say of its patients; those wait of whose patients nobody answers."""
        found = Asked({}, {}, {})
        for email_ids in in_questions({each.email_id: patients.get(each.email_id) for each in wanted}):
            age = clock.stopwatch()
            try:
                summaries = self._ask({id for each in email_ids for id in patients[each]}, email_ids)
                if named is not None:
                    found.details[email_ids[0]] = self.ask_who(named)
            except ServiceUnreachable:
                for email_id in email_ids:
                    self._let_wait(email_id, now)
                continue
            for email_id in email_ids:
                found.summaries[email_id] = {id: summaries[id] for id in patients[email_id]}
                found.ages[email_id] = age
        in_order = [each.email_id for each in wanted if each.email_id in found.summaries]
        return found._replace(summaries={each: found.summaries[each] for each in in_order})

    def _ask(self, patients: Collection[UUID], email_ids: Sequence[UUID]) -> Summaries:
        return self.ask(patients, purpose_of(email_ids)) if patients else NONE_ASKED

    def _let_wait(self, email_id: UUID, now: datetime) -> None:
        with transaction() as session:
            until = now + UNTIL_SUMMARIES_ARE_ASKED_AGAIN
            practice_summaries.let_wait(session, email_id, until=until, now=now)

    def _may_go(self, claimed: PreparedEmail) -> bool:
        """Asked last, when the mail server waits for the first byte: nobody can take the letter back after this."""
        return self._is_still_right(claimed) and self.in_flight.start_delivery(claimed.claim)

    def _is_still_right(self, claimed: PreparedEmail) -> bool:
        claim = claimed.claim
        if claimed.since_claim() >= self.lease:
            return False  # this process stood still: the e-mail is in doubt, or somebody else's
        if claimed.since_asked() < timedelta(seconds=self.fresh_seconds):
            return True
        try:
            summaries = self._ask(claimed.patients, [claim.email_id])
            if claimed.named is not None and self.ask_who(claimed.named) != claimed.details:
                return False
            with transaction() as session:
                return practice_summaries.still_stands(
                    session, claim.email_id, claim.attempt, claim.text, summaries, rules=self.rules
                )
        except Exception as problem:  # the mail server waits: what is not certain does not go, and is tried again
            log.warning("send.not_certain", email_id=str(claim.email_id), problem=type(problem).__name__)
            return False


def _first(waiting: list[EmailToSend], at_once: int) -> tuple[list[EmailToSend], list[EmailToSend]]:
    """The first e-mails, to be claimed together, and the others; a notice is claimed alone."""
    number = 0
    while number < min(at_once, len(waiting)) and waiting[number].is_inquiry:
        number += 1
    return waiting[: max(1, number)], waiting[max(1, number) :]


def _record_all(handed: Sequence[HandedOver], rules: ContactRules) -> set[UUID]:
    """Record what became of e-mails; returns the ids of those of which that was not recorded already.

    Those that were taken are recorded together, each other one by itself.
    """
    sent = [each for each in handed if each.report.delivery == Delivery.SENT]
    counted: set[UUID] = set()
    if len(sent) > 1:
        with transaction() as session:
            if any(each.claim.mode != MailMode.DRY_RUN for each in sent):
                _say(mail_server.record_taken(session))
            taken = [Taken(each.claim.email_id, each.claim.attempt, each.at) for each in sent]
            counted |= sending.record_all_sent(session, taken, rules=rules, now=max(each.at for each in sent))
        handed = [each for each in handed if each.report.delivery != Delivery.SENT]
    for each in handed:
        with span("record an e-mail", correlation_id=each.claim.correlation_id), transaction() as session:
            if _record(session, each.claim, each.report, rules=rules, now=each.at):
                counted.add(each.claim.email_id)
    return counted


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
        change = mail_server.record_trouble(session, cause, claimed_at=claim.claimed_at, rules=rules, now=now)
    elif report.delivery != Delivery.NOT_TRIED:
        not_taken = NotTaken(
            claim.email_id, cause, is_first=claim.deferrals == 0, is_refused=report.delivery in REFUSED
        )
        change = mail_server.record_not_taken(session, not_taken, rules=rules, now=now)
    if change == TroubleChange.TROUBLE_BEGINS:
        log.error("mail_server.in_trouble", outcome=report.delivery, cause=report.cause)
    _say(change)
    return change == TroubleChange.TROUBLE_BEGINS


def _say(change: TroubleChange) -> None:
    if change == TroubleChange.TROUBLE_ENDS:
        log.info("mail_server.works_again")
