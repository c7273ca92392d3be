"""docs/api.md says what the services do: operations, states, codes and vocabularies, both ways."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, get_args

import pytest
from sqlalchemy import CheckConstraint, Table

from communication_service.domain import call_states as communication_calls
from communication_service.domain import states as communication
from communication_service.domain.contact_waits import ContactWait
from gateway.problems import GATEWAY_PROBLEMS
from matching_service.domain import states as matching
from patient_service.domain import duplicates
from patient_service.domain import states as patient
from shared.http import dead_letters
from shared.texts import code_of
from shared.values import (
    account_enums,
    call_enums,
    call_plan_enums,
    contact_log_enums,
    contact_plan_enums,
    enums,
    forecast_enums,
    geocoding_enums,
    import_enums,
    mail_enums,
    patient_history_enums,
    patient_import_enums,
    placement_enums,
    practice_enums,
    reply_enums,
    therapist_enums,
)
from tests.architecture import sentences
from tests.architecture.documents import API, anchors, codes, table_after
from tests.architecture.sources import SERVICES
from therapist_service.domain import states as therapist

each_service = pytest.mark.parametrize("service", SERVICES)

STATES: dict[str, tuple[str, str, Any]] = {
    "states-of-a-patient": ("patient_service", "patients", enums.PatientStatus),
    "states-of-a-patient-import": ("patient_service", "patient_imports", patient_import_enums.PatientImportStatus),
    "states-of-a-therapist": ("therapist_service", "therapists", enums.TherapistStatus),
    "states-of-an-import": ("therapist_service", "imports", enums.ImportStatus),
    "states-of-a-contact-plan": ("matching_service", "contact_plans", contact_plan_enums.ContactPlanStatus),
    "states-of-a-placement-request": ("matching_service", "placement_requests", enums.RequestStatus),
    "states-of-an-inquiry": ("communication_service", "inquiries", enums.InquiryStatus),
    "states-of-an-email": ("communication_service", "emails", enums.EmailStatus),
    "states-of-a-phone-call": ("communication_service", "phone_calls", enums.CallStatus),
    "states-of-a-request-to-contact": ("communication_service", "placement_requests", enums.ContactRequestStatus),
}

TRANSITIONS: dict[str, Mapping[Any, frozenset[Any]]] = {
    "states-of-a-patient": patient.STAFF_MAY,
    "states-of-a-patient-import": patient.PATIENT_IMPORTS,
    "states-of-a-therapist": therapist.THERAPISTS,
    "states-of-an-import": therapist.IMPORTS,
    "states-of-an-import-review": therapist.REVIEWS,
    "states-of-a-placement-request": matching.ALLOWED,
    "states-of-a-contact-plan": matching.PLANS,
    "states-of-an-inquiry": communication.INQUIRIES,
    "states-of-an-email": communication.EMAILS,
    "states-of-a-phone-call": communication_calls.PHONE_CALLS,
    "states-of-a-request-to-contact": communication.PLACEMENT_REQUESTS,
}

VOCABULARIES: dict[str, type[StrEnum]] = {
    "what a search lacks": enums.MissingForSearch,
    "what two patients have in common": duplicates.Likeness,
    "what is done about a crisis": patient_history_enums.CrisisAct,
    "kind of an entry of a patient's history": patient_history_enums.HistoryKind,
    "purpose of a consent": enums.ConsentPurpose,
    "insurance type": enums.InsuranceType,
    "accreditation": enums.Accreditation,
    "capacity": enums.CapacityState,
    "who said whether there are places": practice_enums.CapacitySource,
    "who made a therapist inactive": practice_enums.InactiveBy,
    "contact preference": enums.ContactPreference,
    "outcome of a request": enums.RequestOutcome,
    "outcome on the phone": enums.CallAnswer,
    "what happened to a request": placement_enums.AuditEvent,
    "why a place failed": placement_enums.PlacementFailure,
    "why a request is not restored": placement_enums.WhyNotRestored,
    "channel of a contact": enums.Channel,
    "direction of a contact": enums.Direction,
    "result of a contact": contact_log_enums.ContactResult,
    "hold of a request": enums.RequestHold,
    "what a request waits for": enums.RequestWait,
    "what a contact waits for": ContactWait,
    "reason of a withdrawal": enums.WithdrawalReason,
    "why staff withdraw a request": placement_enums.StaffWithdrawalReason,
    "kind of an e-mail": enums.EmailKind,
    "mode in which an e-mail was handed over": mail_enums.MailMode,
    "why it is not said who a patient is": mail_enums.IdentityRefusal,
    "kind of a template": enums.TemplateKind,
    "resolution of a doubt": enums.EmailResolution,
    "kind of a reply": reply_enums.ReplyKind,
    "how it is known which e-mail is answered": reply_enums.ReplyMatch,
    "whether an answer is needed": reply_enums.AnswerNeed,
    "source of a suppression": reply_enums.SuppressionSource,
    "result of a call": enums.CallResult,
    "why a claimed call is given back": call_enums.ReleaseReason,
    "why a practice is called that should wait": call_enums.InsistedReason,
    "state of a plan of calls": call_plan_enums.CallPlanState,
    "why a practice is not called in the days of a plan": call_plan_enums.CallGap,
    "outcome of a record": enums.ImportOutcome,
    "action of a change of a therapist": therapist_enums.TherapistChangeAction,
    "outcome of a field in a review": import_enums.FieldOutcome,
    "outcome of a therapist when an import is undone": import_enums.UndoOutcome,
    "what becomes of a therapist who is deleted": therapist_enums.RemovalOutcome,
    "why a therapist cannot be removed": therapist_enums.TherapistReference,
    "kind of a review": enums.ReviewKind,
    "action of a record": enums.ImportAction,
    "outcome of a row of a file with patients": patient_import_enums.PatientImportOutcome,
    "what a problem of a row refuses": patient_import_enums.OnProblem,
    "state of a planned request": contact_plan_enums.PlannedRequestState,
    "channel of a planned request": contact_plan_enums.PlannedChannel,
    "what a forecast waits for": forecast_enums.ForecastWait,
    "capacity that a plan lacks": contact_plan_enums.ContactLack,
    "why a plan asks nobody for a patient": contact_plan_enums.PlanGap,
    "why no router is asked": geocoding_enums.NotRouted,
    "role": enums.Role,
    "scope of a machine account": account_enums.Scope,
    "change of an account": account_enums.AccountChangeKind,
    "end of a session": account_enums.SessionEnd,
}

VARIABLE, NAMED = re.compile(r"<(?:\w+:)?(\w+)>"), r"{\1}"
"""A variable of a path as Flask writes it, and as OpenAPI does."""


def _operations(heading: str) -> set[str]:
    return {codes(row[0])[0] for row in table_after(API, heading)}


@each_service
def test_the_operations_of_a_service_are_those_of_the_document(service: str, app: Any) -> None:
    """What is not written down nobody can rely on, and what is not there nobody can call."""
    offered = {f"{method} {VARIABLE.sub(NAMED, path)}" for path, method in app.access}
    port = importlib.import_module(f"{service}.settings").Settings.model_fields["port"].default
    assert offered == _operations("Every service") | _operations(f"{service}, port {port}")


def _checked(table: Table) -> set[str] | None:
    """The words that the database allows in `status`; None where it does not say."""
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint) and constraint.name == f"ck_{table.name}_status":
            return set(re.findall(r"'(\w+)'", str(constraint.sqltext)))
    return None


def _tables(service: str) -> dict[str, Table]:
    return dict(importlib.import_module(f"{service}.store.tables").Tables.metadata.tables)


@pytest.mark.parametrize("anchor", STATES)
def test_the_states_of_the_document_are_those_of_the_database(anchor: str) -> None:
    """Also that no state leads to one that does not exist."""
    service, table, known = STATES[anchor]
    rows = table_after(API, anchor)
    written = [codes(state)[0] for state, _, _ in rows]
    assert set(written) == _checked(_tables(service)[table])
    assert set(written) == {str(each) for each in known}
    assert {to for _, _, following in rows for to in codes(following)} <= set(written)


def test_every_status_that_the_database_knows_is_in_the_document() -> None:
    """A new thing with states is one that people must be able to look up."""
    found = {(service, name) for service in SERVICES for name, table in _tables(service).items() if _checked(table)}
    assert found == {(service, table) for service, table, _ in STATES.values()}


@pytest.mark.parametrize("anchor", TRANSITIONS)
def test_the_transitions_are_those_of_the_document(anchor: str) -> None:
    """Of a patient those that staff may choose; one from a status to itself changes only what belongs to it."""
    written = {codes(state)[0]: set(codes(following)) for state, _, following in table_after(API, anchor)}
    declared = TRANSITIONS[anchor].items()
    assert written == {str(before): {str(after) for after in steps if after != before} for before, steps in declared}


def test_the_states_of_a_dead_letter_are_those_of_the_document() -> None:
    """The database has no constraint for them; the API has a type."""
    assert [codes(row[0])[0] for row in table_after(API, "states-of-a-dead-letter")] == list(
        get_args(dead_letters.State)
    )


def test_the_vocabularies_of_the_document_are_those_of_the_code() -> None:
    """In the order of the code, too."""
    written = {field: codes(values) for field, values in table_after(API, "Closed vocabularies")}
    assert written == {field: [each.value for each in vocabulary] for field, vocabulary in VOCABULARIES.items()}


CODES_OF_HTTP = {HTTPStatus(number).name.lower() for number in (400, 404, 405, 406, 408, 413, 415, 431, 505)} | {
    "internal"
}
"""Refusals of HTTP itself: the code is the name of the status."""
NOT_IN_THE_TABLE = {"NotFound", "Outage"}
"""Whose code follows from the noun, and what operators read."""
OTHER = "refused"
"""What is said of a status of HTTP that has no text of its own; its code is the name of the status."""


def _codes_in_the_code() -> Iterator[str]:
    """Of every refusal that is made: in an error, by the translator of errors, by the gateway."""
    errors = sentences.errors() - NOT_IN_THE_TABLE | {"check_version"}
    of_results = ("shared/http/problems.py", "patient_service/domain/import_rows.py")
    for each in sentences.mentions():
        if each.by in errors or (each.place.startswith(of_results) and each.by != "FieldProblem.of"):
            yield from (code_of(key) for key in sentences.keys_of(each) if not key.startswith("word."))
    yield from (each.code for each in GATEWAY_PROBLEMS if each.code)


@pytest.mark.slow
def test_the_codes_of_problems_are_those_of_the_document() -> None:
    """Programs compare them; `….not_found` follows from the noun."""
    written = [codes(row[0])[0] for row in table_after(API, "code-of-a-problem")]
    assert len(written) == len(set(written))
    assert set(written) == set(_codes_in_the_code()) - {OTHER} | CODES_OF_HTTP


def test_the_document_has_every_heading_that_is_looked_for() -> None:
    """A heading that was renamed fails by its name."""
    assert {"every-service", "closed-vocabularies", "code-of-a-problem", *STATES} <= anchors(API)
