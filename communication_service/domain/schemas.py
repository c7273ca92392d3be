"""What comes in and what goes out: e-mails, inquiries, calls, suppressions."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from communication_service.domain.contact_waits import ContactWait
from shared.values.contacts import EmailAddress
from shared.values.datetimes import Instant, IsoDate, PlausibleDate, PlausibleInstant
from shared.values.enums import (
    CallAnswer,
    CallResult,
    CallStatus,
    Channel,
    Direction,
    EmailKind,
    EmailResolution,
    EmailStatus,
    InquiryStatus,
    RequestOutcome,
)
from shared.values.errors import NotAcceptable
from shared.values.readable import FOR_CALLERS, FOR_COORDINATORS
from shared.values.rules import rule_across
from shared.values.schemas import EntityView, Page, PageQuery, Schema
from shared.values.text import Note, Reason
from shared.values.weekly import WeeklyHours

WaitsFor = Annotated[ContactWait | None, Field(description="why it has not gone out; null once it has")]
WaitsUntil = Annotated[IsoDate | None, Field(description="the last day on which it waits, where that is known")]
OneTo100 = Field(min_length=1, max_length=100)


def _refuse_two_answers(ids: list[UUID]) -> None:
    again = [place for place, each in enumerate(ids) if each in ids[:place]]
    if again:
        fields = [f"responses.{place}.placement_request_id" for place in again]
        raise NotAcceptable("must not have two answers for one request", fields=fields)


class EmailView(EntityView):
    """An e-mail and what became of it."""

    kind: EmailKind
    therapist_id: UUID | None
    patient_id: UUID | None
    inquiry_id: UUID | None
    placement_request_ids: list[UUID]
    status: EmailStatus
    recipient: str
    subject: Annotated[str, FOR_COORDINATORS]
    body_text: Annotated[str, FOR_COORDINATORS]
    body_html: Annotated[str, FOR_COORDINATORS]
    template_id: UUID | None
    message_id: str
    sent_at: Instant | None
    waits_for: WaitsFor
    waits_until: WaitsUntil
    attempts: int
    error: str | None
    resolved_by: Annotated[UUID | None, Field(description="who said whether it was sent, when that was in doubt")]


class EmailFilter(PageQuery):
    """Which e-mails to list."""

    therapist_id: UUID | None = None
    """Only those to this therapist."""
    patient_id: UUID | None = None
    """Only those to this patient, or about one of the patient's placement requests."""
    kind: EmailKind | None = None
    """Only those of this kind."""
    status: EmailStatus | None = None
    """Only those with this status."""


EmailPage = Page[EmailView]


class Response(Schema):
    """What a practice said about one request."""

    placement_request_id: UUID
    """The request that was answered."""
    outcome: RequestOutcome
    """What the practice answered."""
    available_from: PlausibleDate | None = None
    """From which day there is a place, where the practice said so."""
    note: Note | None = None
    """What else was said."""


class EmailResponse(Schema):
    """What a practice answered to an e-mail."""

    responses: Annotated[list[Response], OneTo100]
    """One answer for each request that was answered."""

    @rule_across("responses")
    def _answers_each_request_once(self) -> None:
        """No request is answered twice."""
        _refuse_two_answers([response.placement_request_id for response in self.responses])


class Resolution(Schema):
    """What staff found out about an e-mail in doubt."""

    outcome: EmailResolution
    """Whether the e-mail arrived."""


class InquiryView(EntityView):
    """One contact with one therapist."""

    therapist_id: UUID
    channel: Channel
    status: InquiryStatus
    placement_request_ids: list[UUID]
    waits_for: WaitsFor
    waits_until: WaitsUntil
    attempts: Annotated[int, Field(description="calls that reached nobody")]
    email_ids: list[UUID]
    phone_call_ids: list[UUID]


class InquiryFilter(PageQuery):
    """Which inquiries to list."""

    therapist_id: UUID | None = None
    """Only those to this therapist."""
    patient_id: UUID | None = None
    """Only those with a request for this patient."""
    channel: Literal["email", "phone"] | None = None
    """Only those by e-mail, or only those by phone."""
    status: InquiryStatus | None = None
    """Only those with this status."""


InquiryPage = Page[InquiryView]


class WaitingRequest(Schema):
    """A placement request that waits, and what for."""

    placement_request_id: UUID
    patient_id: UUID
    therapist_id: UUID
    inquiry_id: UUID | None
    waits_for: ContactWait
    """Why it has not gone out; of one that has gone out: `answer` or `placement`."""
    waits_until: WaitsUntil


class WaitingRequestFilter(PageQuery):
    """Which waiting requests to list."""

    patient_id: UUID | None = None
    """Only those for this patient."""
    therapist_id: UUID | None = None
    """Only those to this therapist."""


WaitingRequestPage = Page[WaitingRequest]


class CalledTherapist(Schema):
    """Whom a caller phones."""

    name: str
    phone: str | None
    mobile: str | None
    phone_hours: WeeklyHours
    note: str | None


class CalledAboutPatient(Schema):
    """What a caller may say of a patient: a pseudonym."""

    placement_request_id: UUID
    reference: str
    age: int | None
    gender: str
    insurance_type: str | None
    diagnosis_group: str | None
    practice_summary: str | None
    availability: WeeklyHours
    prior_therapy_within_two_years: bool | None


class CallResponse(Schema):
    """What a practice said about one request on the phone, or that it was not talked about."""

    placement_request_id: UUID
    """The request that was talked about."""
    outcome: CallAnswer
    """What the practice said."""
    available_from: PlausibleDate | None = None
    """From which day there is a place, where the practice said so."""
    note: Annotated[Note | None, FOR_CALLERS] = None
    """What else was said."""


class RecordedResponse(CallResponse):
    """What a practice said, when that was recorded and by whom."""

    recorded_at: Instant
    recorded_by: UUID | None


class PhoneCallFields(EntityView):
    """A call to a practice."""

    therapist_id: UUID
    inquiry_id: UUID | None
    placement_request_ids: list[UUID]
    caller_id: UUID | None
    direction: Direction
    status: CallStatus
    starts_at: Instant
    ends_at: Instant
    attempt: int
    result: CallResult | None
    occurred_at: Instant | None
    next_attempt_after: Instant | None
    note: Annotated[str | None, FOR_CALLERS]
    recorded_by: Annotated[UUID | None, Field(description="who recorded what came of it")]


class PhoneCallView(PhoneCallFields):
    """A call, with what the caller may say and what was answered."""

    therapist: CalledTherapist | None
    patients: list[CalledAboutPatient]
    responses: list[RecordedResponse]


class PhoneCallFilter(PageQuery):
    """Which calls to list, by the day in Berlin on which they start."""

    date: PlausibleDate | None = None
    """Only those on this day."""
    from_: PlausibleDate | None = Field(default=None, alias="from")
    """Only those on this day or later."""
    to: PlausibleDate | None = None
    """Only those on this day or earlier."""
    patient_id: UUID | None = None
    """Only those about one of the patient's placement requests."""
    therapist_id: UUID | None = None
    """Only those to this therapist."""
    status: CallStatus | None = None
    """Only those with this status."""


PhoneCallPage = Page[PhoneCallFields]


def _only_with(result: CallResult, **then: JsonDict) -> JsonDict:
    """The rule that some fields go with one result of a call only."""
    return {"anyOf": [{"properties": {"result": {"const": result.value}}}, {"properties": {**then}}]}


_ONLY_REACHED_ANSWER = _only_with(CallResult.REACHED, responses={"maxItems": 0})
_ONLY_CALL_BACK_HAS_A_TIME = _only_with(CallResult.CALL_BACK, call_back_at={"type": "null"})


class CallOutcome(Schema):
    """What came of a call; requests that are not named were not discussed."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_ONLY_REACHED_ANSWER, _ONLY_CALL_BACK_HAS_A_TIME]})

    result: CallResult
    """Whether somebody was reached, and what came of it."""
    occurred_at: PlausibleInstant | None = None
    """When the call was; without it, just now."""
    call_back_at: PlausibleInstant | None = None
    """When the practice wants to be called again."""
    note: Note | None = None
    """What else was said."""
    responses: Annotated[list[CallResponse], Field(max_length=100)] = []
    """What was said about single requests."""

    @rule_across("responses")
    def _answers_each_request_once(self) -> None:
        """No request is answered twice."""
        _refuse_two_answers([response.placement_request_id for response in self.responses])

    @rule_across("result", "responses")
    def _only_who_was_reached_answers(self) -> None:
        """Only with the result `reached` there are `responses`."""
        if self.responses and self.result != CallResult.REACHED:
            raise NotAcceptable("only a practice that was reached can answer")

    @rule_across("result", "call_back_at")
    def _only_who_wants_a_call_back_says_when(self) -> None:
        """Only with the result `call_back` there is `call_back_at`."""
        if self.call_back_at is not None and self.result != CallResult.CALL_BACK:
            raise NotAcceptable("call_back_at goes with the result call_back")


class NewSuppression(Schema):
    """An address that is to get no inquiries, and why."""

    email: Annotated[EmailAddress, Field(examples=["keine-anfragen@example.org"])]
    """The address."""
    reason: Reason
    """Why it gets no inquiries."""


class SuppressionView(NewSuppression, EntityView):
    """An address that gets no inquiries, for everybody who uses it."""

    source: Literal["staff", "opt_out", "mail_server"]
    recorded_by: UUID | None


SuppressionPage = Page[SuppressionView]


class MailServerView(Schema):
    """Whether e-mails go out; the e-mails that only wait for that are counted."""

    status: Literal["working", "in_trouble"]
    since: Instant | None
    detail: Annotated[str | None, Field(description="what the mail server said last, or what is wrong with it")]
    next_try_at: Instant | None
    emails_waiting: int


class ContactLogQuery(PageQuery):
    """Which part of the contacts with a therapist to show."""


class ContactLogEntry(Schema):
    """One e-mail or call, with the answers it brought."""

    channel: Channel
    direction: Direction
    at: Annotated[Instant, Field(description="when it happened; a planned call: when it is due")]
    status: str
    result: CallResult | None
    email_id: UUID | None
    phone_call_id: UUID | None
    inquiry_id: UUID | None
    placement_request_ids: list[UUID]
    recorded_by: Annotated[
        UUID | None, Field(description="who recorded what came of the call, or said whether a doubtful e-mail was sent")
    ]
    responses: list[RecordedResponse]


ContactLogPage = Page[ContactLogEntry]
