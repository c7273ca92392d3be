"""The worker process of this service: consumer and relay."""

from __future__ import annotations

from geocoding_service.domain import addresses
from geocoding_service.listeners import listeners
from geocoding_service.settings import Settings
from shared.events.event import TOPICS
from shared.runtime.worker import Worker


def create(settings: Settings) -> Worker:
    """The worker, wired."""
    return Worker(settings, listeners=listeners, states=addresses.snapshots, topic=TOPICS["address"])
