"""Spans of days, such as a practice's holidays."""

from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from shared.values.datetimes import PlausibleDate
from shared.values.errors import NotAcceptable
from shared.values.schemas import Schema


class Period(Schema):
    """Days in Europe/Berlin, the first and the last included; JSON `{"from": …, "to": …}`."""

    first: PlausibleDate = Field(alias="from")
    last: PlausibleDate = Field(alias="to")

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.last < self.first:
            raise NotAcceptable("must not end before it begins")
        return self

    def contains(self, day: date) -> bool:
        return self.first <= day <= self.last


def _is_a_period(written: dict[str, str]) -> dict[str, str]:
    Period.from_json(written)
    return written


PeriodJson = Annotated[dict[str, str], Field(max_length=10), AfterValidator(_is_a_period)]
"""A period in its JSON form, as events carry it: checked, and otherwise left as it is."""
