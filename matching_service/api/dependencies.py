"""What the endpoints of this service are given beside the request."""

from __future__ import annotations

from dataclasses import dataclass

from matching_service.settings import AskAgainRules


@dataclass(frozen=True)
class Dependencies:
    """What the service was wired with."""

    rules: AskAgainRules
