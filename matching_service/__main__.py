"""`python -m matching_service web | worker | job …`."""

from matching_service import app, worker
from matching_service.settings import Settings
from shared.runtime.cli import Service, main

main(Service("matching_service", Settings, app.create, worker.create))
