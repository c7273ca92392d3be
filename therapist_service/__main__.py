"""`python -m therapist_service web | worker | job …`."""

from shared.runtime.cli import main

main("therapist_service")
