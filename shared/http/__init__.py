"""HTTP: Flask-RESTful behind one decorator. A service declares routes and endpoints; everything else is here."""

from shared.http.answers import Answer
from shared.http.application import service_app
from shared.http.endpoint import Resource, endpoint
from shared.http.headers import if_match, insist_on_match
from shared.http.idempotency import Note, is_keyed, once
from shared.http.routes import Route

__all__ = [
    "Answer",
    "Note",
    "Resource",
    "Route",
    "endpoint",
    "if_match",
    "insist_on_match",
    "is_keyed",
    "once",
    "service_app",
]
