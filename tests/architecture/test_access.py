"""Who may call and read what: docs/access.md says it, the routes and schemas declare it, and HTTP behaves so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel
from sqlalchemy import Connection

from communication_service.domain.call_sheet_schemas import CalledAboutPatient
from shared.http.declaration import Endpoint
from shared.security.authentication import ANYONE, Access, Caller
from shared.values.account_enums import Scope
from shared.values.enums import Role
from shared.values.readable import EACH, ReadableBy, restricted_fields
from tests.accounts import OF_EVERY_SERVICE, has_effect, operations, signed_in
from tests.architecture.documents import codes, table_after
from tests.architecture.sources import ROOT, SERVICES
from therapist_service.domain.schemas import TherapistFields

PAGE = ROOT / "docs" / "access.md"
PEOPLE = [Role.COORDINATOR, Role.CALLER, Role.IMPORTER, Role.AUDITOR]
OTHER = str(UUID(int=1))
EVERY_SERVICE = "Every service"

each_service = pytest.mark.parametrize("service", SERVICES)


def written(heading: str) -> dict[str, Access]:
    """Who may call each operation of a table, administrators where people may."""
    return dict(_written_row(row) for row in table_after(PAGE, heading))


def _written_row(row: list[str]) -> tuple[str, Access]:
    operation, *cells = row
    name = re.sub(r"{(\w+)}", r"<\1>", codes(operation)[0])
    if set(cells[: len(PEOPLE)]) == {"anyone"}:
        return name, ANYONE
    assert set(cells[: len(PEOPLE)]) <= {"yes", ""}, f"{name}: {cells}"
    people = {role for role, cell in zip(PEOPLE, cells, strict=False) if cell == "yes"}
    machines = set(map(Scope, codes(cells[-1])))
    # what only machines call, no person does
    return name, frozenset((set() if machines and not people else {Role.ADMIN}) | people | machines)


def declared(service: str) -> dict[str, tuple[Endpoint, Access]]:
    """Each operation of a service alone with its endpoint and who may call it."""
    shared = {name for name, _, _ in operations()}
    return {name: (endpoint, access) for name, endpoint, access in operations(service) if name not in shared}


ALL = {name: (endpoint, access) for service in SERVICES for name, (endpoint, access) in declared(service).items()}


def callers() -> Iterator[tuple[Role | Scope, ...]]:
    """Everybody who may send a request: a person of each role, a machine with each scope and one without any."""
    yield from ((role,) for role in Role)
    yield from ((scope,) for scope in Scope)


# Operations


@each_service
def test_the_routes_are_those_of_the_page(service: str) -> None:
    assert written(service) == {name: access for name, (_, access) in declared(service).items()}


def test_the_routes_of_every_service_are_those_of_the_page() -> None:
    assert written(EVERY_SERVICE) == {name: access for name, _, access in operations()}
    assert OF_EVERY_SERVICE


@pytest.mark.slow
@each_service
@pytest.mark.parametrize("who", list(callers()), ids=lambda who: str(who[0]))
def test_http_admits_whom_the_page_names(service: str, who: Any, app: Flask, connection: Connection) -> None:
    """Every operation is called; whoever may not is refused before anything else is looked at."""
    client = signed_in(app, *who)
    admitted = {name: access == ANYONE or not access.isdisjoint(who) for name, access in _pages(service).items()}
    refused = {name: _is_refused(client, name) for name in admitted}
    assert {name for name in admitted if refused[name] is admitted[name]} == set()


def _pages(service: str) -> dict[str, Access]:
    return written(service) | written(EVERY_SERVICE)


def _is_refused(client: FlaskClient, operation: str) -> bool:
    method, _, path = operation.partition(" ")
    answer = client.open(re.sub(r"<\w+>", OTHER, path), method=method, json={} if method != "GET" else None)
    assert answer.status_code < 500, f"{operation}: {answer.text}"
    return answer.status_code == 403 and answer.json["code"] == "role.missing"


# What each role never may


def may_call(role: Role | Scope) -> set[str]:
    """The operations that are open to this role, but not to anyone."""
    return {name for name, (_, access) in ALL.items() if access != ANYONE and role in access}


def of_others(operation: str) -> bool:
    """Whether it is about anything but the caller's own account, and what everybody on staff reads: who is who."""
    return " /api/me" not in operation and operation not in ("GET /api/accounts", "GET /api/status")


def test_an_auditor_changes_nothing() -> None:
    own_account = {name for name in may_call(Role.AUDITOR) if not of_others(name)}
    assert {name for name in may_call(Role.AUDITOR) - own_account if has_effect(ALL[name][0])} == set()
    read = may_call(Role.AUDITOR) - own_account
    assert {
        name
        for name in read
        if not re.search(
            r"/(history|access-log|contact-log|contact-history)$|/contact-log/<entry_id>$|/reports/|/erasures", name
        )
    } == set()


def test_an_importer_reaches_nothing_about_patients() -> None:
    reached = {name for name in may_call(Role.IMPORTER) if of_others(name)}
    ours = set(declared("therapist_service")) | set(declared("geocoding_service"))
    assert reached <= ours
    assert {name for name in reached if has_effect(ALL[name][0])} == {
        "POST /api/imports",
        "POST /api/imports/<id>/approve",
        "POST /api/imports/<id>/reject",
        "POST /api/imports/<id>/undo",
    }


def test_a_caller_reaches_no_file_and_no_letter() -> None:
    reached = {name for name in may_call(Role.CALLER) if of_others(name)}
    assert reached & (set(declared("patient_service")) | {"POST /api/matches"}) == set()
    assert {name for name in reached if "/api/emails" in name or "/api/imports" in name} == set()
    assert {name for name in reached if has_effect(ALL[name][0])} == {
        "POST /api/placement-requests/<id>/response",
        "POST /api/phone-calls",
        "PATCH /api/phone-calls/<id>",
        "DELETE /api/phone-calls/<id>",
        "POST /api/phone-calls/next",
        *(f"POST /api/phone-calls/<id>/{act}" for act in ("claim", "renew", "release", "outcome", "correct")),
        "PATCH /api/therapists/<id>",
        "PUT /api/therapists/<id>/phone-hours",
    }


def test_a_machine_may_call_what_a_scope_names_and_nothing_else() -> None:
    assert may_call(Role.SERVICE) == set()
    assert {scope: may_call(scope) for scope in Scope} == {
        Scope.IMPORTS_START: {"POST /api/imports"},
        Scope.PRACTICE_SUMMARIES_READ: {"GET /internal/practice-summaries"},
        Scope.PATIENT_DATA_EXPORT: {"GET /internal/patient-data/<id>"},
        Scope.PATIENT_IDENTITIES_READ: {"GET /internal/patient-identities/<id>"},
        Scope.PATIENT_ADDRESSES_READ: {"GET /internal/patient-addresses/<id>"},
    }
    assert {name for name in ALL if "/internal/" in name} == {
        "GET /internal/practice-summaries",
        "GET /internal/patient-data/<id>",
        "GET /internal/patient-identities/<id>",
        "GET /internal/patient-addresses/<id>",
    }


# Fields


def models_shown(kind: Any) -> set[type[BaseModel]]:
    """The schemas that a response shows, itself and inside."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        inside = [models_shown(field.annotation) for field in kind.model_fields.values()]
        return {kind}.union(*inside)
    return set().union(*map(models_shown, get_args(kind)))


SHOWN = {
    model
    for service in SERVICES
    for endpoint, _ in declared(service).values()
    for model in models_shown(endpoint.response)
}


def restricted_in(model: type[BaseModel]) -> dict[str, Access]:
    """The fields of this schema that not everybody may read."""
    return {
        name: each.access
        for name, field in model.model_fields.items()
        for each in field.metadata
        if isinstance(each, ReadableBy)
    }


def _reader(written: str) -> Role | Scope:
    """A role, or the scope of a service in code."""
    return Scope(written.strip("`")) if written.startswith("`") else Role(written)


def test_the_fields_that_not_everybody_reads_are_those_of_the_page() -> None:
    said = {
        (codes(schema)[0], field): frozenset({Role.ADMIN, *map(_reader, roles.split(", "))})
        for schema, fields, roles in table_after(PAGE, "Fields")
        for field in codes(fields)
    }
    known = {(m.__name__, name): access for m in SHOWN for name, access in restricted_in(m).items()}
    assert said == known


CLINICAL = {
    "anamnesis", "body_html", "body_text", "consultation", "crisis", "diagnoses", "insurance_number", "note",
    "placement_code", "practice_summary", "subject",
}  # fmt: skip
"""Fields about a patient's health or with free text that may be, by the names that the contract gives them."""
MEANT_FOR_CALLERS = {
    ("CalledAboutPatient", "practice_summary"),
    ("CalledTherapist", "note"),
    ("Preferences", "diagnoses"),
    *(
        (view, text)
        for view in ("TemplateView", "TemplateVersionView")
        for text in ("subject", "body_text", "body_html")
    ),
}
"""What a caller may say, with the patient's consent, and what is known of the practice: also its preferences. What
templates say they say of nobody."""


def test_what_may_be_about_health_is_restricted_wherever_it_is_shown() -> None:
    """Also in a schema that is yet to be written: a name of this list without `ReadableBy` fails here."""
    found = {(model.__name__, name) for model in SHOWN for name in CLINICAL & set(model.model_fields)}
    restricted = {(model.__name__, name) for model in SHOWN for name in restricted_in(model)}
    assert len(found) > 10
    assert found - restricted == MEANT_FOR_CALLERS


LISTS = {name: endpoint.lists for name, (endpoint, _) in ALL.items() if endpoint.lists is not None}
WORDS_OF_PEOPLE = CLINICAL | {"error", "overrides", "purpose", "resolved_reason", "responses", "traceback"}


def test_a_row_and_a_label_have_nothing_about_health_and_no_free_text() -> None:
    """`reason` is that of a record, which an import gives, everywhere but here."""
    assert len(LISTS) > 10
    for name, declared in LISTS.items():
        for view in declared.views.keys() - {"full"}:
            shown = set(declared.views[view].model_fields)
            assert not shown & WORDS_OF_PEOPLE, f"{name} {view}"
            assert "reason" not in shown or name.startswith("GET /api/imports"), f"{name} {view}"


def test_no_restriction_hides_where_it_is_not_looked_for() -> None:
    """`Annotated[str, ReadableBy(…)] | None` would restrict one alternative of a field, and nothing reads that."""
    for model in SHOWN:
        for name, field in model.model_fields.items():
            assert "ReadableBy" not in repr(field.annotation), f"{model.__name__}.{name}"


PEOPLE_CALL = [
    (name, role)
    for name, (endpoint, access) in ALL.items()
    if endpoint.response is not None and access != ANYONE
    for role in Role
    if role in access
]


def hidden_from(role: Role | Scope, endpoint: Endpoint) -> set[str]:
    """The paths of fields that are left out for this role."""
    who = Caller(id=None, roles=frozenset({role})) if isinstance(role, Role) else None
    assert who is not None
    paths = [path for path, readable in restricted_fields(endpoint.response) if not who.may(readable.access)]
    return {".".join(part for part in path if part != EACH) for path in paths}


def test_what_is_left_out_for_whom_is_known_by_name() -> None:
    """The whole matrix role × operation × field, as far as something is left out."""
    found = {(name, str(role)): hidden_from(role, ALL[name][0]) for name, role in PEOPLE_CALL}
    contacting = {
        "block", "call_note", "capacity", "contact_preference", "email_opt_out", "last_asked_on", "last_call_on",
    "last_conversation_on",
        "last_email_on", "potentially_available_note", "preferences",
    }  # fmt: skip
    editable = contacting & TherapistFields.model_fields.keys()
    assert len(editable) == 5
    for names in ("field_origins", "protected_by", "protected_fields"):
        contacting |= {f"{names}.{name}" for name in editable}
    assert {key: hidden for key, hidden in found.items() if hidden} == {
        ("GET /api/patients/<id>/history", "auditor"): {"items.reason"},
        ("GET /api/therapists", "importer"): {f"items.{name}" for name in contacting},
        ("GET /api/therapists/<id>", "importer"): contacting,
        ("GET /api/placement-requests/<id>/history", "auditor"): {"items.note"},
        ("GET /api/patients/<id>/contact-log", "auditor"): {"items.note"},
        ("GET /api/patients/<id>/contact-log/<entry_id>", "auditor"): {"note"},
        ("GET /api/import-reviews", "importer"): {"items.reason"},
        ("GET /api/import-reviews/<id>", "importer"): {"reason"},
        ("POST /api/placement-requests/<id>/response", "caller"): {"note", "overrides"},
        ("GET /api/therapists/<id>/contact-history", "auditor"): {"items.responses.note"},
    }


@pytest.mark.parametrize("operation", [name for name, (endpoint, _) in ALL.items() if endpoint.query is not None])
def test_no_filter_tells_what_its_caller_may_not_read(operation: str) -> None:
    endpoint, access = ALL[operation]
    assert endpoint.query is not None
    filters = set(endpoint.query.model_fields)
    roles = [role for role in Role if access != ANYONE and role in access]
    told = {str(role): {path.split(".")[-1] for path in hidden_from(role, endpoint)} & filters for role in roles}
    assert {role: fields for role, fields in told.items() if fields} == {}


def test_a_call_sheet_says_of_a_patient_what_the_page_allows() -> None:
    """The contract's list; a diagnosis, an insurance number or a name is not in it."""
    allowed = PAGE.read_text().partition("What a caller may say of a patient")[2]
    assert set(codes(allowed)) - {"CalledAboutPatient"} == set(CalledAboutPatient.model_fields)
    clinical = {"diagnoses", "insurance_number", "anamnesis", "consultation", "first_name", "last_name"}
    assert not set(CalledAboutPatient.model_fields) & clinical
