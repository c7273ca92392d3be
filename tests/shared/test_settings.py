"""What a process reads at its start, and what it refuses with a word on what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrations.settings import MigrationSettings
from shared.settings import EnvironmentSettings, read
from tests.operations.conftest import ROOT
from therapist_service.settings import Settings


@pytest.mark.parametrize(
    ("of", "named"),
    [
        (Settings, ["DIGEST_KEY", "THERAPIST_SERVICE_DATABASE_PASSWORD"]),
        (MigrationSettings, ["DATABASE_OWNER_PASSWORD", "POSTGRES_ADMIN_PASSWORD"]),
    ],
)
def test_secrets_that_nobody_has_generated_stop_the_process(
    of: type[EnvironmentSettings], named: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    monkeypatch.chdir(tmp_path)
    for name in named:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as ended:
        read(of)
    for name in named:
        assert f"{name}: Value error, is still what .env.example says; `make env`" in str(ended.value)
