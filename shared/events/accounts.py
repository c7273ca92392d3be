"""Makes the accounts of the services at Kafka, and gives each the rights that it needs (`shared/events/rights.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from shared.errors import Outage
from shared.events.cluster import ANSWER_SECONDS, Administrator
from shared.events.rights import Right, rights_of

MECHANISM = ScramMechanism.SCRAM_SHA_512
ITERATIONS = 4096
"""Kafka's smallest number: the passwords are random and long, so that nobody can guess one by trying many."""


def set_passwords(admin: Administrator, passwords: Mapping[str, str]) -> None:
    """Make the account of each service, or give it this password; raises `Unreachable` when Kafka refuses."""
    credentials = ScramCredentialInfo(MECHANISM, ITERATIONS)
    wanted: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(name, credentials, each.encode()) for name, each in passwords.items()
    ]
    _finish(admin, admin.alter_user_scram_credentials(wanted, request_timeout=ANSWER_SECONDS).values())


def set_rights(admin: Administrator, handled: Mapping[str, Sequence[str]]) -> tuple[int, int]:
    """Give each service the rights that it needs and take all others from it; `handled` are its topics by service.

    Returns the numbers of rights given and taken. Raises `Unreachable` when Kafka refuses.
    """
    wanted = {_binding(service, right) for service, topics in handled.items() for right in rights_of(service, topics)}
    present = {each for service in handled for each in _rights_at_kafka(admin, service)}
    missing, excess = wanted - present, present - wanted
    # first what is missing, so that a running service keeps the rights that it needs
    if missing:
        _finish(admin, admin.create_acls(list(missing), request_timeout=ANSWER_SECONDS).values())
    if excess:
        filters = [_exactly(each) for each in excess]
        _finish(admin, admin.delete_acls(filters, request_timeout=ANSWER_SECONDS).values())
    return len(missing), len(excess)


def _binding(service: str, right: Right) -> AclBinding:
    kind, name, pattern, operation = right
    return AclBinding(kind, name, pattern, f"User:{service}", "*", operation, AclPermissionType.ALLOW)


def _rights_at_kafka(admin: Administrator, service: str) -> list[AclBinding]:
    anything = AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]  # its stubs forget that None stands for every name
        ResourcePatternType.ANY,
        f"User:{service}",
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    (found,) = _finish(admin, [admin.describe_acls(anything, request_timeout=ANSWER_SECONDS)])
    return list(found)


def _exactly(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )


def _finish(admin: Administrator, futures: Iterable[Any]) -> list[Any]:
    try:
        return [future.result() for future in futures]
    except KafkaException as problem:
        raise Outage("kafka.unreachable", admin.reason_for(problem)) from problem
