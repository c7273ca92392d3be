"""Spans of days, such as a practice's holidays."""

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from shared.values.moments import PlausibleDate
from shared.values.refusals import NotAcceptable
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
