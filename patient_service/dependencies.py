"""What this service's endpoints, listeners and jobs need beside the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from patient_service.settings import Settings
from shared.security.encryption import Keys


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    keys: Keys
    """They open patients' files."""
    compaction_lag: timedelta = timedelta(days=1)
    """For how long Kafka may hold the last state of a patient who was erased."""
    closed_cases_kept_years: int = 3
    """For so many whole calendar years closed cases are kept before it is proposed to erase them."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the keys that the settings name."""
        return cls(
            Keys(settings.master_key.get_secret_value(), settings.index_key.get_secret_value()),
            timedelta(hours=settings.kafka_compaction_lag_hours),
            settings.closed_cases_kept_years,
        )
