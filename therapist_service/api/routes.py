"""Every address of this service, and who may call it."""

from __future__ import annotations

from shared.http import Route
from shared.security.authentication import CALLERS, COORDINATORS, IMPORTERS
from shared.values.account_enums import Scope
from therapist_service.api.import_reviews import (
    ImportReviewApproveResource,
    ImportReviewBulkResource,
    ImportReviewCollection,
    ImportReviewItem,
    ImportReviewRejectResource,
    ImportReviewReopenResource,
)
from therapist_service.api.imports import (
    ImportApproveResource,
    ImportCollection,
    ImportItem,
    ImportRecordCollection,
    ImportRejectResource,
    ImportUndoCollection,
)
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

DECIDING = COORDINATORS | IMPORTERS
"""Who decides about whole files: who looks after imports, and who works with those whom they bring."""

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
    Route("/api/imports", ImportCollection, get=COORDINATORS | IMPORTERS, post=IMPORTERS | {Scope.IMPORTS_START}),
    Route("/api/imports/<uuid:id>", ImportItem, get=COORDINATORS | IMPORTERS),
    Route("/api/imports/<uuid:id>/approve", ImportApproveResource, post=DECIDING),
    Route("/api/imports/<uuid:id>/reject", ImportRejectResource, post=DECIDING),
    Route("/api/imports/<uuid:id>/undo", ImportUndoCollection, get=DECIDING, post=DECIDING),
    Route("/api/imports/<uuid:id>/records", ImportRecordCollection, get=COORDINATORS | IMPORTERS),
    # who decides must read the whole therapist, which importers may not
    Route("/api/import-reviews", ImportReviewCollection, get=COORDINATORS | IMPORTERS),
    Route("/api/import-reviews/bulk", ImportReviewBulkResource, post=COORDINATORS),
    Route("/api/import-reviews/<uuid:id>", ImportReviewItem, get=COORDINATORS | IMPORTERS),
    Route("/api/import-reviews/<uuid:id>/approve", ImportReviewApproveResource, post=COORDINATORS),
    Route("/api/import-reviews/<uuid:id>/reject", ImportReviewRejectResource, post=COORDINATORS),
    Route("/api/import-reviews/<uuid:id>/reopen", ImportReviewReopenResource, post=COORDINATORS),
]
