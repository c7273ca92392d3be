"""The note of a call, or what a practice wrote, which may be about several people: nobody reads it any more once one
of them was erased.

It is encrypted with a key of its own. Of that key each request that the note is about has a share, encrypted with the
key of its patient: all shares together (their exclusive or) are the key, and without one of them nothing is known of
it. So what it says of one patient does not stay readable through another, in backups neither
(docs/decisions/0032-texts-about-patients.md).
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from typing import Any, Literal
from uuid import UUID

from cryptography.exceptions import InvalidTag

from communication_service.domain.answers import encrypt_for_requests
from communication_service.store.tables import MailReply, PhoneCall
from shared.database import Session
from shared.runtime.logs import logger
from shared.security.encryption import UnwrappedKey, new_key
from shared.security.patient_texts import LostText, PatientTexts

log = logger(__name__)

Column = Literal["notes", "corrections"]
"""Where a note of a call is kept."""
Noted = PhoneCall | MailReply
"""What has notes about several requests."""


def encrypt(
    session: Session, texts: PatientTexts, call: Noted, note: str | None, *, about: Collection[UUID]
) -> list[bytes]:
    """The note for each request of the call, in their order; empty for those that it is not about."""
    if note is None:
        return []
    shares = {request_id: new_key() for request_id in about}
    encrypted = _encoded(UnwrappedKey(_combined(list(shares.values()))).encrypt(note.encode(), call.id.bytes))
    carried = {request_id: {"share": _encoded(share), "note": encrypted} for request_id, share in shares.items()}
    kept = encrypt_for_requests(session, texts, carried)
    return [kept.get(request_id, b"") for request_id in call.placement_request_ids]


def read(
    session: Session, texts: PatientTexts, calls: Sequence[Noted], *, of: Column = "notes"
) -> dict[UUID, str | None]:
    """The notes by the ids of their calls, all decrypted together; where one is lost, it says so.

    `of`: notes of what was said, or reasons why what was recorded is wrong.
    """
    notes = find(session, texts, calls, of=of)
    return {id: None if note is None else texts.worded(note) for id, note in notes.items()}


def find(
    session: Session, texts: PatientTexts, calls: Sequence[Noted], *, of: Column = "notes"
) -> dict[UUID, str | LostText | None]:
    """The same, with what became of one that is lost."""
    kept = {call.id: _kept(call, of) for call in calls}
    found = texts.decrypt(session, [note for notes in kept.values() for note in notes])
    return {call.id: _read(call, [found[encrypted] for encrypted, _ in kept[call.id]]) for call in calls}


def _kept(call: Noted, of: Column) -> list[tuple[bytes, UUID]]:
    """What is kept of the note for each request that it is about."""
    return [(note, id) for note, id in zip(getattr(call, of), call.placement_request_ids, strict=False) if note]


def _read(call: Noted, kept: Sequence[Mapping[str, Any] | LostText]) -> str | LostText | None:
    if not kept:
        return None
    lost = [each for each in kept if isinstance(each, LostText)]
    if lost:
        return LostText.ERASED if LostText.ERASED in lost else LostText.DAMAGED
    known = [each for each in kept if not isinstance(each, LostText)]
    key = _combined([base64.b64decode(each["share"]) for each in known])
    try:
        return UnwrappedKey(key).decrypt(base64.b64decode(known[0]["note"]), call.id.bytes).decode()
    except InvalidTag:
        log.error("call_note.damaged", id=str(call.id))
        return LostText.DAMAGED


def _combined(shares: Sequence[bytes]) -> bytes:
    return reduce(lambda one, other: bytes(a ^ b for a, b in zip(one, other, strict=True)), shares)


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()
