"""What comes in and what goes out: e-mails that came back."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from communication_service.domain.schemas import Response, WaitingRequest
from shared.values.datetimes import Instant
from shared.values.enums import RequestOutcome
from shared.values.errors import NotAcceptable
from shared.values.lists import Several
from shared.values.readable import FOR_COORDINATORS
from shared.values.reply_enums import AnswerNeed, ReplyKind, ReplyMatch, ReplyState
from shared.values.rules import rule_across
from shared.values.schemas import EntityView, QuerySchema, Schema


class ReplyFields(EntityView):
    """An e-mail that came back, without what it says."""

    kind: ReplyKind
    """What it is: written by a practice, a patient, a program, a mail server; or that they want no more e-mails."""
    state: ReplyState
    """Where it stands: it waits for staff, or needs nobody, or staff decided."""
    received_at: Instant
    """When it came into the mailbox."""
    email_id: UUID | None
    """The e-mail that it answers; null where that is not certain."""
    matched_by: ReplyMatch | None
    """By what that is known."""
    suggested_email_id: UUID | None
    """An e-mail that it may answer, by its sender's address or what it names: a hint, since anybody can write that."""
    therapist_id: UUID | None
    """The practice to which the e-mail went that it answers."""
    patient_id: UUID | None
    """The patient to whom that e-mail went; null where it went to a practice."""
    placement_request_ids: list[UUID]
    """The placement requests of that e-mail, where it went to a practice."""
    size: int
    """Its size in the mailbox, in bytes."""
    is_cut: bool
    """Whether it is so large that only its beginning was read."""
    attachments: int
    """How many attachments it has; they stay in the mailbox, unopened."""


class AnswerProposal(Schema):
    """What a practice seems to answer for one patient; staff confirm it."""

    placement_request_id: UUID
    """The placement request."""
    patient_reference: str | None
    """What names the patient; null for one who is not known here any more."""
    need: AnswerNeed
    """Whether an answer is needed still."""
    outcome: RequestOutcome | None
    """What the practice seems to answer; null: it is not clear."""
    available_from: date | None
    """The day that it names."""
    because: str | None
    """The words by which that is proposed."""


class ReplyView(ReplyFields):
    """An e-mail that came back."""

    sender: Annotated[str, FOR_COORDINATORS]
    """The address that it says it is from."""
    sender_name: Annotated[str, FOR_COORDINATORS]
    """The name beside that address."""
    subject: Annotated[str, FOR_COORDINATORS]
    """Its subject."""
    body_text: Annotated[str, FOR_COORDINATORS]
    """What its sender wrote, without what is quoted; empty where it cannot be read here."""
    is_from_recipient: bool | None
    """Whether it says that it is from the address to which the e-mail went; null where it answers none."""
    proposals: list[AnswerProposal]
    """What it seems to answer, for each patient of the e-mail; empty unless a practice wrote it."""


class ReplyFilter(QuerySchema):
    """Which e-mails that came back to list."""

    state: Several[ReplyState] = []
    """Only those that stand there."""
    kind: Several[ReplyKind] = []
    """Only those of one of these kinds."""
    matched: bool | None = None
    """Only those of which it is known which e-mail they answer, or only the others."""
    email_id: Several[UUID] = []
    """Only those that answer one of these e-mails."""
    therapist_id: Several[UUID] = []
    """Only those that answer an e-mail to one of these therapists."""
    patient_id: Several[UUID] = []
    """Only those that answer an e-mail to or about one of these patients."""


class ReplyConfirmation(Schema):
    """What a practice answers in an e-mail; without responses, what is proposed, unless that is a yes."""

    responses: Annotated[list[Response], Field(max_length=100)] = []
    """One answer for each request that was answered."""
    version: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    """The version of the reply that was read; must be said to confirm what is proposed in it."""

    @rule_across("responses")
    def _answers_each_request_once(self) -> None:
        """No request is answered twice."""
        ids = [each.placement_request_id for each in self.responses]
        again = [place for place, each in enumerate(ids) if each in ids[:place]]
        if again:
            raise NotAcceptable(
                "field.two_answers", fields=[f"responses.{place}.placement_request_id" for place in again]
            )


class ReplyAssignment(Schema):
    """Which e-mail is answered."""

    email_id: UUID
    """The e-mail, which went to a practice or a patient."""


class Replacements(Schema):
    """Patients whom a practice may be offered in place of one who needs no place there any more."""

    email_id: UUID
    """The e-mail to the practice."""
    therapist_id: UUID | None
    """The practice."""
    items: list[WaitingRequest]
    """Approved requests to it that have not gone out, whose patients are searching; who has waited longest first."""
