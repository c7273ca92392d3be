"""`python -m therapist_service web | worker | job …`."""

from shared.runtime.cli import Service, main
from therapist_service import app, worker
from therapist_service.settings import Settings

main(Service("therapist_service", Settings, app.create, worker.create))
