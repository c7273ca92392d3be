"""How and when practices would be asked: by what is known here of therapists, and what communication_service published.

A forecast promises nothing: the communication service plans by its own tables, some seconds later. It decides here by
the same rules: docs/domain.md#contact-rule-4 (which channel), #contact-rule-5 (the days between e-mails) and
#contact-rule-7 (when practices are called), with docs/decisions/0055 (holidays, the days between letters and calls).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from matching_service.domain.forecast_schemas import (
    Contactable,
    ContactForecast,
    ContactForecastQuestion,
    ContactForecastsView,
)
from matching_service.domain.known_patients import unknown_patient
from matching_service.settings import DEFAULT_INTERVAL
from matching_service.store import practice_contacts as store
from matching_service.store import queries
from shared.database import Executor
from shared.texts import Sentence
from shared.values.contact_plan_enums import PlannedChannel
from shared.values.datetimes import berlin_day, start_of_berlin_day
from shared.values.enums import ContactPreference, PatientStatus, TherapistStatus
from shared.values.forecast_enums import ForecastWait
from shared.values.practice_holidays import last_closed_day, periods
from shared.values.public_holidays import is_without_calls, may_be_public_holiday
from shared.values.weekly import Weekly

HORIZON: Final = timedelta(days=60)
"""Within so many days a time to phone is looked for, as calls are planned."""
A_DAY: Final = timedelta(days=1)
PHONE, EMAIL = PlannedChannel.PHONE, PlannedChannel.EMAIL
NOT_KNOWN: Final = Contactable(None, None, ForecastWait.THERAPIST_NOT_KNOWN, None)
NOBODY: Final = (None, NOT_KNOWN)
"""In place of a therapist whose copy is not here (any more)."""


class LetterWait(NamedTuple):
    """Why a practice gets no letter on a day."""

    waits_for: ForecastWait
    until: date
    """The last day of it."""


@dataclass(frozen=True)
class Calling:
    """When callers phone."""

    minutes: Mapping[date, int] | None
    """Of each day that is known; None: nobody has hours, so that calls are made at any time."""

    @classmethod
    def of(cls, days: Sequence[Mapping[str, Any]] | None) -> Calling:
        """From what was published."""
        return cls(None if days is None else {date.fromisoformat(each["day"]): each["minutes"] for each in days})

    def may_be_on(self, day: date) -> bool:
        """Whether somebody may phone that day; of a day that is not known yet, somebody does."""
        return self.minutes is None or self.minutes.get(day, 1) > 0


def forecast(
    executor: Executor,
    question: ContactForecastQuestion,
    *,
    days_apart: int = DEFAULT_INTERVAL.days_between_email_and_call,
    now: datetime,
) -> ContactForecastsView:
    """How and when each of these therapists would be asked for the patient, in the order of the question.

    `days_apart`: so many days lie between a letter and a call.

    Raises `NotFound` for a patient whose copy is not here.
    """
    patient = queries.patient(executor, question.patient_id)
    if patient is None:
        raise unknown_patient(executor, question.patient_id)
    kept_back = _kept_back(executor, patient)
    # of who was merged into another therapist the kept one is asked
    kept = queries.kept_therapists(executor, question.therapist_ids)
    found = contactable(executor, set(kept.values()), days_apart=days_apart, now=now)
    return ContactForecastsView(
        patient_id=patient.id,
        forecasts=[_shown(id, found.get(kept[id]), kept_back) for id in question.therapist_ids],
    )


def _kept_back(executor: Executor, patient: Any) -> ForecastWait | None:
    """Why nobody is asked for the patient, whichever practice it is."""
    if patient.status == PatientStatus.PAUSED:
        return ForecastWait.SEARCH_PAUSED
    if patient.status not in (PatientStatus.SEARCHING, PatientStatus.OPEN):
        return ForecastWait.SEARCH_ENDED
    return ForecastWait.ACCEPTED_ELSEWHERE if store.is_offered_a_place(executor, patient.id) else None


def _shown(id: UUID, known: tuple[Any, Contactable] | None, kept_back: ForecastWait | None) -> ContactForecast:
    if known is None:
        how = NOT_KNOWN
        return ContactForecast.of({"therapist_id": id, "name": None, "city": None, **how.fields(), "text": _words(how)})
    row, how = known
    if kept_back is not None and how.channel is not None:
        how = Contactable(how.channel, None, kept_back, None)
    return ContactForecast.of(
        {"therapist_id": id, "name": row.name, "city": row.city, **how.fields(), "text": _words(how)}
    )


def _words(how: Contactable) -> Sentence:
    if how.earliest_at is None:
        return Sentence.of(f"forecast_wait.{how.waits_for}")
    day = berlin_day(how.earliest_at)
    if how.channel == EMAIL:
        return Sentence.of("forecast.email_on", day=day) if how.waits_for else Sentence.of("forecast.email")
    if how.waits_for == ForecastWait.PLANNED_CALL:
        return Sentence.of("forecast.planned_call", day=day)
    return Sentence.of("forecast.phone", day=day)


def contactable(
    executor: Executor,
    therapist_ids: Collection[UUID],
    *,
    days_apart: int = DEFAULT_INTERVAL.days_between_email_and_call,
    now: datetime,
) -> dict[UUID, tuple[Any, Contactable]]:
    """How and when each of these therapists can be contacted, with their row; those who are not known are left out."""
    rows = store.of_therapists(executor, therapist_ids)
    calling = Calling.of(next((row.days for row in rows if row.days is not None), None))
    return {row.id: (row, of_practice(row, calling, days_apart=days_apart, now=now)) for row in rows}


def of_practice(practice: Any, calling: Calling, *, days_apart: int, now: datetime) -> Contactable:
    """How and when a practice can be contacted; `practice`: a row of `store.practice_contacts.of_therapists`."""
    if practice.status != TherapistStatus.ACTIVE:
        return Contactable(None, None, ForecastWait.THERAPIST_NOT_ACTIVE, None)
    if practice.contact_preference == ContactPreference.NONE:
        return Contactable(None, None, ForecastWait.NO_CONTACT_WANTED, None)
    if _is_written_to(practice):
        return _by_email(practice, days_apart, now)
    if practice.contact_preference == ContactPreference.EMAIL_ONLY:
        is_suppressed = practice.mailbox is not None and practice.email_suppressed
        return Contactable(
            EMAIL,
            None,
            ForecastWait.EMAIL_SUPPRESSED if is_suppressed else ForecastWait.EMAIL_ADDRESS_MISSING,
            None,
        )
    return _by_phone(practice, calling, now)


def _is_written_to(practice: Any) -> bool:
    has_address = practice.mailbox is not None and practice.mailbox.isascii() and not practice.email_suppressed
    return has_address and practice.contact_preference != ContactPreference.PHONE_ONLY


def _by_email(practice: Any, days_apart: int, now: datetime) -> Contactable:
    waits = letter_wait(practice, berlin_day(now), days_apart=days_apart)
    if waits is None:
        return Contactable(EMAIL, now, None, None)
    # on the day after, something else may begin
    further: LetterWait | None = waits
    while further is not None:
        day = further.until + A_DAY
        further = letter_wait(practice, day, days_apart=days_apart)
    return Contactable(EMAIL, start_of_berlin_day(day), *waits)


def letter_wait(practice: Any, day: date, *, days_apart: int) -> LetterWait | None:
    """Why the practice gets no letter that day, of several reasons the one that lasts longest; None where it does."""
    return max(_letter_waits(practice, day, days_apart), key=lambda each: each.until, default=None)


def _letter_waits(practice: Any, day: date, days_apart: int) -> Iterator[LetterWait]:
    again_on = practice.email_again_on
    if again_on is not None and again_on > day:
        yield LetterWait(ForecastWait.EMAILED_RECENTLY, again_on - A_DAY)
    closed_until = last_closed_day(tuple(periods(practice.holidays)), day)
    if closed_until is not None:
        yield LetterWait(ForecastWait.PRACTICE_HOLIDAYS, closed_until)
    called_on = practice.planned_call_at and berlin_day(practice.planned_call_at)
    if called_on and day <= called_on < day + days_apart * A_DAY:
        yield LetterWait(ForecastWait.PLANNED_CALL, called_on)


def _by_phone(practice: Any, calling: Calling, now: datetime) -> Contactable:
    if practice.phone_hours is None:
        return Contactable(PHONE, None, ForecastWait.PHONE_HOURS_UNKNOWN, None)
    if not practice.can_be_phoned or practice.number_is_wrong:
        return Contactable(PHONE, None, ForecastWait.PHONE_NUMBER_MISSING, None)
    planned = practice.planned_call_at
    if planned is not None:
        return Contactable(PHONE, max(planned, now), ForecastWait.PLANNED_CALL, berlin_day(max(planned, now)))
    not_before = _not_called_before(practice, now)
    earliest = _first_hour(practice, calling, not_before)
    if earliest is None:
        return Contactable(PHONE, None, ForecastWait.NO_FREE_SLOT, None)
    if earliest <= now:
        return Contactable(PHONE, earliest, None, None)
    waits = ForecastWait.EMAILED_RECENTLY if not_before > now else ForecastWait.PHONE_HOURS
    return Contactable(PHONE, earliest, waits, berlin_day(earliest))


def _not_called_before(practice: Any, now: datetime) -> datetime:
    """Now, or the beginning of the first day after those between a letter and a call."""
    first = practice.call_again_on
    return now if first is None else max(now, start_of_berlin_day(first))


def _first_hour(practice: Any, calling: Calling, not_before: datetime) -> datetime | None:
    """The first instant at which the practice answers the phone, on a day on which callers phone and it is open."""
    hours: Weekly = practice.phone_hours
    first = berlin_day(not_before)
    for number in range(HORIZON.days):
        day = first + number * A_DAY
        spans = [span for span in hours.datetimes_on(day) if span[1] > not_before]
        if spans and calling.may_be_on(day) and not _is_closed(practice, day):
            return max(not_before, min(start for start, _ in spans))
    return None


def _is_closed(practice: Any, day: date) -> bool:
    """Whether nobody is phoned there that day; where its federal state is not known, a holiday of any state counts."""
    if is_without_calls(day) or may_be_public_holiday(day, frozenset(practice.federal_states or ())):
        return True
    return any(begin <= day <= end for begin, end in periods(practice.holidays))
