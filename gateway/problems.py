"""What the gateway itself refuses, as the same problem documents that the services answer with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from shared.http.problems import RETRY_AFTER_SECONDS
from shared.runtime.problem_documents import problem_document
from shared.runtime.server import parser
from shared.texts import Sentence, TextLanguage


@dataclass(frozen=True)
class GatewayProblem:
    """One refusal: how a configuration of nginx names it, and what the client is answered."""

    name: str
    status: int
    text: str
    """The key of its sentence in the catalogue of texts."""
    code: str = ""
    nginx: tuple[int, ...] = ()
    """The statuses with which nginx itself refuses for this reason."""
    retry_after: str = ""
    """The header `Retry-After`, in seconds."""

    @property
    def documents(self) -> Mapping[TextLanguage, str]:
        """The body in every language, as a text of nginx in single quotes; nginx puts the correlation id in."""
        return {language: self._document(language) for language in TextLanguage}

    def _document(self, language: TextLanguage) -> str:
        code = self.code or HTTPStatus(self.status).name.lower()
        sentence = Sentence.of(self.text)
        text = problem_document(self.status, sentence, language, code=code, correlation_id="$correlation_id")
        if "'" in text or text.count("$") != 1:
            raise ValueError(f"nginx would not take the text of {self.name} as it is")
        return f"'{text}'"


GATEWAY_PROBLEMS = (
    GatewayProblem("malformed", 400, parser.TEXTS[400], nginx=(400,)),
    GatewayProblem("ambiguous_path", 400, "path.ambiguous", code="path.ambiguous"),
    GatewayProblem("plain_http", 400, "https.needed", code="https.needed", nginx=(497,)),
    GatewayProblem("unknown_path", 404, "http.not_found", nginx=(404,)),
    GatewayProblem("method", 405, "http.method_not_allowed.unknown", nginx=(405,)),
    GatewayProblem("too_large", 413, parser.TEXTS[413], nginx=(413,)),
    GatewayProblem("foreign_host", 421, "host.unknown", code="host.unknown"),
    GatewayProblem("too_many", 429, "http.too_many_requests", nginx=(429,), retry_after="1"),
    GatewayProblem("headers_too_large", 431, parser.TEXTS[431], nginx=(414, 494)),
    GatewayProblem("failed", 500, parser.TEXTS[500], code="internal", nginx=(500,)),
    GatewayProblem("encoding", 501, parser.TEXTS[501], nginx=(501,)),
    GatewayProblem(
        "unreachable",
        503,
        "service.unreachable",
        code="service.unreachable",
        nginx=(502, 503),
        retry_after=RETRY_AFTER_SECONDS,
    ),
    GatewayProblem("late", 504, "service.late", code="service.late", nginx=(504,), retry_after=RETRY_AFTER_SECONDS),
    GatewayProblem("version", 505, parser.TEXTS[505], nginx=(505,)),
)


def by_name() -> dict[str, GatewayProblem]:
    """Returns the problems by their names."""
    return {each.name: each for each in GATEWAY_PROBLEMS}
