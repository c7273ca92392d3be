"""What reports are asked for, and what they say."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.values.contact_log_enums import ContactResult
from shared.values.datetimes import IsoDate, PlausibleDate, month_of
from shared.values.enums import Channel
from shared.values.errors import NotAcceptable
from shared.values.identifiers import InsurerNumber
from shared.values.periods import SpanOfDays
from shared.values.rules import rule_across
from shared.values.schemas import Schema

Number = Annotated[
    int | None, Field(description="null where it, or what is left of the whole without it, is of one to four patients")
]


class ReportPeriod(SpanOfDays):
    """The calendar month that the report is about; without both days the last one that is over."""

    from_: PlausibleDate | None = Field(default=None, alias="from")
    """The first day of the month."""
    to: PlausibleDate | None = None
    """Its last day, which is over."""

    @rule_across("from", "to")
    def _is_one_month(self) -> None:
        """`from` is the first and `to` the last day of one calendar month."""
        if (self.from_ is None) != (self.to is None) or (self.from_ and month_of(self.from_) != (self.from_, self.to)):
            raise NotAcceptable("field.not_a_month")


class ContactReportQuery(ReportPeriod):
    """Which month, and which insurer, the report is about."""

    health_insurer_ik: InsurerNumber | None = None
    """Only contacts for those whom this institution insures."""


class _OfMonth(Schema):
    from_: Annotated[IsoDate, Field(alias="from")]
    """The first day of the month."""
    to: IsoDate
    """Its last day."""


class ContactsOfInsurer(Schema):
    """The contacts for those whom one institution insures."""

    health_insurer_ik: str | None
    """The institution; null: all others together, and patients whose insurer is not known."""
    patients: int
    """For how many patients there were contacts."""
    contacts: int
    """How many contacts there were; those that were corrected are not counted."""
    practices: int
    """With how many practices."""
    statutory_practices: int
    """With how many of them that have a statutory seat."""
    results: dict[ContactResult, int]
    """How many contacts had each result; one without contacts, or of fewer than five patients, is left out.

    So is one more where those that are left out have fewer than five patients together.
    """


class ContactReport(_OfMonth):
    """Contacts with practices by insurer; a group of fewer than five patients is among the others, or left out."""

    insurers: list[ContactsOfInsurer]
    """One entry for each institution."""


class AnswersOfHour(Schema):
    """The contacts of one channel that began in one hour of the day."""

    channel: Channel
    """How practices were contacted."""
    hour: int
    """The hour in Berlin in which the contact was made, from 0 to 23."""
    patients: int
    """For how many patients."""
    contacts: int
    """How many contacts that we began."""
    reached: Number
    """In how many of them somebody was spoken to."""
    answered: Number
    """How many were answered: at once, or what was written within 28 days."""
    answer_rate: float | None
    """The share of contacts that were answered, from 0 to 1; null where `answered` is."""


class AnswerReport(_OfMonth):
    """How often practices answer, by channel and hour; groups of fewer than five patients are left out."""

    groups: list[AnswersOfHour]
    """One entry for each channel and hour."""


class Spread(Schema):
    """How numbers of days are spread."""

    lower_quartile: float
    """A quarter took no longer."""
    median: float
    """Half took no longer."""
    upper_quartile: float
    """Three quarters took no longer."""


class DaysUntilPlaced(Schema):
    """After how many days patients took a place, in the month, counted from the start of their search."""

    patients: int
    """How many patients took a place that did not fail."""
    with_pauses: Spread
    """All days since the start of the search."""
    without_pauses: Spread
    """Only those on which the search was not paused."""


class SearchReport(_OfMonth):
    """How far the searches that began in the month have come, and how long places took that were taken in it.

    What belongs to an earlier search of the same patient is not counted.
    """

    searches: Number
    """How many patients' present search began in the month."""
    asked: Number
    """For how many of them a therapist is, or was, to be asked."""
    contacted: Number
    """For how many a practice was written to or reached."""
    answered: Number
    """For how many a practice answered."""
    offered: Number
    """For how many a practice offered a place."""
    placed: Number
    """How many took a place that stands, or stood until their therapy was over."""
    working: Number
    """How many of these places are known to work."""
    days_until_placed: DaysUntilPlaced | None
    """How long it took; null where fewer than five patients took a place."""
