"""What parts of events have in common, and the bounds of their fields."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.events.event import LONGEST_TEXT
from shared.values.descriptions import DescribedModel
from shared.values.periods import PeriodJson


class Payload(DescribedModel):
    """A part of an event; unknown fields are ignored, as in the event itself."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        from_attributes=True,
        str_max_length=LONGEST_TEXT,
        allow_inf_nan=False,
    )


Count = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Kilometres = Annotated[float, Field(ge=0, le=40_000)]
Texts = Annotated[list[str], Field(max_length=300)]
"""The limit is above the number of languages, the largest set there is."""
Ids = Annotated[list[UUID], Field(max_length=1000)]

Window = Annotated[dict[str, str], Field(max_length=10)]
Weekly = Annotated[dict[str, Annotated[list[Window], Field(max_length=1000)]], Field(max_length=7)]
"""The JSON form of weekly windows (shared.values.weekly); None means unknown."""
Holidays = Annotated[list[PeriodJson], Field(max_length=100)]
