"""What only the operator's tools read: `make env`, `make up` and `docker compose`. Each process reads its own settings.

These classes declare; `.env.example` is written from them, and the tool reads values and defaults through
`operations/env_file.py`, which needs nothing but Python.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.runtime.service_accounts import ServiceAccountSettings
from shared.runtime.settings import EnvironmentSettings, Password, Port, Unit


class StartSettings(EnvironmentSettings):
    """What the operator's tool starts on this machine, and where."""

    local_parts: str = "postgresql,pgbouncer,kafka,mail"
    """Any of postgresql, pgbouncer, kafka, mail. One that is not named exists already: its settings point at it, and
    `make up` only checks that it can be reached."""
    port_offset: Annotated[int, Unit("ports")] = Field(default=0, ge=0)
    """Added to every port, so that two checkouts can run at once: `PORT_OFFSET=1000 make up` makes `.env` with it, or
    moves the ports of one that exists (not those that were changed by hand) while nothing runs."""
    kafka_controller_port: Port = 9093
    """Second port of the first Kafka node that `make up` starts, the next ones have the next ports; nobody else uses
    it."""
    mail_catcher_port: Port = 8025
    """The mail catcher's page."""
    postgres_sslmode: str = "prefer"
    """TLS from PgBouncer to PostgreSQL: disable, prefer, require, verify-ca or verify-full."""


class MailCatcherSettings(EnvironmentSettings):
    """The mail catcher, which shows every e-mail of a platform that delivers none."""

    mail_catcher_password: Password
    """With it, and the name `mails`, one reads the e-mails on its page: there are links among them with which anybody
    could choose the first administrator's password. After a change restart `mail`."""


class AdministratorSettings(ServiceAccountSettings):
    """The first administrator, whom the first start makes; a later change here changes nothing of their account.

    With the accounts of the services, which each start makes or renews.
    """

    admin_email: str = "admin@example.org"
    """The e-mail address with which the first administrator signs in."""
    admin_password: Password
    """Their first password. After changing it (`POST /api/me/password`) write the new one here: `make token`,
    `make demo` and `make postman-run` sign in with what stands here."""


class ContainerSettings(EnvironmentSettings):
    """What only `docker-compose.yml` reads."""

    import_folder: str = "./.state/imports"
    """Folder on this machine that the therapist service finds as its IMPORT_URL."""
    import_bucket: str = ""
    """A bucket (`s3://…` or `gs://…`) that is its IMPORT_URL in place of that folder."""
    python_image: str = "python:3.11-slim-bookworm"
    """The image that ours starts from; another registry or a newer version may be named, as for the next four."""
    debian_image: str = "debian:bookworm-slim"
    """The image that PgBouncer's starts from."""
    nginx_image: str = "nginx:1.28-bookworm"
    """The image that the gateway's starts from."""
    postgis_image: str = "postgis/postgis:15-3.3"
    """The image of PostgreSQL."""
    kafka_image: str = "apache/kafka:4.3.1"
    """The image of Kafka."""
    platform_image: str = "localhost/psychotherapy-platform"
    """The name of our own image: all services, the steps and the mail catcher."""
    pgbouncer_image: str = "localhost/psychotherapy-pgbouncer"
    """The name of the image with PgBouncer."""
    gateway_image: str = "localhost/psychotherapy-gateway"
    """The name of the image with the gateway."""
