"""Lists of calls to take along: a document to print, and entries of a calendar (docs/decisions/0050).

Calendars are often kept by others: an entry names the practice, and of the patients nothing but how many they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from communication_service.domain import calls
from communication_service.domain.schemas import PhoneCallFilter
from communication_service.settings import ContactRules
from communication_service.store import callers, copy_queries, request_queries
from communication_service.store.tables import PhoneCall
from shared.database import Session
from shared.errors import FieldProblem, RuleBroken
from shared.texts import Sentence, TextLanguage
from shared.values.calendar_events import CalendarEvent
from shared.values.contacts import format_phone
from shared.values.datetimes import BERLIN, berlin_day
from shared.values.enums import CallStatus
from shared.values.lists import ListRequest
from shared.values.printable import Column, PrintableDocument, PrintableTable

MOST_CALLS = 1000
"""A week of several callers; a document of more takes long to write."""


@dataclass(frozen=True)
class ListedCall:
    """A call, with what is needed to make it without looking anything up."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    changes: int
    is_cancelled: bool
    attempt: int
    caller: str
    practice: str
    phones: str
    references: Sequence[str]


@dataclass(frozen=True)
class CallList:
    """Calls in the order of a list, in words of this language."""

    calls: Sequence[ListedCall]
    made_at: datetime
    language: TextLanguage
    author: str
    """The agency."""


def read(
    session: Session,
    wanted: ListRequest[PhoneCallFilter],
    *,
    rules: ContactRules,
    by: UUID | None,
    language: TextLanguage,
    now: datetime,
) -> CallList:
    """All calls that are wanted. Raises `RuleBroken` where there are more than a list holds."""
    part = replace(wanted.part.beginning(), limit=MOST_CALLS, is_export=True)
    found = calls.find(session, replace(wanted, part=part), by=by)
    if found.position is not None:
        problem = FieldProblem.of("from", "field.too_many_calls", most=MOST_CALLS)
        raise RuleBroken("phone_call.too_many", most=MOST_CALLS, errors=[problem])
    return CallList(_listed(session, found.rows), now, language, rules.mail_from_name)


def _listed(session: Session, found: Sequence[PhoneCall]) -> list[ListedCall]:
    practices = copy_queries.therapists(session, {call.therapist_id for call in found})
    names = callers.names(session, {call.caller_id for call in found if call.caller_id is not None})
    of_requests = request_queries.patients_of_requests(
        session, [id for call in found for id in call.placement_request_ids]
    )
    patients = copy_queries.patients(session, of_requests.values())
    references = {id: patients[patient].reference for id, patient in of_requests.items() if patient in patients}
    listed = []
    for call in found:
        practice = practices.get(call.therapist_id)
        known = calls.called_therapist(practice) if practice else None
        numbers = (practice.phone, practice.mobile) if practice else ()
        listed.append(
            ListedCall(
                id=call.id,
                starts_at=call.starts_at,
                ends_at=call.ends_at,
                changed_at=call.updated_at,
                changes=call.version,
                is_cancelled=call.status == CallStatus.CANCELLED,
                attempt=call.attempt,
                caller=names.get(call.caller_id, "") if call.caller_id else "",
                practice=known.name if known else "",
                phones=", ".join(format_phone(each) for each in numbers if each),
                references=[references[id] for id in call.placement_request_ids if id in references],
            )
        )
    return listed


def events(found: CallList) -> list[CalendarEvent]:
    """The calls as entries of a calendar."""
    return [
        CalendarEvent(
            id=call.id,
            changed_at=call.changed_at,
            changes=call.changes,
            starts_at=call.starts_at,
            ends_at=call.ends_at,
            summary=_in_words(found, Sentence.of("call_list.event", practice=call.practice)),
            description=_in_words(found, _about(call)),
            is_cancelled=call.is_cancelled,
        )
        for call in found.calls
    ]


def _about(call: ListedCall) -> Sentence:
    number = str(len(call.references))
    return Sentence.of("call_list.event_about", phones=call.phones, patients=number, who=call.caller)


def document(found: CallList) -> PrintableDocument:
    """The calls as a document."""
    as_of = _in_words(found, Sentence.of("call_list.made_at", made_at=_clock(found.made_at)))
    columns = [
        (Sentence.of("call_list.time"), 20.0),
        (Sentence.of("call_list.practice"), 30.0),
        (Sentence.of("call_list.phones"), 22.0),
        (Sentence.of("call_list.patients"), 20.0),
        (Sentence.of("call_list.attempt"), 10.0),
        (Sentence.of("call_list.who"), 15.0),
    ]
    rows = [
        (_clock(call.starts_at), call.practice, call.phones, ", ".join(call.references), str(call.attempt), call.caller)
        for call in found.calls
        if not call.is_cancelled
    ]
    return PrintableDocument(
        author=found.author,
        made_on=berlin_day(found.made_at),
        language=found.language,
        title=_in_words(found, Sentence.of("call_list.title")),
        paragraphs=[as_of],
        tables=[
            PrintableTable(
                _in_words(found, Sentence.of("call_list.calls")),
                [Column(_in_words(found, heading), width) for heading, width in columns],
                rows,
            )
        ],
        foot=as_of,
        page=lambda page, pages: _in_words(found, Sentence.of("call_list.page", page=page, pages=pages)),
    )


def _in_words(found: CallList, sentence: Sentence) -> str:
    return sentence.in_language(found.language)


def _clock(moment: datetime) -> str:
    return moment.astimezone(BERLIN).strftime("%d.%m.%Y %H:%M")
