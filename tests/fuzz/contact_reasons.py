"""Reasons (`reasons.py`) for contacts with practices, for what they answer, and for places."""

from __future__ import annotations

from tests.fuzz import contact_rules, rules
from tests.fuzz.reason import Reason

CONTACT = "POST /api/patients/{id}/contact-log"
ANSWER = "POST /api/placement-requests/{id}/response"
PLACE, CORRECT = "POST /api/placement-requests/{id}/place", "POST /api/placement-requests/{id}/correct"
ID = "01933f0e-7c3a-7000-8000-abcdefabcdef"

CONTACTS = (
    Reason(
        "must not lie in the future", "depends on now", rules.lies_in_the_future, CONTACT,
        {"occurred_at": "2099-01-01T09:00:00Z"}, {"occurred_at": "2026-01-01T09:00:00Z"},
        fields=("occurred_at", "occurred_on"), also=(ANSWER,),
    ),
    Reason(
        "names a practice that is not known here", "depends on what is stored", rules.was_sent, CONTACT,
        {"therapist_id": ID}, None, fields=("therapist_id",),
    ),
    Reason(
        "names no entry of this contact log", "depends on what is stored", rules.was_sent, CONTACT,
        {"corrects": ID, "note": "it is so"}, None, fields=("corrects",),
    ),
    Reason(
        "a year before the search began", "depends on what is stored and on today", rules.was_sent, CONTACT,
        {"occurred_at": "2001-01-01T09:00:00Z"}, None, fields=("occurred_at", "occurred_on"),
    ),
    Reason(
        "either occurred_at or occurred_on", "a rule across fields", contact_rules.is_dated_twice_or_never, CONTACT,
        {"occurred_on": "2026-01-01"}, {"occurred_on": None}, fields=("occurred_at", "occurred_on"), also=(ANSWER,),
    ),
    Reason(
        "does not go with", "a rule across fields", contact_rules.cannot_be_by_channel, CONTACT,
        {"result": "busy"}, {"result": "sent"}, fields=("channel",),
    ),
    Reason(
        "does not go with", "a rule across fields", contact_rules.begins_with_the_wrong_side, CONTACT,
        {"direction": "inbound"}, {"direction": "outbound"}, fields=("direction",),
    ),
    Reason(
        "must say what is wrong with the corrected entry", "a rule across fields",
        contact_rules.corrects_without_a_note, CONTACT,
        {"corrects": ID}, {"corrects": ID, "note": "it is so"}, fields=("note",),
    ),
    Reason(
        "must not lie before the day of the answer", "compares two dates", rules.was_sent, CONTACT,
        {"available_from": "2001-01-01"}, None, fields=("available_from",), also=(ANSWER, CORRECT),
    ),
    Reason(
        "must not lie before the day of the answer", "depends on what is stored", rules.was_sent, PLACE,
        {"placed_on": "2001-01-01"}, None, fields=("placed_on",), before=((ANSWER, {"outcome": "accepted"}),),
    ),
    Reason(
        "must not lie before the day on which the request was approved", "depends on what is stored", rules.was_sent,
        PLACE, {"first_session_on": "2001-01-01"}, None, fields=("first_session_on",),
        before=((ANSWER, {"outcome": "accepted"}),),
    ),
    Reason(
        "must not lie in the future", "depends on today", rules.lies_in_the_future, PLACE,
        {"placed_on": "2099-01-01"}, {"placed_on": "2026-01-01"}, fields=("placed_on",),
        before=((ANSWER, {"outcome": "accepted"}),),
    ),
    Reason(
        "takes another entry back", "a rule across fields", contact_rules.takes_nothing_back, CONTACT,
        {"result": "taken_back"}, {"result": "sent"}, fields=("result",),
    ),
)  # fmt: skip
"""Rules across fields, and of one value beside what is stored or today."""
