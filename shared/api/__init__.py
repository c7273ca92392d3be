"""HTTP: Flask-RESTful dressed once. A service declares routes and doors; everything else is here."""

from shared.api.answers import Answer
from shared.api.application import service_app
from shared.api.door import Resource, door
from shared.api.headers import if_match, insist_on_match
from shared.api.idempotency import Note, is_keyed, once, prune_idempotency
from shared.api.routes import Route

__all__ = [
    "Answer",
    "Note",
    "Resource",
    "Route",
    "door",
    "if_match",
    "insist_on_match",
    "is_keyed",
    "once",
    "prune_idempotency",
    "service_app",
]
