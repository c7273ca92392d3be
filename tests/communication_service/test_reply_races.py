"""Two people who decide on what came back at once: the second one is told that it was decided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from communication_service.domain import mail_replies
from communication_service.domain import sending as domain
from communication_service.domain.mail_reply_schemas import ReplyConfirmation
from communication_service.store.tables import MailReply, RecordedAnswer
from shared.database import transaction
from shared.errors import Conflict
from tests.builders.communication import RULES, TEXTS, an_email_to_send, rows, the
from tests.builders.incoming_mail import an_answer, comes_in
from tests.concurrency import in_turn
from tests.conftest import MONDAY

pytestmark = pytest.mark.usefixtures("real_commits")

NOW = MONDAY + timedelta(seconds=6)


@pytest.mark.parametrize("first", ["confirm", "dismiss"])
@pytest.mark.parametrize("second", ["confirm", "dismiss"])
def test_a_reply_is_decided_once(first: str, second: str) -> None:
    email = an_email_to_send(email="praxis@example.org")
    with transaction() as session:
        claim = domain.claim(session, email.id, rules=RULES, texts=TEXTS, lease=timedelta(minutes=1), now=NOW)
        assert claim is not None
        assert domain.record_sent(session, email.id, claim.attempt, rules=RULES, now=NOW)
    comes_in(an_answer("Leider kein Platz", to=email.message_id))
    reply_id = the(MailReply).id

    def deciding(what: str) -> Callable[[Session], Any]:
        if what == "dismiss":
            return lambda session: mail_replies.dismiss(session, TEXTS, reply_id, by=None, now=NOW)
        said = ReplyConfirmation(version=1)
        return lambda session: mail_replies.confirm(session, TEXTS, reply_id, said, rules=RULES, by=None, now=NOW)

    refused = in_turn(deciding(first), deciding(second))
    assert isinstance(refused, Conflict)
    assert refused.code == "reply.decided"
    assert len(rows(RecordedAnswer)) == (first == "confirm")
