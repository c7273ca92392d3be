"""One patient's search for a place: what matching asks of therapists."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from matching_service.settings import AskAgainRules
from matching_service.store import traits
from matching_service.store.nearness import NOBODY, Box, box, on_sphere
from matching_service.store.practice_answers import REMEMBERED
from shared.values import travel
from shared.values.datetimes import start_of_berlin_day
from shared.values.enums import AgeGroup, InsuranceType, PreferredGender, Procedure, TherapySetting, TravelMode
from shared.values.places import Place
from shared.values.weekly import Weekly

GERMAN = "de"
LONG_AGO = date(1970, 1, 1)
METRES_A_KILOMETRE: Final = 1000
SHORT_WAY_KM: Final = 10
"""Below it a whole kilometre is much."""
A_QUARTER_MORE = 1.25
"""How much farther the distance is relaxed to say what that would add (docs/domain.md#matching-score)."""


@dataclass(frozen=True)
class Search:
    """What one patient looks for, on one day; `None` and empty mean unknown, except where a field says otherwise.

    The conditions of `domain/criteria.py` name these fields and properties.
    """

    patient_id: UUID
    today: date
    """The Berlin day of the question, on which older refusals no longer count."""
    rules: AskAgainRules
    place: Place | None = None
    diagnosis_block: str | None = None
    """The group of the patient's diagnosis, where they consent to its being known; it ranks and excludes nobody."""
    insurance_type: InsuranceType | None = None
    reimbursement_case: bool = False
    age_groups: tuple[AgeGroup, ...] = ()
    availability: Weekly | None = None
    max_distance_km: float | None = None
    max_travel_minutes: int | None = None
    travel_mode: TravelMode = TravelMode.CAR
    open_to_group_therapy: bool = False
    preferred_therapist_gender: PreferredGender = PreferredGender.ANY
    preferred_procedures: tuple[Procedure, ...] = ()
    """Empty: any."""
    languages: tuple[str, ...] = ()
    """Those the patient can be treated in; empty: no wish."""
    excluded_therapist_ids: frozenset[UUID] = field(default_factory=frozenset)
    search_started_on: date | None = None
    """Practices whose place failed since then are left out (docs/domain.md#place-rule-10); unknown: at any time."""

    @cached_property
    def refused_since(self) -> date:
        """A refusal on this Berlin day or later still counts (docs/domain.md#contact-rule-8)."""
        return self.today - timedelta(days=self.rules.days_after_refusal - 1)

    @cached_property
    def needs_statutory_seat(self) -> bool:
        """A statutory insurer pays only practices with a seat, unless it reimburses (§ 13 Abs. 3 SGB V)."""
        return self.insurance_type == InsuranceType.STATUTORY and not self.reimbursement_case

    @cached_property
    def may_need_statutory_seat(self) -> bool:
        """Nobody knows who insures the patient, and so whether a private practice would be paid."""
        return self.insurance_type is None and not self.reimbursement_case

    @cached_property
    def settings(self) -> tuple[TherapySetting, ...]:
        """The settings that fit."""
        return (
            (TherapySetting.INDIVIDUAL, TherapySetting.GROUP)
            if self.open_to_group_therapy
            else (TherapySetting.INDIVIDUAL,)
        )

    @cached_property
    def needed_languages(self) -> tuple[str, ...]:
        """Languages of which the therapist must speak one; empty: none.

        Every practice treats in German (directories list the languages beside it), so who can be treated in German
        needs no other.
        """
        return () if GERMAN in self.languages else self.languages

    @cached_property
    def wished_languages(self) -> tuple[str, ...]:
        """Languages that rank and exclude nobody: who can be treated in German may wish for another one."""
        return tuple(each for each in self.languages if each != GERMAN) if GERMAN in self.languages else ()

    @cached_property
    def wanted_procedures(self) -> int:
        """The bits of the procedures that are wanted (`store/traits.py`); of no wish, and below, 0."""
        return traits.bits("procedures", self.preferred_procedures)

    @cached_property
    def wanted_age_groups(self) -> int:
        """The bits of the patient's age groups."""
        return traits.bits("age_groups", self.age_groups)

    @cached_property
    def wanted_settings(self) -> int:
        """The bits of the settings that fit."""
        return traits.bits("settings", self.settings)

    @cached_property
    def wanted_gender(self) -> int:
        """The bit of the therapist's gender that is wanted."""
        return traits.bits("gender", [self.preferred_therapist_gender])

    @cached_property
    def wanted_diagnoses(self) -> int:
        """The bit of the group of the patient's diagnosis."""
        return traits.bits("preferred_diagnoses", [self.diagnosis_block] if self.diagnosis_block else [])

    @cached_property
    def number_of_wishes(self) -> int:
        """Of procedure, the therapist's gender and another language than German, how many the patient wishes for."""
        another = self.needed_languages or self.wished_languages
        return sum(map(bool, (self.preferred_procedures, self.preferred_therapist_gender != "any", another)))

    @property
    def remembered_since(self) -> datetime:
        """Requests that were approved earlier say nothing of a practice any more."""
        return start_of_berlin_day(self.today) - REMEMBERED

    @property
    def week_began(self) -> datetime:
        """The first instant of the present week."""
        return start_of_berlin_day(self.today - timedelta(days=self.today.weekday()))

    @property
    def searching_since(self) -> date:
        """The first day of the search; of one that has not begun, today."""
        return self.search_started_on or self.today

    @property
    def search_began(self) -> datetime:
        """The first instant of the search."""
        return start_of_berlin_day(self.search_started_on or LONG_AGO)

    @cached_property
    def radius_km(self) -> float | None:
        """The straight line that keeps both the distance and the travel time; None where neither has a limit."""
        return self._straight_km(self.max_distance_km, self.max_travel_minutes)

    @cached_property
    def radius_metres(self) -> float | None:
        """The radius in metres, at least one: the score divides by it."""
        return _in_metres(self.radius_km)

    @cached_property
    def wide_metres(self) -> float | None:
        """The radius in metres if its limits were a quarter wider."""
        return _in_metres(self._straight_km(**self.wider_limits))

    @cached_property
    def sphere_x(self) -> float | None:
        """The patient's place on a sphere of radius one (`store/nearness.py`); below, the other two coordinates."""
        return None if self.place is None else on_sphere(self.place).x

    @cached_property
    def sphere_y(self) -> float | None:
        return None if self.place is None else on_sphere(self.place).y

    @cached_property
    def sphere_z(self) -> float | None:
        return None if self.place is None else on_sphere(self.place).z

    @property
    def wide_bands(self) -> tuple[int, ...]:
        """The bands of latitude within the wide radius; below, the longitudes, and the same within the radius."""
        return self._wide_box.latitude_bands

    @property
    def wide_west(self) -> float:
        return self._wide_box.west

    @property
    def wide_east(self) -> float:
        return self._wide_box.east

    @property
    def radius_bands(self) -> tuple[int, ...]:
        return self._radius_box.latitude_bands

    @property
    def radius_west(self) -> float:
        return self._radius_box.west

    @property
    def radius_east(self) -> float:
        return self._radius_box.east

    @cached_property
    def _wide_box(self) -> Box:
        return self._box(self.wide_metres)

    @cached_property
    def _radius_box(self) -> Box:
        return self._box(self.radius_metres)

    def _box(self, metres: float | None) -> Box:
        return NOBODY if self.place is None or metres is None else box(self.place, metres)

    @cached_property
    def wider_limits(self) -> dict[str, Any]:
        """The limits of distance and time that are set, each a quarter wider, rounded up: of short routes to half."""
        limits = {"max_distance_km": self.max_distance_km, "max_travel_minutes": self.max_travel_minutes}
        return {name: _a_quarter_more(limit) for name, limit in limits.items() if limit is not None}

    def _straight_km(self, max_distance_km: float | None = None, max_travel_minutes: int | None = None) -> float | None:
        limits = [] if max_distance_km is None else [max_distance_km]
        if max_travel_minutes is not None:
            limits.append(travel.straight_km_within(max_travel_minutes, self.travel_mode))
        return min(limits, default=None)


def _a_quarter_more(limit: float) -> float:
    wider = limit * A_QUARTER_MORE
    if isinstance(limit, int) or limit >= SHORT_WAY_KM:
        return math.ceil(wider)
    return math.ceil(2 * wider) / 2


def _in_metres(kilometres: float | None) -> float | None:
    return None if kilometres is None else max(1.0, kilometres * METRES_A_KILOMETRE)


def of_patient(patient: Any, *, excluded: frozenset[UUID], rules: AskAgainRules, today: date) -> Search:
    """The search in a patient's copy. Raises `ValueError` for values that our enums do not have.

    `excluded`: the therapists whom the patient excludes, and those into whom they were merged.
    """
    return Search(
        patient_id=patient.id,
        today=today,
        rules=rules,
        place=patient.place,
        diagnosis_block=patient.diagnosis_block,
        insurance_type=None if patient.insurance_type is None else InsuranceType(patient.insurance_type),
        reimbursement_case=patient.reimbursement_case,
        age_groups=tuple(AgeGroup(group) for group in patient.age_groups),
        availability=patient.availability,
        max_distance_km=patient.max_distance_km,
        max_travel_minutes=patient.max_travel_minutes,
        travel_mode=TravelMode(patient.travel_mode),
        open_to_group_therapy=patient.open_to_group_therapy,
        preferred_therapist_gender=PreferredGender(patient.preferred_therapist_gender),
        preferred_procedures=tuple(Procedure(procedure) for procedure in patient.preferred_procedures),
        languages=tuple(patient.languages),
        excluded_therapist_ids=excluded,
        search_started_on=patient.search_started_on,
    )
