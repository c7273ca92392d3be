"""Why a request about a call or a caller that its schema permits may be refused; `reasons.py` has the others."""

from __future__ import annotations

from tests.fuzz import call_rules, rules
from tests.fuzz.reason import Reason

NEW_CALL, MOVED_CALL = "POST /api/phone-calls", "PATCH /api/phone-calls/{id}"
OUTCOME = "POST /api/phone-calls/{id}/outcome"
ID = "01933f0e-7c3a-7000-8000-abcdefabcdef"
PRACTICE = "01933f0e-7c3a-7000-8000-00000000ca11"
"""A therapist who is known and of whom nothing is asked, ..."""
INBOUND = "01933f0e-7c3a-7000-8000-00000000ca12"
"""... and who calls."""
THEIRS = {"therapist_id": PRACTICE, "direction": "inbound"}

CALLS = (
    Reason(
        "must not end before it begins", "compares two instants", call_rules.is_absent_backwards, "POST /api/callers",
        {"name": "Maria", "absences": [{"from": "2026-12-02T09:00:00Z", "to": "2026-12-01T09:00:00Z"}]},
        {"name": "Maria", "absences": [{"from": "2026-12-01T09:00:00Z", "to": "2026-12-01T09:00:00Z"}]},
        fields=("absences.*.to",), also=("PATCH /api/callers/{id}",),
    ),
    Reason(
        "must lie after starts_at", "compares two instants", call_rules.takes_no_time_or_hours, NEW_CALL,
        {"therapist_id": ID, "starts_at": "2026-12-02T09:00:00Z", "ends_at": "2026-12-02T09:00:00Z"},
        {"therapist_id": ID, "starts_at": "2026-12-02T09:00:00Z", "ends_at": "2026-12-02T09:05:00Z"},
        fields=("ends_at",), also=(MOVED_CALL,),
    ),
    Reason(
        "names a practice that is not known here", "depends on what is stored", rules.was_sent, NEW_CALL,
        {"therapist_id": ID, "direction": "inbound"}, None, fields=("therapist_id",),
    ),
    Reason(
        "must not lie in the past", "depends on now", call_rules.is_over, MOVED_CALL,
        {"starts_at": "2020-01-01T09:00:00Z"}, None, fields=("starts_at",), also=(NEW_CALL,),
    ),
    Reason(
        "lies outside of the practice's phone hours", "depends on what is stored", call_rules.has_a_time, MOVED_CALL,
        {"starts_at": "2099-01-01T03:00:00Z"}, None, fields=("starts_at",), also=(NEW_CALL,),
    ),
    Reason(
        "lies after the end of the practice's phone hours", "depends on what is stored", call_rules.has_a_time,
        MOVED_CALL, {"starts_at": "2099-01-05T09:57:00Z"}, None, fields=("ends_at",), also=(NEW_CALL,),
    ),
    Reason(
        "must not lie in the future", "depends on now, for one of two directions", rules.lies_in_the_future, NEW_CALL,
        THEIRS | {"starts_at": "2099-01-01T09:00:00Z"}, THEIRS | {"starts_at": "2026-01-01T09:00:00Z"},
        fields=("starts_at",),
    ),
    Reason(
        "is not open at this practice", "depends on what is stored", rules.was_sent, NEW_CALL,
        THEIRS | {"placement_request_ids": [ID]}, None, fields=("placement_request_ids.*",),
    ),
    Reason(
        "a practice that calls is reached", "depends on what is stored", call_rules.nobody_was_reached, OUTCOME,
        {"result": "busy"}, {"result": "reached"}, fields=("result",), at=INBOUND,
    ),
    Reason(
        "is about nobody for whom the note could be kept", "depends on what is stored", rules.was_sent, OUTCOME,
        {"result": "reached", "note": "x"}, None, fields=("note",), at=INBOUND,
    ),
    Reason(
        "does not phone at that time", "depends on what is stored", call_rules.has_a_time, MOVED_CALL,
        {"starts_at": "2099-01-01T03:00:00Z"}, None, fields=("caller_id",), also=(NEW_CALL,),
    ),
    Reason(
        "names a caller who does not exist", "depends on what is stored", rules.was_sent, MOVED_CALL,
        {"starts_at": "2099-01-01T09:00:00Z", "caller_id": ID}, None, fields=("caller_id",), also=(NEW_CALL,),
    ),
)  # fmt: skip
"""Rules across instants, and of what is stored."""
