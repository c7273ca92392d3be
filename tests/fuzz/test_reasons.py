"""Every reason in `reasons.py` is needed, and is no wider than it must be."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import pytest
from werkzeug.test import TestResponse

from shared.http import openapi
from tests.architecture.sources import SERVICES
from tests.fuzz.callers import SIGN_IN
from tests.fuzz.campaign import KEY, Prepared
from tests.fuzz.contact_reasons import ANSWER, CONTACT
from tests.fuzz.reason import Reason
from tests.fuzz.reasons import (
    BULK,
    BULK_OF_PATIENTS,
    BULK_OF_REVIEWS,
    CALL,
    CONSENT,
    LETTER,
    LIST,
    NEW_PATIENT,
    NEW_THERAPIST,
    REASONS,
    explained,
)
from tests.fuzz.sent import Sent
from tests.fuzz.stage import prepared
from tests.fuzz.template_reasons import NEW_TEMPLATE
from tests.infrastructure import Infrastructure

NEEDED: dict[str, dict[str, Any]] = {
    NEW_PATIENT: {"first_name": "Eva", "last_name": "Muster"},
    NEW_THERAPIST: {"last_name": "Muster"},
    CONSENT: {"purpose": "mandate", "text_version": "1", "given_on": "2026-01-01"},
    ANSWER: {"outcome": "declined_other"},
    CONTACT: {
        "occurred_at": "2026-01-01T09:00:00Z",
        "channel": "letter",
        "direction": "outbound",
        "therapist_id": "01933f0e-7c3a-7000-8000-abcdefabcdef",
        "result": "sent",
    },
    NEW_TEMPLATE: {"name": "x", "kind": "inquiry", "language": "de", "body_text": "x"},
    BULK: {"expected_total": 1, "action": "priority", "priority": 1},
    BULK_OF_PATIENTS: {"expected_total": 1},
    BULK_OF_REVIEWS: {"expected_total": 1, "action": "approve"},
    LIST: {"patient_id": "01933f0e-7c3a-7000-8000-abcdefabcdef"},
}
"""What a body needs in any case."""


def documents() -> Iterator[dict[str, Any]]:
    for service in SERVICES:
        routes = importlib.import_module(f"{service}.api.routes").ROUTES
        yield openapi.document(routes, title="", description="")


def operations(document: Mapping[str, Any]) -> set[str]:
    return {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}


@pytest.fixture(scope="module")
def everywhere() -> dict[str, dict[str, Any]]:
    """Every operation of every service, with the document it is in."""
    return {name: document for document in documents() for name in operations(document)}


def ids(reason: Reason) -> str:
    return f"{reason.operation}: {reason.message}"


@pytest.mark.parametrize("reason", REASONS, ids=ids)
def test_a_reason_is_for_some_fields_of_operations_that_exist(
    reason: Reason, everywhere: dict[str, dict[str, Any]]
) -> None:
    """A reason for everything would hide the next difference."""
    assert len(re.sub(r"\{\}", "", reason.message).strip()) >= 10
    assert bool(reason.described) != bool(reason.fields), "either what the document says of the field, or its name"
    for operation in (reason.operation, *reason.also):
        sent = Sent(operation, everywhere[operation])
        for field in reason.fields:
            assert any(sent.schemas(field.replace("*", "0"))), f"{operation} has no field {field}"


def asked(
    stage: Prepared, operation: str, values: Mapping[str, Any], key: str | None = None, id: str | None = None
) -> tuple[Sent, TestResponse]:
    """The request, sent to the service, and its answer."""
    method, path = operation.split(" ")
    at = path.replace("{id}", id or str(next(iter(stage.known.get(path.partition("/{")[0], ["?"])))))
    headers = SIGN_IN.headers | ({KEY: key} if key else {})
    if method in ("GET", "DELETE"):
        sent = Sent(operation, stage.document, query=dict(values))
        return sent, stage.app.test_client().open(at, method=method, query_string=dict(values), headers=headers)
    body = NEEDED.get(operation, {}) | dict(values)
    sent = Sent(operation, stage.document, body=body, headers=headers)
    return sent, stage.app.test_client().open(at, method=method, json=body, headers=headers)


def is_permitted(sent: Sent) -> bool:
    """Whether the document's schemas permit the request."""
    described = sent.described
    content = described.get("requestBody", {}).get("content", {}).values()
    pairs = [(each["schema"], sent.body) for each in content]
    for name, value in sent.query.items():
        pairs.append((next(each["schema"] for each in described["parameters"] if each.get("name") == name), value))
    components = {"components": sent.document["components"]}
    return all(
        jsonschema_rs.validator_for({**schema, **components}, validate_formats=True).is_valid(value)
        for schema, value in pairs
    )


@pytest.mark.parametrize("service", SERVICES)
def test_every_reason_is_needed_and_judges_what_was_sent(service: str, infrastructure: Infrastructure) -> None:
    with prepared(service) as stage:
        for reason in REASONS:
            if reason.operation in operations(stage.document):
                with stage.connection.begin_nested() as alone:
                    try_out(stage, reason)
                    alone.rollback()


def try_out(stage: Prepared, reason: Reason) -> None:
    for operation, values in reason.before:
        before = asked(stage, operation, values, reason.key)[1]
        assert before.status_code < 300, (ids(reason), before.text)
    wrong, refused = asked(stage, reason.operation, reason.wrong, reason.key, reason.at)
    problem: Any = refused.json
    assert refused.status_code == 422, (ids(reason), problem)
    assert is_permitted(wrong), f"{ids(reason)}: the schema says it by now"
    assert any(reason.explains(each["field"], each["message"], wrong) for each in problem["errors"]), problem
    assert explained(wrong, 422, problem) is not None, (ids(reason), problem)
    if reason.right is not None:
        right, taken = asked(stage, reason.operation, reason.right, id=reason.at)
        assert is_permitted(right), ids(reason)
        assert explained(right, 422, problem) is None, f"{ids(reason)}: hides a mistaken refusal"
        answer: Any = taken.json
        assert not [each for each in answer.get("errors", []) if reason.message in each["message"]], answer


@pytest.mark.parametrize("operation", [NEW_PATIENT, NEW_THERAPIST, CALL, LETTER])
def test_no_sentence_explains_a_refusal_elsewhere(operation: str, everywhere: dict[str, dict[str, Any]]) -> None:
    """Every sentence of the list, about a field that it is not for, is a difference."""
    sent = Sent(operation, everywhere[operation], body={"salutation": "Frau", "note": "x", "title": None})
    for reason in REASONS:
        message = reason.message.replace("{}", "x")
        for field in {"salutation", "title", "note", "gender", ""} - {*reason.fields}:
            problem = {"errors": [{"field": field, "message": message}]}
            assert explained(sent, 422, problem) is None, (ids(reason), field)
