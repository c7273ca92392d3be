"""What comes in: e-mails that staff write themselves."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from shared.values.enums import EmailKind
from shared.values.schemas import Schema
from shared.values.text import Line, Note


class DraftText(Schema):
    """What staff can change of an e-mail that they wrote."""

    subject: Line
    """Its subject."""
    body_text: Note
    """Its text."""


class NewDraft(DraftText):
    """An e-mail that staff write to the practice of one request; it goes once somebody approves it."""

    kind: Literal[EmailKind.CONFIRMATION, EmailKind.WITHDRAWAL]
    """What it is about. Inquiries are composed, never written by hand."""
    placement_request_id: UUID
    """The request that it is about; it goes to the therapist of that request."""
