"""What the endpoints of this service are given beside the request."""

from __future__ import annotations

from dataclasses import dataclass

from communication_service.settings import ContactRules


@dataclass(frozen=True)
class Dependencies:
    """What the service was wired with."""

    rules: ContactRules
