"""Every event this service reacts to: which practices were asked, written to and called, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.database import Session
from shared.events.catalogue import CallRecorded, ContactEntered, EmailSent, PracticeStated, RequestApproved
from shared.events.event import Event
from shared.events.listeners import Listeners
from therapist_service.domain import contacts, practice_statements

listeners = Listeners()

ContactEvent = RequestApproved | EmailSent | CallRecorded | ContactEntered | PracticeStated


@listeners.locks_first
def lock_therapists(session: Session, events: Sequence[Event]) -> None:
    """Let nobody else change the therapists of these events: they are named in any order, also twice."""
    contacts.lock(session, {e.therapist_id for e in events if isinstance(e, ContactEvent)})


@listeners.effect(RequestApproved)
def record_the_request(session: Session, event: RequestApproved, *, now: datetime) -> None:
    """Remember that somebody is to ask the practice, so that it cannot be removed any more."""
    contacts.record_request(session, event, now=now)


@listeners.effect(ContactEntered)
def record_the_contact(session: Session, event: ContactEntered, *, now: datetime) -> None:
    """Remember that a contact log names the practice, so that it cannot be removed any more."""
    contacts.record_entered(session, event, now=now)


@listeners.effect(EmailSent)
def record_the_email(session: Session, event: EmailSent, *, now: datetime) -> None:
    """Show staff when the practice was last written to."""
    contacts.record_email(session, event, now=now)


@listeners.effect(CallRecorded)
def record_the_call(session: Session, event: CallRecorded, *, now: datetime) -> None:
    """Show staff when the practice was last called, and last reached."""
    contacts.record_call(session, event, now=now)


@listeners.effect(PracticeStated)
def follow_the_practice(session: Session, event: PracticeStated, *, now: datetime) -> None:
    """Write down what the practice says of its phone hours and places, and that it wants no contact."""
    practice_statements.follow(session, event, now=now)
