"""The witness with a listener that takes its time: a worker that can be met in the midst of its work."""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy.orm import Session

from chaos.witness import Counted, Settings, create
from shared import database
from shared.runtime import logs
from shared.runtime.settings import read

SECONDS = 0.02


def take_time(session: Session, event: Counted, *, now: datetime) -> None:
    """An effect beside the one that writes the ledger."""
    time.sleep(SECONDS)


def main() -> None:
    """One worker process."""
    settings = read(Settings)
    logs.configure(settings.service, "worker", settings.log_level)
    database.connect(settings.database_url, pool_size=settings.database_pool_size)
    worker = create(settings)
    worker.listeners.effect(Counted)(take_time)
    worker.run()


if __name__ == "__main__":
    main()
