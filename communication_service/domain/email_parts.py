"""A letter to a practice about up to six patients, or to one patient, encrypted part by part.

What it says of one patient is encrypted with a key of theirs. What stands around that (greeting, closing, sender) is
encrypted with a key of the letter's own, which every part carries: who may read a part may read what stands around
it. So the letter proves for each patient what was written about them, whichever others were erased, and with the last
of them nobody can read it (docs/decisions/0032-texts-about-patients.md).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag

from communication_service.store.tables import Email
from shared.database import Session
from shared.runtime.logs import logger
from shared.security.encryption import UnwrappedKey, new_key
from shared.security.patient_texts import LostText, PatientText, PatientTexts
from shared.values.emails import EmailText

log = logger(__name__)


class UnreadableLetter(RuntimeError):
    """A letter that is to be sent cannot be read whole."""


@dataclass(frozen=True)
class Letter:
    """What a letter says before, of, and after its patients, each in all forms of an e-mail."""

    before: EmailText
    parts: Sequence[EmailText]
    """One for each patient; its subject is what names the patient there."""
    after: EmailText

    def whole(self) -> EmailText:
        """The letter as it is read."""
        return EmailText(
            subject=self.before.subject + ", ".join(part.subject for part in self.parts) + self.after.subject,
            text=self.before.text + "".join(part.text for part in self.parts) + self.after.text,
            html=self.before.html + "".join(part.html for part in self.parts) + self.after.html,
        )


class Written(NamedTuple):
    """A letter that is to stand in an e-mail: each of its parts is about a request, here with its patient before it.

    A letter to a patient is one part, about the letter itself.
    """

    email: Email
    letter: Letter
    about: Sequence[tuple[UUID, UUID]]

    def parts_with(self, key: bytes) -> list[PatientText]:
        """What is said of each patient, with the key of what stands around it."""
        carried = {"key": base64.b64encode(key).decode()}
        return [
            PatientText(patient_id, request_id, carried | _as_json(part))
            for (patient_id, request_id), part in zip(self.about, self.letter.parts, strict=True)
        ]

    def store(self, key: bytes, parts: list[bytes]) -> None:
        """Put it into the e-mail, encrypted."""
        frame = {"before": _as_json(self.letter.before), "after": _as_json(self.letter.after)}
        email = self.email
        if email.patient_id is None:
            email.placement_request_ids = [request_id for _, request_id in self.about]
        email.parts = parts
        email.frame = UnwrappedKey(key).encrypt(json.dumps(frame, ensure_ascii=False).encode(), email.id.bytes)


def write(
    session: Session, texts: PatientTexts, email: Email, letter: Letter, about: Sequence[tuple[UUID, UUID]]
) -> None:
    """Put the letter into the e-mail: each of its parts is about a request, here with its patient before it."""
    write_all(session, texts, [Written(email, letter, about)])


def write_all(session: Session, texts: PatientTexts, written: Sequence[Written]) -> None:
    """The same of several letters, whose patients' keys are read, or made, together."""
    keys = [new_key() for _ in written]
    parts = [each.parts_with(key) for each, key in zip(written, keys, strict=True)]
    encrypted = iter(texts.encrypt_all(session, [part for some in parts for part in some]))
    for letter, key, some in zip(written, keys, parts, strict=True):
        letter.store(key, [next(encrypted) for _ in some])


def write_to_patient(session: Session, texts: PatientTexts, email: Email, letter: Letter) -> None:
    """Put a letter of one part into the e-mail to its patient, whatever requests it is about, none among them."""
    assert email.patient_id is not None  # a CHECK constraint says so of its kind
    write_all(session, texts, [Written(email, letter, [(email.patient_id, email.id)])])


def _about(email: Email) -> Sequence[UUID]:
    """What each part is about: a request, or in a letter to a patient the letter itself."""
    return email.placement_request_ids if email.patient_id is None else [email.id]


def _as_json(text: EmailText) -> dict[str, str]:
    return {"subject": text.subject, "text": text.text, "html": text.html}


def read(session: Session, texts: PatientTexts, emails: Sequence[Email]) -> dict[UUID, EmailText]:
    """The letters by the ids of their e-mails; where a part is lost, they say so instead."""
    found = _decrypted(session, texts, emails)
    return {email.id: _shown(texts, _frame(email, parts), parts) for email, parts in zip(emails, found, strict=True)}


def read_about(
    session: Session, texts: PatientTexts, emails: Sequence[Email], request_ids: Collection[UUID]
) -> dict[UUID, EmailText]:
    """The letters as `read`, each with its parts about these requests and nothing of the others; to patients whole."""
    found = _decrypted(session, texts, emails)
    return {
        email.id: _shown(
            texts,
            _frame(email, parts),
            [part for part, id in zip(parts, _about(email), strict=True) if id in {*request_ids, email.id}],
        )
        for email, parts in zip(emails, found, strict=True)
    }


def read_whole(session: Session, texts: PatientTexts, email: Email) -> Letter | None:
    """The letter of an e-mail; None where a part of it is lost."""
    return read_all_whole(session, texts, [email])[email.id]


def read_all_whole(session: Session, texts: PatientTexts, emails: Sequence[Email]) -> dict[UUID, Letter | None]:
    """The same of several, by their ids."""
    found = _decrypted(session, texts, emails)
    return {email.id: _whole(email, parts) for email, parts in zip(emails, found, strict=True)}


def _whole(email: Email, parts: Sequence[DecryptedPart]) -> Letter | None:
    frame = _frame(email, parts)
    known = [part for part in parts if not isinstance(part, LostText)]
    if isinstance(frame, LostText) or len(known) < len(parts):
        return None
    return Letter(_text(frame["before"]), [_text(part) for part in known], _text(frame["after"]))


def texts_to_send(session: Session, texts: PatientTexts, emails: Sequence[Email]) -> dict[UUID, EmailText]:
    """What practices read, by e-mail. Raises `UnreadableLetter` where that is not what was written."""
    whole = read_all_whole(session, texts, emails)
    found = {id: letter.whole() for id, letter in whole.items() if letter is not None}
    if len(found) < len(whole):
        raise UnreadableLetter
    return found


DecryptedPart = Mapping[str, Any] | LostText


def _decrypted(session: Session, texts: PatientTexts, emails: Sequence[Email]) -> list[list[DecryptedPart]]:
    """The parts of each letter; all of them are decrypted together."""
    parts = [list(zip(email.parts, _about(email), strict=True)) for email in emails]
    found = texts.decrypt(session, [part for each in parts for part in each])
    return [[found[encrypted] for encrypted, _ in each] for each in parts]


def _frame(email: Email, parts: Sequence[DecryptedPart]) -> Mapping[str, Any] | LostText:
    """What stands around the parts, decrypted with the key that any of them carries."""
    key = next((part["key"] for part in parts if not isinstance(part, LostText)), None)
    if key is None:
        return LostText.DAMAGED if LostText.DAMAGED in parts else LostText.ERASED
    try:
        decrypted = UnwrappedKey(base64.b64decode(key)).decrypt(email.frame, email.id.bytes)
    except InvalidTag:
        log.error("letter.damaged", email_id=str(email.id))
        return LostText.DAMAGED
    return json.loads(decrypted)  # type: ignore[no-any-return]


def _text(document: Mapping[str, str]) -> EmailText:
    return EmailText(document["subject"], document["text"], document["html"])


def _shown(texts: PatientTexts, frame: Mapping[str, Any] | LostText, parts: Sequence[DecryptedPart]) -> EmailText:
    if isinstance(frame, LostText):
        said = texts.worded(frame)
        return EmailText(said, said, f"<p>{said}</p>")
    known = [_lost(texts.worded(part)) if isinstance(part, LostText) else _text(part) for part in parts]
    return Letter(_text(frame["before"]), known, _text(frame["after"])).whole()


def _lost(said: str) -> EmailText:
    return EmailText(subject=said, text=f"{said}\n\n", html=f"<p>{said}</p>\n")
