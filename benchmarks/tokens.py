"""What checking an access token costs: alone, and in requests that do little else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import DEVNULL, Popen

from benchmarks.figures import Figure, at_most, quantile, share_at_least
from benchmarks.load import alternately, throughput
from operations import probes
from operations.errors import NotReady
from operations.ports import reserve_block
from operations.services import environment
from shared.runtime.worker_port import WORKER_PORT_DISTANCE
from shared.security.keys import TokenKeys
from shared.security.sign_in import TokenSignIn
from shared.security.tokens import TokenRules
from testkit.private_platform import ROOT, PrivatePlatform
from testkit.token_issuer import ISSUER, TokenIssuer, token_issuer

CHECKS = 5000
CONNECTIONS, SECONDS, ROUNDS = 8, 4.0, 3
PATH = "/api/holidays?from=2026-11-01&to=2026-11-30&federal_state=NW"
"""An answer from memory: the dearest case for whatever every request costs."""


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure the check, the fetches that it causes, and requests per second with and without it."""
    with token_issuer() as issuer:
        return [*_check(issuer), _requests(platform, issuer)]


def _check(issuer: TokenIssuer) -> Iterator[Figure]:
    keys = TokenKeys(issuer.url, grace_seconds=7200)
    keys.start()
    while not keys.by_id:
        time.sleep(0.01)
    sign_in = TokenSignIn(TokenRules(ISSUER, ISSUER), keys)
    asked = issuer.asked
    times = [_milliseconds(sign_in, issuer.token()) for _ in range(CHECKS)]
    keys.stop()
    yield at_most("checking an access token, p50", quantile(times, 0.5), "ms", 0.3)
    yield at_most(f"fetches of keys during {CHECKS:,} checks", issuer.asked - asked, "fetches", 0)


def _milliseconds(sign_in: TokenSignIn, token: str) -> float:
    environ = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    started = time.perf_counter()
    sign_in.caller(environ)
    return (time.perf_counter() - started) * 1000


def _requests(platform: PrivatePlatform, issuer: TokenIssuer) -> Figure:
    headers = {"Authorization": f"Bearer {issuer.token(lifetime=3600)}"}
    with (
        _web(platform, AUTH="token", JWKS_URL=issuer.url) as checked,
        _web(platform, AUTH="none") as unchecked,
    ):
        with_tokens, without = alternately(
            ROUNDS,
            lambda: _run(checked, headers),
            lambda: _run(unchecked, headers),
        )
    return share_at_least(
        "requests with tokens against those without", with_tokens, "requests/s", 0.7, baseline=without
    )


def _run(address: str, headers: dict[str, str]) -> float:
    return throughput(f"{address}{PATH}", connections=CONNECTIONS, seconds=SECONDS, expected=200, headers=headers)


@contextmanager
def _web(platform: PrivatePlatform, **chosen: str) -> Iterator[str]:
    """Runs a web process of the geocoding service with these settings; yields its address."""
    port = reserve_block(1, also_at=WORKER_PORT_DISTANCE)
    own = environment("geocoding_service", platform.settings, process="web") | chosen
    command = [str(ROOT / ".venv/bin/python"), "-m", "geocoding_service", "web"]
    address = f"http://127.0.0.1:{port}"
    with Popen(
        command, cwd=ROOT, env=own | {"GEOCODING_SERVICE_PORT": str(port)}, stdout=DEVNULL, stderr=DEVNULL
    ) as process:
        try:
            _until_ready(f"{address}/health/ready")
            yield address
        finally:
            process.terminate()


def _until_ready(url: str) -> None:
    for _ in range(300):
        try:
            return probes.answers_http(url)
        except NotReady:
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not become ready")
