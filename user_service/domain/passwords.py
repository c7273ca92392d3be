"""Passwords: hashed with Argon2id, by few threads at a time, and refused where they are easy to guess."""

from __future__ import annotations

import base64
import secrets
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from shared.errors import FieldProblem, RuleBroken, Unreachable
from shared.texts import Sentence
from user_service.domain.schemas import SHORTEST_PASSWORD
from user_service.domain.turns import NoTurn, Turns
from user_service.settings import PasswordHashing

WAIT_SECONDS = 1.0
"""How long an attempt waits for others to finish, so that it does not block a thread for longer."""
LONGEST_WAIT_SECONDS = 10.0
"""How long those wait who go first: they are few, and next, but on a busy machine a hash takes seconds."""
JUDGED_CHARACTERS = 40
"""Only so many characters are judged: to estimate the guesses takes up to a second for 40, and three for 72 that look
like letters."""
LEAST_SCORE = 4
"""Of zxcvbn: at least 10^10 guesses. Three parts of any kind, as a name, a word and a year, have 10^8 already."""
WORDS_OF_OURS = (
    "psychotherapie", "psychotherapy", "therapie", "therapeut", "praxis", "patient", "warteliste", "vermittlung",
    "passwort", "kennwort", "geheim", "willkommen", "hallo", "start", "montag", "dienstag", "mittwoch", "donnerstag",
    "freitag", "samstag", "sonntag", "januar", "februar", "april", "juni", "juli", "august", "september", "oktober",
    "november", "dezember", "frühling", "fruehling", "sommer", "herbst", "winter", "schatz", "sonnenschein", "ficken",
    "deutschland", "berlin", "hamburg", "münchen", "muenchen", "köln", "koeln", "aachen", "fußball", "fussball",
)  # fmt: skip
"""Words that people here try first; zxcvbn knows the English ones."""


class HashingBusy(Unreachable):
    """As many passwords are being hashed as this process may; another try in a moment may pass."""

    retry_after = 2


def normal_form(password: str) -> str:
    """The form that is hashed (NIST SP 800-63B, 3.1.1.2): keyboards compose the same characters differently."""
    return unicodedata.normalize("NFKC", password)


class PasswordHashes:
    """Hashes and verifies passwords; one object for each process, whose limits all threads share."""

    def __init__(self, rules: PasswordHashing) -> None:
        self._argon2 = argon2.PasswordHasher(
            time_cost=rules.passes, memory_cost=rules.memory_mib * 1024, parallelism=1, type=argon2.Type.ID
        )
        self._turns = Turns(rules.at_once)
        self._slots = BoundedSemaphore(rules.at_once * 2)
        self._reserved_slots = BoundedSemaphore(rules.at_once)
        self._nobodys = _salt_and_digest()
        self._parameters = f"$argon2id$v=19$m={rules.memory_mib * 1024},t={rules.passes},p=1"

    @contextmanager
    def slot(self, *, may_use_reserved: bool) -> Iterator[None]:
        """A slot to hash, or to wait for that; it is given at once or not at all. Raises `HashingBusy`.

        As many hash at once as the settings say, and as many more may wait. Further slots are reserved for people who
        signed in from the same address before, or have proved who they are: many attempts of others cannot take them,
        and with `goes_first` they wait for none of these.
        """
        slot = self._take(self._slots) or (self._take(self._reserved_slots) if may_use_reserved else None)
        if slot is None:
            raise _busy()
        try:
            yield
        finally:
            slot.release()

    @staticmethod
    def _take(slots: BoundedSemaphore) -> BoundedSemaphore | None:
        return slots if slots.acquire(blocking=False) else None

    def hash(self, password: str, *, goes_first: bool = False) -> str:
        """Returns what is stored of a password. Raises `HashingBusy`."""
        with self._turn(goes_first=goes_first):
            return self._argon2.hash(normal_form(password))

    def is_right(
        self, stored: str | None, password: str, *, in_use: Collection[str] = (), goes_first: bool = False
    ) -> bool:
        """Whether it is the stored password. Raises `HashingBusy`.

        It takes the same time whether and how a password is stored: a hash is computed with each of the parameters
        that are `in_use` or wanted now.
        """
        own = parameters_of(stored) if stored else None
        with self._turn(goes_first=goes_first):
            found = [
                self._matches(stored if stored and each == own else f"{each}${self._nobodys}", password)
                for each in sorted({self._parameters, *in_use, *filter(None, [own])})
            ]
        return stored is not None and any(found)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, normal_form(password))
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, stored: str) -> bool:
        """Whether it was made with other parameters than are wanted now."""
        return self._argon2.check_needs_rehash(stored)

    @contextmanager
    def _turn(self, *, goes_first: bool) -> Iterator[None]:
        """Wait until fewer are hashing than may: those who go first for longer, and before all others."""
        try:
            with self._turns.turn(goes_first=goes_first, seconds=LONGEST_WAIT_SECONDS if goes_first else WAIT_SECONDS):
                yield
        except NoTurn:
            raise _busy() from None


def _busy() -> HashingBusy:
    return HashingBusy("sign_in.busy")


def parameters_of(stored: str) -> str:
    """The part of a hash that says how it was made."""
    return stored.rsplit("$", 2)[0]


def _salt_and_digest() -> str:
    """The rest of a hash that no password has: to verify it takes as long as to verify any."""
    return "$".join(base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=") for length in (16, 32))


def refuse_weak(password: str, *, field: str, about: tuple[str, ...] = ()) -> None:
    """Raises `RuleBroken`, naming the field, for a password that is easy to guess.

    `about` is what everybody knows of its owner: e-mail address and name.
    """
    problem = weakness(password, about)
    if problem is not None:
        raise RuleBroken("password.weak", problem=problem, errors=[FieldProblem(field, problem)])


def weakness(password: str, about: tuple[str, ...] = ()) -> Sentence | None:
    """What is wrong with a new password, to be read on from its name; None where nothing is.

    No list of leaked passwords is asked. Its length is judged, and how many guesses it takes: repeated characters,
    sequences, keyboard rows, common words, dates, and what is known of its owner are guessed first.
    """
    normal = normal_form(password)
    if len("".join(normal.split())) < SHORTEST_PASSWORD:
        return Sentence.of("field.password_too_short", shortest=SHORTEST_PASSWORD)
    if _score(normal, about) < LEAST_SCORE:
        return Sentence.of("field.password_easy")
    return None


def _score(password: str, about: tuple[str, ...]) -> int:
    from zxcvbn import zxcvbn  # 15 MB, which only those need who take a new password

    known = {part for text in about for part in (text, *text.replace("@", " ").replace(".", " ").split())}
    judged = password[:JUDGED_CHARACTERS]
    return int(zxcvbn(judged, user_inputs=[*known, *WORDS_OF_OURS])["score"])
