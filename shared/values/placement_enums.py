"""The vocabularies of what becomes of places, and of corrections."""

from __future__ import annotations

from enum import StrEnum

from shared.values.enums import WithdrawalReason


class PlacementFailure(StrEnum):
    """Why a place failed."""

    NO_SHOW = "no_show"
    PATIENT_LEFT = "patient_left"
    THERAPIST_LEFT = "therapist_left"
    NOT_SUITABLE = "not_suitable"
    OTHER = "other"


class StaffWithdrawalReason(StrEnum):
    """Why staff withdraw a request; the other reasons of a withdrawal follow from something else."""

    PATIENT_DECLINED = WithdrawalReason.PATIENT_DECLINED
    PLACED_ELSEWHERE = WithdrawalReason.PLACED_ELSEWHERE
    SEARCH_ENDED = WithdrawalReason.SEARCH_ENDED
    THERAPIST_UNAVAILABLE = WithdrawalReason.THERAPIST_UNAVAILABLE
    ENTERED_BY_MISTAKE = WithdrawalReason.ENTERED_BY_MISTAKE
    OTHER = WithdrawalReason.OTHER


class WhyNotRestored(StrEnum):
    """Why a request that was withdrawn because of a mistake does not go on when that is corrected."""

    CHANGED_MEANWHILE = "changed_meanwhile"
    """Something was recorded of it since, such as an answer."""
    ASKED_AGAIN = "asked_again"
    """Another request for the same patient to the same therapist goes on."""
    PLACED_ELSEWHERE = "placed_elsewhere"
    SEARCH_ENDED = "search_ended"
    THERAPIST_UNAVAILABLE = "therapist_unavailable"
    PATIENT_EXCLUSION = "patient_exclusion"
    MERGED = "merged"
    """Another request goes on for it, since a file or a therapist was merged."""


class AuditEvent(StrEnum):
    """What happened to a placement request."""

    APPROVED = "approved"
    """Staff had the practice asked, or asked again."""
    QUEUED = "queued"
    """It is part of an inquiry that has not gone out."""
    DISSOLVED = "dissolved"
    """It is part of none any more."""
    EMAILED = "emailed"
    CALLED = "called"
    NOT_REACHED = "not_reached"
    """A call reached nobody."""
    NOT_DISCUSSED = "not_discussed"
    """Somebody was spoken to, about other patients only."""
    NO_ANSWER = "no_answer"
    """Nobody was reached in all attempts."""
    ANSWERED = "answered"
    PLACED = "placed"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    THERAPY_ENDED = "therapy_ended"
    """The place is over with the therapy."""
    REOPENED = "reopened"
    """The practice is to be asked once more."""
    HELD = "held"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"
    CORRECTED = "corrected"
    """Another answer counts, or none."""
    CALL_CORRECTED = "call_corrected"
    """A call that was said to have reached nobody was none."""
    REASSIGNED = "reassigned"
    """It is that of a file, or a therapist, into which its own was merged."""
    RESTORED = "restored"
    """It goes on as before a mistake had withdrawn it."""
    NOT_RESTORED = "not_restored"
    """It does not: something else has happened since."""
    CONFIRMATION = "confirmation"
    """The practice was sent a confirmation of what it had accepted."""
    WITHDRAWAL = "withdrawal"
    """The practice was sent the withdrawal of the request."""
    BOUNCED = "bounced"
    """An e-mail about it came back: it was no contact."""
