"""Locks on what has no row, or whose rows nobody may wait for: a practice, and the agency's line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from shared.database import take_turn, take_turns, try_to_take_turn, try_to_take_turns

_THERAPIST: Final = "communication_service contacts a practice"
LINE: Final = "communication_service plans calls"
SENDING: Final = "communication_service counts the e-mails it sends"


def try_to_lock_therapist(session: Session, therapist_id: UUID) -> bool:
    """Whether this transaction may now change what goes to this therapist; False while another one does."""
    return try_to_take_turn(session, _THERAPIST, str(therapist_id))


def try_to_lock_therapists(session: Session, therapist_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these therapists that no other transaction changes now; none will before ours ends."""
    names: dict[tuple[str, ...], UUID] = {(_THERAPIST, str(each)): each for each in therapist_ids}
    return {names[taken] for taken in try_to_take_turns(session, names)}


def lock_therapist(session: Session, therapist_id: UUID) -> None:
    """Wait until no other transaction changes what goes to this therapist, and keep others out until ours ends."""
    take_turn(session, _THERAPIST, str(therapist_id))


def lock_therapists(session: Session, therapist_ids: Iterable[UUID]) -> None:
    """The same of several, in one order."""
    take_turns(session, [(_THERAPIST, str(each)) for each in therapist_ids])


def lock_sending(session: Session) -> None:
    """Let e-mails be claimed by one transaction at a time, where only so many may be in a minute or an hour."""
    take_turn(session, SENDING)


def lock_line(session: Session) -> None:
    """Let calls be planned by one transaction at a time, or two could wait for each other's slots."""
    take_turn(session, LINE)
