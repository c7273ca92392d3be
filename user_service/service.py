"""The user service, declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.runtime.service import Service
from user_service.dependencies import Dependencies
from user_service.jobs import MAIL_SERVER, jobs
from user_service.settings import Settings

if TYPE_CHECKING:
    from shared.http import Route
    from shared.security.authentication import Caller


def routes() -> Sequence[Route]:
    """Every URL."""
    from user_service.api.routes import ROUTES

    return ROUTES


def confirm_caller(dependencies: Dependencies, caller: Caller) -> Caller:
    """Every caller is one whose account and session go on."""
    from user_service.api.callers import confirm

    return confirm(dependencies, caller)


SERVICE = Service(
    settings=Settings,
    title="User service",
    description="Accounts of people and machines, sign-in, sessions, and the keys that sign access tokens.",
    dependencies=Dependencies.of,
    routes=routes,
    jobs=jobs,
    ready_checks=(MAIL_SERVER,),
    confirm_caller=confirm_caller,
)
