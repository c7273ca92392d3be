"""What comes into the contact log, and what it shows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AliasPath, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from matching_service.domain.local_times import instant_of, local_time
from matching_service.domain.possible_contacts import channels_of, directions_of
from shared.texts import Sentence
from shared.texts.sentence import word
from shared.values.contact_log_enums import ContactResult
from shared.values.datetimes import FIRST_INSTANT, Instant, IsoDate, PlausibleDate, PlausibleInstant, berlin_day
from shared.values.enums import Accreditation, Channel, Direction
from shared.values.errors import NotAcceptable
from shared.values.lists import Several
from shared.values.periods import SpanOfDays
from shared.values.readable import FOR_COORDINATORS
from shared.values.rules import rule_across
from shared.values.schemas import Schema
from shared.values.text import Note
from shared.values.worded import Worded


class ContactLogFilter(SpanOfDays):
    """Which contacts to list, by the days in Berlin on which they took place."""

    channel: Several[Channel] = []
    """Only those by one of these channels."""
    result: Several[ContactResult] = []
    """Only those with one of these results."""
    therapist_id: Several[UUID] = []
    """Only those with the practice of one of these therapists, also under a therapist who was merged into one."""


A_LETTER: Final[JsonDict] = {
    "occurred_on": "2026-11-23",
    "channel": "letter",
    "direction": "outbound",
    "therapist_id": "0193a1b2-0000-7000-8000-000000000001",
    "result": "sent",
    "note": "Einschreiben",
}


class NewContactLogEntry(Schema):
    """A contact that was not made through the platform, or what an entry should have said (`corrects`)."""

    model_config = ConfigDict(json_schema_extra={"examples": [A_LETTER]})

    occurred_at: PlausibleInstant | None = None
    """When it took place."""
    occurred_on: PlausibleDate | None = None
    """On which day it took place, where the time is not known, as of a letter."""
    channel: Channel
    """How."""
    direction: Direction
    """Whether the practice was contacted, or contacted us or the patient."""
    therapist_id: UUID
    """With whose practice."""
    result: ContactResult
    """What became of it; `taken_back`: what the corrected entry says did not happen."""
    available_from: PlausibleDate | None = None
    """From which day there is a place, where the practice said so."""
    note: Note | None = None
    """What else was said; where it corrects an entry, why that is wrong."""
    corrects: UUID | None = None
    """The entry instead of which this one counts, of a contact with the same practice."""

    @rule_across("occurred_at", "occurred_on")
    def _took_place_at_one_time(self) -> None:
        """Either `occurred_at` or `occurred_on` says when it took place."""
        if (self.occurred_at is None) == (self.occurred_on is None):
            raise NotAcceptable("field.time_or_day")

    @property
    def at(self) -> datetime:
        """When it took place; of a day its first instant in Berlin."""
        return instant_of(self.occurred_at, self.occurred_on) or FIRST_INSTANT

    @rule_across("result", "corrects")
    def _only_an_entry_is_taken_back(self) -> None:
        """`taken_back` needs `corrects`."""
        if self.result == ContactResult.TAKEN_BACK and self.corrects is None:
            raise NotAcceptable("field.takes_nothing_back", fields=["result"])

    @rule_across("note", "corrects")
    def _a_correction_has_a_reason(self) -> None:
        """`corrects` needs a `note`: why."""
        if self.corrects is not None and self.note is None:
            raise NotAcceptable("field.corrects_without_a_reason", fields=["note"])

    @rule_across("channel", "result")
    def _channel_fits(self) -> None:
        """What was sent is written, who was spoken to was called or visited, and only a line is busy."""
        possible = channels_of(self.result)
        if self.channel not in possible:
            values = [each.value for each in Channel if each in possible]
            raise NotAcceptable(
                "field.not_of_this_result", result=self.result.value, possible=values, fields=["channel"]
            )

    @rule_across("direction", "channel", "result")
    def _direction_fits(self) -> None:
        """What was sent, or reached nobody, is outbound; what was received, and an answer in writing, is inbound."""
        possible = directions_of(self.result, self.channel)
        if self.direction not in possible:
            values = [each.value for each in Direction if each in possible]
            raise NotAcceptable(
                "field.not_of_this_result", result=self.result.value, possible=values, fields=["direction"]
            )

    @rule_across("available_from", "occurred_at", "occurred_on")
    def _a_place_is_free_from_then_on(self) -> None:
        """`available_from` is not before the day on which it took place."""
        if self.available_from is not None and self.available_from < berlin_day(self.at):
            raise NotAcceptable("field.before_the_answer", fields=["available_from"])

    def _require_possible(self, field: str, value: StrEnum, possible: Collection[StrEnum]) -> None:
        if value not in possible:
            words = [each.value for each in type(value) if each in possible]
            raise NotAcceptable("field.not_of_this_result", result=self.result.value, possible=words, fields=[field])


class PracticeThen(Schema):
    """A practice as it was known when the entry was made."""

    name: str | None
    """Name of the therapist."""
    address: str | None
    """Street and town."""
    accreditation: Accreditation | None
    """Statutory seat or private practice."""


class ContactLogEntryView(Schema):
    """One contact with one practice for one patient."""

    id: UUID
    """Identifies the entry."""
    occurred_at: Instant
    """When it took place."""
    recorded_at: Instant
    """When it was recorded."""
    recorded_by: Annotated[UUID | None, Field(description="the account of who recorded it; null where nobody did")]
    channel: Channel | None
    """How; null where an answer was entered without it."""
    direction: Direction | None
    """Whether the practice was contacted, or contacted us; null where that is not known."""
    therapist_id: UUID
    """The therapist, of one who was merged the kept one."""
    practice: PracticeThen
    """The practice as it was known when the entry was made; nulls where nothing was known of it."""
    placement_request_id: UUID | None
    """The request that it was about; null for an entry by hand."""
    result: ContactResult
    """What became of it."""
    available_from: IsoDate | None
    """From which day there is a place, where the practice said so."""
    note: Annotated[str | None, FOR_COORDINATORS]
    """What else was said."""
    corrects: UUID | None
    """The entry instead of which this one counts."""
    corrected_by: UUID | None
    """The entry that counts instead of this one."""


def _word(value: StrEnum | None) -> Sentence | None:
    return None if value is None else word(value)


def _local(value: datetime | None) -> Sentence | None:
    return None if value is None else local_time(value)


Spoken = Annotated[Worded | None, BeforeValidator(_word)]
"""A word of a vocabulary as people say it."""
LocalTime = Annotated[Worded | None, BeforeValidator(_local)]


def _of_practice(name: str) -> Any:
    return Field(validation_alias=AliasPath("practice", name))


class ContactLogLine(Schema):
    """One contact as a line of a table, in words, with local times."""

    occurred_at: LocalTime
    """When it took place."""
    channel: Spoken
    """How."""
    direction: Spoken
    """Whether the practice was contacted, or contacted us."""
    practice_name: Annotated[str | None, _of_practice("name")]
    """Name of the therapist, as it was known then."""
    practice_address: Annotated[str | None, _of_practice("address")]
    """Street and town then."""
    practice_accreditation: Annotated[Spoken, _of_practice("accreditation")]
    """Statutory seat or private practice then."""
    result: Spoken
    """What became of it."""
    available_from: IsoDate | None
    """From which day there is a place."""
    note: Annotated[str | None, FOR_COORDINATORS]
    """What else was said."""
    recorded_at: LocalTime
    """When it was recorded."""
    recorded_by: UUID | None
    """The account of who recorded it."""
    id: UUID
    """Identifies the entry."""
    corrects: UUID | None
    """The entry instead of which it counts."""
    corrected_by: UUID | None
    """The entry that counts instead of it."""
    therapist_id: UUID
    """The therapist."""
    placement_request_id: UUID | None
    """The request that it was about."""
