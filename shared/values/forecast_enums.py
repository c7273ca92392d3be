"""The vocabulary of forecasts: why a practice is not asked at once."""

from __future__ import annotations

from enum import StrEnum


class ForecastWait(StrEnum):
    """What a request to a practice would wait for; of these the first that holds.

    The words are those of communication_service, where it knows the same reason.
    """

    THERAPIST_NOT_KNOWN = "therapist_not_known"
    THERAPIST_NOT_ACTIVE = "therapist_not_active"
    NO_CONTACT_WANTED = "no_contact_wanted"
    SEARCH_ENDED = "search_ended"
    SEARCH_PAUSED = "search_paused"
    ACCEPTED_ELSEWHERE = "accepted_elsewhere"
    EMAIL_ADDRESS_MISSING = "email_address_missing"
    EMAIL_SUPPRESSED = "email_suppressed"
    EMAILED_RECENTLY = "emailed_recently"
    """The therapist, or another one with the same address, was written to lately."""
    PRACTICE_HOLIDAYS = "practice_holidays"
    PHONE_HOURS_UNKNOWN = "phone_hours_unknown"
    PHONE_NUMBER_MISSING = "phone_number_missing"
    """There is no number, or it was found to be wrong."""
    PHONE_HOURS = "phone_hours"
    """The practice answers the phone later."""
    PLANNED_CALL = "planned_call"
    """A call to the practice is planned already, in which this is asked too."""
    NO_FREE_SLOT = "no_free_slot"
    """Within two months there is no hour in which the practice answers the phone and callers phone."""
