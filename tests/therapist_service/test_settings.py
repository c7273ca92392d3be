"""What the settings of this service must say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from therapist_service.settings import Settings


def wrong(settings: Any, **given: str) -> str:
    said = {name.upper(): value for name, value in given.items()}
    known = {
        str(field.validation_alias or name.upper()): value.get_secret_value()
        if isinstance(value, SecretStr)
        else str(value)
        for name, field in Settings.model_fields.items()
        if (value := getattr(settings, name)) != field.default
    }
    with pytest.raises(ValidationError) as problem:
        Settings.of({**known, **said})
    return str(problem.value)


def test_the_settings_of_a_bucket_are_complete(settings: Any, tmp_path: Path) -> None:
    for url in ("memory://inbox", "http://example.org/", "inbox", "gcs://bucket"):
        assert "must begin with file:///, s3:// or gs://" in wrong(settings, import_url=url)
    assert "set IMPORT_S3_ACCESS_KEY and IMPORT_S3_SECRET_KEY" in wrong(settings, import_url="s3://bucket")
    assert "set IMPORT_S3" in wrong(settings, import_url="s3://bucket", import_s3_access_key="x")
    assert "set IMPORT_GS_CREDENTIALS_FILE" in wrong(settings, import_url="gs://bucket")
    assert "is not an http(s) address" in wrong(settings, import_s3_endpoint="storage.example.org")
    path = tmp_path / "account.json"
    assert "cannot be read" in wrong(settings, import_gs_credentials_file=str(path))
    path.write_text("{}")
    path.chmod(0o644)
    assert "can be read by every user" in wrong(settings, import_gs_credentials_file=str(path))
