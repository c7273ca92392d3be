"""HTTP: Flask-RESTful behind one decorator. A service declares routes and endpoints; everything else is here."""

from shared.http.application import service_app
from shared.http.bulk import REPLAYED_RESULTS, BulkResults, results_of
from shared.http.client_details import ClientDetails
from shared.http.context import Context
from shared.http.declaration import Cookie
from shared.http.endpoint import Resource, endpoint
from shared.http.file_forms import FileForm
from shared.http.replay import NOT_REPLAYED, READ_ONLY, Replay, ResponseReference
from shared.http.routes import Route
from shared.http.uploads import SentFile, Upload

__all__ = [
    "NOT_REPLAYED",
    "READ_ONLY",
    "REPLAYED_RESULTS",
    "BulkResults",
    "ClientDetails",
    "Context",
    "Cookie",
    "FileForm",
    "Replay",
    "Resource",
    "ResponseReference",
    "Route",
    "SentFile",
    "Upload",
    "endpoint",
    "results_of",
    "service_app",
]
