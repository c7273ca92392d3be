"""What explains a match: the values of both sides, and what the patient could give up."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from matching_service.domain import placement_requests
from matching_service.domain.schemas import ContactList, Override
from shared.values.enums import MatchCriterion
from tests.builders.criteria import (
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
from tests.builders.matching import RULES, TEXTS, a_known_patient, a_known_therapist, north_of_aachen
from tests.conftest import MONDAY


def test_where_no_single_concession_helps_the_best_two_are_named(session: Session) -> None:
    patient = a_known_patient(session, preferred_therapist_gender="male", languages=["tr"])
    both = {a_known_therapist(session) for _ in range(2)}
    a_known_therapist(session, languages=["tr"], **north_of_aachen(26))
    a_known_therapist(session, **north_of_aachen(26))
    (pair,) = candidates(session, patient).relax
    assert (pair.rules, pair.code, pair.adds) == (["gender", "language"], "relaxation.pair", 2)
    assert pair.text == (
        "Two concessions together: Accept any gender (wished for: male). Accept treatment in German (needed: Turkish)."
    )
    assert pair.params == {
        "first": {"code": "relaxation.gender", "params": {"preferred_therapist_gender": "male"}},
        "second": {"code": "relaxation.language", "params": {"languages": ("tr",)}},
    }
    found = candidates(session, patient, **pair.overrides)
    assert {each.therapist_id for each in found.candidates} == both
    # asked with an override, a suggestion brings it along
    (single,) = candidates(session, patient, languages=["de"]).relax
    assert (single.rules, single.overrides) == (["gender"], {"languages": ["de"], "preferred_therapist_gender": "any"})
    a_known_therapist(session, gender="male", languages=["en"])
    assert [(each.rules, each.adds) for each in candidates(session, patient).relax] == [(["language"], 1)]


COMPARED: list[tuple[str, Case, dict[str, Any], dict[str, Any]]] = [
    ("status", Case("fail", {"status": "blocked"}), {}, {"status": "blocked"}),
    ("contact_preference", Case("pass"), {}, {"contact_preference": "any"}),
    (
        "accreditation",
        Case("fail", {"accreditation": "private"}),
        {"insurance_type": "statutory", "reimbursement_case": False},
        {"accreditation": "private"},
    ),
    (
        "distance",
        Case("fail", north_of_aachen(29.9), {"max_travel_minutes": 40}),
        {"max_distance_km": 25, "max_travel_minutes": 40, "travel_mode": "car"},
        {"distance_km": 29.9},
    ),
    ("distance_unknown", Case("fail", NOWHERE), {"max_distance_km": 25}, {"distance_km": None, "travel_minutes": None}),
    ("procedure", Case("unknown", {"procedures": []}, {"preferred_procedures": ["VT"]}),
     {"preferred_procedures": ("VT",)}, {"procedures": []}),
    ("age_group", Case("fail", {"age_groups": ["child_adolescent"]}), {"age_groups": ("adult",)},
     {"age_groups": ["child_adolescent"]}),
    ("setting", Case("fail", {"settings": ["group"]}), {"open_to_group_therapy": False}, {"settings": ["group"]}),
    ("gender", Case("fail", {}, {"preferred_therapist_gender": "male"}), {"preferred_therapist_gender": "male"},
     {"gender": "female"}),
    ("language", Case("fail", {}, {"languages": ["tr"]}), {"languages": ("tr",)}, {"languages": ["en"]}),
    ("availability", Case("fail", {}, {"availability": FROM_NOON}), {"availability": FROM_NOON},
     {"working_hours": MONDAY_MORNING}),
    ("availability", Case("unknown", {"working_hours": None}, {"availability": None}), {"availability": None},
     {"working_hours": None}),
    ("patient_exclusion", Case("fail", {"id": HERSELF}, {"excluded_therapist_ids": [UUID(int=8), HERSELF]}),
     {"is_excluded": True}, {}),
    ("open_request", Case("fail", asked={"status": "open"}), {}, {}),
    ("recent_refusal", Case("fail", asked=refused(MONDAY)), {},
     {"refused_on": TODAY, "ask_again_from": date(2026, 12, 21)}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "case", "patient", "therapist"), COMPARED)
def test_a_check_and_a_refusal_say_what_was_compared_of_both_sides(
    session: Session, rule: str, case: Case, patient: dict[str, Any], therapist: dict[str, Any]
) -> None:
    who, whom = recorded(session, case)
    if case.result == "fail":  # with somebody who can be asked, so that not all are refused
        other = a_known_therapist(session)
        agreed = Override(therapist_id=other, rule=MatchCriterion(rule), reason="agreed")
        wanted = ContactList(patient_id=who, therapist_ids=[whom, other], overrides=[agreed])
        approval = placement_requests.approve(session, TEXTS, wanted, rules=RULES, today=TODAY, by=None, now=MONDAY)
        values = {each.rule: each.values for each in approval.refused}
    else:
        (candidate,) = candidates(session, who).candidates
        values = {check.rule: check.values for check in candidate.checks}
    found = values[MatchCriterion(rule)]
    assert found is not None
    assert patient.items() <= found.patient.items() if patient else found.patient == {}
    assert therapist.items() <= found.therapist.items() if therapist else found.therapist == {}
