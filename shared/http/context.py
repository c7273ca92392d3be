"""What an endpoint knows of a request beside its input: its first argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from flask import current_app

from shared.database import Session
from shared.http.client_details import ClientDetails, client_details
from shared.http.headers import RequestHeaders
from shared.http.languages import note_language, preferred_by_caller
from shared.runtime import clock
from shared.security.authentication import Caller, caller
from shared.texts import TextLanguage
from shared.values.datetimes import berlin_day

Dependencies = TypeVar("Dependencies")


class NoTransaction(RuntimeError):
    """An endpoint that declares `transaction=False` uses the session."""


@dataclass(frozen=True)
class Context(Generic[Dependencies]):
    """Who asks, when and why, the open session, and the service's dependencies (None where it has none)."""

    open_session: Session | None
    now: datetime
    """The instant of the request: everything that it does happens at this time."""
    caller: Caller
    purpose: str | None
    """Why a patient's file is read (`X-Purpose`)."""
    if_match: frozenset[int] | None
    """The versions of which one must be the present one (`If-Match`); None where any will do."""
    dependencies: Dependencies
    preferred_language: TextLanguage

    @property
    def session(self) -> Session:
        """The session of the request's one transaction. Raises `NoTransaction`."""
        if self.open_session is None:
            raise NoTransaction("declare transaction=True to use the session")
        return self.open_session

    @property
    def client(self) -> ClientDetails:
        """From where the request was sent, and its cookies."""
        return client_details()

    @property
    def language(self) -> TextLanguage:
        """The language of the sentences in the response, which says so in its headers.

        Also while the further parts of a file are read, when the request is over.
        """
        return note_language(self.preferred_language)

    @property
    def today(self) -> date:
        """The calendar day of the request in Berlin."""
        return berlin_day(self.now)


def request_context(session: Session | None, sent: RequestHeaders) -> Context[Any]:
    """The context of the present request, now."""
    return Context(
        open_session=session,
        now=clock.now(),
        caller=caller(),
        purpose=sent.purpose,
        if_match=sent.if_match,
        dependencies=current_app.extensions["dependencies"],
        preferred_language=preferred_by_caller(),
    )
