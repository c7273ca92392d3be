"""Every address of this service, and who may call it."""

from __future__ import annotations

from shared.http import Route
from shared.security.authentication import CALLERS, COORDINATORS, IMPORTERS
from shared.values.account_enums import Scope
from therapist_service.api.imports import ImportCollection, ImportItem, ImportRecordCollection
from therapist_service.api.therapists import (
    TherapistBlockResource,
    TherapistCapacityResource,
    TherapistCollection,
    TherapistDeactivateResource,
    TherapistHistoryCollection,
    TherapistItem,
    TherapistMergeResource,
    TherapistPhoneHoursResource,
    TherapistReactivateResource,
    TherapistUnblockResource,
)

ROUTES = [
    Route("/api/therapists", TherapistCollection, get=CALLERS | IMPORTERS, post=COORDINATORS),
    Route("/api/therapists/<uuid:id>", TherapistItem, get=CALLERS | IMPORTERS, patch=CALLERS, delete=COORDINATORS),
    Route("/api/therapists/<uuid:id>/merge", TherapistMergeResource, post=COORDINATORS),
    Route("/api/therapists/<uuid:id>/history", TherapistHistoryCollection, get=CALLERS),
    Route("/api/therapists/<uuid:id>/phone-hours", TherapistPhoneHoursResource, put=CALLERS),
    Route("/api/therapists/<uuid:id>/capacity", TherapistCapacityResource, put=COORDINATORS),
    Route("/api/therapists/<uuid:id>/deactivate", TherapistDeactivateResource, post=COORDINATORS),
    Route("/api/therapists/<uuid:id>/reactivate", TherapistReactivateResource, post=COORDINATORS),
    Route("/api/therapists/<uuid:id>/block", TherapistBlockResource, post=COORDINATORS),
    Route("/api/therapists/<uuid:id>/unblock", TherapistUnblockResource, post=COORDINATORS),
    Route("/api/imports", ImportCollection, get=IMPORTERS, post=IMPORTERS | {Scope.IMPORTS_START}),
    Route("/api/imports/<uuid:id>", ImportItem, get=IMPORTERS),
    Route("/api/imports/<uuid:id>/records", ImportRecordCollection, get=IMPORTERS),
]
