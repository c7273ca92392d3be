"""Locks on what has no row, or whose rows nobody may wait for: a practice, and the agency's line."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from shared.database import take_turn, try_to_take_turn

_THERAPIST: Final = "communication_service contacts a practice"
LINE: Final = "communication_service plans calls"
SENDING: Final = "communication_service counts the e-mails it sends"


def try_to_lock_therapist(session: Session, therapist_id: UUID) -> bool:
    """Whether this transaction may now change what goes to this therapist; False while another one does."""
    return try_to_take_turn(session, _THERAPIST, str(therapist_id))


def lock_therapist(session: Session, therapist_id: UUID) -> None:
    """Wait until no other transaction changes what goes to this therapist, and keep others out until ours ends."""
    take_turn(session, _THERAPIST, str(therapist_id))


def lock_sending(session: Session) -> None:
    """Let e-mails be claimed by one transaction at a time, where only so many may be in a minute or an hour."""
    take_turn(session, SENDING)


def lock_line(session: Session) -> None:
    """Let calls be planned by one transaction at a time, or two could wait for each other's slots."""
    take_turn(session, LINE)
