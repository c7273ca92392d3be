"""Who asks, and what is kept of refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patient_service.dependencies import Dependencies
from patient_service.domain import accesses
from patient_service.domain.accesses import Reader, RevealingConflict
from shared.errors import PlatformError

if TYPE_CHECKING:
    from shared.http import Context  # a worker imports this module with service.py and loads no Flask


def reader(context: Context[Dependencies]) -> Reader:
    """Who asks, and what for (`X-Purpose`)."""
    return Reader(id=context.caller.id, purpose=context.purpose)


def record_refusal(context: Context[Dependencies], refusal: PlatformError) -> None:
    """Note in the access log what a refusal reveals of patients' files.

    What an endpoint shows its domain call notes, in the same transaction; a refusal takes that back, so it is noted
    here. A note that cannot be written is an error, and then there is no response.
    """
    if isinstance(refusal, RevealingConflict):
        keys = context.dependencies.keys
        accesses.record_refusal(context.session, keys, refusal, reader(context), now=context.now)
