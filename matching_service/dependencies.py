"""What this service's endpoints and listeners need beside the database."""

from __future__ import annotations

from dataclasses import dataclass

from matching_service.settings import AskAgainRules, Settings


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    rules: AskAgainRules
    """When a practice that said no or "later" is asked again."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the rules that the settings name."""
        return cls(settings.ask_again)
