"""What criteria compare, for programs: fields of both sides, by their names in patients and therapists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from matching_service.domain.criterion_texts import minutes_of
from matching_service.domain.match_schemas import ComparedValues
from matching_service.domain.search import METRES_A_KILOMETRE, Search
from shared.values.weekly import Weekly, WeeklyJson

LIMITS: Final = ("max_distance_km", "max_travel_minutes")


class Compared(NamedTuple):
    """What a criterion reads of a therapist, and the values that follow from it and from the search."""

    column: str | None
    """The only column that values and explanations read: therapists who are equal there are put into words once."""
    values: Callable[[Any, Search], ComparedValues]


def compared(*, patient: Sequence[str] = (), therapist: str | None = None) -> Compared:
    """Returns the comparison of these fields of the search with this column of the therapist."""
    columns = () if therapist is None else (therapist,)
    return Compared(therapist, lambda row, search: ComparedValues(fields_of(search, patient), fields_of(row, columns)))


def fields_of(side: Any, names: Sequence[str]) -> dict[str, Any]:
    """Returns these attributes of a search or a row, in the form of the API."""
    return {name: _shown(getattr(side, name)) for name in names}


def _shown(value: Any) -> Any:
    return _week(value) if isinstance(value, Weekly) else value


@lru_cache(1024)
def _week(week: Weekly) -> WeeklyJson:
    return week.to_json()


def _distance(row: Any, search: Search) -> ComparedValues:
    return ComparedValues(fields_of(search, (*LIMITS, "travel_mode")), _route(row.metres, search))


def _route(metres: float | None, search: Search) -> dict[str, Any]:
    if metres is None:
        return {"distance_km": None, "travel_minutes": None}
    kilometres = metres / METRES_A_KILOMETRE
    return {"distance_km": round(kilometres, 1), "travel_minutes": minutes_of(kilometres, search.travel_mode)}


def _exclusion(row: Any, search: Search) -> ComparedValues:
    return ComparedValues({"is_excluded": row.id in search.excluded_therapist_ids}, {})


def _refusal(row: Any, search: Search) -> ComparedValues:
    again = row.refused_on and row.refused_on + timedelta(days=search.rules.days_after_refusal)
    return ComparedValues({}, {"refused_on": row.refused_on, "ask_again_from": again})


DISTANCE: Final = Compared("metres", _distance)
"""The limits of the patient and the route to the practice; null where nobody knows it."""
EXCLUSION: Final = Compared("id", _exclusion)
"""Whether the patient excluded this therapist; whom else they exclude says nothing here."""
REFUSAL: Final = Compared("refused_on", _refusal)
"""The day of the last refusal, and from when the practice may be asked again; null without one."""
