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
