"""What comes in and what goes out: addresses that get no inquiries."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.values.contacts import EmailAddress
from shared.values.reply_enums import SuppressionSource
from shared.values.schemas import EntityView, Schema
from shared.values.text import Reason


class NewSuppression(Schema):
    """An address that is to get no inquiries, and why."""

    email: Annotated[EmailAddress, Field(examples=["keine-anfragen@example.org"])]
    """The address."""
    reason: Reason
    """Why it gets no inquiries."""


class SuppressionView(NewSuppression, EntityView):
    """An address that gets no inquiries, for everybody who uses it."""

    source: SuppressionSource
    """Who has suppressed the address: staff, the practice (`opt_out` in its entry, `link` in an e-mail, `reply` by an
    e-mail to us), or a mail server (`mail_server` that refused an e-mail, `bounce` that sent one back)."""
    recorded_by: UUID | None
    """The account of who entered it; null where nobody did."""
