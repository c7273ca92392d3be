"""Named questions behind the reports: counts of groups, never of a single patient or member of staff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

_STANDING: Final = """
    SELECT entry.*, coalesce(patient.merged_into, entry.patient_id) AS who,
           coalesce(therapist.merged_into, entry.therapist_id) AS practice,
           kept.health_insurer_ik AS insurer
    FROM contact_log_entries AS entry
    LEFT JOIN patients AS patient ON patient.id = entry.patient_id
    LEFT JOIN patients AS kept ON kept.id = coalesce(patient.merged_into, entry.patient_id)
    LEFT JOIN therapists AS therapist ON therapist.id = entry.therapist_id
    WHERE entry.result <> 'taken_back'
      AND NOT EXISTS (SELECT FROM contact_log_entries AS correction WHERE correction.corrects = entry.id)
"""
"""Contacts that took place (no other entry corrects them), with the patient and the practice that stand for them."""
_COUNTED: Final = f"{_STANDING} AND entry.occurred_at >= :since AND entry.occurred_at < :before"
_NUMBERS: Final = """
    count(DISTINCT who) AS patients, count(*) AS contacts, count(DISTINCT practice) AS practices,
    count(DISTINCT practice) FILTER (WHERE practice_accreditation = 'statutory') AS statutory_practices
"""

_CONTACTS = text(f"""
    WITH counted AS ({_COUNTED}),
    insurers AS (
        SELECT insurer FROM counted WHERE insurer IS NOT NULL GROUP BY insurer HAVING count(DISTINCT who) >= :fewest
    ),
    grouped AS (SELECT counted.*, insurers.insurer AS named FROM counted LEFT JOIN insurers USING (insurer)),
    results AS (
        SELECT named, result, count(*) AS number, count(DISTINCT who) AS patients FROM grouped GROUP BY named, result
    ),
    shown AS (
        SELECT named, jsonb_object_agg(result, jsonb_build_array(number, patients)) AS results
        FROM results GROUP BY named
    ),
    few AS (
        SELECT grouped.named, count(DISTINCT grouped.who) AS patients
        FROM grouped JOIN results
          ON results.named IS NOT DISTINCT FROM grouped.named AND results.result = grouped.result
        WHERE results.patients < :fewest GROUP BY grouped.named
    )
    SELECT numbers.*, shown.results, coalesce(few.patients, 0) AS patients_of_few
    FROM (SELECT named, {_NUMBERS} FROM grouped GROUP BY named) AS numbers
    JOIN shown ON shown.named IS NOT DISTINCT FROM numbers.named
    LEFT JOIN few ON few.named IS NOT DISTINCT FROM numbers.named
    WHERE numbers.patients >= :fewest AND (CAST(:insurer AS text) IS NULL OR numbers.named = :insurer)
    ORDER BY numbers.named NULLS LAST
""")  # noqa: S608 - our own statements

_ANSWERS = text(f"""
    WITH contact AS (
        {_COUNTED} AND entry.direction = 'outbound' AND entry.channel IS NOT NULL
        AND entry.result NOT IN ('confirmation_sent', 'withdrawal_sent')
    ),
    answer AS ({_STANDING} AND entry.result = ANY (:answers) AND entry.occurred_at >= :since),
    answered_later AS (
        SELECT DISTINCT contact.id FROM contact JOIN answer USING (who, practice)
        WHERE contact.result = 'sent' AND answer.occurred_at >= contact.occurred_at
          AND answer.occurred_at < contact.occurred_at + make_interval(days => :days)
    ),
    known AS (
        SELECT channel, CAST(extract(hour FROM occurred_at AT TIME ZONE 'Europe/Berlin') AS int) AS hour, who,
               result = ANY (:spoken) AS is_reached,
               result = ANY (:answers) OR answered_later.id IS NOT NULL AS is_answered
        FROM contact LEFT JOIN answered_later USING (id)
    )
    SELECT channel, hour, count(DISTINCT who) AS patients, count(*) AS contacts,
           count(*) FILTER (WHERE is_reached) AS reached,
           count(DISTINCT who) FILTER (WHERE is_reached) AS patients_reached,
           count(DISTINCT who) FILTER (WHERE NOT is_reached) AS patients_not_reached,
           count(*) FILTER (WHERE is_answered) AS answered,
           count(DISTINCT who) FILTER (WHERE is_answered) AS patients_answered,
           count(DISTINCT who) FILTER (WHERE NOT is_answered) AS patients_not_answered
    FROM known GROUP BY channel, hour HAVING count(DISTINCT who) >= :fewest
    ORDER BY channel, hour
""")  # noqa: S608 - the same

_SEARCHES = text("""
    WITH searches AS (
        SELECT id, status, CAST(search_started_on AS timestamp) AT TIME ZONE 'Europe/Berlin' AS began FROM patients
        WHERE status IS NOT NULL AND search_started_on BETWEEN :first AND :last
    ),
    requests AS (
        SELECT request.*, request.status = 'placed'
                 AND (request.place_ended_at IS NULL OR searches.status IN ('therapy_completed', 'therapy_aborted'))
                 AS is_placed
        FROM searches
        JOIN placement_requests AS request ON request.patient_id = searches.id AND request.approved_at >= searches.began
          AND request.withdrawn_reason IS DISTINCT FROM 'entered_by_mistake'
    ),
    reached AS (
        SELECT searches.id,
               bool_or(request.id IS NOT NULL) AS asked,
               bool_or(request.emailed_at IS NOT NULL OR request.called_at IS NOT NULL) AS contacted,
               bool_or(request.outcome IS NOT NULL) AS answered,
               bool_or(request.outcome = 'accepted') AS offered,
               bool_or(request.is_placed) AS placed,
               bool_or(request.is_placed AND request.confirmed_on IS NOT NULL) AS working
        FROM searches LEFT JOIN requests AS request ON request.patient_id = searches.id
        GROUP BY searches.id
    )
    SELECT count(*) AS searches, count(*) FILTER (WHERE asked) AS asked,
           count(*) FILTER (WHERE contacted) AS contacted, count(*) FILTER (WHERE answered) AS answered,
           count(*) FILTER (WHERE offered) AS offered, count(*) FILTER (WHERE placed) AS placed,
           count(*) FILTER (WHERE working) AS working
    FROM reached
""")
"""Requests of an earlier search of the same patients are none of theirs; those entered by mistake were never meant."""

_UNTIL_PLACED = text("""
    WITH placed AS (
        SELECT DISTINCT ON (patient_id) days_until_placed AS days, days_until_placed - days_paused AS days_of_searching
        FROM placement_requests
        WHERE status = 'placed' AND days_until_placed IS NOT NULL AND placed_on BETWEEN :first AND :last
        ORDER BY patient_id, placed_on
    )
    SELECT count(*) AS patients,
           percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY days) AS with_pauses,
           percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY days_of_searching) AS without_pauses
    FROM placed
""")


def contacts(
    session: Session, *, since: datetime, before: datetime, insurer: str | None, fewest: int
) -> Sequence[Row[Any]]:
    """Contacts by insurer: those with so many patients, then all others together as far as they are as many.

    `results` has of each result how many contacts and how many patients, `patients_of_few` for how many patients there
    were contacts whose results have fewer than that.
    """
    limits = {"since": since, "before": before, "insurer": insurer, "fewest": fewest}
    return session.execute(_CONTACTS, limits).all()


def answers(
    session: Session,
    *,
    since: datetime,
    before: datetime,
    spoken: Sequence[str],
    answers: Sequence[str],
    days: int,
    fewest: int,
) -> Sequence[Row[Any]]:
    """Contacts that we began, by channel and hour, and how many of them were answered within so many days."""
    words = {"spoken": list(spoken), "answers": list(answers), "days": days}
    return session.execute(_ANSWERS, {"since": since, "before": before, "fewest": fewest, **words}).all()


def searches(session: Session, *, first: date, last: date) -> Row[Any]:
    """How far the searches that began in a period have come."""
    return session.execute(_SEARCHES, {"first": first, "last": last}).one()


def until_placed(session: Session, *, first: date, last: date) -> Row[Any]:
    """After how many days patients took places in a period: quartiles, with the pauses of the search and without."""
    return session.execute(_UNTIL_PLACED, {"first": first, "last": last}).one()
