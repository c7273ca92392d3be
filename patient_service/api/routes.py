"""Every address of this service, and who may call it."""

from __future__ import annotations

from patient_service.api.audits import AccessLogCollection, PatientAccessLogCollection
from patient_service.api.consents import ConsentCollection, ConsentItem, ConsentWithdrawResource
from patient_service.api.crises import (
    PatientCrisisAcknowledgeResource,
    PatientCrisisClearResource,
    PatientCrisisFlagResource,
)
from patient_service.api.erasures import ErasureCollection, ErasureItem
from patient_service.api.exports import PatientExportResource
from patient_service.api.identities import PatientAddressItem, PatientIdentityItem
from patient_service.api.imports import PatientImportCollection, PatientImportItem, PatientImportRowCollection
from patient_service.api.patients import PatientBulkResource, PatientCollection, PatientItem, PatientMergeResource
from patient_service.api.placement_codes import PlacementCodeRevealResource
from patient_service.api.practice_summaries import PracticeSummariesResource
from patient_service.api.retention import PatientErasureDeclineResource
from patient_service.api.searches import PatientHistoryCollection, PatientReadinessResource, PatientStatusResource
from shared.http import Route
from shared.security.authentication import ADMINS, AUDITORS, COORDINATORS
from shared.values.account_enums import Scope
from shared.values.enums import Role

OVERSEERS = ADMINS | {Role.AUDITOR}
"""Those who look at what all others read; who works with files sees the logs of single ones only."""

ROUTES = [
    Route("/api/patients", PatientCollection, get=COORDINATORS, post=COORDINATORS),
    Route("/api/patients/bulk", PatientBulkResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>", PatientItem, get=COORDINATORS, patch=COORDINATORS, delete=COORDINATORS),
    Route("/api/patients/<uuid:id>/export", PatientExportResource, get=COORDINATORS),
    Route("/api/patients/<uuid:id>/merge", PatientMergeResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/access-log", PatientAccessLogCollection, get=AUDITORS),
    Route("/api/patients/<uuid:id>/status", PatientStatusResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/history", PatientHistoryCollection, get=AUDITORS),
    Route("/api/patients/<uuid:id>/readiness", PatientReadinessResource, get=COORDINATORS),
    Route("/api/patients/<uuid:id>/crisis/acknowledge", PatientCrisisAcknowledgeResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/crisis/flag", PatientCrisisFlagResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/crisis/clear", PatientCrisisClearResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/erasure/decline", PatientErasureDeclineResource, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/placement-code/reveal", PlacementCodeRevealResource, post=COORDINATORS),
    Route("/api/patient-imports", PatientImportCollection, get=COORDINATORS, post=COORDINATORS),
    Route("/api/patient-imports/<uuid:id>", PatientImportItem, get=COORDINATORS),
    Route("/api/patient-imports/<uuid:id>/rows", PatientImportRowCollection, get=COORDINATORS),
    Route("/api/patients/<uuid:id>/consents", ConsentCollection, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/consents/<uuid:consent_id>", ConsentItem, get=COORDINATORS),
    Route("/api/patients/<uuid:id>/consents/<uuid:consent_id>/withdraw", ConsentWithdrawResource, post=COORDINATORS),
    Route("/api/erasures", ErasureCollection, get=AUDITORS),
    Route("/api/erasures/<uuid:id>", ErasureItem, get=AUDITORS),
    Route("/api/access-log", AccessLogCollection, get=OVERSEERS),
    Route("/internal/practice-summaries", PracticeSummariesResource, get=frozenset({Scope.PRACTICE_SUMMARIES_READ})),
    Route(
        "/internal/patient-identities/<uuid:id>", PatientIdentityItem, get=frozenset({Scope.PATIENT_IDENTITIES_READ})
    ),
    Route("/internal/patient-addresses/<uuid:id>", PatientAddressItem, get=frozenset({Scope.PATIENT_ADDRESSES_READ})),
]
