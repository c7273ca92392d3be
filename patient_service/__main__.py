"""`python -m patient_service web | worker | job …`."""

from shared.runtime.cli import main

main("patient_service")
