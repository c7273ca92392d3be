"""Periods of days, such as a practice's holidays."""

from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from shared.values.datetimes import PlausibleDate, start_of_berlin_day
from shared.values.errors import NotAcceptable
from shared.values.rules import rule_across
from shared.values.schemas import QuerySchema, Schema


class Period(Schema):
    """Days in Europe/Berlin, the first and the last included; JSON `{"from": …, "to": …}`."""

    first: PlausibleDate = Field(alias="from")
    last: PlausibleDate = Field(alias="to")

    @rule_across("to")
    def _is_in_order(self) -> None:
        """`to` does not lie before `from`."""
        if self.last < self.first:
            raise NotAcceptable("field.ends_before_it_begins")

    def contains(self, day: date) -> bool:
        return self.first <= day <= self.last


class SpanOfDays(QuerySchema):
    """Filters of a list by days in Europe/Berlin."""

    from_: PlausibleDate | None = Field(default=None, alias="from")
    """Only those on this day or later."""
    to: PlausibleDate | None = None
    """Only those on this day or earlier."""

    @rule_across("to")
    def _is_in_order(self) -> None:
        """`to` does not lie before `from`."""
        if self.from_ is not None and self.to is not None and self.to < self.from_:
            raise NotAcceptable("field.before_from")

    @property
    def since(self) -> datetime | None:
        """The instant at which the first day begins; None without one."""
        return start_of_berlin_day(self.from_) if self.from_ else None

    @property
    def before(self) -> datetime | None:
        """The instant at which the last day is over; None without one."""
        return start_of_berlin_day(self.to + timedelta(days=1)) if self.to else None


def _is_a_period(written: dict[str, str]) -> dict[str, str]:
    Period.from_json(written)
    return written


PeriodJson = Annotated[dict[str, str], Field(max_length=10), AfterValidator(_is_a_period)]
"""A period in its JSON form, as events carry it: validated, but not converted."""
