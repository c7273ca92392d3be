"""The figures that rules are applied with, as this process was started with them."""

from __future__ import annotations

from typing import cast

from flask import current_app

from communication_service.domain.policy import Policy


def policy() -> Policy:
    """The policy of the running application."""
    return cast(Policy, current_app.extensions["policy"])
