"""A claimed e-mail as it is handed to the mail server: to the practice, or to an address of ours that stands for it."""

from __future__ import annotations

import re
from datetime import datetime
from html import escape

from communication_service.domain.letter_headers import LetterHeaders, Links
from communication_service.domain.sending import EmailClaim
from communication_service.settings import ContactRules
from shared.values.emails import EmailText, OutgoingEmail, as_message
from shared.values.mail_enums import MailMode

_BODY = re.compile("<body[^>]*>")
"""Every letter in HTML has one."""


def message(claim: EmailClaim, *, rules: ContactRules, links: Links | None, now: datetime) -> OutgoingEmail:
    """Returns the message of a claimed e-mail; one that is redirected says whom it was for."""
    headers = LetterHeaders(rules.sender, links, rules.reply_tokens, language=rules.letter_language)
    is_redirected = claim.mode == MailMode.REDIRECT
    return as_message(
        _redirected(claim) if is_redirected else claim.text,
        sender=rules.sender,
        recipient=rules.redirect_to if is_redirected else claim.recipient,
        message_id=claim.message_id,
        more=headers.of(claim.email_id, date=now, correlation_id=claim.correlation_id),
    )


def _redirected(claim: EmailClaim) -> EmailText:
    note = f"Umgeleitet, nicht an die Praxis gesendet: {claim.recipient}"
    html = _BODY.sub(lambda body: f"{body[0]}\n<p>{escape(note)}</p>", claim.text.html, count=1)
    return EmailText(f"[{note}] {claim.text.subject}", f"{note}\n\n{claim.text.text}", html)
