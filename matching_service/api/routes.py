"""Every address of this service, and who may call it."""

from __future__ import annotations

from matching_service.api.contact_forecasts import ContactForecastCollection
from matching_service.api.contact_log import ContactLogCollection, ContactLogItem
from matching_service.api.contact_plans import (
    ContactPlanApproveResource,
    ContactPlanCancelResource,
    ContactPlanCollection,
    ContactPlanItem,
    ContactPlanPatientCollection,
    ContactPlanRequestCollection,
)
from matching_service.api.matches import MatchCollection
from matching_service.api.patient_data import PATIENT_DATA
from matching_service.api.placement_requests import (
    PlacementRequestBulkResource,
    PlacementRequestCollection,
    PlacementRequestConfirmResource,
    PlacementRequestCorrectResource,
    PlacementRequestFailResource,
    PlacementRequestHistoryCollection,
    PlacementRequestItem,
    PlacementRequestPlaceResource,
    PlacementRequestResponseResource,
    PlacementRequestWithdrawResource,
)
from matching_service.api.reports import AnswerReportResource, ContactReportResource, SearchReportResource
from shared.http import Route
from shared.security.authentication import AUDITORS, CALLERS, COORDINATORS

ROUTES = [
    Route("/api/matches", MatchCollection, post=COORDINATORS),
    Route("/api/contact-forecasts", ContactForecastCollection, post=COORDINATORS),
    Route("/api/placement-requests", PlacementRequestCollection, get=COORDINATORS, post=COORDINATORS),
    Route("/api/placement-requests/bulk", PlacementRequestBulkResource, post=COORDINATORS),
    Route("/api/placement-requests/<uuid:id>", PlacementRequestItem, get=COORDINATORS, patch=COORDINATORS),
    Route("/api/placement-requests/<uuid:id>/history", PlacementRequestHistoryCollection, get=AUDITORS),
    Route("/api/placement-requests/<uuid:id>/response", PlacementRequestResponseResource, post=CALLERS),
    Route("/api/placement-requests/<uuid:id>/place", PlacementRequestPlaceResource, post=COORDINATORS),
    Route("/api/placement-requests/<uuid:id>/confirm", PlacementRequestConfirmResource, post=COORDINATORS),
    Route("/api/placement-requests/<uuid:id>/fail", PlacementRequestFailResource, post=COORDINATORS),
    Route("/api/placement-requests/<uuid:id>/correct", PlacementRequestCorrectResource, post=COORDINATORS),
    Route("/api/placement-requests/<uuid:id>/withdraw", PlacementRequestWithdrawResource, post=COORDINATORS),
    Route("/api/contact-plans", ContactPlanCollection, get=COORDINATORS, post=COORDINATORS),
    Route("/api/contact-plans/<uuid:id>", ContactPlanItem, get=COORDINATORS, patch=COORDINATORS),
    Route("/api/contact-plans/<uuid:id>/approve", ContactPlanApproveResource, post=COORDINATORS),
    Route("/api/contact-plans/<uuid:id>/cancel", ContactPlanCancelResource, post=COORDINATORS),
    Route("/api/contact-plans/<uuid:id>/requests", ContactPlanRequestCollection, get=COORDINATORS),
    Route("/api/contact-plans/<uuid:id>/patients", ContactPlanPatientCollection, get=COORDINATORS),
    Route("/api/patients/<uuid:id>/contact-log", ContactLogCollection, get=AUDITORS, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/contact-log/<uuid:entry_id>", ContactLogItem, get=AUDITORS),
    Route("/api/reports/contacts", ContactReportResource, get=AUDITORS),
    Route("/api/reports/answers", AnswerReportResource, get=AUDITORS),
    Route("/api/reports/searches", SearchReportResource, get=AUDITORS),
    PATIENT_DATA,
]
