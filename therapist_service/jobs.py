"""Work on a schedule: blocks that end by themselves, files that arrive."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.db import transaction
from shared.jobs import Job
from shared.values.moments import berlin_day
from therapist_service.domain import therapists


def lift_blocks(now: datetime) -> int:
    """Unblock therapists whose block has run out."""
    with transaction() as session:
        return therapists.lift_blocks_that_ran_out(session, today=berlin_day(now), now=now)


JOBS = (Job("lift-blocks", timedelta(minutes=10), lift_blocks),)
