"""The gateway's own refusals speak the language that the services would speak; theirs pass as they are."""

from __future__ import annotations

import pytest

from tests.builders.languages import EN, NO_PREFERENCE, PREFERENCES, TOKENS
from tests.gateway.running import Gateway

SENTENCES = {"de": "Unter dieser Adresse gibt es nichts", "en": "There is nothing at this address"}
SENT = [header for header in NO_PREFERENCE if header is None or (header.isascii() and header.isprintable())]


@pytest.mark.parametrize(("header", "language"), [*PREFERENCES, *((header, EN) for header in SENT)])
def test_a_refusal_of_the_gateway_speaks_the_language_that_is_preferred(
    front: Gateway, header: str | None, language: str
) -> None:
    answer = front.asked("GET", "/metrics", headers={"Accept-Language": header})
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith(SENTENCES[language])
    assert answer.json()["code"] == "not_found"
    assert (answer.headers["Content-Language"], answer.headers["Vary"]) == (language, "Accept-Language")


@pytest.mark.parametrize("header", [None, "", "*", "fr", "de;q=0, en;q=0", "*;q=0"])
@pytest.mark.parametrize(("authorization", "language"), TOKENS)
def test_who_prefers_nothing_is_answered_in_the_language_of_people_or_of_programs(
    front: Gateway, header: str | None, authorization: str | None, language: str
) -> None:
    sent = {"Accept-Language": header, "Authorization": authorization}
    assert front.asked("GET", "/metrics", headers=sent).headers["Content-Language"] == language


@pytest.mark.parametrize(("header", "language"), PREFERENCES)
def test_a_token_decides_nothing_for_who_prefers_a_language(front: Gateway, header: str, language: str) -> None:
    sent = {"Accept-Language": header, "Authorization": TOKENS[0][0]}
    assert front.asked("GET", "/metrics", headers=sent).headers["Content-Language"] == language


def test_what_a_service_says_of_its_language_is_not_said_again(front: Gateway) -> None:
    service = front.services["patient_service"]
    service.headers = [("Content-Language", "de"), ("Vary", "Accept-Language")]
    try:
        answer = front.asked("GET", "/api/patients", headers={"Accept-Language": "en"})
    finally:
        service.headers = []
    assert (answer.headers["Content-Language"], answer.headers["Vary"]) == ("de", "Accept-Language")


def test_an_answer_without_sentences_has_no_language(front: Gateway) -> None:
    answer = front.asked("GET", "/api/patients", headers={"Accept-Language": "de"})
    assert "Content-Language" not in answer.headers
    assert "Vary" not in answer.headers
