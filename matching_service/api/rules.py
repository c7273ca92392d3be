"""The rules of asking again, as this process was started with them."""

from __future__ import annotations

from typing import cast

from flask import current_app

from matching_service.settings import AskAgainRules


def ask_again_rules() -> AskAgainRules:
    """The rules of the running application."""
    return cast(AskAgainRules, current_app.extensions["ask_again_rules"])
