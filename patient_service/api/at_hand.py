"""What a door takes from around the request and hands to the domain."""

from __future__ import annotations

from typing import cast

from flask import current_app

from patient_service.domain.accesses import Reader
from shared.auth import caller, purpose
from shared.crypto import Keys


def keys() -> Keys:
    """The keys the application was wired with."""
    return cast(Keys, current_app.extensions["keys"])


def reader() -> Reader:
    """Who asks, and what for (`X-Purpose`)."""
    return Reader(id=caller().id, purpose=purpose())
