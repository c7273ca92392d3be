"""What the sheet of a call says of its patients, for which the patient service is asked as somebody looks at it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from communication_service.dependencies import Dependencies
from communication_service.domain import claims, personal_letters, practice_summaries
from communication_service.domain.practice_summaries import NO_NEXT_SHEET, NO_SUMMARIES, NextSheet, SheetSummaries
from communication_service.jobs.asking import asking, asking_who
from shared.database import transaction
from shared.runtime.service_client import ServiceUnreachable


def ask_for_call(call_id: UUID, dependencies: Dependencies, *, by: UUID | None) -> SheetSummaries:
    """What may be said in this call now of its patients, asked for with no transaction open; `by` looks at the call.

    Of one by which a practice offered a place and that cannot be written to, also who the patient is.
    """
    with transaction() as session:
        wanted = practice_summaries.patients_of_call(session, call_id)
        accepted = personal_letters.wanted_for_call(session, call_id, by=by)
    if not wanted and not accepted:
        return NO_SUMMARIES
    patients, language = dependencies.patients, dependencies.rules.letter_language
    try:
        summaries = asking(patients)(wanted, f"call {call_id}, shown to {by}")
        answers = [(each, asking_who(patients)(each).details) for each in accepted]
    except ServiceUnreachable:
        return SheetSummaries(are_missing=True)
    shown = [personal_letters.identified(each, details, language) for each, details in answers if details]
    return SheetSummaries(summaries, identities=shown)


def ask_for_next(dependencies: Dependencies, *, by: UUID | None, now: datetime, besides: UUID | None) -> NextSheet:
    """The same of the call that would be claimed next, after this one; another may be claimed by then."""
    with transaction() as session:
        call_id = claims.find_next(session, rules=dependencies.rules, by=by, now=now, besides=besides)
    return NO_NEXT_SHEET if call_id is None else NextSheet(call_id, ask_for_call(call_id, dependencies, by=by))
