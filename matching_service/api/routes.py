"""Every address of this service, and who may call it."""

from __future__ import annotations

from matching_service.api.matches import Matches
from matching_service.api.placement_requests import (
    PlacementRequest,
    PlacementRequestHistory,
    PlacementRequestPlace,
    PlacementRequestResponse,
    PlacementRequests,
    PlacementRequestWithdraw,
)
from shared.http import Route
from shared.security.authentication import AUDITORS, CALLERS, COORDINATORS, READERS

ROUTES = [
    Route("/api/matches", Matches, post=COORDINATORS),
    Route("/api/placement-requests", PlacementRequests, get=READERS, post=COORDINATORS),
    Route("/api/placement-requests/<uuid:id>", PlacementRequest, get=READERS, patch=COORDINATORS),
    Route("/api/placement-requests/<uuid:id>/history", PlacementRequestHistory, get=AUDITORS),
    Route("/api/placement-requests/<uuid:id>/response", PlacementRequestResponse, post=CALLERS),
    Route("/api/placement-requests/<uuid:id>/place", PlacementRequestPlace, post=COORDINATORS),
    Route("/api/placement-requests/<uuid:id>/withdraw", PlacementRequestWithdraw, post=COORDINATORS),
]
