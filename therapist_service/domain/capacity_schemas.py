"""Whether a practice has places: what comes in and what goes out."""

from __future__ import annotations

from pydantic import Field

from shared.values.datetimes import IsoDate, PlausibleDate
from shared.values.enums import CapacityState
from shared.values.errors import NotAcceptable
from shared.values.practice_enums import CapacitySource
from shared.values.rules import rule_across
from shared.values.schemas import Schema


class CapacityStatement(Schema):
    """What was said last of places in one setting, by whom, and until when it counts."""

    state: CapacityState = CapacityState.UNKNOWN
    """Whether there is a place; unknown where nobody said so, or it does not count any more."""
    from_: IsoDate | None = Field(default=None, alias="from")
    """From which day there is a place."""
    stated_on: IsoDate | None = None
    """Day on which it was said."""
    source: CapacitySource | None = None
    """Who said so."""
    expires_on: IsoDate | None = None
    """Last day on which it counts; null: until something else is said."""


class Capacity(Schema):
    """Whether a practice has places, in each setting."""

    individual: CapacityStatement = CapacityStatement()
    """Places in individual therapy."""
    group: CapacityStatement = CapacityStatement()
    """Places in a group."""


class NewCapacityStatement(Schema):
    """What is said of places in one setting."""

    state: CapacityState
    """Whether there is a place."""
    from_: PlausibleDate | None = Field(default=None, alias="from")
    """From which day there is a place; without one, a place that is free is so from the day on which it was said."""
    stated_on: PlausibleDate | None = None
    """Day on which it was said; without one, today."""
    source: CapacitySource | None = None
    """Who said so: staff, unless the practice did."""
    expires_on: PlausibleDate | None = None
    """Last day on which it counts; without one, until something else is said."""

    @rule_across("from")
    def _knows_what_it_dates(self) -> None:
        """`unknown` has no `from`."""
        if self.state == CapacityState.UNKNOWN and self.from_ is not None:
            raise NotAcceptable("field.unknown_has_no_day")


class NewCapacity(Schema):
    """What is said of places now; a setting that is left out becomes unknown."""

    individual: NewCapacityStatement | None = None
    """Places in individual therapy."""
    group: NewCapacityStatement | None = None
    """Places in a group."""
