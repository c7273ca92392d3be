"""How a setting is declared and read: types, units, groups, and the environment that values come from."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from shared.runtime.secret_files import SecretFile, secret_file
from shared.runtime.worker_port import WORKER_PORT_DISTANCE

LONGEST_SETTING = 1000
HIGHEST_PORT = 65_535
HIGHEST_WEB_PORT = HIGHEST_PORT - WORKER_PORT_DISTANCE
Port = Annotated[int, Field(ge=1, le=HIGHEST_PORT)]
WebPort = Annotated[int, Field(ge=1, le=HIGHEST_WEB_PORT)]


@dataclass(frozen=True)
class OnlyIn:
    """Annotates a field: only this process of a service (`web` or `worker`) gets the setting."""

    process: str


IN_WORKER = OnlyIn("worker")


@dataclass(frozen=True)
class Unit:
    """Annotates a field: the unit of its number."""

    name: str


Seconds = Annotated[float, Unit("seconds")]


@dataclass(frozen=True)
class InEnvFile:
    """Annotates a field: its value in a new `.env`, where that is not the default.

    `generate:password` and `generate:key` stand for a fresh secret, `@checkout@` for the folder of the checkout.
    """

    value: str


def _is_plausible(value: Any) -> Any:
    if isinstance(value, SecretFile):
        value = value.read()
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if isinstance(text, str) and text.startswith("generate:"):
        raise ValueError("still has the value of .env.example; `make env` generates a secret")
    if isinstance(text, str) and (len(text) > LONGEST_SETTING or not text.isprintable()):
        raise ValueError(f"must be one line of at most {LONGEST_SETTING} printable characters")
    return value


class SettingsGroup(BaseModel):
    """Settings that belong together: as a field `contact`, it reads `call_minutes` from `CONTACT_CALL_MINUTES`."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, allow_inf_nan=False, defer_build=True)

    _each = field_validator("*", mode="before")(_is_plausible)


class _SecretFiles(PydanticBaseSettingsSource):
    """The secrets for which a variable names a file; read where their values are checked."""

    def __init__(self, settings_class: type[BaseSettings], *sources: EnvSettingsSource) -> None:
        super().__init__(settings_class)
        self._variables = {
            name.upper(): value for each in sources for name, value in each.env_vars.items() if value is not None
        }

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return secret_file(variable_of(field_name, field), self._variables), field_name, False

    def __call__(self) -> dict[str, Any]:
        return _files_of(self.settings_cls, self._variables)


def _files_of(settings_class: type[BaseSettings], variables: Mapping[str, str]) -> dict[str, Any]:
    found = {
        str(field.validation_alias or name): secret_file(variable_of(name, field), variables)
        for name, field in settings_class.model_fields.items()
        if field.annotation is SecretStr
    }
    return {name: file for name, file in found.items() if file is not None}


def variable_of(name: str, field: FieldInfo) -> str:
    """Returns the environment variable of a field that is no group."""
    return str(field.validation_alias or name.upper())


class EnvironmentSettings(BaseSettings):
    """Settings read from the environment, or from a file `.env`; refuses secrets that were not generated yet.

    A secret may stand in a file, which `<NAME>_FILE` names. Processes that `make up` starts do not read `.env`
    (`ENV_FILE=`), only their environment.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        defer_build=True,  # most classes of settings are only the bases of others
        env_nested_delimiter="_",
        env_nested_max_split=1,
    )

    _each = field_validator("*", mode="before")(_is_plausible)

    @field_validator("*")
    @classmethod
    def _is_no_empty_secret(cls, value: Any, field: ValidationInfo) -> Any:
        is_empty = isinstance(value, SecretStr) and not value.get_secret_value()
        if is_empty and cls.model_fields[field.field_name or ""].is_required():
            raise ValueError("is empty")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Returns the sources of values; the first that has a value wins."""
        has_file = os.environ.get("ENV_FILE") != ""
        variables = [each for each in (env_settings, dotenv_settings) if isinstance(each, EnvSettingsSource)]
        read = variables if has_file else variables[:1]
        return (init_settings, _SecretFiles(settings_cls, *reversed(read)), *read)

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Self:
        """Returns the settings in these variables and no others; raises `ValidationError`."""
        given: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            alias = str(field.validation_alias or name)
            if group := group_of(field):
                given[name] = _chosen(settings, {inner: f"{name}_{inner}" for inner in group.model_fields})
            else:
                given |= _chosen(settings, {alias: alias})
        given |= _files_of(cls, settings)
        made = cls.__new__(cls)
        BaseModel.__init__(made, **given)  # not BaseSettings', which fills what is missing from the environment
        return made


SettingsClass = TypeVar("SettingsClass", bound=BaseSettings)


def group_of(field: FieldInfo) -> type[SettingsGroup] | None:
    """Returns the class of a field that is a group of settings, else None."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, SettingsGroup) else None


def _chosen(settings: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    return {key: settings[name.upper()] for key, name in wanted.items() if name.upper() in settings}


def fields(settings_class: type[BaseSettings]) -> dict[str, FieldInfo]:
    """Returns every setting of a class, those of its groups included, by its environment variable."""
    found: dict[str, FieldInfo] = {}
    for name, field in settings_class.model_fields.items():
        if group := group_of(field):
            found |= {f"{name}_{inner}".upper(): each for inner, each in group.model_fields.items()}
        else:
            found[variable_of(name, field)] = field
    return found


def names(settings_class: type[BaseSettings], *, process: str | None = None) -> list[str]:
    """Returns the environment variables that this class reads in one process of its service, or in any."""
    return [
        name
        for name, field in fields(settings_class).items()
        if process is None or all(mark.process == process for mark in field.metadata if isinstance(mark, OnlyIn))
    ]


def error_lines(problem: ValidationError) -> list[str]:
    """Returns a line for each wrong setting with its environment variable and the problem, never its value."""
    return [f"{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in problem.errors(include_input=False)]


def read(settings_class: type[SettingsClass]) -> SettingsClass:
    """Returns the settings from the environment; ends the process, naming each one that is missing or wrong."""
    try:
        return settings_class()
    except ValidationError as problem:
        lines = error_lines(problem)
    except SettingsError as problem:  # the name of a group, which is read from the environment as JSON
        lines = [str(problem)]
    sys.exit("These settings are missing or wrong (see docs/settings.md):\n" + "\n".join(f"  {each}" for each in lines))
