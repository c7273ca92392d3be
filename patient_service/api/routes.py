"""Every address of this service, and who may call it."""

from __future__ import annotations

from patient_service.api.consents import ConsentCollection, ConsentItem, ConsentWithdrawResource
from patient_service.api.crises import (
    PatientCrisisAcknowledgeResource,
    PatientCrisisClearResource,
    PatientCrisisFlagResource,
)
from patient_service.api.erasures import ErasureItem
from patient_service.api.patients import AccessLogCollection, PatientBulkResource, PatientCollection, PatientItem
from patient_service.api.placement_codes import PlacementCodeRevealResource
from patient_service.api.searches import PatientHistoryCollection, PatientReadinessResource, PatientStatusResource
from shared.http import Route
from shared.security.authentication import AUDITORS, COORDINATORS

ROUTES = [
    Route("/api/patients", PatientCollection, get=COORDINATORS, post=COORDINATORS),
    Route("/api/patients/bulk", PatientBulkResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>", PatientItem, get=COORDINATORS, patch=COORDINATORS, delete=COORDINATORS),
    Route("/api/patients/<uuid:id>/access-log", AccessLogCollection, get=AUDITORS),
    Route("/api/patients/<uuid:id>/status", PatientStatusResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/history", PatientHistoryCollection, get=AUDITORS),
    Route("/api/patients/<uuid:id>/readiness", PatientReadinessResource, get=COORDINATORS),
    Route("/api/patients/<uuid:id>/crisis/acknowledge", PatientCrisisAcknowledgeResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/crisis/flag", PatientCrisisFlagResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/crisis/clear", PatientCrisisClearResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/placement-code/reveal", PlacementCodeRevealResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/consents", ConsentCollection, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/consents/<uuid:consent_id>", ConsentItem, get=COORDINATORS),
    Route("/api/patients/<uuid:id>/consents/<uuid:consent_id>/withdraw", ConsentWithdrawResource, post=COORDINATORS),
    Route("/api/erasures/<uuid:id>", ErasureItem, get=COORDINATORS),
]
