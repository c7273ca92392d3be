"""What is written about patients is encrypted with a key of theirs, which is destroyed for good."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from shared.database import new_id, patient_keys, transaction
from shared.database.patient_keys import patient_keys as table
from shared.errors import Unreachable
from shared.security.encryption import MasterKeys, MissingKey, key_id
from shared.security.patient_texts import LostText, PatientText, PatientTexts
from shared.texts import TextLanguage
from tests.builders.keys import NEW, OLD

TEXTS = PatientTexts(MasterKeys(OLD), lambda: TextLanguage.EN)
ABOUT = UUID(int=7)
SECRET = "braucht wegen F32.1 bald einen Platz – \U0001f642"


def read(session: Session, encrypted: bytes | None, about: UUID = ABOUT, texts: PatientTexts = TEXTS) -> str | None:
    return texts.read(session, [(encrypted, about)])[encrypted]


def a_text(session: Session, patient: UUID | None = None) -> bytes:
    encrypted = TEXTS.encrypt(session, patient or new_id(), ABOUT, SECRET)
    assert encrypted is not None
    return encrypted


def test_a_text_is_read_again_and_nothing_of_it_stands_there(session: Session) -> None:
    first, second = a_text(session), a_text(session)
    assert first != second
    assert b"F32" not in first
    assert read(session, first) == SECRET
    assert TEXTS.encrypt(session, new_id(), ABOUT, None) is None
    assert read(session, None) is None


def test_each_patient_has_one_key_however_much_is_written(session: Session) -> None:
    patient = new_id()
    for _ in range(3):
        a_text(session, patient)
    assert session.query(table).count() == 1


def test_a_page_is_read_with_one_query(session: Session) -> None:
    wanted = [PatientText(new_id(), new_id(), f"text {number}") for number in range(20)]
    encrypted = TEXTS.encrypt_all(session, wanted)
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *given: statements.append(given[2]))
    found = TEXTS.read(session, [(each, text.about) for each, text in zip(encrypted, wanted, strict=True)])
    assert list(found.values()) == [None, *(text.content for text in wanted)]
    assert len(statements) == 1
    assert TEXTS.read(session, [(None, ABOUT)]) == {None: None}
    assert len(statements) == 1, "a page without texts asks for nothing"


def test_who_is_forgotten_is_read_by_nobody_and_gets_no_new_key(session: Session) -> None:
    patient, other = new_id(), a_text(session)
    before = a_text(session, patient)
    for _ in range(2):
        patient_keys.destroy(session, patient)
        after = a_text(session, patient)
        assert after == patient.bytes, "nothing is kept but whose it was"
        assert [read(session, each) for each in (before, after)] == ["[erased]"] * 2
    assert read(session, before, texts=TEXTS.for_reader(lambda: TextLanguage.DE)) == "[gelöscht]"
    assert read(session, other) == SECRET


def test_who_is_forgotten_before_anything_was_written_never_gets_a_key(session: Session) -> None:
    patient = new_id()
    patient_keys.destroy(session, patient)
    assert read(session, a_text(session, patient)) == "[erased]"


def test_two_who_turn_out_to_be_one_are_forgotten_together(session: Session) -> None:
    one, duplicate, third = new_id(), new_id(), new_id()
    texts = [a_text(session, each) for each in (one, duplicate, third)]
    patient_keys.reassign(session, third, to=duplicate)
    patient_keys.reassign(session, duplicate, to=one)
    assert [read(session, each) for each in texts] == [SECRET] * 3
    patient_keys.destroy(session, one)
    assert [read(session, each) for each in texts] == ["[erased]"] * 3


def test_who_is_reassigned_to_somebody_who_was_forgotten_is_forgotten(session: Session) -> None:
    one, duplicate = new_id(), new_id()
    text = a_text(session, duplicate)
    patient_keys.destroy(session, one)
    patient_keys.reassign(session, duplicate, to=one)
    assert read(session, text) == "[erased]"


@pytest.mark.parametrize("changed", [16, 30, -1], ids=["nonce", "ciphertext", "tag"])
def test_a_damaged_text_is_called_so_and_hides_no_other(session: Session, changed: int) -> None:
    good = a_text(session)
    wrong = bytearray(good)
    wrong[changed] ^= 1
    damaged = bytes(wrong)
    found = TEXTS.read(session, [(each, ABOUT) for each in (good, damaged, good[:20], good[:9], b"")])
    assert found[good] == SECRET
    assert {found[each] for each in (damaged, good[:20], good[:9], b"")} == {"[damaged, unreadable]"}


def test_a_text_cannot_be_moved_to_another_request_or_patient(session: Session) -> None:
    text, other = a_text(session), a_text(session)
    assert read(session, text, about=new_id()) == "[damaged, unreadable]"
    assert read(session, other[:16] + text[16:]) == "[damaged, unreadable]"


def test_a_damaged_key_loses_its_texts_only_and_nothing_is_written_with_it(session: Session) -> None:
    patient = new_id()
    text, other = a_text(session, patient), a_text(session)
    wrong = key_id(OLD) + bytes(60)
    session.execute(update(table).where(table.c.id == patient).values(wrapped=wrong))
    assert TEXTS.decrypt(session, [(text, ABOUT), (other, ABOUT)]) == {text: LostText.DAMAGED, other: SECRET}
    with pytest.raises(Unreachable, match="a key is damaged"):
        a_text(session, patient)


def test_a_text_whose_ring_is_not_here_waits_for_it(session: Session) -> None:
    text = a_text(session)
    with pytest.raises(MissingKey):
        read(session, text, texts=PatientTexts(MasterKeys(NEW)))
    assert read(session, text, texts=PatientTexts(MasterKeys(f"{NEW},{OLD}"))) == SECRET


def test_two_that_write_a_first_text_at_once_share_the_key(real_commits: None) -> None:
    patient, start, found = new_id(), threading.Barrier(4), list[Any]()

    def write() -> None:
        with transaction() as session:
            start.wait()
            found.append(a_text(session, patient))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with transaction() as session:
        assert set(TEXTS.read(session, [(each, ABOUT) for each in found]).values()) == {None, SECRET}
        assert len(found) == 4
