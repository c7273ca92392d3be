"""What of a text about a patient could survive an erasure: every column with text says why nothing does."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Column, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import JSON

from patient_service.domain.erasures import CONFIRMING

WITH_PATIENTS = ("patient_service", *CONFIRMING)

OF_ALL = {
    "dead_letters": "deleted with the patient, and those that come later (shared/events/erasures.py)",
    "outbox": "the states of who was erased are deleted, and all after some days; events carry no text of people",
    "idempotency": "deleted after a day",
    "copies_ahead": "names of tables",
    "relay_lease": "names of processes",
    "correlation_id": "letters and digits of one word at most, of a request",
}
"""Tables, and columns of any table, that several services have."""

UNCHECKED = {
    "patient_service": {
        "located_postal_codes": "a copy: emptied, and a tombstone stays",
        "patients.reference": "random, and stays in letters",
        "patients.postal_code": "emptied",
        "patients.other_references": "emptied",
        "patients.missing": "emptied",
        "patient_import_rows.problem": "codes of refusals, never a value of the file",
        "status_changes.previous_status": "a status, which only domain/states.py assigns",
        "status_changes.status": "a status, which only domain/states.py assigns",
        "erasure_confirmations.service": "names of services",
    },
    "matching_service": {
        "patients": "a copy: emptied, and a tombstone stays",
        "therapists": "of practices",
        "placement_requests.withdrawn_reason": "a word of a vocabulary",
        "placement_requests.unmet_criteria": "names of criteria, as they were judged",
        "placement_requests.overridden_rules": "names of criteria, checked against them",
        "placement_request_audit_log": "words of vocabularies; the note is encrypted",
        "contact_log_entries": "words of vocabularies, and how a practice was known; the note is encrypted",
        "contact_plan_patients.lacks": "numbers by words of a vocabulary; deleted with the patient",
        "calling_hours": "minutes by day, of nobody",
        "contact_plan_patients.help": "sentences by their keys, as matches say them; deleted with the patient",
        "contact_plan_requests.unknown": "names of criteria; deleted with the patient",
        "contact_plan_requests.refusal": "sentences by their keys, as criteria say them; deleted with the patient",
    },
    "communication_service": {
        "patients": "a copy: emptied, and a tombstone stays",
        "therapists": "of practices",
        "places": "of practices",
        "placement_requests.hold": "a word of a vocabulary, from matching's events",
        "placement_requests.withdrawal_reason": "the same",
        "placement_requests.outcome": "the same",
        "answers.outcome": "a word of a vocabulary",
        "inquiries.waits_for": "a word of a vocabulary",
        "emails.waits_for": "a word of a vocabulary",
        "phone_calls.result": "a word of a vocabulary",
        "callers": "of staff",
        "call_plans": "of practices and staff, by their ids",
        "wrong_numbers": "numbers of practices",
        "cooldowns.subject": "an address of a practice",
        "emails.recipient": "an address of a practice, or nothing",
        "emails.recipient_key": "an address of a practice, or nothing",
        "emails.message_id": "random",
        "emails.statement": "what a practice said of its hours and places",
        "emails.error": "what a mail server answered, without the letter, of one to a patient its code alone",
        "email_suppressions": "of practices: the address, and why nothing is sent to it",
        "mailbox": "which mailbox is read, and a word for why it cannot be",
        "mail_server": "what a mail server answered, without the letter",
        "published_calling_hours": "minutes by day, of nobody",
        "templates": "what letters to everybody say, of nobody",
        "template_versions": "the same, as it was",
    },
    "geocoding_service": {
        "located_addresses": "emptied, and a tombstone stays",
        "address_lookups": "deleted with the practice, or a day after somebody asked; whose it is it does not say",
        "routes": "deleted when nobody asks any more, by coordinates after a day; whose way it does not say",
        "outside_servers": "what was wrong with a server, in words of ours",
    },
}
"""Texts in the clear whose words no CHECK of the database limits, and why nothing about a patient stays in them."""


def unlimited(service: str) -> Iterator[str]:
    """The columns with text whose table has no CHECK of them."""
    tables = importlib.import_module(f"{service}.store.tables").Tables.metadata.sorted_tables
    for table in tables:
        checks = [str(each.sqltext) for each in table.constraints if isinstance(each, CheckConstraint)]
        for column in table.columns:
            if holds_text(column) and not any(limits(check, column.name) for check in checks):
                yield f"{table.name}.{column.name}"


def holds_text(column: Column[Any]) -> bool:
    kind = column.type.item_type if isinstance(column.type, ARRAY) else column.type
    return isinstance(kind, String | JSON)


def limits(check: str, column: str) -> bool:
    return re.search(rf"\b{column} (IN \(|~ '\^)", check) is not None


def reasons(service: str, column: str) -> list[str]:
    table, _, name = column.partition(".")
    known = OF_ALL | UNCHECKED[service]
    return [each for each in (column, table, name) if each in known]


@pytest.mark.parametrize("service", WITH_PATIENTS)
def test_every_text_in_the_clear_is_a_word_or_a_form_or_says_why_it_stays(service: str) -> None:
    """A new column is limited by a CHECK (an enum, a pattern), encrypted, or explained here."""
    assert [each for each in unlimited(service) if not reasons(service, each)] == []


@pytest.mark.parametrize("service", WITH_PATIENTS)
def test_nothing_is_explained_that_is_not_there(service: str) -> None:
    used = {reason for each in unlimited(service) for reason in reasons(service, each)}
    assert set(UNCHECKED[service]) <= used
