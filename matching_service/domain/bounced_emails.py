"""What follows here where an e-mail came back: it was no contact, and proves nothing to the insurer."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from matching_service.domain import audit_log
from matching_service.domain.contact_log import Contact
from matching_service.store import contact_log, queries
from shared.database import Session
from shared.events.catalogue import EmailBounced
from shared.values.contact_log_enums import ContactResult
from shared.values.placement_enums import AuditEvent

SENT: Final = frozenset({AuditEvent.EMAILED, AuditEvent.CONFIRMATION, AuditEvent.WITHDRAWAL})


def follow(session: Session, event: EmailBounced, *, now: datetime) -> None:
    """Take the entries of the e-mail back in the logs of its requests, unless somebody corrected them already.

    The caller holds the locks. Who is asked next is said by the call that communication plans.
    """
    for request in queries.lock_with_patients(session, set(event.placement_request_ids)):
        entries = queries.audit_log_of(session, [request.id])
        sent = [each.id for each in entries if each.what in SENT and each.occurred_at == event.sent_at]
        if sent and not contact_log.corrections_of(session, sent):
            audit_log.add_entry(
                session,
                request,
                AuditEvent.BOUNCED,
                occurred_at=event.bounced_at,
                by=None,
                cause=sent[-1],
                contact=Contact(ContactResult.TAKEN_BACK, None, corrects=sent[-1]),
                now=now,
            )
