"""What this service reads from the environment."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from shared.runtime.service_calls import (
    CallingService,
    CommunicationServiceAddress,
    GeocodingServiceAddress,
    MatchingServiceAddress,
)
from shared.runtime.settings import KeyRing, Password, Unit, WebPort, for_one_purpose
from shared.values.account_enums import Scope


class Settings(CallingService, MatchingServiceAddress, CommunicationServiceAddress, GeocodingServiceAddress):
    """What the patient service reads beside what every service does."""

    service: ClassVar[str] = "patient_service"
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.PATIENT_DATA_EXPORT})

    database_password: Password = Field(validation_alias="PATIENT_SERVICE_DATABASE_PASSWORD")
    kafka_password: Password = Field(validation_alias="PATIENT_SERVICE_KAFKA_PASSWORD")
    port: WebPort = Field(default=8001, validation_alias="PATIENT_SERVICE_PORT")
    client_secret: Password = Field(validation_alias="PATIENT_SERVICE_CLIENT_SECRET")
    master_key: KeyRing
    """Wraps the data key of every patient; only the patient service gets it. Keep a copy apart from the database and
    its backups: without it nobody can read a patient's data again. A ring of several while it is replaced, as
    docs/keys.md says."""
    index_key: KeyRing
    """The key of the blind indexes, by which patients are found and duplicates noticed although their names are
    encrypted; only the patient service gets it. A ring of several while it is replaced, as docs/keys.md says."""

    closed_cases_kept_years: Annotated[int, Unit("years")] = Field(default=3, ge=1, le=100)
    """After a search was aborted, or a therapy completed or aborted, and after the end of that year, a patient is kept
    for so many years before it is proposed to erase them. Three are the regular limitation period (§§ 195, 199 BGB):
    until then there may be claims, against which the file is kept (GDPR Art. 17 (3) e)."""

    declined_erasures_rest_days: Annotated[int, Unit("days")] = Field(default=365, ge=1, le=3650)
    """When staff decline to erase a patient whose closed case was kept for long enough, that is not proposed again for
    so many days."""

    patient_import_rows_kept_days: Annotated[int, Unit("days")] = Field(default=30, ge=1, le=3650)
    """For so many days after a file with patients was entered it is kept what became of each row, and who may be the
    same person as whom; then only the counts and dates stay."""

    _keys_have_one_purpose = for_one_purpose("master_key", "index_key", other_than=("digest_key", "master_key"))

    def services_with_patient_data(self) -> dict[str, str]:
        """Returns where each other service is reached that holds something about patients."""
        return {
            "matching_service": self.address(self.matching_service_url, self.matching_service_port),
            "communication_service": self.address(self.communication_service_url, self.communication_service_port),
            "geocoding_service": self.address(self.geocoding_service_url, self.geocoding_service_port),
        }
