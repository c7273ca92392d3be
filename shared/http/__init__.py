"""HTTP: Flask-RESTful behind one decorator. A service declares routes and endpoints; everything else is here."""

from shared.http.application import service_app
from shared.http.context import Context
from shared.http.endpoint import Resource, endpoint
from shared.http.replay import READ_ONLY, Replay, ResponseReference
from shared.http.routes import Route

__all__ = [
    "READ_ONLY",
    "Context",
    "Replay",
    "Resource",
    "ResponseReference",
    "Route",
    "endpoint",
    "service_app",
]
