"""The names that another issuer of tokens gives to our roles."""

from __future__ import annotations

from shared.values.enums import Role


def roles_by_name(listed: str) -> dict[str, Role]:
    """Returns the roles of a list such as `office=coordinator,phone=caller`; raises `ValueError` for anything else."""
    pairs = [part.strip().partition("=") for part in listed.split(",") if part.strip()]
    if any(not name or role not in list(Role) for name, _, role in pairs):
        raise ValueError(f"must be like office=coordinator; the roles are {', '.join(Role)}")
    return {name: Role(role) for name, _, role in pairs}
