"""What this service reads from the environment."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, ClassVar, Final, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from shared.runtime.secret_files import SecretFile
from shared.runtime.settings import InEnvFile, Password, Seconds, ServiceSettings, SettingsGroup, Unit, WebPort
from shared.values.enums import ReviewKind

_NEEDS: Final = {"file": None, "s3": "s3fs", "gs": "gcsfs"}
"""The kinds of folders, and the package that reads each."""


def kind_of(url: str) -> str:
    """The kind of a folder: `file`, `s3` or `gs`."""
    return urlsplit(url).scheme


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
    """The folder where the scraper's files arrive: `file:///…`, `s3://bucket/folder` or `gs://bucket/folder`; a file is
    imported when it appears. Empty: no import. A bucket needs the packages in requirements/object-storage.txt."""
    import_s3_endpoint: str = ""
    """The address of the server with an `s3://` bucket, such as https://storage.example.org; empty: Amazon's."""
    import_s3_region: str = Field(default="eu-central-1", min_length=1)
    """The region of an `s3://` bucket."""
    import_s3_access_key: SecretStr = SecretStr("")
    """The id of the key that may list and read an `s3://` bucket; nothing else of it is needed."""
    import_s3_secret_key: SecretStr = SecretStr("")
    """The secret of that key."""
    import_gs_credentials_file: str = ""
    """A file with the key (JSON) of a service account that may list and read a `gs://` bucket."""
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

    @field_validator("import_url")
    @classmethod
    def _is_a_folder_that_can_be_read(cls, url: str) -> str:
        kind = kind_of(url)
        if url and kind not in _NEEDS:
            raise ValueError("must begin with file:///, s3:// or gs://")
        package = _NEEDS.get(kind)
        if package is not None and find_spec(package) is None:
            raise ValueError(f"{kind}:// needs the packages in requirements/object-storage.txt")
        return url

    @field_validator("import_s3_endpoint")
    @classmethod
    def _is_an_address(cls, endpoint: str) -> str:
        if endpoint and not endpoint.startswith(("http://", "https://")):
            raise ValueError("is not an http(s) address")
        return endpoint

    @field_validator("import_gs_credentials_file")
    @classmethod
    def _is_for_us_alone(cls, path: str) -> str:
        if path:
            SecretFile("IMPORT_GS_CREDENTIALS", path, "").read()
        return path

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        """Nothing is taken from elsewhere: not from a home directory, not from the machine's own account."""
        kind = kind_of(self.import_url)
        has_key = self.import_s3_access_key.get_secret_value() and self.import_s3_secret_key.get_secret_value()
        if kind == "s3" and not has_key:
            raise ValueError("IMPORT_URL is in s3://: set IMPORT_S3_ACCESS_KEY and IMPORT_S3_SECRET_KEY")
        if kind == "gs" and not self.import_gs_credentials_file:
            raise ValueError("IMPORT_URL is in gs://: set IMPORT_GS_CREDENTIALS_FILE")
        return self


def _kinds(text: str) -> frozenset[ReviewKind]:
    return frozenset(ReviewKind(each.strip()) for each in text.split(",") if each.strip())
