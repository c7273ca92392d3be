"""`python -m user_service web | worker | job | create-admin | create-machine | rotate-keys …`."""

from shared.runtime.cli import main

main("user_service")
