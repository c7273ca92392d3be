"""`python -m matching_service web | worker | job …`."""

from shared.runtime.cli import main

main("matching_service")
