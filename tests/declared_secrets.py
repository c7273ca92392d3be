"""Every secret of the platform and the processes that need it; a test compares it with what they are given."""

from __future__ import annotations

from operations.declared_settings import SIGN_IN_SERVICE
from tests.architecture.sources import SERVICES

WEBS, WORKERS = ({f"{service}.{process}" for service in SERVICES} for process in ("web", "worker"))

WHO_NEEDS = (
    {
        "POSTGRES_ADMIN_PASSWORD": {"migrations"},
        "DATABASE_OWNER_PASSWORD": {"migrations"},
        "MASTER_KEY": {"patient_service.web", "patient_service.worker"},
        "INDEX_KEY": {"patient_service.web", "patient_service.worker"},
        "MATCHING_SERVICE_TEXT_KEY": {"matching_service.web", "matching_service.worker"},
        "COMMUNICATION_SERVICE_TEXT_KEY": {"communication_service.web", "communication_service.worker"},
        "COMMUNICATION_SERVICE_LINK_KEY": {"communication_service.web", "communication_service.worker"},
        "DIGEST_KEY": WEBS | WORKERS | {"administrator"},
        "KAFKA_SASL_PASSWORD": WEBS | WORKERS | {"topics", "kafka.accounts", "administrator"},
        "KAFKA_ADMIN_PASSWORD": {"kafka", "topics", "kafka.accounts"},
        "SIGNING_KEY_SECRET": {"user_service.web", "user_service.worker", "administrator"},
        "ADMIN_PASSWORD": {"administrator"},
        "MAIL_CATCHER_PASSWORD": {"mail"},
        "PATIENT_SERVICE_CLIENT_SECRET": {"patient_service.web", "patient_service.worker", "administrator"},
        "COMMUNICATION_SERVICE_CLIENT_SECRET": {
            "communication_service.web",
            "communication_service.worker",
            "administrator",
        },
        "IMPORT_S3_ACCESS_KEY": {"therapist_service.web", "therapist_service.worker"},
        "IMPORT_S3_SECRET_KEY": {"therapist_service.web", "therapist_service.worker"},
        "IMAP_PASSWORD": {"communication_service.worker"},
        "SMTP_PASSWORD": {"communication_service.worker", "user_service.worker"},
    }
    | {
        f"{service.upper()}_DATABASE_PASSWORD": {f"{service}.web", f"{service}.worker", "migrations", "pgbouncer"}
        | ({"administrator"} if service == SIGN_IN_SERVICE else set())
        for service in SERVICES
    }
    | {
        f"{service.upper()}_KAFKA_PASSWORD": {f"{service}.web", f"{service}.worker", "kafka.accounts"}
        | ({"administrator"} if service == SIGN_IN_SERVICE else set())
        for service in SERVICES
    }
)
"""A new secret is written down here, with those who need it; nobody else gets it."""
