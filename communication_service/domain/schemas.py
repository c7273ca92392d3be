"""What comes in and what goes out: e-mails, inquiries, calls, and how the mail server is."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from communication_service.domain.call_sheet_schemas import (
    CalledAboutPatient,
    CalledTherapist,
    IdentifiedPatient,
    LastContact,
)
from communication_service.domain.contact_waits import ContactWait
from communication_service.domain.template_schemas import CallScript
from shared.values.call_enums import InsistedReason
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
from shared.values.lists import Several
from shared.values.mail_enums import MailMode
from shared.values.periods import SpanOfDays
from shared.values.readable import FOR_CALLERS, FOR_COORDINATORS
from shared.values.rules import rule_across
from shared.values.schemas import EntityView, QuerySchema, Schema
from shared.values.text import Note

WaitsFor = Annotated[ContactWait | None, Field(description="why it has not gone out; null once it has")]
WaitsUntil = Annotated[IsoDate | None, Field(description="the last day on which it waits, where that is known")]
CallerOrMe = Annotated[str, Field(pattern="^(me|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$", examples=["me"])]
OneTo100 = Field(min_length=1, max_length=100)


def _refuse_two_answers(ids: list[UUID]) -> None:
    again = [place for place, each in enumerate(ids) if each in ids[:place]]
    if again:
        fields = [f"responses.{place}.placement_request_id" for place in again]
        raise NotAcceptable("field.two_answers", fields=fields)


class EmailView(EntityView):
    """An e-mail and what became of it."""

    kind: EmailKind
    """What the e-mail is about."""
    therapist_id: UUID | None
    """The therapist to whom it is sent; null where it goes to a patient."""
    patient_id: UUID | None
    """The patient to whom it is sent; null where it goes to a practice."""
    inquiry_id: UUID | None
    """The inquiry that it belongs to."""
    placement_request_ids: list[UUID]
    """The placement requests that it asks about."""
    status: EmailStatus
    """Where it stands."""
    recipient: str
    """The address to which it is sent; empty where it goes to a patient, whose address is kept in the file alone."""
    subject: Annotated[str, FOR_COORDINATORS]
    """Its subject."""
    body_text: Annotated[str, FOR_COORDINATORS]
    """Its text."""
    body_html: Annotated[str, FOR_COORDINATORS]
    """Its text as HTML."""
    template_id: UUID | None
    """The template that its text was written with."""
    template_version: int | None
    """The version of that template; `/api/templates/{id}/versions?version=` shows it."""
    message_id: str
    """The `Message-ID` in its headers, by which answers refer to it."""
    sent_at: Instant | None
    """When the mail server took it."""
    waits_for: WaitsFor
    waits_until: WaitsUntil
    attempts: int
    """How often sending it was begun."""
    error: str | None
    """Why it was not sent, where it was tried."""
    mode: MailMode
    """What was done when it was handed over: `redirect` and `dry_run` reached no practice, and count as sent."""
    written_by_staff: bool
    """Whether staff wrote its text."""
    is_urgent: bool
    """Whether it goes outside of the hours for sending too."""
    approved_at: Instant | None
    """When somebody approved it; null where nobody had to."""
    approved_by: UUID | None
    """The account of who approved it."""
    resolved_by: Annotated[UUID | None, Field(description="who said whether it was sent, when that was in doubt")]


class EmailFilter(QuerySchema):
    """Which e-mails to list."""

    therapist_id: Several[UUID] = []
    """Only those to one of these therapists."""
    patient_id: Several[UUID] = []
    """Only those to one of these patients, or about one of their placement requests."""
    kind: Several[EmailKind] = []
    """Only those of one of these kinds."""
    status: Several[EmailStatus] = []
    """Only those with one of these statuses."""


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
    """The therapist who is asked."""
    channel: Channel
    """Whether by e-mail or by phone."""
    status: InquiryStatus
    """Where the contact stands."""
    placement_request_ids: list[UUID]
    """The placement requests about which the therapist is asked."""
    waits_for: WaitsFor
    waits_until: WaitsUntil
    attempts: Annotated[int, Field(description="calls that reached nobody")]
    email_ids: list[UUID]
    """Its e-mails, the first one first."""
    phone_call_ids: list[UUID]
    """Its calls, the first one first."""


class InquiryFilter(QuerySchema):
    """Which inquiries to list."""

    therapist_id: Several[UUID] = []
    """Only those to one of these therapists."""
    patient_id: Several[UUID] = []
    """Only those with a request for one of these patients."""
    channel: Several[Literal["email", "phone"]] = []
    """Only those by e-mail, or only those by phone."""
    status: Several[InquiryStatus] = []
    """Only those with one of these statuses."""


class WaitingRequest(Schema):
    """A placement request that waits, and what for."""

    placement_request_id: UUID
    """The placement request."""
    patient_id: UUID
    """The patient who searches a place."""
    patient_reference: str | None
    """What names the patient; null for one who is not known here yet, or was erased."""
    therapist_id: UUID
    """The therapist who is to be asked."""
    therapist_name: str | None
    """The name with titles; null for one who is not known here yet."""
    inquiry_id: UUID | None
    """The inquiry that it belongs to; null as long as it is in none."""
    waits_for: ContactWait
    """Why it has not gone out; of one that has gone out: `answer` or `placement`."""
    waits_until: WaitsUntil


class WaitingRequestFilter(QuerySchema):
    """Which waiting requests to list; `ids` are those of placement requests."""

    patient_id: Several[UUID] = []
    """Only those for one of these patients."""
    therapist_id: Several[UUID] = []
    """Only those to one of these therapists."""


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
    """What a practice said and when, when that was recorded and by whom."""

    occurred_at: Instant
    """When the practice said it."""
    recorded_at: Instant
    """When the answer was recorded."""
    recorded_by: UUID | None
    """The account of who recorded it."""


class PhoneCallFields(EntityView):
    """A call to a practice."""

    therapist_id: UUID
    """The therapist who is called."""
    inquiry_id: UUID | None
    """The inquiry that the call belongs to."""
    placement_request_ids: list[UUID]
    """The placement requests that it is about."""
    caller_id: UUID | None
    """The caller who is to make it; null: the agency's own line, while no caller has hours."""
    direction: Direction
    """Who calls: we or the practice."""
    status: CallStatus
    """Where the call stands."""
    starts_at: Instant
    """When it is planned to start."""
    ends_at: Instant
    """When it is planned to end."""
    attempt: int
    """Which attempt of its inquiry it is."""
    result: CallResult | None
    """What came of it; null until it was made."""
    occurred_at: Instant | None
    """When it was made."""
    next_attempt_after: Instant | None
    """Before when the practice is not called again."""
    note: Annotated[str | None, FOR_CALLERS]
    """What else was said."""
    recorded_by: Annotated[UUID | None, Field(description="who recorded what came of it")]
    corrected_at: Annotated[Instant | None, Field(description="when its outcome was taken back: it counts no more")]
    corrected_by: Annotated[UUID | None, Field(description="the account of who took it back")]
    correction: Annotated[str | None, FOR_CALLERS, Field(description="why it was taken back")]
    insisted: Annotated[bool, Field(description="whether staff insisted on its time, or on calling now")]
    insisted_because: Annotated[InsistedReason | None, Field(description="why, where the practice should have waited")]
    claimed_by: Annotated[UUID | None, Field(description="the account of who is about to make it")]
    claimed_until: Annotated[Instant | None, Field(description="when the claim ends, or ended; null: nobody has it")]


class PhoneCallView(PhoneCallFields):
    """A call, with what the caller may say and what was answered."""

    therapist: CalledTherapist | None
    """Whom one calls; null where the therapist is not known here."""
    script: CallScript | None
    """What to say, by the templates for calls; null where the therapist is not known here."""
    reachable_until: Annotated[
        Instant | None, Field(description="until when the practice answers the phone; null: not at this moment")
    ]
    practice_summaries_missing: bool
    """Whether the patient service did not answer: what practices may know of the patients is then not shown."""
    patients: list[CalledAboutPatient]
    """What the caller may say of each patient, but for those who are named in `identities`."""
    responses: list[RecordedResponse]
    """What the practice said about single requests."""
    identities: Annotated[list[IdentifiedPatient], FOR_CALLERS]
    """Who those are to whom the practice offered a place in this call, while it cannot be written to."""
    last_contacts: list[LastContact]
    """The last e-mails and calls with this practice, the newest first."""


class PhoneCallFilter(SpanOfDays):
    """Which calls to list, by the day in Berlin on which they start."""

    date: PlausibleDate | None = None
    """Only those on this day."""
    patient_id: Several[UUID] = []
    """Only those about a placement request of one of these patients."""
    therapist_id: Several[UUID] = []
    """Only those to one of these therapists."""
    status: Several[CallStatus] = []
    """Only those with one of these statuses."""
    caller_id: Several[CallerOrMe] = []
    """Only those of one of these callers; `me`: of the caller who signs in with your account."""
    direction: Several[Direction] = []
    """Only those that we make, or only those from practices."""


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
    """What else was said of all requests that were talked about; erased with the first of their patients: what concerns
    one patient belongs to that patient's response."""
    responses: Annotated[list[CallResponse], Field(max_length=100)] = []
    """What was said about single requests."""
    claim_next: bool = False
    """Claim the next call at once, if there is one that can be made now."""

    @rule_across("responses")
    def _answers_each_request_once(self) -> None:
        """No request is answered twice."""
        _refuse_two_answers([response.placement_request_id for response in self.responses])

    @rule_across("result", "responses")
    def _only_who_was_reached_answers(self) -> None:
        """Only with the result `reached` there are `responses`."""
        if self.responses and self.result != CallResult.REACHED:
            raise NotAcceptable("field.answers_without_reaching")

    @rule_across("result", "call_back_at")
    def _only_who_wants_a_call_back_says_when(self) -> None:
        """Only with the result `call_back` there is `call_back_at`."""
        if self.call_back_at is not None and self.result != CallResult.CALL_BACK:
            raise NotAcceptable("field.call_back_without_result")


class MailServerView(Schema):
    """Whether e-mails go out; the e-mails that only wait for that are counted."""

    status: Literal["working", "in_trouble"]
    """Whether the mail server takes e-mails."""
    since: Instant | None
    """Since when it is in trouble."""
    detail: Annotated[str | None, Field(description="what the mail server said last, or what is wrong with it")]
    next_try_at: Instant | None
    """When it is tried again."""
    emails_waiting: int
    """How many e-mails wait for it."""
