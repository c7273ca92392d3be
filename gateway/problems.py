"""What the gateway itself refuses, as the same problem documents that the services answer with."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from shared.http.problems import RETRY_AFTER_SECONDS, SENTENCES
from shared.runtime.problem_documents import problem_document
from shared.runtime.server import parser


@dataclass(frozen=True)
class GatewayProblem:
    """One refusal: how a configuration of nginx names it, and what the client is answered."""

    name: str
    status: int
    detail: str
    code: str = ""
    nginx: tuple[int, ...] = ()
    """The statuses with which nginx itself refuses for this reason."""
    retry_after: str = ""
    """The header `Retry-After`, in seconds."""

    @property
    def document(self) -> str:
        """The body, as a text of nginx in single quotes; nginx puts the correlation id in."""
        code = self.code or HTTPStatus(self.status).name.lower()
        text = problem_document(self.status, code, self.detail, correlation_id="$correlation_id")
        if "'" in text or text.count("$") != 1:
            raise ValueError(f"nginx would not take the text of {self.name} as it is")
        return f"'{text}'"


GATEWAY_PROBLEMS = (
    GatewayProblem("malformed", 400, parser.SENTENCES[400], nginx=(400,)),
    GatewayProblem(
        "ambiguous_path",
        400,
        "The path has an empty or dotted part, or an encoded slash, backslash or NUL: write it as it is.",
        code="path.ambiguous",
    ),
    GatewayProblem(
        "plain_http",
        400,
        "This port speaks HTTPS; the address begins with https://.",
        code="https.needed",
        nginx=(497,),
    ),
    GatewayProblem("unknown_path", 404, SENTENCES[HTTPStatus.NOT_FOUND], nginx=(404,)),
    GatewayProblem("method", 405, "This method is not known here.", nginx=(405,)),
    GatewayProblem("too_large", 413, parser.SENTENCES[413], nginx=(413,)),
    GatewayProblem(
        "foreign_host",
        421,
        "This host name is not ours; the setting ALLOWED_HOSTS lists our names.",
        code="host.unknown",
    ),
    GatewayProblem(
        "too_many",
        429,
        "More requests came from this address than one client may send; wait, and send fewer at once.",
        nginx=(429,),
        retry_after="1",
    ),
    GatewayProblem("headers_too_large", 431, parser.SENTENCES[431], nginx=(414, 494)),
    GatewayProblem("failed", 500, parser.SENTENCES[500], code="internal", nginx=(500,)),
    GatewayProblem("encoding", 501, parser.SENTENCES[501], nginx=(501,)),
    GatewayProblem(
        "unreachable",
        503,
        "The service behind this address does not answer at the moment. Please try again.",
        code="service.unreachable",
        nginx=(502, 503),
        retry_after=RETRY_AFTER_SECONDS,
    ),
    GatewayProblem(
        "late",
        504,
        "The service did not answer in time; it may have done what was asked. Please look, or repeat the request with "
        "its Idempotency-Key.",
        code="service.late",
        nginx=(504,),
        retry_after=RETRY_AFTER_SECONDS,
    ),
    GatewayProblem("version", 505, parser.SENTENCES[505], nginx=(505,)),
)


def by_name() -> dict[str, GatewayProblem]:
    """Returns the problems by their names."""
    return {each.name: each for each in GATEWAY_PROBLEMS}
