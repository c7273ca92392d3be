"""A claimed e-mail as it is handed to the mail server: to its recipient, or to an address of ours instead."""

from __future__ import annotations

import re
from datetime import datetime
from html import escape
from uuid import UUID

from communication_service.domain.email_claims import EmailClaim
from communication_service.domain.letter_headers import REPLY_LINK_HERE, LetterHeaders, Links
from communication_service.domain.link_tokens import LinkPurpose
from communication_service.settings import ContactRules
from shared.values.emails import EmailText, OutgoingEmail, as_message
from shared.values.mail_enums import MailMode

_BODY = re.compile("<body[^>]*>")
"""Every letter in HTML has one."""


def message(claim: EmailClaim, *, rules: ContactRules, links: Links | None, now: datetime) -> OutgoingEmail:
    """Returns the message of a claimed e-mail; one that is redirected says whom it was for.

    Its links would act for the practice or the patient: it has none, and its address for answers names no e-mail.
    """
    is_redirected = claim.mode == MailMode.REDIRECT
    headers = LetterHeaders(
        rules.sender, None if is_redirected else links, rules.reply_tokens, language=rules.letter_language
    )
    text = _redirected(claim) if is_redirected else _with_link(claim.text, claim.email_id, rules, links, now)
    return as_message(
        text,
        sender=rules.sender,
        recipient=rules.redirect_to if is_redirected else claim.recipient,
        message_id=claim.message_id,
        more=_headers(claim, headers, now),
    )


def _headers(claim: EmailClaim, headers: LetterHeaders, now: datetime) -> dict[str, str]:
    if not claim.is_to_patient:
        return headers.of(claim.email_id, date=now, correlation_id=claim.correlation_id)
    return headers.to_patient(
        claim.email_id,
        date=now,
        correlation_id=claim.correlation_id,
        is_about_progress=claim.is_about_progress,
    )


def _with_link(text: EmailText, email_id: UUID, rules: ContactRules, links: Links | None, now: datetime) -> EmailText:
    """The letter with its link to answer; without a key to sign one, with the address to write to."""
    if REPLY_LINK_HERE not in text.text and REPLY_LINK_HERE not in text.html:
        return text
    url = links.url(LinkPurpose.REPLY, email_id, now=now) if links else f"mailto:{rules.sender.address}"
    anchor = f'<a href="{escape(url)}">{escape(url)}</a>'
    return EmailText(text.subject, text.text.replace(REPLY_LINK_HERE, url), text.html.replace(REPLY_LINK_HERE, anchor))


def _redirected(claim: EmailClaim) -> EmailText:
    # where a patient is written to stands in no e-mail to anybody else
    whom = "den Patienten gesendet" if claim.is_to_patient else f"die Praxis gesendet: {claim.recipient}"
    note = f"Umgeleitet, nicht an {whom}"
    html = _BODY.sub(lambda body: f"{body[0]}\n<p>{escape(note)}</p>", claim.text.html, count=1)
    return EmailText(f"[{note}] {claim.text.subject}", f"{note}\n\n{claim.text.text}", html)
