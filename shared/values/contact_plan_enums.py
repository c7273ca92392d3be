"""Closed vocabularies of weekly contact plans."""

from __future__ import annotations

from enum import StrEnum


class ContactPlanStatus(StrEnum):
    WAITING = "waiting"
    COMPUTING = "computing"
    PROPOSED = "proposed"
    APPROVING = "approving"
    APPROVED = "approved"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    FAILED = "failed"


class PlannedRequestState(StrEnum):
    PROPOSED = "proposed"
    REMOVED = "removed"
    MADE = "made"
    REFUSED = "refused"


class PlannedChannel(StrEnum):
    EMAIL = "email"
    PHONE = "phone"


class ContactLack(StrEnum):
    """Why a practice that fits is not asked for a patient who could have had more requests."""

    PRACTICE_FULL = "practice_full"
    MAILED_RECENTLY = "mailed_recently"
    MAILBOX_SHARED = "mailbox_shared"
    NO_CALL_LEFT = "no_call_left"
    """Staff said how many practices can be called."""
    CALLERS_HOURS_USED_UP = "callers_hours_used_up"
    """Callers have no more hours in that week."""
    NO_CHANNEL = "no_channel"
    NOT_CONSIDERED = "not_considered"
    """More fit than are considered for one patient."""


class PlanGap(StrEnum):
    """Why a patient who searches is not planned for at all."""

    PLACE_UNKNOWN = "place_unknown"
    DISTANCE_LIMIT_MISSING = "distance_limit_missing"
    PLACE_OFFERED = "place_offered"
    ASKED_ENOUGH = "asked_enough"
    NOBODY_FITS = "nobody_fits"
