"""What practices answered and for whom they are asked, as SQL: the same for the ranking and for the weekly plan.

Each part stands in a query of `placement_requests`, grouped by therapist.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from matching_service.store.tables import IS_LIVE

WHOLE: Final = 10_000
"""The share of who accepts everybody."""
USUAL: Final = 500
"""What is expected of a practice of which nothing is known: one in twenty accepts. Chosen, not measured."""
USUAL_COUNTS: Final = 20
"""So many answers must be known of a practice for them to count as much as what is usual. Chosen, not measured."""
REMEMBERED: Final = timedelta(days=730)
"""Requests that were approved longer ago say nothing of a practice any more."""

# what is seldom true and soon compared stands first: of a practice there may be many requests, nearly all of them over

IS_MEANT: Final = "withdrawn_reason IS DISTINCT FROM 'entered_by_mistake'"
"""A request that was entered by mistake, as staff say who withdraw it, says nothing of the practice."""
ANSWERS: Final = f"""
    count(*) FILTER (WHERE approved_at >= :remembered_since AND (outcome <> 'later' OR status = 'no_answer')
                       AND {IS_MEANT}) AS answered,
    count(*) FILTER (WHERE approved_at >= :remembered_since AND outcome = 'accepted' AND {IS_MEANT}) AS accepted"""
"""How many requests were answered, and with yes. That nobody was reached in all attempts is a no."""

ASKED_THIS_WEEK: Final = f"""
    count(*) FILTER (WHERE greatest(emailed_at, called_at) >= :week_began AND {IS_LIVE} OR status IN ('open', 'queued'))
        AS asked_for"""
"""For how many patients the practice is to be asked, or was asked since this instant."""

WAIT_LONGER: Final = """
    count(*) FILTER (WHERE responded_at IS NULL AND status IN ('open', 'queued', 'contacted') AND (
        SELECT search_started_on FROM patients WHERE patients.id = placement_requests.patient_id
    ) < CAST(:searching_since AS date)) AS wait_longer"""
"""How many patients wait for an answer of the practice who have searched for longer than since this day."""

ACCEPTANCE: Final = (
    f"(coalesce(accepted, 0) * {WHOLE} + {USUAL * USUAL_COUNTS}) / (coalesce(answered, 0) + {USUAL_COUNTS})"
)
"""The share of requests that a practice is expected to accept, in ten-thousandths: its answers, mixed with what is
usual."""
