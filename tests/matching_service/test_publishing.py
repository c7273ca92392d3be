"""What matching publishes again of requests: the state of each, once, in the order of their ids."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from matching_service.domain import publishing
from shared.events.republish import republish
from shared.values.enums import RequestStatus
from tests.builders.matching import a_request, stored
from tests.conftest import MONDAY
from tests.events import recorded

NOWHERE = UUID(int=0)


@pytest.mark.parametrize("status", [each for each in RequestStatus if each != RequestStatus.FAILED])
def test_a_request_is_published_as_it_is_and_stays_so(session: Session, status: RequestStatus) -> None:
    request = a_request(session, status)
    before = len(recorded(session, request.id))
    version, updated_at = request.version, request.updated_at
    republish(publishing.snapshots)
    *_, published = recorded(session, request.id)
    assert (published["type"], published["republished"], published["sequence"]) == (
        "matching.request_updated",
        True,
        before + 1,
    )
    ours = stored(session, request.id)
    assert published["data"] == {
        "placement_request_id": str(request.id),
        "patient_id": str(request.patient_id),
        "therapist_id": str(request.therapist_id),
        "status": status,
        "hold": ours.hold,
        "priority": 0,
        "inquiry_id": ours.inquiry_id and str(ours.inquiry_id),
        "emailed_on": "2026-11-23" if ours.emailed_at else None,
    }
    assert (ours.version, ours.updated_at, ours.status) == (version, updated_at, status)


def test_all_are_published_in_portions(session: Session) -> None:
    ids = sorted(a_request(session, RequestStatus.OPEN).id for _ in range(3))
    first = publishing.snapshots(session, after=NOWHERE, limit=2, now=MONDAY)
    rest = publishing.snapshots(session, after=first[-1][0].id, limit=2, now=MONDAY)
    assert [request.id for request, _ in (*first, *rest)] == ids
