"""What an endpoint takes from around the request and hands to the domain."""

from __future__ import annotations

from typing import Any, cast

from flask import current_app

from patient_service.domain import accesses
from patient_service.domain.accesses import Reader, RevealingConflict
from shared.database import transaction
from shared.http import Resource
from shared.runtime import clock
from shared.security.authentication import caller, purpose
from shared.security.encryption import Keys


class FileResource(Resource):
    """The endpoints of one address at which somebody learns of patients' files, if only from a refusal.

    What an endpoint shows its domain call notes, in the same transaction; a refusal takes that back, so it is noted
    here. A note that cannot be written is an error, and then there is no answer.
    """

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Any:
        """Answer the request."""
        try:
            return super().dispatch_request(*args, **kwargs)
        except RevealingConflict as refusal:
            with transaction() as session:
                accesses.note_refusal(session, keys(), refusal, reader(), now=clock.now())
            raise


def keys() -> Keys:
    """The keys the application was wired with."""
    return cast(Keys, current_app.extensions["keys"])


def reader() -> Reader:
    """Who asks, and what for (`X-Purpose`)."""
    return Reader(id=caller().id, purpose=purpose())
