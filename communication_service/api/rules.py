"""The rules of contact, as this process was started with them."""

from __future__ import annotations

from typing import cast

from flask import current_app

from communication_service.settings import ContactRules


def contact_rules() -> ContactRules:
    """The rules of the running application."""
    return cast(ContactRules, current_app.extensions["contact_rules"])
