"""What comes in and what goes out: claims of calls, calls that staff plan or move, and calls from practices."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from communication_service.domain.call_sheet_schemas import CalledAboutPatient, CalledTherapist
from communication_service.domain.lists import PhoneCallRow
from communication_service.domain.schemas import PhoneCallView
from shared.values.call_enums import InsistedReason, ReleaseReason
from shared.values.datetimes import Instant, PlausibleInstant
from shared.values.enums import Direction
from shared.values.errors import NotAcceptable
from shared.values.lists import PageQuery
from shared.values.rules import rule_across
from shared.values.schemas import QuerySchema, Schema
from shared.values.text import Reason

LONGEST_CALL = timedelta(hours=2)


def _require_length(starts_at: datetime, ends_at: datetime) -> None:
    if not timedelta() < ends_at - starts_at <= LONGEST_CALL:
        raise NotAcceptable("field.not_a_call")


class RecordedOutcome(PhoneCallView):
    """A call that was made, and the one that was claimed with its outcome."""

    claimed_next: PhoneCallView | None
    """The call that is yours now; null: none was asked for, or none can be made now."""


class Release(Schema):
    """Why a claimed call is given back."""

    reason: ReleaseReason | None = None
    """Why it is not made now."""


class CallCorrection(Schema):
    """Why the outcome of a call was a mistake."""

    reason: Reason
    """Why it is taken back; erased with the first of the patients whom the call was about."""


class CallTime(Schema):
    """When a call is to be made, and by whom."""

    starts_at: PlausibleInstant
    """When it is planned to start."""
    ends_at: PlausibleInstant
    """When it is planned to end."""
    caller_id: UUID | None = None
    """The caller who is to make it; null: the agency's own line."""

    @rule_across("ends_at")
    def _takes_time(self) -> None:
        """`ends_at` lies after `starts_at`, by two hours at most."""
        _require_length(self.starts_at, self.ends_at)


class MovedCall(CallTime):
    """When a planned call is to be made instead, and by whom."""

    because: InsistedReason | None = None
    """Why the practice is called although it should wait: it was written to just now, or wants e-mails only."""


_OURS: JsonDict = {"properties": {"direction": {"const": "outbound"}}}
_THEIRS: JsonDict = {"properties": {"direction": {"const": "inbound"}}, "required": ["direction"]}
_HAS_A_TIME: JsonDict = {"properties": {"starts_at": {"type": "string"}}, "required": ["starts_at"]}
_HAS_NO_REQUESTS: JsonDict = {"properties": {"placement_request_ids": {"maxItems": 0}}}
_HAS_NOBODY: JsonDict = {"properties": {key: {"type": "null"} for key in ("caller_id", "ends_at", "because")}}


class NewPhoneCall(Schema):
    """A call that staff plan by hand, or one that a practice makes."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {"anyOf": [_THEIRS, _HAS_A_TIME]},
                {"anyOf": [_THEIRS, _HAS_NO_REQUESTS]},
                {"anyOf": [_OURS, _HAS_NOBODY]},
            ],
            "examples": [{"therapist_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "direction": "inbound"}],
        }
    )

    therapist_id: UUID
    """The therapist who is called, or who calls."""
    direction: Direction = Direction.OUTBOUND
    """Who calls: we or the practice."""
    starts_at: PlausibleInstant | None = None
    """When it is to start; of a call from a practice when it began, now without it."""
    ends_at: PlausibleInstant | None = None
    """When it is to end, without it after as long as calls take. Not for a call from a practice."""
    caller_id: UUID | None = None
    """The caller who is to make it; null: the agency's own line. Not for a call from a practice."""
    because: InsistedReason | None = None
    """Why the practice is called although it should wait: it was written to just now, or wants e-mails only. Not for a
    call from a practice.
    """
    placement_request_ids: Annotated[list[UUID], Field(max_length=100)] = []
    """What a practice calls about; empty: any of its open requests. Not for a call of ours, which is about what waits.
    """

    @rule_across("starts_at")
    def _is_planned_for_some_time(self) -> None:
        """A call of ours has `starts_at`."""
        if self.direction == Direction.OUTBOUND and self.starts_at is None:
            raise NotAcceptable("field.call_without_time")

    @rule_across("placement_request_ids")
    def _only_practices_choose(self) -> None:
        """Only a call from a practice has `placement_request_ids`."""
        if self.direction == Direction.OUTBOUND and self.placement_request_ids:
            raise NotAcceptable("field.only_inbound")

    @rule_across("caller_id", "ends_at", "because")
    def _only_ours_are_planned(self) -> None:
        """Only a call of ours has `caller_id`, `ends_at` and `because`."""
        if self.direction == Direction.INBOUND and (self.caller_id or self.ends_at or self.because):
            raise NotAcceptable("field.only_outbound")

    @rule_across("ends_at")
    def _takes_time(self) -> None:
        """`ends_at` lies after `starts_at`, by two hours at most."""
        if self.starts_at is not None and self.ends_at is not None:
            _require_length(self.starts_at, self.ends_at)


class CallTimeQuery(QuerySchema):
    """`force=true`: the time lies outside of the hours that are known, and is meant so."""

    force: bool = False
    """Plan the call although the practice or the caller does not phone then, as far as is known."""


class CallableQuery(PageQuery):
    """For which moment calls are wanted."""

    at: PlausibleInstant | None = None
    """The moment; without it now."""


class CallableCall(PhoneCallRow):  # type: ignore[misc, valid-type]
    """A call that can be made at that moment."""

    reachable_until: Instant
    """Until when the practice answers the phone."""


class CallableCalls(Schema):
    """Calls that can be made at a moment, the best first."""

    at: Instant
    """The moment."""
    items: list[CallableCall]
    """The calls."""


class OpenRequests(Schema):
    """What a practice that calls may speak of."""

    therapist: CalledTherapist
    """The practice."""
    patients: list[CalledAboutPatient]
    """Those for whom it was or is to be asked and has not answered."""
