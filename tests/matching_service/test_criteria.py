"""Each criterion of docs/domain.md#matching-rule-2 against a table of cases, in the list and in approvals."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from matching_service.domain import matches, placement_requests
from matching_service.domain.criteria import CRITERIA, CRITERIA_QUERY
from matching_service.domain.explaining import Explainer
from matching_service.domain.match_schemas import MatchQuestion
from matching_service.domain.schemas import Approval, ContactList, Override
from matching_service.domain.search import of_patient
from matching_service.settings import AskAgainRules
from matching_service.store import queries
from shared.database import new_id
from shared.errors import Conflict
from shared.texts import TextLanguage
from shared.values.enums import MatchCriterion
from tests.builders.criteria import (
    FAILED,
    FROM_NOON,
    HERSELF,
    MONDAY_MORNING,
    NOWHERE,
    TODAY,
    Case,
    candidates,
    recorded,
    refused,
)
from tests.builders.matching import RULES, TEXTS, WEIGHTS, a_known_patient, a_known_therapist, north_of_aachen
from tests.conftest import MONDAY

CASES: dict[str, list[Case]] = {
    "status": [
        Case("pass", {"status": "active"}),
        Case("fail", {"status": "blocked"}),
        Case("fail", {"status": "inactive"}),
    ],
    "contact_preference": [
        Case("pass", {"contact_preference": "any"}),
        Case("pass", {"contact_preference": "phone_only"}),
        Case("pass", {"contact_preference": "email_only"}),
        Case("fail", {"contact_preference": "none"}),
    ],
    "accreditation": [
        Case("pass", {"accreditation": "statutory"}, {"insurance_type": "statutory"}),
        Case("pass", {"accreditation": "statutory"}, {"insurance_type": "private"}),
        Case("pass", {"accreditation": "statutory"}, {"insurance_type": None}),
        Case("pass", {"accreditation": "private"}, {"insurance_type": "statutory", "reimbursement_case": True}),
        Case("pass", {"accreditation": "private"}, {"insurance_type": "private"}),
        Case("pass", {"accreditation": "private"}, {"insurance_type": None, "reimbursement_case": True}),
        Case("pass", {"accreditation": "unknown"}, {"insurance_type": "self_pay"}),
        Case("fail", {"accreditation": "private"}, {"insurance_type": "statutory"}),
        Case("unknown", {"accreditation": "unknown"}, {"insurance_type": "statutory"}),
        Case("unknown", {"accreditation": "unknown"}, {"insurance_type": None}),
        Case("unknown", {"accreditation": "private"}, {"insurance_type": None}),
    ],
    "distance": [
        Case("pass", north_of_aachen(24.9), {"max_distance_km": 25}),
        Case("pass", north_of_aachen(10), {"max_distance_km": 25, "max_travel_minutes": 23}),
        Case("pass", north_of_aachen(9), {"max_distance_km": None, "max_travel_minutes": 30}),
        Case("fail", north_of_aachen(25.1), {"max_distance_km": 25}),
        Case("fail", north_of_aachen(10), {"max_distance_km": 25, "max_travel_minutes": 20}),
        Case("fail", north_of_aachen(10), {"max_distance_km": 9, "max_travel_minutes": 30}),
        Case("fail", north_of_aachen(2), {"max_travel_minutes": 35, "travel_mode": "foot"}),
    ],
    "distance_unknown": [Case("pass", north_of_aachen(1)), Case("fail", NOWHERE)],
    "procedure": [
        Case("pass", {"procedures": ["AP", "TP"]}, {"preferred_procedures": ["TP", "VT"]}),
        Case("pass", {"procedures": ["AP"]}, {"preferred_procedures": []}),
        Case("pass", {"procedures": []}, {"preferred_procedures": []}),
        Case("fail", {"procedures": ["AP"]}, {"preferred_procedures": ["TP", "VT"]}),
        Case("unknown", {"procedures": []}, {"preferred_procedures": ["VT"]}),
    ],
    "age_group": [
        Case("pass", {"age_groups": ["child_adolescent"]}, {"age_groups": ["child_adolescent", "adult"]}),
        Case("fail", {"age_groups": ["child_adolescent"]}, {"age_groups": ["adult"]}),
        Case("unknown", {"age_groups": []}, {"age_groups": ["adult"]}),
        Case("unknown", {"age_groups": ["child_adolescent"]}, {"age_groups": []}),
    ],
    "setting": [
        Case("pass", {"settings": ["individual"]}, {"open_to_group_therapy": True}),
        Case("pass", {"settings": ["group"]}, {"open_to_group_therapy": True}),
        Case("fail", {"settings": ["group"]}, {"open_to_group_therapy": False}),
        Case("unknown", {"settings": []}, {"open_to_group_therapy": True}),
    ],
    "gender": [
        Case("pass", {"gender": "male"}, {"preferred_therapist_gender": "male"}),
        Case("pass", {"gender": "male"}, {"preferred_therapist_gender": "any"}),
        Case("pass", {"gender": "unknown"}, {"preferred_therapist_gender": "any"}),
        Case("fail", {"gender": "male"}, {"preferred_therapist_gender": "female"}),
        Case("unknown", {"gender": "unknown"}, {"preferred_therapist_gender": "diverse"}),
    ],
    "language": [
        Case("pass", {"languages": ["tr", "en"]}, {"languages": ["tr"]}),
        Case("pass", {"languages": ["en"]}, {"languages": ["tr", "de"]}),
        Case("pass", {"languages": []}, {"languages": ["de"]}),
        Case("pass", {"languages": []}, {"languages": []}),
        Case("fail", {"languages": ["en"]}, {"languages": ["tr"]}),
        Case("unknown", {"languages": []}, {"languages": ["tr"]}),
    ],
    "availability": [
        Case("pass", {"working_hours": MONDAY_MORNING}, {"availability": MONDAY_MORNING}),
        Case("fail", {"working_hours": MONDAY_MORNING}, {"availability": FROM_NOON}),
        Case("unknown", {"working_hours": None}, {"availability": MONDAY_MORNING}),
        Case("unknown", {"working_hours": MONDAY_MORNING}, {"availability": None}),
    ],
    "patient_exclusion": [
        Case("pass", {"id": HERSELF}, {"excluded_therapist_ids": [UUID(int=8)]}),
        Case("fail", {"id": HERSELF}, {"excluded_therapist_ids": [UUID(int=8), HERSELF]}),
        Case("fail", {}, {"search_started_on": date(2026, 11, 23)}, FAILED),
        Case("fail", {}, {"search_started_on": None}, FAILED),
        Case("pass", {}, {"search_started_on": date(2026, 11, 24)}, FAILED),
    ],
    "open_request": [
        Case("pass"),
        Case("pass", asked={"status": "withdrawn", "withdrawn_reason": "other"}),
        Case("pass", asked={"status": "placed", "place_ended_at": MONDAY}),
        Case("fail", asked={"status": "placed"}),
        Case("fail", asked={"status": "open"}),
        Case("fail", asked={"status": "queued"}),
        Case("fail", asked={"status": "contacted"}),
        Case("fail", asked={"status": "accepted"}),
        Case("fail", asked={"status": "deferred", "next_contact_after": TODAY}),
        Case("fail", asked={"status": "no_answer", "next_contact_after": TODAY + timedelta(days=1)}),
        Case("pass", asked={"status": "no_answer", "next_contact_after": TODAY}),
    ],
    "recent_refusal": [
        Case("pass"),
        Case("fail", asked=refused(MONDAY)),
        Case("fail", asked=refused(datetime(2026, 10, 27, 12, tzinfo=UTC))),
        Case("pass", asked=refused(datetime(2026, 10, 26, 12, tzinfo=UTC))),
        # half past midnight on the 27th in Berlin, then half an hour before it
        Case("fail", asked=refused(datetime(2026, 10, 26, 23, 30, tzinfo=UTC))),
        Case("pass", asked=refused(datetime(2026, 10, 26, 22, 30, tzinfo=UTC))),
        Case("fail", asked=refused(datetime(2026, 11, 24, 9, tzinfo=UTC))),
    ],
}
"""By the table in docs/domain.md#matching-rule-2: what makes each criterion hold, fail, or be unknown."""

EACH = [
    pytest.param(rule, case, id=f"{rule}-{number}") for rule, each in CASES.items() for number, case in enumerate(each)
]
EACH_FAILURE = [parameter for parameter in EACH if parameter.values[1].result == "fail"]

NEVER_SET_ASIDE = {"status", "contact_preference", "recent_refusal", "open_request"}


def approved(session: Session, patient: UUID, therapist: UUID, *overridden: str) -> Approval:
    overrides = [Override(therapist_id=therapist, rule=MatchCriterion(rule), reason="agreed") for rule in overridden]
    wanted = ContactList(patient_id=patient, therapist_ids=[therapist], overrides=overrides)
    return placement_requests.approve(session, TEXTS, wanted, rules=RULES, today=TODAY, by=None, now=MONDAY)


def refusals(session: Session, patient: UUID, therapist: UUID, *overridden: str) -> list[str]:
    """The criteria because of which an approval is refused."""
    return [rule for rule, _ in refused_because(session, patient, therapist, *overridden)]


def refused_because(session: Session, patient: UUID, therapist: UUID, *overridden: str) -> list[tuple[str, str]]:
    """Why an approval is refused: criteria with what they say."""
    try:
        approved(session, patient, therapist, *overridden)
    except Conflict as refused:
        return [(each.rule, str(each.detail)) for each in refused.members["refused"]]
    return []


@pytest.mark.parametrize(("days", "is_shown"), [(7, True), (8, False)])
def test_how_long_a_refusal_counts_is_a_setting(session: Session, days: int, is_shown: bool) -> None:
    patient, _ = recorded(session, Case("fail", asked=refused(MONDAY - timedelta(days=7))))
    rules = AskAgainRules(days_after_refusal=days)
    found = matches.find(session, MatchQuestion(patient_id=patient), rules=rules, today=TODAY)
    assert (bool(found.candidates), "recent_refusal" in found.excluded) == (is_shown, not is_shown)


@pytest.mark.parametrize(("rule", "case"), EACH)
def test_the_list_shows_or_counts_what_a_criterion_says(session: Session, rule: str, case: Case) -> None:
    found = candidates(session, recorded(session, case)[0])
    if case.result == "fail":
        # who is too far away is not counted
        assert (found.total, found.excluded) == (0, {} if rule == "distance" else {rule: 1})
    else:
        (candidate,) = found.candidates
        others = {check.rule: check.result for check in candidate.checks}
        assert others.pop(MatchCriterion(rule), "pass") == case.result
        assert set(others.values()) == {"pass"}
        assert any(reason.code == "reason.unknown" for reason in candidate.reasons) == (case.result == "unknown")


@pytest.mark.parametrize(("rule", "case"), EACH)
def test_an_approval_is_refused_only_where_a_criterion_fails(session: Session, rule: str, case: Case) -> None:
    assert refusals(session, *recorded(session, case)) == [rule] * (case.result == "fail")


@pytest.mark.parametrize(("rule", "case"), EACH_FAILURE)
def test_staff_may_set_aside_all_but_four_criteria(session: Session, rule: str, case: Case) -> None:
    patient, therapist = recorded(session, case)
    if rule in NEVER_SET_ASIDE:
        assert refusals(session, patient, therapist, rule) == [rule]
    else:
        (made,) = approved(session, patient, therapist, rule).items
        assert [each.model_dump() for each in made.overrides] == [{"rule": rule, "reason": "agreed"}]


@pytest.mark.parametrize(("rule", "case"), EACH_FAILURE)
def test_a_suggestion_says_what_giving_up_a_criterion_adds_and_shows_it(
    session: Session, rule: str, case: Case
) -> None:
    patient, therapist = recorded(session, case)
    a_known_therapist(session, **case.therapist | {"status": "inactive", "id": new_id()})  # fails another one as well
    suggested = candidates(session, patient).relax
    (entry,) = (each for each in CRITERIA if each.name == rule)
    assert [(each.rules, each.adds) for each in suggested] == [([rule], 1)] * (entry.relaxation is not None)
    for each in suggested:
        found = candidates(session, patient, **each.overrides)
        assert [candidate.therapist_id for candidate in found.candidates] == [therapist]


SAID: list[tuple[str, Case, str]] = [
    ("status", Case("fail", {"status": "blocked"}), "The therapist is blocked."),
    (
        "contact_preference",
        Case("pass", {"contact_preference": "phone_only"}),
        "The practice may be contacted by phone only.",
    ),
    (
        "accreditation",
        Case("pass", {"accreditation": "private"}, {"reimbursement_case": True}),
        "No statutory seat needed: reimbursement case.",
    ),
    (
        "accreditation",
        Case("unknown", {"accreditation": "private"}, {"insurance_type": None}),
        "The patient's insurance is not known.",
    ),
    (
        "distance",
        Case("fail", north_of_aachen(29.9), {"max_travel_minutes": 38}),
        "29.9 km, about 40 minutes by car; limit 25 km and 38 minutes.",
    ),
    ("procedure", Case("pass", {"procedures": ["AP"]}), "Any procedure will do."),
    ("procedure", Case("pass", {}, {"preferred_procedures": ["TP", "VT"]}), "VT."),
    ("setting", Case("fail", {"settings": ["group"]}), "Offered: group; needed: individual."),
    ("age_group", Case("fail", {"age_groups": ["child_adolescent"]}), "Offered: child and adolescent; needed: adult."),
    ("age_group", Case("unknown", {}, {"age_groups": []}), "The patient's age is not known."),
    ("gender", Case("fail", {}, {"preferred_therapist_gender": "male"}), "Wished: male; therapist: female."),
    (
        "availability",
        Case("pass", {}, {"availability": {"monday": [{"start": "10:30", "end": "24:00"}]}}),
        "1.5 hours a week in common: Mo 10:30–12.",
    ),
    (
        "availability",
        Case("fail", {"working_hours": {"tuesday": [{"start": "14:00", "end": "16:00"}]}}),
        "No overlap: patient Mo 8–10, therapist Tu 14–16.",
    ),
    (
        "availability",
        Case("unknown", {"working_hours": None}),
        "It is not known: the working hours of the practice; patient Mo 8–10.",
    ),
    (
        "availability",
        Case("unknown", {}, {"availability": None}),
        "It is not known: the patient's availability; therapist Mo 9–12.",
    ),
    (
        "availability",
        Case("unknown", {"working_hours": None}, {"availability": None}),
        "It is not known: the working hours of the practice and the patient's availability.",
    ),
    (
        "patient_exclusion",
        Case("fail", asked=FAILED),
        "A place with this therapist failed in this search.",
    ),
    (
        "recent_refusal",
        Case("fail", asked=refused(MONDAY)),
        "Refused on 2026-11-23; may be asked again from 2026-12-21.",
    ),
]


@pytest.mark.parametrize(("rule", "case", "sentence"), SAID)
def test_what_a_criterion_says_can_be_read(session: Session, rule: str, case: Case, sentence: str) -> None:
    patient, therapist = recorded(session, case)
    shown = [check for each in candidates(session, patient).candidates for check in each.checks]
    said = {check.rule: (str(check.result), check.detail) for check in shown}
    said |= {MatchCriterion(failed): ("fail", why) for failed, why in refused_because(session, patient, therapist)}
    assert said[MatchCriterion(rule)] == (case.result, sentence)


def test_every_criterion_of_the_vocabulary_has_one_entry_in_its_order() -> None:
    assert [each.name for each in CRITERIA] == list(MatchCriterion)


def test_every_entry_has_cases_for_everything_it_can_say() -> None:
    for each in CRITERIA:
        can_say = {"pass", "fail", "unknown"} if each.unknown else {"pass", "fail"}
        assert {case.result for case in CASES.get(each.name, [])} == can_say, each.name
        # what is no candidate where it fails need not be shown where it passes
        assert can_say - {"pass"} <= set(each.explanations) <= can_say, each.name


def _some(dice: random.Random, fields: str) -> dict[str, Any]:
    """The fields of cases of all criteria, one case of each, without what belongs to one person only."""
    chosen = (getattr(dice.choice(cases), fields) for cases in CASES.values())
    return {name: value for case in chosen for name, value in case.items() if name != "id"}


@pytest.mark.parametrize("seed", range(8))
def test_the_list_and_approvals_judge_alike_whatever_comes_together(session: Session, seed: int) -> None:
    dice = random.Random(seed)
    therapists = [a_known_therapist(session, **_some(dice, "therapist")) for _ in range(60)]
    ids = dice.sample(therapists, 5)
    patient = a_known_patient(session, **_some(dice, "patient") | {"excluded_therapist_ids": ids})
    search = of_patient(queries.patient(session, patient), excluded=frozenset(), rules=RULES, today=TODAY)
    listed = CRITERIA_QUERY.best(session, search, weights=WEIGHTS, limit=200)
    each = CRITERIA_QUERY.each(session, search, therapists)
    near = [found for found in each.values() if (found.therapist.metres or 1e9) <= (search.wide_metres or 0)]
    assert listed.failures == Counter(found.failed for found in near)
    assert {found.therapist.id: found.unknown for found in listed.best} == {
        found.therapist.id: found.unknown for found in near if not found.failed
    }
    assert not any(found.failed & found.unknown for found in each.values())
    # who is alike in a column is put into words once: as if each were put into words alone
    explainer = Explainer(search, TextLanguage.DE)
    assert all(explainer.checks(found) == Explainer(search, TextLanguage.DE).checks(found) for found in near)
    scores = [found.therapist.score for found in listed.best]
    assert scores == sorted(scores, reverse=True)
