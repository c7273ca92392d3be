"""Work with the geocoder: it is asked for one address at a time, by all processes together in turns, and never trusted.

No transaction is open while it is asked. While it does not answer, addresses lie where their postal codes do; the job
asks for them as soon as it answers again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from geocoding_service.clients.nominatim import GeocoderFailed, Nominatim
from geocoding_service.dependencies import Dependencies
from geocoding_service.domain import geocoder, lookups
from geocoding_service.domain.lookup import address_of
from geocoding_service.domain.lookups import Claim
from geocoding_service.domain.schemas import GeocodeQuery
from geocoding_service.settings import NominatimSettings
from shared.database import transaction
from shared.errors import Outage
from shared.runtime import clock, metrics
from shared.runtime.health import ReadinessCheck
from shared.runtime.jobs import Job
from shared.runtime.logs import logger
from shared.values.geocoder_places import GeocoderPlace
from shared.values.places import Place

log = logger(__name__)

LONGEST_WAIT: Final = 2.0
"""Seconds that a job, or a person, waits for a turn: more would hold up the end of a process, or the person."""
LEASE_BESIDE_THE_ANSWER: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Lookups:
    """Asks the geocoder for addresses that wait."""

    rules: NominatimSettings
    geocoder: Nominatim
    wait: Callable[[float], None] = time.sleep

    def run(self, now: datetime) -> int:
        """Ask the geocoder for the address that has waited longest, when its turn has come."""
        with transaction() as session:
            is_waiting = lookups.is_any_waiting(session, now=now)
        return int(is_waiting and self.look_up(now=now))

    def look_up(self, *, now: datetime, key: str | None = None) -> bool:
        """Ask for the address that has waited longest, or for this one; returns whether there was an answer."""
        current = clock.running_from(now)
        if not self._takes_its_turn(now):
            return False
        with transaction() as session:
            claimed = lookups.claim(session, lease=self._lease, now=current(), key=key)
        if claimed is None:
            return False
        address = claimed.address
        answers = self._ask(
            lambda: self.geocoder.search(
                street=address.street or "",
                house_number=address.house_number,
                postal_code=address.postal_code,
                city=address.city,
            ),
            claimed,
            current,
        )
        if answers is None:
            return False
        with transaction() as session:
            believed = lookups.record_answer(session, claimed, answers, rules=self.rules, now=current())
        metrics.geocoder_requests.labels(believed.outcome).inc()
        return True

    def address_at(self, place: Place, *, now: datetime) -> Sequence[GeocoderPlace]:
        """Returns what the geocoder says is at a place; nothing where it does not answer. None of it is kept."""
        if not self._takes_its_turn(now):
            return []
        answers = self._ask(lambda: self.geocoder.reverse(place), None, clock.running_from(now)) or []
        metrics.geocoder_requests.labels("found" if answers else "not_found").inc()
        return answers

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.rules.timeout_seconds) + LEASE_BESIDE_THE_ANSWER

    def _takes_its_turn(self, now: datetime) -> bool:
        with transaction() as session:
            seconds = geocoder.take_turn(session, interval=self.rules.interval_seconds, longest=LONGEST_WAIT, now=now)
        if seconds is None:
            return False
        self.wait(seconds)
        return True

    def _ask(
        self, ask: Callable[[], Sequence[GeocoderPlace]], claimed: Claim | None, current: Callable[[], datetime]
    ) -> Sequence[GeocoderPlace] | None:
        """The answer; None where there is none, which is recorded."""
        try:
            answers = ask()
        except GeocoderFailed as failed:
            self._record_failure(failed, claimed, now=current())
            return None
        with transaction() as session:
            ends = geocoder.record_answer(session)
        if ends:
            log.info("geocoder.answers_again")
        return answers

    def _record_failure(self, failed: GeocoderFailed, claimed: Claim | None, *, now: datetime) -> None:
        metrics.geocoder_requests.labels("failed").inc()
        with transaction() as session:
            if claimed is not None:
                lookups.record_failure(session, claimed, now=now)
            begins = geocoder.record_failure(session, str(failed), at_once=failed.refuses_us, now=now)
        log.warning("geocoder.not_answering", why=str(failed))
        if begins:
            log.error("geocoder.in_trouble", why=str(failed))


def plan_lookups(now: datetime) -> int:
    """Let new addresses of practices be looked up, and publish answers that were not used yet."""
    with transaction() as session:
        done = lookups.plan(session, now=now)
    with transaction() as session:
        done += lookups.publish_better(session, now=now)
    with transaction() as session:
        metrics.geocoder_in_trouble.set(geocoder.trouble(session) is not None)
        metrics.addresses_waiting.set(lookups.count_waiting(session, now=now))
    return done


def forget_lookups(now: datetime) -> int:
    """Delete addresses that no practice has any more, and what somebody asked for a day ago."""
    with transaction() as session:
        return lookups.forget(session, now=now)


def look_up_for_request(query: GeocodeQuery, dependencies: Dependencies, *, now: datetime) -> None:
    """Look up now what somebody asks for, where a setting allows it and no answer is known.

    Without an answer within seconds the address waits for the job.
    """
    rules, server = dependencies.rules, dependencies.geocoder
    key = lookups.key_of(address_of(query))
    if server is None or not rules.for_requests or key is None:
        return
    with transaction() as session:
        is_wanted = lookups.request_one(session, address_of(query), now=now)
    if is_wanted:
        Lookups(rules, server).look_up(now=now, key=key)


def address_at(place: Place, dependencies: Dependencies, *, now: datetime) -> Sequence[GeocoderPlace]:
    """What the geocoder says is at a place that somebody asks for, where a setting allows to ask it."""
    rules, server = dependencies.rules, dependencies.geocoder
    return Lookups(rules, server).address_at(place, now=now) if server and rules.for_requests else []


def _geocoder_answers() -> bool:
    with transaction() as session:
        problem = geocoder.trouble(session)
    if problem:
        raise Outage("geocoder.in_trouble", problem)
    return True


GEOCODER = ReadinessCheck("geocoder", _geocoder_answers, decisive=False)
"""Not decisive: a restarted worker would not be answered either, and everything else goes on."""


def jobs(dependencies: Dependencies) -> Sequence[Job]:
    """All jobs; without a geocoder only what was asked for before is forgotten."""
    forget = Job("forget-lookups", timedelta(minutes=1), forget_lookups)
    if dependencies.geocoder is None:
        return [forget]
    asking = Lookups(dependencies.rules, dependencies.geocoder)
    return [
        Job("plan-lookups", timedelta(seconds=15), plan_lookups),
        Job("look-up", timedelta(seconds=1), asking.run),
        forget,
    ]
