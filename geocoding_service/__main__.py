"""`python -m geocoding_service web | worker | …`."""

from geocoding_service import app, worker
from geocoding_service.settings import Settings
from shared.runtime.cli import Service, main

main(Service("geocoding_service", Settings, app.create, worker.create))
