"""An answer that was recorded by mistake is none: the practice is asked as matching says, and may answer."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from communication_service.domain import answers
from communication_service.domain.schemas import CallResponse
from communication_service.store.tables import ContactRequest, Email
from shared.events import catalogue
from shared.values.enums import CallAnswer
from tests.builders.communication import TEXTS, a_request, a_therapist, composed, publish, the
from tests.conftest import MONDAY


@pytest.mark.parametrize(
    ("next_event", "fields", "status"),
    [
        (catalogue.RequestReopened, {"approved_at": MONDAY}, "waiting"),
        (catalogue.RequestUpdated, {"status": "contacted", "emailed_on": MONDAY.date()}, "contacted"),
        (catalogue.RequestUpdated, {"status": "no_answer"}, "over"),
        (catalogue.RequestAnswered, {"outcome": "later"}, "over"),
    ],
)
def test_an_answer_that_was_a_mistake_keeps_no_practice_from_answering(
    session: Session, next_event: Any, fields: dict[str, Any], status: str
) -> None:
    """It was recorded here, so that what matching says of the request would not be enough."""
    request = a_request(a_therapist())
    said = [CallResponse(placement_request_id=request, outcome=CallAnswer.DECLINED_OTHER)]
    therapist = the(ContactRequest, id=request).therapist_id
    answers.record_answers(session, TEXTS, said, therapist_id=therapist, occurred_at=MONDAY, by=None, now=MONDAY)
    session.commit()
    publish(catalogue.RequestAnswered, request, sequence=2, outcome="declined_other")
    assert the(ContactRequest, id=request).answered
    publish(catalogue.RequestCorrected, request, sequence=3)
    publish(next_event, request, sequence=4, **fields)
    now = the(ContactRequest, id=request)
    assert (now.status, now.answered) == (status, False)


def test_what_a_correction_lets_go_on_is_written_to_again() -> None:
    request = a_request(a_therapist())
    publish(catalogue.RequestWithdrawn, request, sequence=2, reason="placed_elsewhere")
    publish(catalogue.RequestReopened, request, sequence=3, approved_at=MONDAY)
    composed()
    assert the(Email).placement_request_ids == [request]
