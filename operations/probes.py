"""Checks whether a server works: each returns when it does and raises NotReady or PermanentFailure when not."""

import json
import smtplib
import socket
import ssl
import struct
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import psycopg2
from confluent_kafka import KafkaException
from pydantic import ValidationError

from operations.errors import NotReady, PermanentFailure
from shared.events.cluster import Administrator
from shared.runtime.settings import KafkaAdministratorSettings, error_lines

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_ANY_CERTIFICATE = ssl.create_default_context()
_ANY_CERTIFICATE.check_hostname, _ANY_CERTIFICATE.verify_mode = False, ssl.CERT_NONE


def answers_http(url: str, *, seconds: float = 3) -> None:
    """A GET is answered with 200, under whatever certificate: that is for those who send it something."""
    try:
        with urllib.request.urlopen(url, timeout=seconds, context=_ANY_CERTIFICATE) as answer:  # noqa: S310 - our own
            answer.read()
    except urllib.error.HTTPError as error:
        raise NotReady(f"{url} answers {error.code}: {_reason(error)}") from error
    except OSError as error:
        raise NotReady(f"{url} does not answer: {error}") from error


def _reason(error: urllib.error.HTTPError) -> str:
    text = error.read(2000).decode("utf-8", "replace").strip()
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


def speaks_postgres(host: str, port: int, *, seconds: float = 3) -> None:
    """Something there answers in the protocol of PostgreSQL (PostgreSQL or PgBouncer); no sign-in is tried."""
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            connection.sendall(_SSL_REQUEST)
            answer = connection.recv(1)
    except OSError as error:
        raise NotReady(f"{host}:{port} does not answer: {error}") from error
    if answer not in (b"S", b"N"):
        raise NotReady(f"{host}:{port} does not speak PostgreSQL")


def accepts_login(settings: Mapping[str, str]) -> None:
    """PostgreSQL answers a query of its administrator."""
    try:
        connection = psycopg2.connect(
            host=settings["POSTGRES_HOST"],
            port=settings["POSTGRES_PORT"],
            user=settings["POSTGRES_ADMIN_USER"],
            password=settings["POSTGRES_ADMIN_PASSWORD"],
            dbname="postgres",
            connect_timeout=3,
        )
    except psycopg2.OperationalError as error:
        text = str(error).strip()
        if "password authentication failed" in text:
            raise PermanentFailure(
                "POSTGRES_ADMIN_PASSWORD is not the one its data was made with: bring back the .env of that time,"
                " or remove its data folder"
            ) from error
        raise NotReady(text) from error
    connection.close()


def kafka_answers(settings: Mapping[str, str], *, node: int | None = None, seconds: float = 2) -> None:
    """A Kafka cluster lists its topics to a client with these settings; that node of it holds all its copies."""
    try:
        client = Administrator(kafka_options(settings) | {"log_level": 0})
    except KafkaException as error:
        raise PermanentFailure(f"a client cannot be made with these settings: {error.args[0].str()}") from error
    try:
        cluster = client.list_topics(timeout=seconds)
    except KafkaException as error:
        raise NotReady(client.reason_for(error)) from error
    if not cluster.brokers:
        raise NotReady("no broker has registered yet")
    if node is not None:
        _is_in_sync(cluster, node)


def _is_in_sync(cluster: Any, node: int) -> None:
    """An operator waits for this before stopping the next node: this one is back and its copies are complete."""
    if node not in cluster.brokers:
        raise NotReady(f"node {node} has not registered yet")
    for topic in cluster.topics.values():
        behind = [p.id for p in topic.partitions.values() if node in p.replicas and node not in p.isrs]
        if behind:
            raise NotReady(f"node {node} is still copying partitions {behind} of {topic.topic}")


def kafka_options(settings: Mapping[str, str]) -> dict[str, Any]:
    """The options of a Kafka client of an administrator with these settings."""
    try:
        return dict(KafkaAdministratorSettings.of(settings).kafka_client())
    except ValidationError as error:
        raise PermanentFailure("; ".join(error_lines(error))) from error


def accepts_mail(settings: Mapping[str, str], *, seconds: float = 5) -> None:
    """An SMTP server greets, and accepts the account that the settings name."""
    host, port = settings["SMTP_HOST"], int(settings["SMTP_PORT"])
    try:
        with _smtp(host, port, settings["SMTP_TLS"], seconds) as server:
            if settings["SMTP_USERNAME"]:
                server.login(settings["SMTP_USERNAME"], settings["SMTP_PASSWORD"])
            server.noop()
    except smtplib.SMTPAuthenticationError as error:
        raise PermanentFailure(f"{host}:{port} refuses SMTP_USERNAME and SMTP_PASSWORD") from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotReady(f"{host}:{port}: {error}") from error


def _smtp(host: str, port: int, tls: str, seconds: float) -> smtplib.SMTP:
    if tls == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=seconds, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=seconds)
    if tls == "starttls":
        server.starttls(context=ssl.create_default_context())
    return server
