"""Why a request about a call or a caller that its schema permits may be refused; `reasons.py` has the others."""

from __future__ import annotations

from tests.fuzz import call_rules, rules
from tests.fuzz.reason import Reason

NEW_CALL, MOVED_CALL = "POST /api/phone-calls", "PATCH /api/phone-calls/{id}"
ID = "01933f0e-7c3a-7000-8000-abcdefabcdef"

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
        "does not phone at that time", "depends on what is stored", call_rules.has_a_time, MOVED_CALL,
        {"starts_at": "2099-01-01T03:00:00Z"}, None, fields=("caller_id",), also=(NEW_CALL,),
    ),
    Reason(
        "names a caller who does not exist", "depends on what is stored", rules.was_sent, MOVED_CALL,
        {"starts_at": "2099-01-01T09:00:00Z", "caller_id": ID}, None, fields=("caller_id",), also=(NEW_CALL,),
    ),
)  # fmt: skip
"""Rules across instants, and of what is stored."""
