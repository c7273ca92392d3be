"""A worker that stood still, and how old an answer is: what is not certain any more does not go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from communication_service.jobs import Sending
from communication_service.store.tables import Email
from shared.database import transaction
from shared.runtime import clock
from shared.runtime.smtp import MailServer
from tests.builders.communication import a_request, a_therapist, composed, the
from tests.communication_service.conftest import NOW
from tests.fakes.smtp import FakeMailServer


@pytest.mark.parametrize(
    ("stood_still", "attempt", "status"),
    [
        ("a moment", 1, "sent"),
        ("the whole lease", 1, "approved"),
        ("some seconds", 1, "sent"),
        ("some seconds", 2, "sending"),
    ],
)
def test_a_worker_that_stood_still_hands_over_only_what_is_its_own_still(
    stood_still: str,
    attempt: int,
    status: str,
    catcher: FakeMailServer,
    sending: Sending,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a_request(a_therapist())
    composed()
    seconds = {"a moment": timedelta(), "some seconds": timedelta(seconds=10), "the whole lease": sending.lease}
    shown, deliver = clock.now, MailServer.deliver

    def deliver_later(self: MailServer, *args: Any, **kwargs: Any) -> Any:
        # the machine is suspended: its monotonic clock does not run
        monkeypatch.setattr(clock, "now", lambda: shown() + seconds[stood_still])
        with transaction() as session:
            session.execute(update(Email).values(attempts=attempt))
        return deliver(self, *args, **kwargs)

    monkeypatch.setattr(MailServer, "deliver", deliver_later)
    sending.run(NOW)
    assert len(catcher.messages) == (status == "sent")
    assert the(Email).status == status
