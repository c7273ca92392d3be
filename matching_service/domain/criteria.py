"""The criteria of docs/domain.md#matching-rule-2, one entry each: everything the code knows about one stands there.

PostgreSQL judges, by the entry's two conditions (`store/matching.py` says what they can name); the rest of an entry is
what staff read and what they may do. A new criterion is a word in `MatchCriterion` and an entry here, at the same
place; beside the code, a row of that table, and cases in tests/matching_service/test_criteria.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from matching_service.domain import criterion_texts, criterion_values
from matching_service.domain.criterion_values import LIMITS, Compared, compared
from matching_service.domain.search import Search
from matching_service.store.matching import Condition, CriteriaQuery
from matching_service.store.plan_candidates import PlanCriteriaQuery
from matching_service.store.traits import has, has_none_of
from shared.texts import Sentence
from shared.values.enums import (
    Accreditation,
    AgeGroup,
    CheckResult,
    ContactPreference,
    Gender,
    MatchCriterion,
    PreferredGender,
    TherapistStatus,
    TherapySetting,
)
from shared.values.language_enums import language_word

PASS, FAIL, UNKNOWN = CheckResult.PASS, CheckResult.FAIL, CheckResult.UNKNOWN

ExplanationText = str | Callable[[Any, Search], Sentence]
"""The key of a text for staff, or how the sentence follows from the therapist's row and the search."""


class Suggestion(NamedTuple):
    """What a patient could give up, and the criteria that would replace theirs."""

    sentence: Callable[[Search], Sentence]
    """How it is put into words."""
    gives_up: Sequence[str]
    """The fields of the search that would be replaced."""
    overrides: Callable[[Search], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Criterion(Condition):
    """One criterion. Without a relaxation it is nothing that a patient could give up."""

    explanations: Mapping[CheckResult, ExplanationText]
    """What staff read, for each result it can have; one without words for a pass is shown only where it fails."""
    compared: Compared
    """What it compares, for programs, and the column that all of this reads."""
    is_asked_for: Callable[[Search], object] | None = None
    """Whether the patient has a need or a wish about it: only then it is a reason for a therapist who fits."""
    can_be_set_aside: bool = True
    """Whether staff may set it aside, with a reason, when they approve."""
    relaxation: Suggestion | None = None


def none_of(column: str, wanted: str) -> str:
    """The condition that a list has some words, and none of those whose bits are wanted."""
    return f"{has(column)} AND {has_none_of(wanted)}"


def some(wanted: str) -> str:
    """The condition that anything is wanted at all."""
    return f"CAST({wanted} AS bigint) <> 0"


_NEEDED: Final = "CAST(:needed_languages AS text[])"
_NEEDS_LANGUAGE: Final = f"cardinality({_NEEDED}) > 0"


CRITERIA: Final = (
    Criterion(
        name=MatchCriterion.STATUS,
        fails=f"NOT {has('status', TherapistStatus.ACTIVE)}",
        compared=compared(therapist="status"),
        explanations={
            PASS: "criterion.status.active",
            FAIL: lambda t, _: Sentence.of("criterion.status.other", status=TherapistStatus(t.status)),
        },
        can_be_set_aside=False,
    ),
    Criterion(
        name=MatchCriterion.CONTACT_PREFERENCE,
        fails=has("contact_preference", ContactPreference.NONE),
        compared=compared(therapist="contact_preference"),
        explanations={PASS: criterion_texts.contact, FAIL: "criterion.contact_preference.no_contact"},
        can_be_set_aside=False,
    ),
    Criterion(
        name=MatchCriterion.ACCREDITATION,
        fails=f":needs_statutory_seat AND {has('accreditation', Accreditation.PRIVATE)}",
        unknown=f"(:needs_statutory_seat AND {has('accreditation', Accreditation.UNKNOWN)})"
        f" OR (:may_need_statutory_seat AND NOT {has('accreditation', Accreditation.STATUTORY)})",
        compared=compared(patient=("insurance_type", "reimbursement_case"), therapist="accreditation"),
        explanations={
            PASS: criterion_texts.seat,
            FAIL: "criterion.accreditation.private",
            UNKNOWN: lambda _, search: (
                Sentence.of("criterion.accreditation.unknown")
                if search.needs_statutory_seat
                else Sentence.of("criterion.accreditation.insurance_unknown")
            ),
        },
        is_asked_for=lambda search: search.needs_statutory_seat,
        relaxation=Suggestion(
            lambda _: Sentence.of("relaxation.reimbursement"),
            ("insurance_type", "reimbursement_case"),
            lambda _: {"reimbursement_case": True},
        ),
    ),
    Criterion(
        name=MatchCriterion.DISTANCE,
        fails="t.metres > :radius_metres",
        compared=criterion_values.DISTANCE,
        explanations={PASS: criterion_texts.distance, FAIL: criterion_texts.distance},
        relaxation=Suggestion(criterion_texts.wider, LIMITS, lambda search: search.wider_limits),
    ),
    Criterion(
        name=MatchCriterion.DISTANCE_UNKNOWN,
        fails="t.metres IS NULL",
        compared=criterion_values.DISTANCE,
        explanations={FAIL: "criterion.distance_unknown.said"},
    ),
    Criterion(
        name=MatchCriterion.PROCEDURE,
        fails=f"{some(':wanted_procedures')} AND {none_of('procedures', ':wanted_procedures')}",
        unknown=f"{some(':wanted_procedures')} AND NOT {has('procedures')}",
        compared=compared(patient=("preferred_procedures",), therapist="procedures"),
        explanations={
            PASS: lambda t, search: (
                criterion_texts.fits(t.procedures, search.preferred_procedures)
                if search.preferred_procedures
                else Sentence.of("criterion.procedure.any")
            ),
            FAIL: lambda t, search: criterion_texts.does_not_fit(t.procedures, search.preferred_procedures),
            UNKNOWN: "criterion.procedure.unknown",
        },
        is_asked_for=lambda search: search.preferred_procedures,
        relaxation=Suggestion(
            criterion_texts.any_procedure,
            ("preferred_procedures",),
            lambda _: {"preferred_procedures": []},
        ),
    ),
    Criterion(
        name=MatchCriterion.AGE_GROUP,
        fails=f"{some(':wanted_age_groups')} AND {none_of('age_groups', ':wanted_age_groups')}",
        unknown=f"NOT {some(':wanted_age_groups')} OR NOT {has('age_groups')}",
        compared=compared(patient=("age_groups",), therapist="age_groups"),
        explanations={
            PASS: lambda t, search: criterion_texts.fits(t.age_groups, search.age_groups, AgeGroup),
            FAIL: lambda t, search: criterion_texts.does_not_fit(t.age_groups, search.age_groups, AgeGroup),
            UNKNOWN: lambda _, search: (
                Sentence.of("criterion.age_group.unknown")
                if search.age_groups
                else Sentence.of("criterion.age_group.age_unknown")
            ),
        },
    ),
    Criterion(
        name=MatchCriterion.SETTING,
        fails=none_of("settings", ":wanted_settings"),
        unknown=f"NOT {has('settings')}",
        compared=compared(patient=("open_to_group_therapy",), therapist="settings"),
        explanations={
            PASS: lambda t, search: criterion_texts.fits(t.settings, search.settings, TherapySetting),
            FAIL: lambda t, search: criterion_texts.does_not_fit(t.settings, search.settings, TherapySetting),
            UNKNOWN: "criterion.setting.unknown",
        },
        relaxation=Suggestion(
            lambda _: Sentence.of("relaxation.setting"),
            ("open_to_group_therapy",),
            lambda _: {"open_to_group_therapy": True},
        ),
    ),
    Criterion(
        name=MatchCriterion.GENDER,
        fails=f"{some(':wanted_gender')} AND NOT {has('gender', Gender.UNKNOWN)} AND {has_none_of(':wanted_gender')}",
        unknown=f"{some(':wanted_gender')} AND {has('gender', Gender.UNKNOWN)}",
        compared=compared(patient=("preferred_therapist_gender",), therapist="gender"),
        explanations={
            PASS: criterion_texts.gender,
            FAIL: criterion_texts.gender,
            UNKNOWN: lambda _, search: Sentence.of(
                "criterion.gender.unknown", wished=PreferredGender(search.preferred_therapist_gender)
            ),
        },
        is_asked_for=lambda search: search.preferred_therapist_gender != "any",
        relaxation=Suggestion(
            lambda search: Sentence.of("relaxation.gender", wished=PreferredGender(search.preferred_therapist_gender)),
            ("preferred_therapist_gender",),
            lambda _: {"preferred_therapist_gender": "any"},
        ),
    ),
    Criterion(
        name=MatchCriterion.LANGUAGE,
        fails=f"{_NEEDS_LANGUAGE} AND cardinality(t.languages) > 0 AND NOT t.languages && {_NEEDED}",
        unknown=f"{_NEEDS_LANGUAGE} AND cardinality(t.languages) = 0",
        compared=compared(patient=("languages",), therapist="languages"),
        explanations={
            PASS: lambda t, search: (
                criterion_texts.fits(t.languages, search.needed_languages, language_word)
                if search.needed_languages
                else Sentence.of("criterion.language.german")
            ),
            FAIL: lambda t, search: criterion_texts.does_not_fit(t.languages, search.needed_languages, language_word),
            UNKNOWN: "criterion.language.unknown",
        },
        is_asked_for=lambda search: search.needed_languages,
        relaxation=Suggestion(
            lambda search: Sentence.of("relaxation.language", needed=list(map(language_word, search.needed_languages))),
            ("languages",),
            lambda _: {"languages": ["de"]},
        ),
    ),
    Criterion(
        name=MatchCriterion.AVAILABILITY,
        fails="NOT t.working_hours && CAST(:availability AS int4multirange)",
        unknown="t.working_hours IS NULL OR CAST(:availability AS int4multirange) IS NULL",
        compared=compared(patient=("availability",), therapist="working_hours"),
        explanations={
            PASS: criterion_texts.hours_in_common,
            FAIL: criterion_texts.no_overlap,
            UNKNOWN: criterion_texts.overlap_unknown,
        },
        is_asked_for=lambda search: search.availability,
        relaxation=Suggestion(criterion_texts.other_times, ("availability",), lambda _: {"availability": None}),
    ),
    Criterion(
        name=MatchCriterion.PATIENT_EXCLUSION,
        fails="t.id = ANY (CAST(:excluded_therapist_ids AS uuid[])) OR a.place_failed",
        compared=criterion_values.EXCLUSION,
        explanations={
            PASS: "criterion.patient_exclusion.none",
            FAIL: lambda t, search: (
                Sentence.of("criterion.patient_exclusion.excluded")
                if t.id in search.excluded_therapist_ids
                else Sentence.of("criterion.patient_exclusion.place_failed")
            ),
        },
    ),
    Criterion(
        name=MatchCriterion.OPEN_REQUEST,
        fails="a.is_open",
        compared=compared(),
        explanations={PASS: "criterion.open_request.none", FAIL: "criterion.open_request.open"},
        can_be_set_aside=False,  # of an open request there is one
    ),
    Criterion(
        name=MatchCriterion.RECENT_REFUSAL,
        fails="a.refused_on >= CAST(:refused_since AS date)",
        compared=criterion_values.REFUSAL,
        explanations={PASS: criterion_texts.no_refusal, FAIL: criterion_texts.refusal},
        can_be_set_aside=False,
    ),
)
"""In the order in which staff read them."""

CAN_BE_SET_ASIDE: Final = frozenset(each.name for each in CRITERIA if each.can_be_set_aside)
CRITERIA_QUERY: Final = CriteriaQuery(CRITERIA)
PLAN_CRITERIA_QUERY: Final = PlanCriteriaQuery(CRITERIA)
"""The same judge for many patients at once."""
