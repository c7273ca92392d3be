"""What a patient needs and wishes, as matching asks it of therapists."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from shared.values import travel
from shared.values.datetimes import start_of_berlin_day
from shared.values.enums import AgeGroup, InsuranceType, PreferredGender, Procedure, Setting, TravelMode
from shared.values.places import Place
from shared.values.weekly import Weekly

GERMAN = "de"
LONG_AGO = date(1970, 1, 1)


@dataclass(frozen=True)
class Criteria:
    """One patient's criteria; `None` and empty mean unknown, except where a field says otherwise."""

    place: Place | None = None
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
    """Practices whose place failed since then are left out (docs/domain.md#place-rule-10); unknown: since ever."""

    @cached_property
    def needs_statutory_seat(self) -> bool:
        """A statutory insurer pays only practices with a seat, unless it reimburses (§ 13 Abs. 3 SGB V)."""
        return self.insurance_type == InsuranceType.STATUTORY and not self.reimbursement_case

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """The settings that fit."""
        return (Setting.INDIVIDUAL, Setting.GROUP) if self.open_to_group_therapy else (Setting.INDIVIDUAL,)

    @cached_property
    def needed_languages(self) -> tuple[str, ...]:
        """Languages of which the therapist must speak one; empty: none.

        Every practice treats in German (directories list the languages beside it), so who can be treated in German
        needs no other.
        """
        return () if GERMAN in self.languages else self.languages

    @property
    def search_began(self) -> datetime:
        """The first instant of the search."""
        return start_of_berlin_day(self.search_started_on or LONG_AGO)

    @cached_property
    def radius_km(self) -> float | None:
        """The straight line that keeps both the distance and the travel time; None where neither has a limit."""
        limits = [] if self.max_distance_km is None else [self.max_distance_km]
        if self.max_travel_minutes is not None:
            limits.append(travel.straight_km_within(self.max_travel_minutes, self.travel_mode))
        return min(limits, default=None)


def of_patient(patient: Any) -> Criteria:
    """The criteria in a patient's copy. Words that this code does not know yet raise `ValueError`."""
    return Criteria(
        place=patient.place,
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
        excluded_therapist_ids=frozenset(patient.excluded_therapist_ids),
        search_started_on=patient.search_started_on,
    )
