"""`python -m geocoding_service web | worker | job …`."""

from shared.runtime.cli import main

main("geocoding_service")
