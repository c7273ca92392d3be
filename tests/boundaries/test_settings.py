"""Every setting of every process with a hostile value: it works, or the process ends and names the setting.

What works is used as the process uses it at its start, so that no figure overflows later.
"""

from __future__ import annotations

import importlib
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from communication_service.settings import ContactRules
from migrations.settings import MigrationSettings
from operations import env_file, settings_check
from operations.errors import OperationsError
from shared.runtime.kafka_accounts import KafkaAccountSettings
from shared.runtime.settings import EnvironmentSettings, fields
from tests.architecture.sources import ROOT, SERVICES
from tests.hostile import BROKEN_TEXTS, DATES, NUMBERS, TEXTS, UNREAL_NUMBERS
from tests.infrastructure import Infrastructure
from tests.selection import mostly_slow

VALUES: dict[str, str] = {
    **{name: text for name, text in TEXTS.items() if len(text) < 10_000 or name == "long"},
    **BROKEN_TEXTS,
    **DATES,
    **{f"number-{name}": str(value) for name, value in (NUMBERS | UNREAL_NUMBERS).items()},
}


def classes() -> dict[str, type[EnvironmentSettings]]:
    """Every class of settings that a process reads."""
    services = {name: importlib.import_module(f"{name}.settings").Settings for name in SERVICES}
    return {**services, "migrations": MigrationSettings, "kafka.accounts": KafkaAccountSettings}


def settings_and_readers() -> list[Any]:
    """Every setting, as the environment names it, with one of the classes that read it."""
    found = {name: kind for kind in classes().values() for name in fields(kind)}
    return [pytest.param(kind, name, id=name) for name, kind in found.items()]


@pytest.mark.parametrize(("kind", "name"), mostly_slow(settings_and_readers(), every=4))
def test_a_hostile_value_of_a_setting_works_or_is_refused_by_name(
    kind: type[EnvironmentSettings], name: str, infrastructure: Infrastructure
) -> None:
    """The message names the setting and does not show a secret."""
    for value in VALUES.values():
        made, refused = _made(kind, name, value)
        if made is not None:
            _use(made)
        else:
            named = {"_".join(map(str, error["loc"])).upper() for error in refused.errors()}
            assert named == {name}, (value[:50], named)
            assert value not in str(refused) or len(value) < 12 or _is_a_path(name, value)


def _made(kind: type[EnvironmentSettings], name: str, value: str) -> tuple[Any, Any]:
    try:
        return kind.of({**os.environ, name: value}), None
    except ValidationError as refused:
        return None, refused


def _use(settings: Any) -> None:
    for name in ("database_url", "worker_port"):
        getattr(settings, name, None)
    if hasattr(settings, "kafka_client"):
        settings.kafka_client()
    rules = getattr(settings, "contact", None)
    if isinstance(rules, ContactRules):
        assert rules.gathering >= timedelta() < rules.call_length
        assert rules.email_retry > timedelta()
        days = rules.days_between_emails + rules.days_until_call + rules.call_horizon_days
        assert date(2099, 12, 31).toordinal() + days < date.max.toordinal()
    for name, value in settings:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(text, str):
            text.encode()  # what goes into an address or a log line
        assert name


OTHERS_SHARE = 10
DECLARED = sorted(env_file.declared(ROOT))


@pytest.mark.parametrize("name", mostly_slow(DECLARED, every=8))
def test_a_hostile_value_in_the_env_file_stops_make_up_with_a_sentence(
    name: str, infrastructure: Infrastructure
) -> None:
    """`make up` checks the whole set before it starts anything.

    A setting that the check itself looks at gets every value. What it does about the others it only words: each gets
    some of the values, since the test above gives every value to the class that refuses it.
    """
    place = DECLARED.index(name)
    is_looked_at = name in looked_at(infrastructure.settings)
    for value in VALUES.values() if is_looked_at else list(VALUES.values())[place % OTHERS_SHARE :: OTHERS_SHARE]:
        refused = _refusal({**infrastructure.settings, name: value})
        assert refused is None or name in refused or "port" in refused


class Watched(dict[str, str]):
    """Settings that keep which of them are asked for."""

    def __init__(self, settings: dict[str, str]) -> None:
        super().__init__(settings)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Returns the value, as of any mapping."""
        self.asked.add(name)
        return super().get(name, default)


def looked_at(settings: dict[str, str]) -> set[str]:
    """Returns the settings that the check looks at besides giving all of them to the classes that read them."""
    watched = Watched(settings)
    settings_check._empty_secrets(watched, ROOT)
    settings_check._wrong_parts(watched)
    settings_check._shared_ports(watched)
    return watched.asked | {name for name in settings if name.endswith("_PORT")}  # found by how they are named


def _refusal(settings: dict[str, str]) -> str | None:
    try:
        settings_check.check(settings, ROOT)
    except OperationsError as refused:
        return str(refused)
    return None


def _is_a_path(name: str, value: str) -> bool:
    """Whether the refusal may show what was set: the file that is meant, in a folder that exists, is no secret."""
    return name.endswith("_FILE") and Path(value).parent.is_dir()
