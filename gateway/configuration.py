"""The configuration of nginx: `nginx.conf.jinja` with the services' paths, limits, headers and problem documents.

What stays open are the settings, which `start.sh` fills in: `@names@`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.paths import ForwardedPath
from gateway.problems import GATEWAY_PROBLEMS, by_name
from shared.http.service_app import KNOWN_METHODS, SAFE_HEADERS
from shared.runtime.health import JSON, liveness
from shared.runtime.problem_documents import MEDIA_TYPE, TOKEN_OF_A_SESSION
from shared.runtime.server import Limits
from shared.runtime.tracing import CORRELATION_ID
from shared.texts import TextLanguage

HERE = Path(__file__).parent
TEMPLATE = HERE / "nginx.conf.template"
"""What `make gateway` writes."""

# what is written is no HTML
_ENVIRONMENT = Environment(  # noqa: S701
    loader=FileSystemLoader(HERE),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def render(paths: Sequence[ForwardedPath], limits: Limits | None = None) -> str:
    """Returns the configuration with these paths, and the limits of the services where no others are given."""
    return _ENVIRONMENT.get_template("nginx.conf.jinja").render(
        paths=paths,
        services=sorted({each.service for each in paths}),
        limits=limits or Limits(),
        problems=GATEWAY_PROBLEMS,
        problem=by_name(),
        correlation_id=CORRELATION_ID.pattern,
        safe_headers=SAFE_HEADERS,
        methods=sorted(KNOWN_METHODS),
        json=JSON,
        problem_json=MEDIA_TYPE,
        languages=list(TextLanguage),
        token_of_a_session=TOKEN_OF_A_SESSION,
        liveness=liveness().decode(),
    )
