"""Work on a schedule: what comes back by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from matching_service.dependencies import Dependencies
from matching_service.domain import answers, comparing
from matching_service.settings import AskAgainRules, Settings
from shared.database import transaction
from shared.runtime.health import ReadinessCheck
from shared.runtime.jobs import Job
from shared.values.datetimes import berlin_day


def reopen_deferred(now: datetime) -> int:
    """Ask practices again that said "later", when their time has come."""
    with transaction() as session:
        return answers.reopen_deferred(session, today=berlin_day(now), now=now)


def compare_again(rules: AskAgainRules, now: datetime) -> int:
    """Say of requests what does not fit any more, where a practice has moved or something else was published."""
    with transaction() as session:
        return comparing.compare_again(session, rules=rules, today=berlin_day(now), now=now)


def needs(settings: Settings) -> Sequence[ReadinessCheck]:
    """That every key is there with which something was written."""
    return [Dependencies.of(settings).rings.needed()]


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """The jobs of this service."""
    return [
        Job("reopen-deferred", timedelta(minutes=10), reopen_deferred, needs_current_events=True),
        Job("compare-requests", timedelta(minutes=1), partial(compare_again, dependencies.rules)),
    ]
