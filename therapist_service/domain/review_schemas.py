"""Reviews of imports as clients see them, and what they send to decide them."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from shared.values.bulk import Selection
from shared.values.datetimes import Instant
from shared.values.enums import ReviewKind, ReviewState
from shared.values.errors import NotAcceptable
from shared.values.import_enums import FieldOutcome
from shared.values.lists import Several
from shared.values.readable import FOR_CALLERS
from shared.values.rules import rule_across
from shared.values.schemas import Distinct, EntityView, QuerySchema, Schema
from shared.values.text import Line, Reason
from therapist_service.domain.import_schemas import FieldChange


class ReviewedChange(FieldChange):
    """One field before and after; one that staff protect is shown and never changed by an approval."""

    protected: bool
    """Whether staff set the field, so that it stays as it is."""
    outcome: FieldOutcome
    """Whether the field waits, or what became of it; what passes without a decision was applied by the import."""


class ImportReviewView(EntityView):
    """What of one record of an import a person must decide, or has decided."""

    import_id: UUID | None
    """The import; null where it is not kept any more."""
    position: int
    """The place of the record in the import."""
    source: str
    """Name of the source."""
    external_id: str
    """By what the source knows the therapist."""
    last_name: str | None
    """Whom it is about: the therapist, or who the record says it is."""
    first_name: str | None
    """Their first name."""
    city: str | None
    """Town of the practice."""
    kind: ReviewKind
    """What is to be decided; the gravest, where it is several things."""
    state: ReviewState
    """Whether it waits, and what was decided; `superseded`: a newer record says something else."""
    therapist_id: UUID | None
    """The therapist concerned; null where that is to be decided, or nobody is known."""
    candidate_ids: list[UUID]
    """Known therapists who may be meant; one of them, or nobody, is named by the approval."""
    difference: list[ReviewedChange]
    """What changes; of a new person what is known of them."""
    applied_fields: list[str]
    """The fields that an approval took over."""
    decided_at: Instant | None
    """When it was approved or rejected."""
    decided_by: UUID | None
    """The account of who decided."""
    reason: Annotated[str | None, FOR_CALLERS]
    """Why it was rejected; of one that was reopened, why it was before."""


class ReviewApproval(Schema):
    """What is taken over: without `fields` all that waits and that staff have not changed meanwhile."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"fields": ["phone"]}]})

    fields: Annotated[list[Annotated[Line, Field(examples=["phone"])]], Distinct(100), Field(min_length=1)] | None = (
        None
    )
    """Only these fields; the others count as rejected."""
    therapist_id: UUID | None = None
    """Who it is, where that is to be decided; without it a new person."""
    is_new: bool = False
    """Whether it is a new person although somebody resembles them who became known since the file came."""


class ReviewRejection(Schema):
    """Why nothing is taken over."""

    reason: Reason | None = None
    """Why nothing is taken over."""


class ReviewFilter(QuerySchema):
    """Which reviews to list."""

    state: Several[ReviewState] = []
    """Only those with one of these states."""
    kind: Several[ReviewKind] = []
    """Only those of one of these kinds."""
    import_id: Several[UUID] = []
    """Only those of one of these imports."""
    therapist_id: Several[UUID] = []
    """Only those about one of these therapists."""


A_BULK_APPROVAL: Final[JsonDict] = {
    "filter": {"kind": ["contact"], "state": ["pending"]},
    "expected_total": 12,
    "action": "approve",
}


class ReviewBulkChange(Selection[ReviewFilter]):
    """How many reviews are decided at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [A_BULK_APPROVAL]})

    action: Literal["approve", "reject"]
    """What becomes of them. Who somebody is, is decided one by one."""
    reason: Reason | None = None
    """Why they are rejected."""

    @rule_across("reason")
    def _has_what_its_action_needs(self) -> None:
        """Only `reject` may have a `reason`."""
        if self.reason is not None and self.action != "reject":
            raise NotAcceptable("field.without_action", action="reject", fields=["reason"])
