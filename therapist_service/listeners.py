"""Every event this service reacts to: which practices were written to and called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.database import Session
from shared.events.catalogue import CallRecorded, EmailSent
from shared.events.event import Event
from shared.events.listeners import Listeners
from therapist_service.domain import contacts

listeners = Listeners()


@listeners.locks_first
def lock_therapists(session: Session, events: Sequence[Event]) -> None:
    """Let nobody else change the therapists of these events: they are named in any order, also twice."""
    contacts.lock(session, {e.therapist_id for e in events if isinstance(e, EmailSent | CallRecorded)})


@listeners.effect(EmailSent)
def note_the_email(session: Session, event: EmailSent, *, now: datetime) -> None:  # noqa: ARG001 - all have it
    """Show staff when the practice was last written to."""
    contacts.note_email(session, event)


@listeners.effect(CallRecorded)
def note_the_call(session: Session, event: CallRecorded, *, now: datetime) -> None:  # noqa: ARG001 - all have it
    """Show staff when the practice was last called, and last reached."""
    contacts.note_call(session, event)
