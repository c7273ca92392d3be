"""Refusals speak the language that the caller prefers; codes and fields never depend on it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.security.authentication import Caller
from shared.values.enums import Role
from tests.fakes.callers import FixedCaller
from tests.shared.http.sample import create_app

PERSON = UUID("01933f0e-7c3a-7000-8000-abcdefabcdef")
BENCH = "/api/benches/01933f0e-7c3a-7000-8000-abcdefabcdee"

REFUSALS: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("GET", "/api/nothing", {}, "Unter dieser Adresse", "There is nothing"),
    ("DELETE", "/api/failing/conflict", {}, "Diese Adresse kennt", "This address does not take"),
    ("GET", "/api/failing/conflict", {}, "Da sitzt schon jemand.", "Somebody sits there."),
    ("GET", "/api/failing/bug", {}, "Hier ist etwas schiefgegangen", "Something went wrong"),
    (
        "POST",
        "/api/plain",
        {"data": b"{", "content_type": "application/json"},
        "Der Inhalt ist kein",
        "The body is not",
    ),
    ("POST", "/api/plain", {"data": b"x"}, "Senden Sie den Inhalt als", "Send the body as"),
    ("POST", "/api/plain", {"json": {}}, "(name: fehlt und muss angegeben werden)", "(name: is required)"),
    ("POST", "/api/plain", {"json": {"name": None}}, "(name: darf nicht null sein)", "(name: must not be null)"),
    ("POST", "/api/plain", {"json": []}, "(der Inhalt: muss ein Objekt sein)", "(the body: must be an object)"),
    ("PATCH", BENCH, {"json": {}, "headers": {"If-Match": "5"}}, "If-Match muss", "If-Match must"),
    ("GET", "/api/plain?a=1", {}, "(a: ist kein bekanntes Feld)", "(a: is not a known field)"),
    ("GET", "/api/nothing", {"headers": {"Host": "evil.example"}}, "Dieser Rechnername", "This host name"),
]


@pytest.mark.parametrize(("method", "path", "request_parts", "german", "english"), REFUSALS)
def test_a_refusal_is_the_same_in_both_languages_but_for_its_sentences(
    client: FlaskClient, method: str, path: str, request_parts: dict[str, Any], german: str, english: str
) -> None:
    answers = {}
    for language, sentence in (("de", german), ("en", english)):
        sent = request_parts | {"headers": request_parts.get("headers", {}) | {"Accept-Language": language}}
        answer = client.open(path, method=method, **sent)
        assert sentence in answer.json["detail"]
        assert answer.headers["Content-Language"] == language
        assert "Accept-Language" in answer.headers["Vary"]
        fields = [each["field"] for each in answer.json["errors"]]
        answers[language] = (answer.status_code, answer.json["code"], answer.json["title"], fields)
    assert answers["de"] == answers["en"]


def as_person(app: Flask, session_id: UUID | None) -> FlaskClient:
    app.extensions["sign_in"] = FixedCaller(Caller(PERSON, frozenset({Role.ADMIN}), session_id=session_id))
    return app.test_client()


@pytest.mark.parametrize("header", [None, "", "*", "fr", "\u00fc;;;q", "de;q=x, en;q=y", "de" * 5000])
@pytest.mark.parametrize(("session_id", "language"), [(PERSON, "de"), (None, "en")])
def test_without_a_preference_people_are_answered_in_german_and_programs_in_english(
    header: str | None, session_id: UUID | None, language: str
) -> None:
    headers = {} if header is None else {"Accept-Language": header}
    answer = as_person(create_app(), session_id).get("/api/failing/conflict", headers=headers)
    assert (answer.status_code, answer.headers["Content-Language"]) == (409, language)


BEFORE_AN_ENDPOINT: list[tuple[str, str, int, dict[str, Any]]] = [
    ("GET", "/api/nothing", 404, {}),
    ("GET", "/nothing/at/all", 404, {}),
    ("GET", "/api/benches/no-id", 404, {}),
    ("DELETE", "/api/failing/conflict", 405, {}),
    ("POST", "/api/plain", 413, {"data": b"x" * (2 << 20), "content_type": "application/json"}),
    ("POST", "/api/plain", 415, {"data": b"x"}),
    ("GET", "/api/nothing", 421, {"headers": {"Host": "evil.example"}}),
]


@pytest.mark.parametrize(("session_id", "language"), [(PERSON, "de"), (None, "en")])
@pytest.mark.parametrize(("method", "path", "status", "sent"), BEFORE_AN_ENDPOINT)
def test_what_reaches_no_endpoint_is_refused_in_the_same_language(
    method: str, path: str, status: int, sent: dict[str, Any], session_id: UUID | None, language: str
) -> None:
    answer = as_person(create_app(), session_id).open(path, method=method, **sent)
    assert (answer.status_code, answer.headers["Content-Language"]) == (status, language)


def test_who_is_not_recognised_yet_is_a_program(client: FlaskClient) -> None:
    assert client.get("/api/failing/unknown-caller").json["detail"] == "Say who you are."
    german = client.get("/api/failing/unknown-caller", headers={"Accept-Language": "de-CH, en;q=0.5"})
    assert german.json["detail"] == "Sagen Sie, wer Sie sind."
