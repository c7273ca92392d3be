"""The folder "Walkthrough": the main process of README, each answer checked, ids taken from the answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from operations.postman.items import item
from operations.postman.operations import Document, Operation

ATTEMPTS = 60
PAUSE_MILLISECONDS = 1000


@dataclass(frozen=True)
class Step:
    """One request of the walkthrough."""

    name: str
    method: str
    path: str
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    until: str = ""
    """What must hold of the answer `body`, in JavaScript: the request is repeated until then, for a minute."""
    keep: Mapping[str, str] = field(default_factory=dict)
    """Variables for later requests, each with the part of the answer that it gets, in JavaScript."""
    test: Mapping[str, str] = field(default_factory=dict)
    """What else is checked, each in words and in JavaScript."""


STEPS = (
    Step("Find the location of a postal code", "get", "/api/geocode", query={"postal_code": "52062"}),
    Step(
        "Enter a therapist",
        "post",
        "/api/therapists",
        {
            "last_name": "Sonnentau",
            "postal_code": "52062",
            "city": "Aachen",
            # nobody is written to twice within some days, so each walkthrough has an address of its own
            "email": "praxis-{{$guid}}@example.org",
            "accreditation": "statutory",
            "procedures": ["VT"],
            "age_groups": ["adult"],
            "settings": ["individual"],
        },
    ),
    Step(
        "Enter a patient",
        "post",
        "/api/patients",
        {
            "first_name": "Jule",
            "last_name": "Morgentau",
            "date_of_birth": "1988-05-17",
            "postal_code": "52062",
            "insurance_type": "statutory",
            "diagnoses": ["F32.1G"],
            "contracts_signed": True,
            "max_distance_km": 25,
        },
        # the walkthrough before this one entered the same name and date of birth
        query={"force": "true"},
        keep={"registered_on": "body.registered_on"},
    ),
    Step(
        "Record the consent to name the diagnosis group",
        "post",
        "/api/patients/{id}/consents",
        {"purpose": "health_data", "given_on": "{{registered_on}}", "text_version": "2026-01"},
    ),
    Step(
        "Wait until the search may start",
        "get",
        "/api/patients/{id}/readiness",
        until="body.ready",
    ),
    Step("Start the search", "post", "/api/patients/{id}/status", {"status": "searching"}),
    Step(
        "Find matching therapists, with the reasons",
        "post",
        "/api/matches",
        {"patient_id": "{{patient_id}}", "limit": 200},
        until='body.candidates.some((each) => each.therapist_id === pm.collectionVariables.get("therapist_id"))',
    ),
    Step(
        "Approve the contact list",
        "post",
        "/api/placement-requests",
        {"patient_id": "{{patient_id}}", "therapist_ids": ["{{therapist_id}}"]},
        until="body.items.length === 1",
        keep={"placement_request_id": "body.items[0].id"},
    ),
    Step(
        "Wait until the practice is asked",
        "get",
        "/api/placement-requests/{id}",
        until='body.status === "contacted"',
    ),
    Step(
        "List the e-mails to the practice",
        "get",
        "/api/emails",
        query={"therapist_id": "{{therapist_id}}"},
        until='body.items.some((each) => each.status === "sent")',
        keep={"email_id": "body.items[0].id"},
    ),
    Step(
        "List the inquiries to the practice",
        "get",
        "/api/inquiries",
        query={"therapist_id": "{{therapist_id}}"},
        keep={"inquiry_id": "body.items[0].id"},
    ),
    Step(
        "The practice offers a place",
        "post",
        "/api/placement-requests/{id}/response",
        {"outcome": "accepted"},
        test={"it is accepted": 'body.status === "accepted"'},
    ),
    Step(
        "The patient takes the place",
        "post",
        "/api/placement-requests/{id}/place",
        {},
        test={"it is placed": 'body.status === "placed"'},
    ),
    Step(
        "Wait until the patient's search has ended",
        "get",
        "/api/patients/{id}",
        until='body.status !== "searching"',
    ),
    Step("Who read the patient's file", "get", "/api/patients/{id}/access-log"),
)


def walkthrough(known: Sequence[Operation]) -> Document:
    """Returns the folder of these steps; each is a request of one of the known operations."""
    by_path = {(each.method, each.path): each for each in known}
    items = [_item(number, each, by_path[each.method, each.path]) for number, each in enumerate(STEPS, 1)]
    about = "From a new patient to the first session. Run the folder as a whole, after Sign in."
    return {"name": "Walkthrough", "description": about, "item": items}


def _item(number: int, step: Step, operation: Operation) -> Document:
    return item(
        operation,
        body=step.body,
        query=step.query,
        name=f"{number:02}. {step.name}",
        id_prefix=f"walkthrough-{number:02}.",
        test=list(_test(step, operation)),
    )


def _test(step: Step, operation: Operation) -> Iterator[str]:
    """The script after an answer: ask again, or check it and keep what later requests need."""
    is_answered = f"pm.response.code === {operation.success}"
    yield f"const body = {is_answered} ? pm.response.json() : {{}};"
    if step.until:
        yield from _ask_again_unless(f"{is_answered} && ({step.until})")
    yield f'pm.test("is answered with {operation.success}", () => pm.response.to.have.status({operation.success}));'
    checks = {**step.test, **({"what it waits for has happened": step.until} if step.until else {})}
    for what, condition in checks.items():
        yield f"pm.test({json.dumps(what)}, () => pm.expect({condition}).to.equal(true));"
    for name, value in step.keep.items():
        yield f'if ({is_answered}) pm.collectionVariables.set("{name}", {value});'


def _ask_again_unless(condition: str) -> Iterator[str]:
    """Events take their time: the same request again after a pause, until the condition holds or nothing helps."""
    yield 'const attempt = Number(pm.collectionVariables.get("attempt") || 0) + 1;'
    yield f"if (!({condition}) && attempt < {ATTEMPTS}) {{"
    yield '    pm.collectionVariables.set("attempt", attempt);'
    yield f"    setTimeout(() => {{}}, {PAUSE_MILLISECONDS});"
    yield "    pm.execution.setNextRequest(pm.info.requestId);"
    yield "    return;"
    yield "}"
    yield 'pm.collectionVariables.unset("attempt");'
