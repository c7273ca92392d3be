"""What this service's endpoints, listeners and jobs need beside the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from patient_service.clients.other_services import LARGEST, SECONDS, OtherServices
from patient_service.settings import Settings
from shared.runtime.service_client import ServiceClient
from shared.security.encryption import Keys


@dataclass(frozen=True)
class Dependencies:
    """Made once for each process."""

    keys: Keys
    """They open patients' files."""
    others: OtherServices
    """Asked what they hold about a patient."""
    compaction_lag: timedelta = timedelta(days=1)
    """For how long Kafka may hold the last state of a patient who was erased."""
    closed_cases_kept_years: int = 3
    """For so many whole calendar years closed cases are kept before it is proposed to erase them."""
    declined_erasures_rest_days: int = 365
    """For so many days it is not proposed again to erase a patient whom staff keep."""
    import_rows_kept_days: int = 30
    """For so many days after an import it is kept what became of each row."""

    @classmethod
    def of(cls, settings: Settings) -> Dependencies:
        """With the keys and the other services that the settings name."""
        keys = Keys(settings.master_key.get_secret_value(), settings.index_key.get_secret_value())
        tokens = settings.service_tokens()
        clients = [
            ServiceClient(name, url, tokens, seconds=SECONDS, largest=LARGEST)
            for name, url in settings.services_with_patient_data().items()
        ]
        compaction_lag = timedelta(hours=settings.kafka_compaction_lag_hours)
        return cls(
            keys,
            OtherServices(clients),
            compaction_lag,
            settings.closed_cases_kept_years,
            settings.declined_erasures_rest_days,
            settings.patient_import_rows_kept_days,
        )
