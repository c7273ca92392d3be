"""A practice asks for no more inquiries, a patient for no more news, by a link: it shows a page, and a button acts.

Mail scanners open every link, so opening it changes nothing. Mail programs that offer "unsubscribe" press the button
themselves (RFC 8058).
"""

from __future__ import annotations

from datetime import datetime

from communication_service.domain import no_more_contact
from communication_service.domain.link_tokens import LinkPurpose, LinkTokens
from communication_service.store import email_queries
from communication_service.store.tables import Email
from shared.database import Session
from shared.database.rows import require
from shared.values.datetimes import berlin_day
from shared.values.reply_enums import SuppressionSource

BY_LINK = "The practice used the link in an e-mail."


def address(session: Session, tokens: LinkTokens, token: str, *, now: datetime) -> str | None:
    """Returns the address of a practice that the token's e-mail was sent to; None where it went to a patient.

    Raises `NotFound` for a token that is not valid.
    """
    return _email(session, tokens, token, now).recipient or None


def unsubscribe(session: Session, tokens: LinkTokens, token: str, *, now: datetime) -> str | None:
    """Write no more inquiries to that address, for everybody who uses it; returns it. Repeated, it changes nothing.

    Nor to the address that the practice has now. A patient is written to no more about how this search goes on; then
    it returns None. Raises `NotFound` for a token that is not valid.
    """
    email = _email(session, tokens, token, now)
    if email.patient_id is not None:
        stop_progress(email, now=now)
        return None
    no_more_contact.suppress_addresses(session, email, BY_LINK, SuppressionSource.LINK, now=now)
    return email.recipient


def stop_progress(email: Email, *, now: datetime) -> None:
    """Write no more to the patient of this e-mail about how this search goes on. Repeated, it changes nothing."""
    email.stopped_at = email.stopped_at or now


def _email(session: Session, tokens: LinkTokens, token: str, now: datetime) -> Email:
    email_id = tokens.read(LinkPurpose.UNSUBSCRIBE, token, today=berlin_day(now))
    return require(email_queries.email(session, email_id), "link")
