"""Every setting of the platform as the settings models declare it, with who reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from gateway.settings import GatewaySettings
from migrations.settings import MigrationSettings
from operations import gateway, kafka, pgbouncer
from operations.settings import AdministratorSettings, ContainerSettings, MailCatcherSettings, StartSettings
from shared.runtime import registry
from shared.runtime.kafka_accounts import KafkaAccountSettings
from shared.runtime.mail_settings import MailServerSettings
from shared.runtime.service_calls import ServiceAddresses
from shared.runtime.settings import (
    DatabaseSettings,
    EnvironmentSettings,
    InEnvFile,
    KafkaAdministratorSettings,
    KafkaSettings,
    ServiceSettings,
    SettingsGroup,
    Unit,
    fields,
    group_of,
    names,
)
from shared.values.descriptions import descriptions

Model = type[EnvironmentSettings]
PROCESSES = ("web", "worker")
SIGN_IN_SERVICE = "user_service"
"""The service that has the accounts."""


@dataclass(frozen=True)
class DeclaredSetting:
    """One setting, as its model declares it."""

    name: str
    default: str
    in_env_file: str
    """What a new `.env` says: the default, or what stands for a secret of its own or for the checkout."""
    unit: str
    meaning: str
    readers: frozenset[str]
    """The processes that read it, such as `patient_service.web`, `migrations`, `kafka`."""

    @property
    def is_secret(self) -> bool:
        """Whether a new `.env` gets a fresh secret for it."""
        return self.in_env_file.startswith("generate:")


@dataclass(frozen=True)
class SettingsSection:
    """The settings that one model declares."""

    title: str
    about: str
    file: str
    settings: tuple[DeclaredSetting, ...]


class DeclaredSettings:
    """All settings of one checkout."""

    def __init__(self, root: Path) -> None:
        self.services = _services(root)

    def models(self) -> dict[str, Model]:
        """What is read as a whole, by a title of it."""
        services = {_words(name): model for name, model in self.services.items()}
        return {
            "What `make up` starts": StartSettings,
            **services,
            "Gateway": GatewaySettings,
            "Migrations": MigrationSettings,
            "Accounts at Kafka": KafkaAccountSettings,
            "Mail catcher": MailCatcherSettings,
            "The first administrator": AdministratorSettings,
            "Containers": ContainerSettings,
        }

    def sections(self) -> list[SettingsSection]:
        """Every setting once, where it is declared."""
        common: dict[str, Model] = {
            "What `make up` starts": StartSettings,
            "Database": DatabaseSettings,
            "Kafka": KafkaSettings,
            "Kafka's administrator": KafkaAdministratorSettings,
            "Mail server": MailServerSettings,
            "Every service": ServiceSettings,
            "Calls between services": ServiceAddresses,
            "Gateway": GatewaySettings,
        }
        said: set[str] = set()
        found = []
        for title, model in (common | self.models()).items():
            settings = tuple(self._new(model, said))
            file = model.__module__.replace(".", "/") + ".py"
            if settings:
                found.append(SettingsSection(title, _first_paragraph(model), file, settings))
        return found

    def settings(self) -> dict[str, DeclaredSetting]:
        """Every setting by its name."""
        return {each.name: each for section in self.sections() for each in section.settings}

    def _new(self, model: Model, said: set[str]) -> Iterator[DeclaredSetting]:
        for name, field in fields(model).items():
            readers = frozenset(self._readers(name))
            if readers and name not in said:  # what nobody reads is a field that each service names in its own way
                said.add(name)
                yield _setting(name, field, _meaning(model, field), readers)

    def _readers(self, name: str) -> Iterator[str]:
        for service, model in self.services.items():
            yield from (f"{service}.{process}" for process in PROCESSES if name in names(model, process=process))
        others: dict[str, Iterable[str]] = {
            "migrations": names(MigrationSettings),
            "topics": names(KafkaAdministratorSettings),
            "kafka.accounts": names(KafkaAccountSettings),
            "administrator": [*names(AdministratorSettings), *self._of_sign_in()],
            "pgbouncer": filter(pgbouncer.reads, [name]),
            "kafka": kafka.READS,
            "gateway": filter(gateway.reads, [name]),
            "mail": names(MailCatcherSettings),
            "make up": names(StartSettings),
            "docker compose": names(ContainerSettings),
        }
        yield from (reader for reader, read in others.items() if name in read)

    def _of_sign_in(self) -> Iterable[str]:
        """What the service reads that makes the first administrator, but what only its worker does."""
        service = self.services.get(SIGN_IN_SERVICE)
        return names(service, process="administrator") if service else ()


def _services(root: Path) -> dict[str, type[ServiceSettings]]:
    """The settings model of every service, in the order of their ports."""
    found = {name: registry.settings_of(name) for name in registry.names(root)}
    return dict(sorted(found.items(), key=lambda each: each[1].model_fields["port"].default))


def _setting(name: str, field: FieldInfo, meaning: str, readers: frozenset[str]) -> DeclaredSetting:
    marks = {type(mark): mark for mark in field.metadata}
    default = "" if field.is_required() else _as_text(field.default)
    return DeclaredSetting(
        name=name,
        default=default,
        in_env_file=marks[InEnvFile].value if InEnvFile in marks else default,
        unit=marks[Unit].name if Unit in marks else "",
        meaning=meaning,
        readers=readers,
    )


def _as_text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _meaning(model: Model, field: FieldInfo) -> str:
    """The docstring of a field, or of the field that it takes the place of."""
    groups = [group for each in model.model_fields.values() if (group := group_of(each))]
    said = (
        descriptions(base)[name]
        for owner in [model, *groups]
        for name in [name for name, own in owner.model_fields.items() if own is field]
        for base in owner.__mro__
        if issubclass(base, EnvironmentSettings | SettingsGroup) and name in descriptions(base)
    )
    return _line(next(said, ""))


def _first_paragraph(model: Model) -> str:
    return _line((model.__doc__ or "").split("\n\n")[0])


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _words(service: str) -> str:
    return service.replace("_", " ").capitalize()
