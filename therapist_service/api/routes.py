"""Every address of this service, and who may call it."""

from __future__ import annotations

from shared.http import Route
from shared.security.authentication import CALLERS, COORDINATORS, IMPORTERS
from therapist_service.api.imports import Import, ImportRecords, Imports
from therapist_service.api.therapists import Therapist, TherapistBlock, Therapists, TherapistUnblock

ROUTES = [
    Route("/api/therapists", Therapists, get=CALLERS, post=COORDINATORS),
    Route("/api/therapists/<uuid:id>", Therapist, get=CALLERS, patch=COORDINATORS),
    Route("/api/therapists/<uuid:id>/block", TherapistBlock, post=COORDINATORS),
    Route("/api/therapists/<uuid:id>/unblock", TherapistUnblock, post=COORDINATORS),
    Route("/api/imports", Imports, get=IMPORTERS, post=IMPORTERS),
    Route("/api/imports/<uuid:id>", Import, get=IMPORTERS),
    Route("/api/imports/<uuid:id>/records", ImportRecords, get=IMPORTERS),
]
