"""`python -m communication_service web | worker | job …`."""

from shared.runtime.cli import main

main("communication_service")
