"""What this service reads from the environment."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from shared.runtime.settings import InEnvFile, Password, Seconds, ServiceSettings, SettingsGroup, Unit, WebPort
from shared.values.enums import ReviewKind


class HoldRule(SettingsGroup):
    """When a file waits for a person's approval before its first record is applied (docs/domain.md#import-rule-5)."""

    percent: Annotated[float, Unit("percent")] = Field(default=20, ge=0, le=100)
    """A file that would deactivate or change more of the therapists known from its source than this is held."""
    floor: Annotated[int, Unit("therapists")] = Field(default=20, ge=0, le=1_000_000)
    """A file that would deactivate or change no more therapists than this is never held."""

    def holds(self, affected: int, *, known: int) -> bool:
        """Whether a file waits that would deactivate or change so many of so many therapists of its source."""
        return affected > self.floor and affected * 100 > known * self.percent


class Settings(ServiceSettings):
    """What the therapist service reads beside what every service does."""

    service: ClassVar[str] = "therapist_service"

    database_password: Password = Field(validation_alias="THERAPIST_SERVICE_DATABASE_PASSWORD")
    kafka_password: Password = Field(validation_alias="THERAPIST_SERVICE_KAFKA_PASSWORD")
    port: WebPort = Field(default=8002, validation_alias="THERAPIST_SERVICE_PORT")
    import_url: Annotated[str, InEnvFile("file://@checkout@/.state/imports")] = ""
    """Folder (`file:///…`) where the scraper's files arrive; a file is imported when it appears. Empty: no import."""
    import_patience_seconds: Seconds = Field(default=60, ge=0, le=86_400)
    """A file that cannot be read to its end may still be being written for this long after it last changed."""
    import_hold: HoldRule = HoldRule()
    imports_kept_days: Annotated[int, Unit("days")] = Field(default=90, ge=30, le=3650)
    """For so many days after an import it is kept what became of each record, and for so many days after a decision its
    review; then only counts and dates stay, and what people rejected."""
    import_passes: str = ""
    """Kinds of reviews, separated by commas, that imports apply without a person: `new` therapists, changes of
    `identity` (name, gender) and of `contact` data (address, numbers), `reactivation`. Empty: all of them wait. Who
    somebody is, where that is in question, always waits."""

    @field_validator("import_passes")
    @classmethod
    def _are_kinds_of_reviews(cls, kinds: str) -> str:
        try:
            _kinds(kinds)
        except ValueError:
            raise ValueError(f"must be of {', '.join(ReviewKind)}, separated by commas") from None
        return kinds

    @property
    def passes(self) -> frozenset[ReviewKind]:
        """The kinds of reviews that imports apply without a person."""
        return _kinds(self.import_passes)


def _kinds(text: str) -> frozenset[ReviewKind]:
    return frozenset(ReviewKind(each.strip()) for each in text.split(",") if each.strip())
