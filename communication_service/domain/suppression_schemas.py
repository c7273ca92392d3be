"""What comes in and what goes out: addresses that get no inquiries."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.values.contacts import EmailAddress
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

    source: Literal["staff", "opt_out", "mail_server", "link"]
    """Who has suppressed the address: staff, the practice (in its entry, or by the link in an e-mail), or a mail server
    that refuses it."""
    recorded_by: UUID | None
    """The account of who entered it; null where nobody did."""
