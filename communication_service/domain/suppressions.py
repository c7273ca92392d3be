"""Suppressions: addresses that get no inquiries, for every therapist who uses them.

Each source has a suppression of its own, and the address is free only when none is left: an opt-out that is taken back
leaves those of staff or the mail server. What waits for the address moves to the phone at once, for every therapist who
has it, or gets a reason why it waits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from communication_service.domain.suppression_schemas import NewSuppression, SuppressionView
from communication_service.store import schedule
from communication_service.store import suppressions as store
from communication_service.store.suppressions import OptOut
from communication_service.store.tables import EmailSuppression
from shared.database import Session, first_version, new_id
from shared.database.rows import check_version, require
from shared.errors import Conflict
from shared.values.contacts import normalised_email
from shared.values.lists import Listed, ListRequest
from shared.values.reply_enums import SuppressionSource

OPTED_OUT = "The practice asked for no more e-mails."


class Wanted(NamedTuple):
    """An address that is to get no inquiries, why, and who says so."""

    email: str
    email_key: str
    reason: str
    source: SuppressionSource


def suppress(
    session: Session, wanted: Sequence[Wanted], *, by: UUID | None, now: datetime, also: Collection[UUID] = ()
) -> list[EmailSuppression]:
    """Suppress these addresses; returns the suppressions that are new.

    All that waits for one of them is planned anew at once, and what waits for the therapists `also`.
    """
    made = {"recorded_by": by, **first_version(by=by, now=now)}
    added = store.add(session, [{"id": new_id(), **each._asdict(), **made} for each in wanted])
    _schedule(session, [each.email_key for each in added], now=now, also=also)
    return added


def lift_refusal(session: Session, email_key: str, *, now: datetime) -> None:
    """Remove the mail server's suppression of an address, which stays suppressed where there is another reason."""
    if store.remove_refusal(session, email_key):
        _schedule(session, [email_key], now=now)


def follow_opt_outs(session: Session, before: set[OptOut], therapist_ids: Collection[UUID], *, now: datetime) -> None:
    """Add and remove suppressions as these therapists opt out now; `before` is what `store.opt_outs` returned before.

    A new opt-out covers everybody at the address (docs/domain.md#data-protection-mail). One that is taken back frees
    the address, unless somebody else there wants no e-mails either, or it was suppressed for another reason. After a
    change of address both get none.
    """
    after = store.opt_outs(session, therapist_ids)
    remaining = {each.therapist_id for each in after}
    taken_back = {each.email_key for each in before if each.therapist_id not in remaining and each.email_key}
    freed = store.remove_opt_outs_of_nobody(session, taken_back)
    new = {each.email_key: each.email for each in after - before if each.email_key and each.email}
    wanted = [Wanted(email, key, OPTED_OUT, SuppressionSource.OPT_OUT) for key, email in new.items()]
    suppress(session, wanted, by=None, now=now, also={*therapist_ids, *store.therapists_at(session, freed)})


def _schedule(session: Session, keys: Collection[str], *, now: datetime, also: Collection[UUID] = ()) -> None:
    concerned = store.therapists_at(session, keys) | set(also)
    if concerned:
        schedule.add(session, schedule.to_therapists(concerned), at=now)


def list_part(session: Session, wanted: ListRequest[Any]) -> Listed:
    """A part of the suppressed addresses."""
    found = store.read_part(session, wanted.part)
    return found.shown(found.rows)


def get(session: Session, suppression_id: UUID) -> SuppressionView:
    """One suppression; raises `NotFound`."""
    return SuppressionView.of(require(store.suppression(session, suppression_id), "email_suppression"))


def add(session: Session, new: NewSuppression, *, by: UUID | None, now: datetime) -> SuppressionView:
    """Write no more inquiries to an address; what waits for it moves to the phone.

    Raises `Conflict` if staff suppressed it before; one by a therapist or the mail server is kept beside it.
    """
    wanted = Wanted(new.email, normalised_email(new.email), new.reason, SuppressionSource.STAFF)
    added = suppress(session, [wanted], by=by, now=now)
    if not added:
        raise Conflict("email_suppression.known")
    return SuppressionView.of(added[0])


def remove(
    session: Session,
    suppression_id: UUID,
    *,
    expected_versions: Collection[int] | None = None,
    by: UUID | None,
    now: datetime,
) -> None:
    """Take back one reason; the address gets inquiries again when none is left. Raises `NotFound`, `LostUpdate`.

    The row stays and names who did that: nobody else could say why a practice that had refused was written to again.
    """
    suppression = require(store.suppression(session, suppression_id, lock=True), "email_suppression")
    check_version(suppression, expected_versions, "email_suppression")
    suppression.removed_at, suppression.removed_by = now, by
    suppression.count_change(by=by, now=now)
    session.flush()
    _schedule(session, [suppression.email_key], now=now)
