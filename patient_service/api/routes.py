"""Every address of this service, and who may call it."""

from __future__ import annotations

from patient_service.api.consents import Consent, Consents, ConsentWithdrawal
from patient_service.api.patients import AccessLog, Patient, Patients
from patient_service.api.searches import PatientHistory, PatientReadiness, PatientStatus
from shared.http import Route
from shared.security.authentication import AUDITORS, COORDINATORS, READERS

ROUTES = [
    Route("/api/patients", Patients, get=READERS, post=COORDINATORS),
    Route("/api/patients/<uuid:id>", Patient, get=READERS, patch=COORDINATORS),
    Route("/api/patients/<uuid:id>/access-log", AccessLog, get=AUDITORS),
    Route("/api/patients/<uuid:id>/status", PatientStatus, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/history", PatientHistory, get=READERS),
    Route("/api/patients/<uuid:id>/readiness", PatientReadiness, get=READERS),
    Route("/api/patients/<uuid:id>/consents", Consents, post=COORDINATORS),
    Route("/api/patients/<uuid:id>/consents/<uuid:consent_id>", Consent, get=READERS),
    Route("/api/patients/<uuid:id>/consents/<uuid:consent_id>/withdraw", ConsentWithdrawal, post=COORDINATORS),
]
