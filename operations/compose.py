"""The environments of the containers in `docker-compose.yml`: each is given what its settings model names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from operations.declared_settings import PROCESSES, SIGN_IN_SERVICE, DeclaredSetting, DeclaredSettings
from shared.runtime.worker_port import WORKER_PORT_DISTANCE

BEGIN = "# >>> written by `make env-example` from the settings models (docs/settings.md); do not edit it here\n"
END = "# <<< written by `make env-example`\n"

CONTAINER_VALUES = {
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_ADMIN_MECHANISM": "PLAIN",
    "KAFKA_REPLICATION_FACTOR": "1",
    "KAFKA_MIN_INSYNC_REPLICAS": "1",
    "DATABASE_HOST": "pgbouncer",
    "DATABASE_PORT": "6432",
    "DATABASE_SSLMODE": "disable",
    "POSTGRES_HOST": "postgres",
    "POSTGRES_PORT": "5432",
    "SMTP_HOST": "mail",
    "SMTP_PORT": "1025",
    "SMTP_TLS": "none",
    "SMTP_LINKS_IN_CLEAR": "true",
    "BIND": "0.0.0.0",
    # the gateway, whose address is not known before; the user service is reached by containers only
    "TRUSTED_PROXIES": "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",
    "GATEWAY_BIND": "0.0.0.0",
    "IMPORT_URL": "${IMPORT_BUCKET:-file:///imports}",
}
"""The values inside the containers' network, which replace those of `.env`; the ports of the services do so too."""

CONTAINER_DEFAULTS = {
    "JWKS_URL": "http://user-web:8006/.well-known/jwks.json",
    "TOKEN_URL": "http://user-web:8006/api/auth/token",
    "PATIENT_SERVICE_URL": "http://patient-web:8001",
    "MATCHING_SERVICE_URL": "http://matching-web:8003",
    "COMMUNICATION_SERVICE_URL": "http://communication-web:8004",
    "GEOCODING_SERVICE_URL": "http://geocoding-web:8005",
    "IMPORT_BUCKET": "file:///imports",
}
"""The values inside the containers' network of settings that `.env` may set."""

NOT_IN_CONTAINERS = {
    **dict.fromkeys(
        ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"), "at the Kafka in its container each service has its own account"
    ),
    "KAFKA_SSL_CA_LOCATION": "the Kafka in its container has no TLS",
    **dict.fromkeys(("SMTP_USERNAME", "SMTP_PASSWORD"), "the mail catcher has no accounts"),
    **dict.fromkeys(
        ("GATEWAY_TLS_CERTIFICATE_FILE", "GATEWAY_TLS_KEY_FILE"), "docs/containers.md says how to mount them"
    ),
}
"""Settings that no container is given, each with its reason."""

_PLAIN = re.compile(r"(?!(true|false|yes|no|on|off|null)$)[A-Za-z$][^#\"']*")


def with_environments(text: str, declared: DeclaredSettings) -> str:
    """The compose file with its environments as the settings models want them."""
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return text[:begin] + "\n".join(_blocks(declared)) + text[end:]


def _blocks(declared: DeclaredSettings) -> Iterator[str]:
    settings = declared.settings()
    values = {name: _value(each, declared) for name, each in settings.items() if name not in NOT_IN_CONTAINERS}

    def read_by(*readers: str) -> dict[str, str]:
        return {name: value for name, value in values.items() if settings[name].readers >= {*readers}}

    everybody = [f"{name}.{process}" for name in declared.services for process in PROCESSES]
    for_all = read_by(*everybody)
    yield _block("migrations", read_by("migrations"))
    yield _block("topics", read_by("topics"))
    yield _block("kafka-accounts", read_by("kafka.accounts"))
    yield _block("pgbouncer", read_by("pgbouncer"))
    yield _block("gateway", read_by("gateway") | dict(_in_its_container(declared)))
    yield _block("mail-catcher", read_by("mail"))
    yield _block("every-service", for_all)
    for service in declared.services:
        short = service.removesuffix("_service")
        web, worker = (read_by(f"{service}.{process}") for process in PROCESSES)
        both = _without(read_by(f"{service}.web", f"{service}.worker"), for_all)
        yield _block(short, both, "every-service")
        port = int(settings[f"{service.upper()}_PORT"].default)
        health = {"web": port, "worker": port + WORKER_PORT_DISTANCE}
        for process, own in {"web": web, "worker": worker}.items():
            own = _without(own, for_all | both) | {"HEALTH_PORT": str(health[process])}
            yield _block(f"{short}-{process}", own, short)
    sign_in = SIGN_IN_SERVICE.removesuffix("_service")
    yield _block("administrator", _without(read_by("administrator"), read_by(f"{SIGN_IN_SERVICE}.web")), sign_in)


def _in_its_container(declared: DeclaredSettings) -> Iterator[tuple[str, str]]:
    """The gateway's own port, and where it finds the processes of each service, whose port it also has here."""
    yield "GATEWAY_PORT", declared.settings()["GATEWAY_PORT"].default
    yield "SERVICES_HAVE_OWN_PORTS", "yes"
    for service in declared.services:
        yield f"{service.upper()}_HOST", f"{service.removesuffix('_service')}-web"


def _without(values: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name not in others}


def _value(setting: DeclaredSetting, declared: DeclaredSettings) -> str:
    if setting.name in CONTAINER_VALUES:
        return CONTAINER_VALUES[setting.name]
    if setting.name.endswith("_SERVICE_PORT"):
        return setting.default
    if setting.is_secret:  # it may be empty where an override gives it in a file; who reads it refuses an empty one
        return f"${{{setting.name}?{setting.name} is not set; `make env` writes a .env with fresh secrets}}"
    value = f"${{{setting.name}:-{CONTAINER_DEFAULTS.get(setting.name, setting.default)}}}"
    return ",".join([value, *_containers(declared)]) if setting.name == "ALLOWED_HOSTS" else value


def _containers(declared: DeclaredSettings) -> list[str]:
    """The names inside the network, for those who ask from other containers."""
    return [f"{name.removesuffix('_service')}-{process}" for name in declared.services for process in PROCESSES]


def _block(name: str, values: Mapping[str, str], base: str | None = None) -> str:
    lines = [f"x-{name}: &{name}", *([f"  <<: *{base}"] if base else [])]
    lines += [f"  {each}: {_quoted(value)}" for each, value in values.items()]
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) and ": " not in value else json.dumps(value, ensure_ascii=False)
