"""A rule across fields names the fields it is about: a form shows the message beside them, not above everything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from shared.runtime import registry
from shared.values.schemas import Schema, patch_of, problems_of
from tests.architecture.sources import ROOT, SERVICES, nodes, sources

ID, OTHER = "01933f0e-7c3a-7000-8000-abcdefabcdef", "01933f0e-7c3a-7000-8000-abcdefabcdee"
ANSWER = {"placement_request_id": ID, "outcome": "declined_other"}
TWICE = {"responses": [ANSWER, ANSWER]}
POINT = {"latitude": 51.34}
TIME = "2026-12-01T09:00:00Z"
CONTACT = {
    "occurred_at": "2026-11-21T09:00:00Z",
    "channel": "letter",
    "direction": "outbound",
    "therapist_id": ID,
    "result": "sent",
}

BROKEN: dict[tuple[str, str], tuple[dict[str, Any], set[str]]] = {
    ("Period", "_is_in_order"): ({"from": "2026-12-02", "to": "2026-12-01"}, {"to"}),
    ("ReportPeriod", "_is_one_month"): ({"from": "2026-11-01", "to": "2026-12-31"}, {"from", "to"}),
    ("Holiday", "_ends_after_it_starts"): ({"from": "2026-12-02", "to": "2026-12-01"}, {"to"}),
    ("ImportedFields", "_has_both_coordinates_or_none"): (
        {"last_name": "Heide", "latitude": 51.34},
        {"latitude", "longitude"},
    ),
    ("ImportedFields", "_has_coordinates_that_can_be_right"): (
        {"last_name": "Heide", "postal_code": "04109", "latitude": 12.37, "longitude": 51.34},
        {"latitude", "longitude"},
    ),
    ("Preferences", "_has_ages_in_order"): ({"min_age": 30, "max_age": 29}, {"max_age"}),
    ("NewCapacityStatement", "_knows_what_it_dates"): ({"state": "unknown", "from": "2026-12-01"}, {"from"}),
    ("EmailResponse", "_answers_each_request_once"): (TWICE, {"responses.1.placement_request_id"}),
    ("ReplyConfirmation", "_answers_each_request_once"): (TWICE, {"responses.1.placement_request_id"}),
    ("CallOutcome", "_answers_each_request_once"): (
        {"result": "reached", **TWICE},
        {"responses.1.placement_request_id"},
    ),
    ("CallOutcome", "_only_who_was_reached_answers"): (
        {"result": "no_answer", "responses": [ANSWER]},
        {"result", "responses"},
    ),
    ("CallOutcome", "_only_who_wants_a_call_back_says_when"): (
        {"result": "no_answer", "call_back_at": "2026-12-01T09:00:00Z"},
        {"result", "call_back_at"},
    ),
    ("Absence", "_is_in_order"): ({"from": "2026-12-02T09:00:00Z", "to": "2026-12-01T09:00:00Z"}, {"to"}),
    ("CallTime", "_takes_time"): ({"starts_at": TIME, "ends_at": TIME}, {"ends_at"}),
    ("NewPhoneCall", "_takes_time"): ({"therapist_id": ID, "starts_at": TIME, "ends_at": TIME}, {"ends_at"}),
    ("NewPhoneCall", "_is_planned_for_some_time"): ({"therapist_id": ID}, {"starts_at"}),
    ("NewPhoneCall", "_only_practices_choose"): (
        {"therapist_id": ID, "starts_at": TIME, "placement_request_ids": [ID]},
        {"placement_request_ids"},
    ),
    ("NewPhoneCall", "_only_ours_are_planned"): (
        {"therapist_id": ID, "direction": "inbound", "caller_id": ID},
        {"because", "caller_id", "ends_at"},
    ),
    ("GeocodeQuery", "_is_in_parts_or_one_line"): ({"q": "Markt 1, Aachen", "city": "Aachen"}, {"q"}),
    ("GeocodeQuery", "_says_where"): ({"street": "Markt"}, {"postal_code", "city", "q"}),
    ("Point", "_is_one_point"): (POINT, {"postal_code", "latitude", "longitude"}),
    ("DistanceQuery", "_starts_at_a_point"): (
        {"to_postal_code": "04109"},
        {"from_postal_code", "from_latitude", "from_longitude"},
    ),
    ("DistanceQuery", "_ends_at_a_point"): (
        {"from_postal_code": "04109"},
        {"to_postal_code", "to_latitude", "to_longitude"},
    ),
    ("DistanceMatrixRequest", "_has_few_routes"): (
        {"origins": [{"postal_code": "04109"}] * 3, "destinations": [{"postal_code": "52062"}] * 5000},
        {"destinations", "origins"},
    ),
    ("TherapistFilter", "_measures_from_somewhere"): ({"within_km": 10}, {"within_km", "of_postal_code"}),
    ("Selection", "_names_them_in_one_way"): ({"expected_total": 1}, {"ids", "filter"}),
    ("BulkChange", "_has_what_its_action_needs"): (
        {"ids": [ID], "expected_total": 1, "action": "withdraw"},
        {"reason"},
    ),
    ("ReviewBulkChange", "_has_what_its_action_needs"): (
        {"ids": [ID], "expected_total": 1, "action": "approve", "reason": "none"},
        {"reason"},
    ),
    ("ContactList", "_overrides_concern_the_list"): (
        {
            "patient_id": ID,
            "therapist_ids": [ID],
            "overrides": [{"therapist_id": OTHER, "rule": "distance", "reason": "they asked for it"}],
        },
        {"overrides.0.therapist_id"},
    ),
    ("NewContactLogEntry", "_took_place_at_one_time"): (
        {**CONTACT, "occurred_on": "2026-11-21"},
        {"occurred_at", "occurred_on"},
    ),
    ("NewAnswer", "_came_at_one_time"): (
        {"outcome": "later", "occurred_at": "2026-11-21T09:00:00Z", "occurred_on": "2026-11-21"},
        {"occurred_at", "occurred_on"},
    ),
    ("NewContactLogEntry", "_only_an_entry_is_taken_back"): ({**CONTACT, "result": "taken_back"}, {"result"}),
    ("NewContactLogEntry", "_a_correction_has_a_reason"): ({**CONTACT, "corrects": ID}, {"note"}),
    ("NewContactLogEntry", "_channel_fits"): ({**CONTACT, "result": "voicemail"}, {"channel"}),
    ("NewContactLogEntry", "_direction_fits"): ({**CONTACT, "direction": "inbound"}, {"direction"}),
    ("NewContactLogEntry", "_a_place_is_free_from_then_on"): (
        {**CONTACT, "available_from": "2026-11-20"},
        {"available_from"},
    ),
    ("NewContactPlan", "_week_begins_on_monday"): ({"week": "2026-12-01"}, {"week"}),
    ("ContactPlanFields", "_added_once"): (
        {"added_requests": [{"patient_id": ID, "therapist_id": OTHER}] * 2},
        {"added_requests"},
    ),
}
"""By schema and rule: what breaks the rule and no other, and the fields that the refusal names."""


def schemas(of: type[BaseModel] = Schema) -> Iterator[type[BaseModel]]:
    """Every schema of every service."""
    for service in SERVICES:
        registry.load(service).routes()
    for each in of.__subclasses__():
        # tests have schemas of their own
        if each.__module__.partition(".")[0] in ("shared", *SERVICES) and "[" not in each.__name__:
            yield each
        yield from schemas(each)


def test_every_rule_is_declared_with_fields_that_the_schema_has() -> None:
    found = {}
    for schema in schemas():
        names = {field.alias or name for name, field in schema.model_fields.items()}
        for name, declared in schema.__pydantic_decorators__.model_validators.items():
            function: Any = declared.func
            if function.__name__ == "_unchecked":
                continue
            fields = getattr(function, "fields", ())
            assert fields, f"{schema.__name__}.{name} is not declared with rule_across"
            assert set(fields) <= names, f"{schema.__name__}.{name} names fields that are not there"
            assert function.__doc__, f"{schema.__name__}.{name} does not say its rule"
            described = patch_of(schema) if schema.__name__ == "ChangedTherapist" else schema
            assert function.__doc__ in described.model_json_schema()["description"]
            found[name] = schema
    assert {name for _, name in BROKEN} == found.keys(), "a rule without an example here"


@pytest.mark.parametrize(("schema", "rule"), BROKEN, ids=".".join)
def test_a_refusal_names_the_fields_it_is_about(schema: str, rule: str) -> None:
    sent, named = BROKEN[schema, rule]
    kind = next(each for each in schemas() if each.__name__ == schema and rule in vars(each))
    with pytest.raises(ValidationError) as refused:
        kind.from_json(sent) if issubclass(kind, Schema) else kind.model_validate(sent)
    problems = problems_of(refused.value)
    assert {problem.field for problem in problems} == named
    assert len({problem.message for problem in problems}) == 1


def test_the_path_of_what_is_inside_is_kept() -> None:
    from geocoding_service.domain.schemas import DistanceMatrixRequest

    with pytest.raises(ValidationError) as refused:
        DistanceMatrixRequest.from_json({"origins": [{"postal_code": "04109"}, POINT], "destinations": [POINT]})
    assert {problem.field for problem in problems_of(refused.value)} == {
        f"{point}.{name}"
        for point in ("origins.1", "destinations.0")
        for name in ("postal_code", "latitude", "longitude")
    }


WITHOUT_FIELDS = {"patient_service/domain/import_files.py"}
"""What refuses a file as a whole, which has lines and no fields."""


def test_every_refusal_of_the_domain_names_a_field() -> None:
    """`RuleBroken` is a 422: whoever fills in a form is to see where."""
    unnamed = [
        f"{path.name}:{node.lineno}"
        for path in sources("shared", *SERVICES)
        if str(path.relative_to(ROOT)) not in WITHOUT_FIELDS
        for node in nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "RuleBroken"
        if "errors" not in {keyword.arg for keyword in node.keywords}
    ]
    assert unnamed == []
