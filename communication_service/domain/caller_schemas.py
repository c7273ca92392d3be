"""What comes in and what goes out: those of us who phone practices."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.values.datetimes import PlausibleInstant
from shared.values.errors import NotAcceptable
from shared.values.rules import rule_across
from shared.values.schemas import EntityView, Schema
from shared.values.text import Line
from shared.values.weekly import WeeklyHours


class Absence(Schema):
    """A time in which a caller makes no calls."""

    first: PlausibleInstant = Field(alias="from")
    """From when on they are absent; a call that is not over by then is planned anew."""
    back: PlausibleInstant = Field(alias="to")
    """When they are back."""

    @rule_across("to")
    def _is_in_order(self) -> None:
        """`to` does not lie before `from`."""
        if self.back < self.first:
            raise NotAcceptable("field.ends_before_it_begins")


class CallerFields(Schema):
    """Somebody who phones practices."""

    user_id: UUID | None = None
    """Their account: with it `caller_id=me` finds their calls."""
    name: Annotated[Line, Field(examples=["Maria Beispiel"])]
    """What colleagues call them."""
    hours: WeeklyHours = None
    """When they phone, in an ordinary week; without hours no calls are planned for them."""
    absences: Annotated[list[Absence], Field(max_length=100)] = []
    """When they do not, in spite of these hours."""


class CallerView(CallerFields, EntityView):
    """Somebody who phones practices."""
