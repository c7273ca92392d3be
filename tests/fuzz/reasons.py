"""Why a request that its schema permits may be refused all the same: rules that JSON Schema cannot express.

A refusal is explained where **every** message of it has a reason here, at the operation and field the reason is for,
and where what was sent really breaks that rule: judged here a second time, apart from the service's own code. So a
valid request that is refused by mistake is a difference, whatever sentence it is refused with. Each reason is held by
`test_reasons.py`: the request `wrong`, which the schema permits, is refused for this reason, and the same refusal of
`right` would be a difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.http.headers import KEY_FORM
from shared.values.contacts import LONGEST_NAME
from shared.values.lists import CURSOR_FORM
from shared.values.weekly import WEEK_DESCRIPTION
from tests.fuzz import rules
from tests.fuzz.call_reasons import CALLS
from tests.fuzz.contact_reasons import ANSWER, CONTACTS, ID
from tests.fuzz.reason import Reason
from tests.fuzz.sent import NOTHING, Sent
from tests.fuzz.template_reasons import TEMPLATES

PRECONDITION_FAILED = 412
NEW_THERAPIST, THERAPIST = "POST /api/therapists", "PATCH /api/therapists/{id}"
NEW_PATIENT, PATIENT = "POST /api/patients", "PATCH /api/patients/{id}"
LETTER, CALL = "POST /api/emails/{id}/response", "POST /api/phone-calls/{id}/outcome"
CONFIRM = "POST /api/replies/{id}/confirm"
LIST = "POST /api/placement-requests"
STATUS, CONSENT = "POST /api/patients/{id}/status", "POST /api/patients/{id}/consents"
BLOCK = "POST /api/therapists/{id}/block"
BULK, BULK_OF_PATIENTS = "POST /api/placement-requests/bulk", "POST /api/patients/bulk"
BULK_OF_REVIEWS, APPROVAL = "POST /api/import-reviews/bulk", "POST /api/import-reviews/{id}/approve"
GEOCODE, DISTANCE, HOLIDAYS = "GET /api/geocode", "GET /api/distance", "GET /api/holidays"
CONTACT_LOG = "GET /api/patients/{id}/contact-log"
REPORTS = tuple(f"GET /api/reports/{name}" for name in ("contacts", "answers", "searches"))
PLANS = "POST /api/contact-plans"
GEOCODE_MANY, MATRIX = "POST /api/geocode", "POST /api/distance-matrix"
POINT = {"postal_code": "52062"}

OTHER = "01933f0e-7c3a-7000-8000-abcdefabcdee"
TWO_ANSWERS = {"responses": [{"placement_request_id": ID, "outcome": "declined_other"}] * 2}
ONE_ANSWER = {"responses": TWO_ANSWERS["responses"][:1]}

VALUES = (
    Reason(
        "has a typing mistake", "check digits", rules.kvnr_is_mistyped, NEW_PATIENT,
        {"insurance_number": "A123456789"}, {"insurance_number": "A123456780"}, {"description": "KVNR"},
    ),
    Reason(
        "has a typing mistake", "check digits", rules.ik_is_mistyped, NEW_PATIENT,
        {"health_insurer_ik": "109519006"}, {"health_insurer_ik": "109519005"}, {"description": "IK"},
    ),
    Reason(
        "is unknown: German postal codes go from", "the two ends of a range of numbers", rules.postal_code_is_beyond,
        NEW_PATIENT, {"postal_code": "99999"}, {"postal_code": "99998"}, {"description": "German postal code"},
    ),
    Reason(
        "must be a phone number", "a numbering plan", rules.is_no_plain_phone_number, NEW_PATIENT,
        {"phone": "12"}, {"phone": "030 23125000"}, {"description": "Stored as E.164"},
    ),
    Reason(
        "must be one phone number", "a numbering plan", rules.is_no_plain_phone_number, NEW_PATIENT,
        {"phone": "030 23125000/1"}, {"phone": "030 23125000"}, {"description": "Stored as E.164"},
    ),
    Reason(
        "must be an e-mail address", "the format `email` is an annotation, and wider", rules.is_no_plain_address,
        NEW_PATIENT, {"email": "somebody@nowhere"}, {"email": "erika@example.org"}, {"format": "email"},
    ),
    Reason(
        "must have at least one letter", "classes of Unicode are no part of JSON Schema's patterns",
        rules.has_no_letter, NEW_PATIENT, {"last_name": "123"}, {"last_name": "Ng"},
        {"maxLength": LONGEST_NAME, "pattern": rules.PRINTABLE},
    ),
    Reason(
        "must have at least one visible character", "classes of Unicode are no part of JSON Schema's patterns",
        rules.has_nothing_visible, NEW_PATIENT, {"street": "\u200b"}, {"street": "\u200bAm Markt"},
        {"pattern": rules.PRINTABLE},
    ),
    Reason(
        "must lie between {} and {}", "JSON Schema has no bounds for instants, whose offset may be any",
        rules.instant_is_implausible, ANSWER, {"occurred_at": "1999-12-31T23:00:00Z"},
        {"occurred_at": "2026-11-20T09:00:00Z"}, {"format": "date-time"},
    ),
    Reason(
        "must be a date and time that exist", "JSON Schema's instants know seconds and offsets that no calendar has",
        rules.instant_is_in_no_calendar, ANSWER, {"occurred_at": "2026-06-30T23:59:60Z"},
        {"occurred_at": "2026-11-20T09:00:00Z"}, {"format": "date-time"},
    ),
    Reason(
        "must be a whole number", "JSON Schema takes 5.0 for a whole number, a reader of JSON does not",
        rules.is_written_with_a_point, NEW_PATIENT, {"max_travel_minutes": 30.0}, {"max_travel_minutes": 30},
        {"type": "integer"},
    ),
    Reason(
        "two windows overlap", "compares times within a list", rules.windows_overlap, NEW_THERAPIST,
        {"phone_hours": {"monday": [{"start": "09:00", "end": "11:00"}, {"start": "10:00", "end": "12:00"}]}},
        {"phone_hours": {"monday": [{"start": "09:00", "end": "10:00"}, {"start": "10:00", "end": "12:00"}]}},
        {"description": WEEK_DESCRIPTION},
    ),
    Reason(
        "end must be after start", "compares two times", rules.a_window_ends_before_it_starts, NEW_THERAPIST,
        {"phone_hours": {"monday": [{"start": "11:00", "end": "09:00"}]}},
        {"phone_hours": {"monday": [{"start": "09:00", "end": "11:00"}]}},
        {"description": WEEK_DESCRIPTION},
    ),
)  # fmt: skip
"""Rules of one value."""

RULES = (
    Reason(
        "latitude and longitude go together", "a merge patch is completed by what is stored",
        rules.half_a_place, THERAPIST, {"latitude": 51.34}, {"latitude": 51.34, "longitude": 12.37},
        fields=("latitude", "longitude"),
    ),
    Reason(
        "the coordinates must lie ", "compares coordinates with the place of the postal code",
        rules.lies_elsewhere, NEW_THERAPIST, {"postal_code": "04109", "latitude": 12.37, "longitude": 51.34},
        {"postal_code": "04109", "latitude": 51.34, "longitude": 12.37},
        fields=("latitude", "longitude"), also=(THERAPIST,),
    ),
    Reason(
        "must not be empty once the search has started", "depends on what is stored", rules.is_cleared, PATIENT,
        {"search_started_on": None}, {"search_started_on": "2026-01-02", "reason": "it is so"},
        fields=("search_started_on",),
        before=((STATUS, {"status": "searching"}),),
    ),
    Reason(
        "must say why search_started_on changes", "depends on what is stored, and on X-Purpose",
        rules.moves_the_start_without_a_reason, PATIENT, {"search_started_on": "2026-01-02"},
        {"search_started_on": "2026-01-02", "reason": "it is so"}, fields=("reason",),
    ),
    Reason(
        "belongs to a change of search_started_on", "an unchanged start may be sent along",
        rules.gives_a_reason_for_nothing, PATIENT, {"reason": "it is so"},
        {"search_started_on": "2026-01-02", "reason": "it is so"}, fields=("reason",),
    ),
    Reason(
        "must say why the therapy is over", "depends on what is stored", rules.searches_without_a_reason, STATUS,
        {"status": "searching"}, {"status": "searching", "reason": "it is so"}, fields=("reason",),
        before=((STATUS, {"status": "searching"}), (STATUS, {"status": "in_therapy"})),
    ),
    Reason(
        "must be the whole code, not its masked form", "is a change that changes nothing, where there is a code",
        rules.is_a_mask, NEW_PATIENT, {"consultation": {"placement_code": "****-****-AB12"}},
        {"consultation": {"placement_code": "A1B2-C3D4-AB12"}}, fields=("consultation.placement_code",),
    ),
    Reason(
        "must not be cleared", "has a default where the object is made, and none afterwards", rules.is_cleared,
        PATIENT, {"registered_on": None}, {"registered_on": "2026-01-02"}, fields=("registered_on",),
    ),
    Reason(
        "must not lie in the future", "depends on today", rules.lies_in_the_future, NEW_PATIENT,
        {"date_of_birth": "2099-01-01"}, {"date_of_birth": "1999-01-01"},
        fields=(
            "date_of_birth", "registered_on", "search_started_on", "last_contact_on", "consultation.held_on",
            "anamnesis.previous_therapy_ended_on",
        ),
        also=(PATIENT,),
    ),
    Reason(
        "must not lie in the future", "depends on today", rules.lies_in_the_future, CONSENT,
        {"given_on": "2099-01-01"}, {"given_on": "2026-01-01"}, fields=("given_on",),
    ),
    Reason(
        "must not lie in the future", "depends on now", rules.lies_in_the_future, CALL,
        {"result": "no_answer", "occurred_at": "2099-01-01T09:00:00Z"},
        {"result": "no_answer", "occurred_at": "2026-01-01T09:00:00Z"}, fields=("occurred_at",), also=(ANSWER,),
    ),
    Reason(
        "must not lie before the day on which the request was approved", "depends on what is stored", rules.was_sent,
        ANSWER, {"outcome": "declined_other", "occurred_at": "2001-01-02T00:00:00Z"}, None,
        fields=("occurred_at", "occurred_on"),
    ),
    Reason(
        "must lie within 366 days", "depends on now", rules.lies_beyond_a_year, CALL,
        {"result": "call_back", "call_back_at": "2090-01-01T09:00:00Z"},
        {"result": "call_back", "call_back_at": f"{rules.today() + timedelta(days=30)}T09:00:00Z"},
        fields=("call_back_at",),
    ),
    Reason(
        "must lie in the future", "depends on today", rules.does_not_lie_in_the_future, STATUS,
        {"status": "paused", "paused_until": "2020-01-01"}, {"status": "paused", "paused_until": "2099-01-01"},
        fields=("paused_until",), before=((STATUS, {"status": "searching"}),),
    ),
    Reason(
        "was not asked in this contact", "depends on what is stored", rules.was_sent, CALL,
        {"result": "reached", **ONE_ANSWER}, None, fields=("responses.*.placement_request_id",), also=(LETTER,),
    ),
    Reason(
        "must not have two answers for one request", "compares fields within a list", rules.answers_twice, LETTER,
        TWO_ANSWERS, ONE_ANSWER, fields=("responses.*.placement_request_id",), also=(CALL, CONFIRM),
    ),
    Reason(
        "overrides must concern therapists", "compares two lists", rules.overrides_a_stranger, LIST,
        {"therapist_ids": [ID], "overrides": [{"therapist_id": OTHER, "rule": "distance", "reason": "a wish"}]},
        {"therapist_ids": [ID], "overrides": [{"therapist_id": ID, "rule": "distance", "reason": "a wish"}]},
        fields=("overrides.*.therapist_id",),
    ),
    Reason(
        "must not lie before from", "compares two dates", rules.ends_before_it_starts, NEW_THERAPIST,
        {"holidays": [{"from": "2026-12-02", "to": "2026-12-01"}]},
        {"holidays": [{"from": "2026-12-01", "to": "2026-12-01"}]}, fields=("holidays.*.to",), also=(THERAPIST,),
    ),
    Reason(
        "must not lie before from", "compares two dates, of which today is the default", rules.ends_before_it_starts,
        HOLIDAYS, {"from": "2026-12-02", "to": "2026-12-01"}, {"from": "2026-12-01", "to": "2026-12-01"},
        fields=("to",), also=("GET /api/access-log", "GET /api/phone-calls", CONTACT_LOG, *REPORTS),
    ),
    Reason(
        "must be a Monday", "needs a calendar", rules.is_no_monday, PLANS, {"week": "2026-11-24"},
        {"week": "2026-11-23"}, fields=("week",),
    ),
    Reason(
        "must not be a week that is over", "depends on the day", rules.is_a_week_that_is_over, PLANS,
        {"week": "2026-11-09"}, {"week": "2099-11-02"}, fields=("week",),
    ),
    Reason(
        "must begin within two weeks from today", "depends on the day", rules.begins_in_more_than_two_weeks, PLANS,
        {"week": "2099-11-02"}, {"week": "2026-11-09"}, fields=("week",),
    ),
    Reason(
        "must be the first and the last day of one calendar month", "compares two dates", rules.is_no_month,
        REPORTS[0], {"from": "2020-01-01", "to": "2020-02-29"}, {"from": "2020-02-01", "to": "2020-02-29"},
        fields=("from", "to"), also=REPORTS[1:],
    ),
    Reason(
        "must be over: reports are of whole months only", "depends on the day", rules.does_not_lie_in_the_past,
        REPORTS[0], {"from": "2099-01-01", "to": "2099-01-31"}, {"from": "2020-02-01", "to": "2020-02-29"},
        fields=("to",), also=REPORTS[1:],
    ),
    Reason(
        "must lie less than {} days after from", "compares two dates, of which today is the default",
        rules.lasts_too_long, HOLIDAYS, {"from": "2020-01-01", "to": "2029-01-01"},
        {"from": "2020-01-01", "to": "2024-01-01"}, fields=("to",),
    ),
    Reason(
        "from is either a postal code or a latitude and a longitude", "parameters have no schema in common",
        rules.is_no_point("from_"), DISTANCE, {"to_postal_code": "04109", "from_latitude": 51.34},
        {"to_postal_code": "04109", "from_postal_code": "52062"},
        fields=("from_postal_code", "from_latitude", "from_longitude"),
    ),
    Reason(
        "to is either a postal code or a latitude and a longitude", "parameters have no schema in common",
        rules.is_no_point("to_"), DISTANCE, {"from_postal_code": "04109"},
        {"to_postal_code": "04109", "from_postal_code": "52062"},
        fields=("to_postal_code", "to_latitude", "to_longitude"),
    ),
    Reason(
        "origins times destinations may be at most {}", "the product of two lengths", rules.has_many_ways, MATRIX,
        {"origins": [POINT] * 3, "destinations": [POINT] * 5000}, {"origins": [POINT] * 2, "destinations": [POINT]},
        fields=("destinations", "origins"),
    ),
    Reason(
        "give a postal_code, a city or q", "parameters have no schema in common", rules.says_no_place, GEOCODE,
        {"street": "Markt"}, {"city": "Aachen"}, fields=("postal_code", "city", "q"),
    ),
    Reason(
        "give the address in parts or as q, not both", "parameters have no schema in common", rules.says_it_twice,
        GEOCODE, {"q": "Aachen", "city": "Aachen"}, {"q": "Aachen"}, fields=("q",),
    ),
    Reason(
        "give a postal_code, a city or q", "a rule across fields", rules.says_no_place, GEOCODE_MANY,
        {"addresses": [{"city": "Aachen"}, {"street": "Markt"}]}, {"addresses": [{"city": "Aachen"}]},
        fields=tuple(f"addresses.*.{name}" for name in ("postal_code", "city", "q")),
    ),
    Reason(
        "give the address in parts or as q, not both", "a rule across fields", rules.says_it_twice, GEOCODE_MANY,
        {"addresses": [{"q": "Aachen", "city": "Aachen"}]}, {"addresses": [{"q": "Aachen"}]}, fields=("addresses.*.q",),
    ),
    Reason(
        "must have at most 10 words", "no pattern counts the words that Unicode knows", rules.has_many_words,
        "GET /api/patients", {"q": "a b c d e f g h i j k"}, {"q": "Erika Muster"},
        fields=("q",), also=("GET /api/therapists",),
    ),
    Reason(
        "must have at least one letter or digit", "classes of Unicode are no part of JSON Schema's patterns",
        rules.has_no_word, "GET /api/patients", {"q": "-"}, {"q": "Erika"}, fields=("q",),
    ),
    Reason(
        "must not lie before today", "depends on today", rules.lies_in_the_past, BLOCK,
        {"reason": "ill", "until": "2020-01-01"}, {"reason": "ill", "until": "2099-01-01"}, fields=("until",),
    ),
    Reason(
        "must not have entries that are not there already", "depends on what is stored", rules.lists_something,
        THERAPIST, {"protected_fields": ["nothing"]}, {"protected_fields": []}, fields=("protected_fields",),
    ),
    Reason(
        "must not lie before the answer that is recorded", "depends on what is stored", rules.was_sent, ANSWER,
        {"outcome": "declined_other", "occurred_at": "2020-01-02T00:00:00Z"}, None, fields=("occurred_at",),
        before=((ANSWER, {"outcome": "later"}),),
    ),
    Reason(
        "must be the `next` of a part of the same list", "depends on what the service has signed", rules.was_sent,
        "GET /api/therapists", {"after": "WzUwLCIwMTkwIl0"}, None, {"pattern": CURSOR_FORM},
    ),
    Reason(
        "must not be sent with `after`", "parameters have no schema in common", rules.comes_with_a_cursor,
        "GET /api/therapists", {"after": "WzUwLCIwMTkwIl0", "offset": 5}, {"offset": 5}, {"maximum": 2147483647},
    ),
    Reason(
        "must have either ids or a filter", "is a rule across fields", rules.selects_in_no_one_way, BULK,
        {"ids": [ID], "filter": {}}, {"ids": [ID]}, fields=("ids", "filter"), also=(BULK_OF_PATIENTS, BULK_OF_REVIEWS),
    ),
    Reason(
        "cannot be 'me'", "depends on who asks: an administrator without an account", rules.is_me,
        "POST /api/patients/bulk",
        {"ids": [ID], "expected_total": 1, "action": "assign", "assigned_to": "me"},
        {"ids": [ID], "expected_total": 1, "action": "assign", "assigned_to": None}, fields=("assigned_to",),
    ),
    Reason(
        "goes with the action withdraw", "is a rule across fields", rules.goes_with("withdraw"), BULK,
        {"ids": [ID], "action": "withdraw", "priority": None},
        {"ids": [ID], "action": "withdraw", "priority": None, "reason": "other"}, fields=("reason",),
    ),
    Reason(
        "goes with the action priority", "is a rule across fields", rules.goes_with("priority"), BULK,
        {"ids": [ID], "priority": None}, {"ids": [ID]}, fields=("priority",),
    ),
    Reason(
        "goes with the action assign", "is a rule across fields", rules.is_sent_with("assign"), BULK_OF_PATIENTS,
        {"ids": [ID], "action": "approve_erasure", "assigned_to": None}, {"ids": [ID], "action": "approve_erasure"},
        fields=("assigned_to",),
    ),
    Reason(
        "goes with the action decline_erasure", "is a rule across fields", rules.goes_with("decline_erasure"),
        BULK_OF_PATIENTS, {"ids": [ID], "action": "approve_erasure", "reason": "None."},
        {"ids": [ID], "action": "decline_erasure", "reason": "There is a claim."}, fields=("reason",),
    ),
    Reason(
        "goes with the action reject", "is a rule across fields", rules.goes_with("reject"), BULK_OF_REVIEWS,
        {"ids": [ID], "action": "approve", "reason": "None."},
        {"ids": [ID], "action": "reject", "reason": "A coach."}, fields=("reason",),
    ),
    Reason(
        "must name only fields that wait for a decision", "depends on what is stored", rules.was_sent, APPROVAL,
        {"fields": ["no field"]}, None, fields=("fields",),
    ),
    Reason(
        "must contain last_name, since a new therapist is entered", "depends on what is stored", rules.was_sent,
        APPROVAL, {"fields": ["city"]}, None, fields=("fields",),
    ),
    Reason(
        "is not the reference of this patient", "depends on what is stored", rules.was_sent,
        "DELETE /api/patients/{id}", {"confirm": "P-7K3M-2Q"}, None, fields=("confirm",),
    ),
    Reason(
        "is not valid, or not any more", "depends on the links that were sent", rules.was_sent,
        "POST /api/auth/invitations/accept", {"token": "of nobody", "new_password": "x"}, None, fields=("token",),
        also=("POST /api/auth/password-resets/complete",),
    ),
    Reason(
        "was used before with another request", "depends on the requests before", rules.was_sent, NEW_PATIENT,
        {"last_name": "Muster"}, None, {"pattern": KEY_FORM}, key="again",
        before=((NEW_PATIENT, {"last_name": "Mustermann"}),),
    ),
)  # fmt: skip
"""Rules across fields, and of one value beside what is stored, today or the requests before."""

REASONS = VALUES + RULES + CALLS + CONTACTS + TEMPLATES


def explained(sent: Sent, status: int, answer: Mapping[str, Any]) -> str | None:
    """Why this refusal of a request that its schema permits is right; None where that cannot be said."""
    if status == PRECONDITION_FAILED:
        return "a version that is not the present one" if sent.value("If-Match") not in (NOTHING, "*") else None
    if sent.is_a_table and answer["code"] in ("patient_import.unreadable", "input.invalid"):
        return "no schema describes a file that is no JSON"
    found = [_reason(error["field"], error["message"], sent) for error in answer["errors"]]
    return "; ".join(sorted({each.why for each in found if each})) if found and None not in found else None


def _reason(name: str, message: str, sent: Sent) -> Reason | None:
    return next((each for each in REASONS if each.explains(name, message, sent)), None)
