"""`python -m patient_service web | worker | job …`."""

from patient_service import app, worker
from patient_service.settings import Settings
from shared.runtime.cli import Service, main

main(Service("patient_service", Settings, app.create, worker.create))
