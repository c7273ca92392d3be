"""`python -m communication_service web | worker | job …`."""

from communication_service import app, worker
from communication_service.settings import Settings
from shared.runtime.cli import Service, main

main(Service("communication_service", Settings, app.create, worker.create))
