"""What criteria say of a therapist for a patient, as sentences of the catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from matching_service.domain.hours import MINUTES_AN_HOUR, in_common, in_words
from matching_service.domain.search import METRES_A_KILOMETRE, Search
from shared.texts import Number, Sentence
from shared.values import travel
from shared.values.enums import Gender, PreferredGender, TravelMode


def minutes_of(straight_km: float, mode: TravelMode) -> int:
    """The estimated travel time in whole minutes, rounded up as the geocoding service does."""
    return math.ceil(travel.minutes(straight_km, mode))


SHORTEST_SHOWN_KM = 0.05
"""Shorter routes would be shown as 0.0 km."""


# An answer has hundreds of sentences, most of which are alike: those that follow from few values are kept.


def distance(therapist: Any, search: Search) -> Sentence:
    """Returns how far away the practice is, beside the limits of the patient."""
    kilometres = therapist.metres / METRES_A_KILOMETRE
    minutes = minutes_of(kilometres, search.travel_mode)
    limits = (search.max_distance_km, search.max_travel_minutes)
    return _distance_of(_shown(kilometres), minutes, search.travel_mode, *limits)


@lru_cache(4096)
def _distance_of(
    km: Number | None, minutes: int, mode: TravelMode, max_distance_km: float | None, max_travel_minutes: int | None
) -> Sentence:
    values = {"duration": _duration(minutes, mode), "limit": _limit(max_distance_km, max_travel_minutes)}
    return (
        Sentence.of("criterion.distance.said", km=km, **values)
        if km
        else Sentence.of("criterion.distance.short", **values)
    )


def route(metres: float, mode: TravelMode) -> Sentence:
    """Returns how long a route is and how long it takes, for people."""
    kilometres = metres / METRES_A_KILOMETRE
    return _route(_shown(kilometres), minutes_of(kilometres, mode), mode)


@lru_cache(4096)
def _route(km: Number | None, minutes: int, mode: TravelMode) -> Sentence:
    length = Sentence.of("route.km", km=km) if km else Sentence.of("route.short")
    return Sentence.of("reason.route", length=length, duration=_duration(minutes, mode))


def _shown(kilometres: float) -> Number | None:
    """How many kilometres are shown; None for a route so short that it would be 0.0."""
    return None if kilometres < SHORTEST_SHOWN_KM else Number(f"{kilometres:.1f}")


@lru_cache(512)
def _duration(minutes: int, mode: TravelMode) -> Sentence:
    if not minutes:
        return Sentence.of("duration.short", by=mode)
    return Sentence.of("duration.about", minutes=_minutes(minutes), by=mode)


def _minutes(number: int) -> Sentence:
    return Sentence.of("minutes.one") if number == 1 else Sentence.of("minutes.many", number=number)


@lru_cache
def _limit(max_distance_km: float | None, max_travel_minutes: int | None) -> Sentence:
    km = None if max_distance_km is None else Number(f"{max_distance_km:g}")
    minutes = None if max_travel_minutes is None else _minutes(max_travel_minutes)
    if km and minutes:
        return Sentence.of("limit.both", km=km, minutes=minutes)
    if km:
        return Sentence.of("limit.km", km=km)
    return Sentence.of("limit.minutes", minutes=minutes) if minutes else Sentence.of("limit.none")


def seat(therapist: Any, search: Search) -> Sentence:
    """Returns that the practice has a statutory seat, or why none is needed."""
    if therapist.accreditation == "statutory":
        return Sentence.of("criterion.accreditation.statutory")
    if search.reimbursement_case:
        return Sentence.of("criterion.accreditation.reimbursed")
    return Sentence.of("criterion.accreditation.not_by_statute")


def contact(therapist: Any, _: Search) -> Sentence:
    """Returns how the practice may be contacted."""
    match therapist.contact_preference:
        case "phone_only":
            return Sentence.of("criterion.contact_preference.phone_only")
        case "email_only":
            return Sentence.of("criterion.contact_preference.email_only")
    return Sentence.of("criterion.contact_preference.any_way")


def fits(theirs: Sequence[str], wanted: Sequence[str], kind: Callable[[str], Any] = str) -> Sentence:
    """Returns which of the wanted words are theirs; `kind` is their vocabulary, where they have one."""
    return _fitting(tuple(word for word in wanted if word in theirs), kind)


@lru_cache(512)
def _fitting(words: Sequence[str], kind: Callable[[str], Any]) -> Sentence:
    return Sentence.of("criterion.fits", words=[kind(word) for word in words])


def does_not_fit(theirs: Sequence[str], wanted: Sequence[str], kind: Callable[[str], Any] = str) -> Sentence:
    """Returns what is offered, and what is needed instead."""
    return Sentence.of(
        "criterion.does_not_fit", offered=[kind(word) for word in theirs], needed=[kind(word) for word in wanted]
    )


def any_procedure(search: Search) -> Sentence:
    """Returns the suggestion to accept any procedure."""
    return Sentence.of("relaxation.procedure", wished=[str(each) for each in search.preferred_procedures])


def gender(therapist: Any, search: Search) -> Sentence:
    """Returns the gender that is wished for, and the therapist's."""
    return _genders(search.preferred_therapist_gender, therapist.gender)


@lru_cache
def _genders(wished: str, gender: str) -> Sentence:
    if wished == PreferredGender.ANY:
        return Sentence.of("criterion.gender.any")
    return Sentence.of("criterion.gender.compared", wished=PreferredGender(wished), gender=Gender(gender))


def hours_in_common(therapist: Any, search: Search) -> Sentence:
    """Returns when practice and patient have time together, and how long; both weeks are known."""
    week = in_common(therapist.working_hours, search.availability)
    assert week is not None
    hours = Number(f"{week.total_minutes / MINUTES_AN_HOUR:.3g}")
    duration = Sentence.of("hours.one") if hours == "1" else Sentence.of("hours.many", number=hours)
    return Sentence.of("criterion.availability.in_common", duration=duration, week=in_words(week))


def no_overlap(therapist: Any, search: Search) -> Sentence:
    """Returns both weeks, which never meet."""
    return Sentence.of(
        "criterion.availability.no_overlap",
        patient=in_words(search.availability),
        therapist=in_words(therapist.working_hours),
    )


def overlap_unknown(therapist: Any, search: Search) -> Sentence:
    """Returns whose week is not known, and the other's where it is."""
    if search.availability:
        return Sentence.of("criterion.availability.hours_unknown", patient=in_words(search.availability))
    if therapist.working_hours:
        return Sentence.of("criterion.availability.patient_unknown", therapist=in_words(therapist.working_hours))
    return Sentence.of("criterion.availability.both_unknown")


def other_times(search: Search) -> Sentence:
    """Returns the suggestion to find other times than those of the patient."""
    return Sentence.of("relaxation.availability", week=in_words(search.availability))


def wider(search: Search) -> Sentence:
    """Returns the suggestion of a longer route, with its limits."""
    return Sentence.of("relaxation.distance", limit=limits_in_words(**search.wider_limits))


def limits_in_words(max_distance_km: float | None = None, max_travel_minutes: int | None = None) -> Sentence:
    """Returns how far away a place may be."""
    return _limit(max_distance_km, max_travel_minutes)


def refusal(therapist: Any, search: Search) -> Sentence:
    """Returns when the practice refused, and from which day it may be asked again."""
    again = therapist.refused_on + timedelta(days=search.rules.days_after_refusal)
    return Sentence.of("criterion.recent_refusal.refused", refused_on=therapist.refused_on, again=again)


def no_refusal(_: Any, search: Search) -> Sentence:
    """Returns for how long there was no refusal."""
    return _none_within(search.rules.days_after_refusal)


@lru_cache
def _none_within(days: int) -> Sentence:
    return Sentence.of("criterion.recent_refusal.none", days=days)
