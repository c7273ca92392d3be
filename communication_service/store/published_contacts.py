"""How practices can be contacted now, where that differs from what was published last."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, or_, select, text
from sqlalchemy.orm import Session

from communication_service.store.tables import PublishedCallingHours, PublishedContact
from shared.database import locks

_CHANGED: Final = text("""
WITH facts AS (
    SELECT t.id, true AS email_suppressed, NULL::date AS email_again_on, NULL::date AS call_again_on,
           NULL::timestamptz AS planned_call_at, false AS number_is_wrong
    FROM email_suppressions s JOIN therapists t ON t.email_key = s.email_key WHERE s.removed_at IS NULL
    UNION ALL
    SELECT t.id, false, upper(c.during), NULL, NULL, false
    FROM cooldowns c JOIN therapists t ON t.email_key = substr(c.subject, length('address:') + 1)
    WHERE c.subject LIKE 'address:%' AND upper(c.during) > :today
    UNION ALL
    SELECT coalesce(t.merged_into, t.id), false, upper(c.during),
           CASE WHEN lower(c.during) + :days_until_call > :today THEN lower(c.during) + :days_until_call END,
           NULL, false
    FROM cooldowns c JOIN therapists t
    ON t.id = CASE WHEN c.subject LIKE 'therapist:%' THEN CAST(substr(c.subject, length('therapist:') + 1) AS uuid) END
    WHERE upper(c.during) > :today
    UNION ALL
    SELECT therapist_id, false, NULL, NULL, starts_at, false
    FROM phone_calls WHERE status = 'planned' AND direction = 'outbound'
    UNION ALL
    SELECT t.id, false, NULL, NULL, NULL, true
    FROM wrong_numbers w JOIN therapists t ON t.id = w.therapist_id
    WHERE (w.phone, w.mobile) IS NOT DISTINCT FROM (t.phone, t.mobile)
), present AS (
    SELECT id, bool_or(email_suppressed) AS email_suppressed, max(email_again_on) AS email_again_on,
           max(call_again_on) AS call_again_on, min(planned_call_at) AS planned_call_at,
           bool_or(number_is_wrong) AS number_is_wrong
    FROM facts GROUP BY id
)
SELECT coalesce(n.id, p.id) AS id, coalesce(n.email_suppressed, false) AS email_suppressed, n.email_again_on,
       n.call_again_on, n.planned_call_at, coalesce(n.number_is_wrong, false) AS number_is_wrong
FROM present n FULL JOIN published_contacts p ON p.id = n.id
WHERE (coalesce(n.email_suppressed, false), n.email_again_on, n.call_again_on, n.planned_call_at,
       coalesce(n.number_is_wrong, false))
      IS DISTINCT FROM
      (coalesce(p.email_suppressed, false), CASE WHEN p.email_again_on > :today THEN p.email_again_on END,
       CASE WHEN p.call_again_on > :today THEN p.call_again_on END, p.planned_call_at,
       coalesce(p.number_is_wrong, false))
ORDER BY 1 LIMIT :at_most
""")
"""A day that is over, as it was published, says what none says: nothing is published only since time goes on."""


def take_turn(session: Session) -> bool:
    """Whether this transaction is the only one that publishes these states, until it ends."""
    return locks.try_to_take_turn(session, "communication_service publishes how practices can be contacted")


def changed(session: Session, *, today: date, days_until_call: int, at_most: int) -> Sequence[Row[Any]]:
    """Practices of which something else holds now than was published, with what holds, by their ids.

    `days_until_call`: the days between a letter and a call.
    """
    values = {"today": today, "days_until_call": days_until_call, "at_most": at_most}
    return session.execute(_CHANGED, values).all()


def published(session: Session, ids: Collection[UUID]) -> dict[UUID, PublishedContact]:
    """What was published of these practices, locked."""
    wanted = select(PublishedContact).where(PublishedContact.id.in_(ids)).order_by(PublishedContact.id)
    return {each.id: each for each in session.scalars(wanted.with_for_update())}


def not_published_since(session: Session, before: datetime, *, today: date, at_most: int) -> Sequence[PublishedContact]:
    """What was published before this instant, says something and still holds, locked, by the practices' ids."""
    says_something = or_(
        PublishedContact.email_suppressed,
        PublishedContact.number_is_wrong,
        PublishedContact.planned_call_at.is_not(None),
        PublishedContact.email_again_on > today,
        PublishedContact.call_again_on > today,
    )
    wanted = select(PublishedContact).where(PublishedContact.updated_at < before, says_something)
    return session.scalars(wanted.order_by(PublishedContact.id).limit(at_most).with_for_update()).all()


def published_hours(session: Session) -> PublishedCallingHours | None:
    """What was published of when callers phone, locked."""
    return session.scalars(select(PublishedCallingHours).with_for_update()).one_or_none()
