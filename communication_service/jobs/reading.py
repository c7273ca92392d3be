"""The job that reads the mailbox: fetched outside of any transaction, each e-mail kept in one of its own."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from communication_service.clients.imap_mailbox import ImapMailbox, MailboxMessage, MailboxTrouble
from communication_service.domain import mail_replies, mailbox_reading
from communication_service.domain.bounces import TooEarly
from communication_service.domain.link_tokens import LinkTokens
from communication_service.domain.mail_replies import Received
from communication_service.domain.mailbox_reading import Position
from communication_service.settings import ContactRules
from shared.database import is_trouble, transaction
from shared.runtime import metrics
from shared.runtime.logs import logger
from shared.runtime.mail_readiness import mailbox_check
from shared.security.patient_texts import PatientTexts
from shared.values.datetimes import berlin_day

log = logger(__name__)

AT_ONCE = 50
"""How many e-mails one run reads."""
MAILBOX = mailbox_check(mailbox_reading.trouble)


@dataclass(frozen=True)
class ReadingReplies:
    """Reads what practices and mail servers write back."""

    rules: ContactRules
    texts: PatientTexts
    tokens: LinkTokens
    mailbox: ImapMailbox | None

    def run(self, now: datetime) -> int:
        """Keep what came into the mailbox since the last run; without IMAP_HOST there is none, and a log line says so.

        Returns the number of e-mails that are kept now, and were not before.
        """
        if self.mailbox is None:
            log.info("mailbox.none", setting="IMAP_HOST")
            with transaction() as session:
                mailbox_reading.forget_trouble(session, now=now)
            return 0
        lease = timedelta(seconds=2 * self.mailbox.whole_seconds)
        with transaction() as session:
            position = mailbox_reading.take(session, self.mailbox.name, lease=lease, now=now)
        return 0 if position is None else self._read(self.mailbox, position, now)

    def _read(self, box: ImapMailbox, position: Position, now: datetime) -> int:
        since = berlin_day(now) - timedelta(days=self.rules.reply_days)
        kept, cause = 0, None
        try:
            unread = box.unread(
                uid_validity=position.uid_validity, last_uid=position.last_uid, since=since, at_most=AT_ONCE
            )
            with closing(unread) as messages:
                for message in messages:
                    kept += self._keep(message, now)
        except TooEarly:
            # it stays unread, and all behind it, until the e-mail that came back is recorded: moments, at most a lease
            log.info("reply.too_early")
        except MailboxTrouble as trouble:
            cause = trouble.cause
        with transaction() as session:
            is_change = mailbox_reading.record_end(session, cause=cause, now=now)
            metrics.replies_waiting.set(mailbox_reading.count_waiting(session))
        metrics.mailbox_in_trouble.set(cause is not None)
        if is_change:
            log.warning("mailbox.in_trouble", cause=cause) if cause else log.info("mailbox.works_again")
        return kept

    def _keep(self, message: MailboxMessage, now: datetime) -> int:
        """Keep an e-mail, and how far the mailbox was read, together."""
        received = Received(
            raw=message.raw,
            size=message.size,
            fingerprint=hashlib.sha256(b"%d:" % message.size + message.raw).digest(),
            received_at=min(message.received_at or now, now),
            uid_validity=message.uid_validity,
            uid=message.uid,
        )
        try:
            is_new = self._receive(received, now)
        except Exception as problem:
            if is_trouble(problem) or isinstance(problem, TooEarly):
                raise
            # one that nobody can keep must not hold up all that follow: staff look into the mailbox
            log.exception("reply.failed", uid=message.uid)
            is_new = self._receive(replace(received, raw=b""), now)
        if is_new:
            metrics.replies_read.inc()
        return int(is_new)

    def _receive(self, received: Received, now: datetime) -> bool:
        with transaction() as session:
            is_new = mail_replies.receive(session, self.texts, self.tokens, received, rules=self.rules, now=now)
            mailbox_reading.record_position(session, Position(received.uid_validity, received.uid))
        return is_new


def remove_old_replies(rules: ContactRules, now: datetime) -> int:
    """Remove what came back by e-mail longer ago than CONTACT_REPLY_DAYS."""
    with transaction() as session:
        return mail_replies.remove_old(session, rules=rules, now=now, at_most=AT_ONCE)
