"""The page at `/docs`: Swagger UI from its package, under a strict policy, below any prefix, without the network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urljoin
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from flask.testing import FlaskClient

from shared.events.listeners import Listeners
from shared.http import openapi
from shared.http.status import routes_of_every_service
from testkit.token_issuer import TokenIssuer, token_issuer
from tests.fakes.browser import CHROMIUM, browsing
from tests.shared.http.sample import ROUTES, create_app

PREFIX = "/benches"


@pytest.mark.parametrize("unsafe", ["unsafe-inline", "unsafe-eval", "http:", "https:", "*"])
def test_the_policy_admits_scripts_of_the_page_alone(client: FlaskClient, unsafe: str) -> None:
    policy = client.get("/docs").headers["Content-Security-Policy"]
    assert unsafe not in policy
    assert re.search(r"default-src 'none'; script-src 'self' 'sha256-\S+'; style-src 'self';", policy)


def test_the_page_loads_only_files_beside_it_and_all_are_there(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    loaded = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert {"docs/swagger-ui.css", "docs/swagger-ui-bundle.js"} <= set(loaded)
    for link in loaded:
        assert not re.match(r"\w+:|/", link)
        answer = client.get(urljoin("/docs", link))
        assert (answer.status_code, bool(answer.get_data())) == (200, True)
        assert "text/html" not in answer.content_type


def test_a_slash_at_the_end_leads_to_the_page_below_whatever_prefix(client: FlaskClient) -> None:
    answer = client.get("/docs/")
    assert urljoin(f"{PREFIX}/docs/", answer.headers["Location"]) == f"{PREFIX}/docs"


@pytest.mark.parametrize("name", ["none.js", "..%2fflask_swagger_ui.py", "%2fetc%2fhostname", ".", "..%2f", "%00"])
def test_no_other_file_is_given(client: FlaskClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404


def test_a_file_that_is_known_is_not_sent_again(client: FlaskClient) -> None:
    first = client.get("/docs/swagger-ui.css")
    again = client.get("/docs/swagger-ui.css", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")


def test_what_every_service_has_is_tried_out_beside_its_document() -> None:
    """A gateway serves one `/api` for all services; what each of them has, it serves below the service's prefix."""
    document = openapi.document(
        [*ROUTES, *routes_of_every_service(Listeners("bench_service"))], title="", description=""
    )
    own = {path for path, item in document["paths"].items() if item.get("servers") == [{"url": "."}]}
    assert own == {
        "/health/live",
        "/health/ready",
        "/metrics",
        "/api/status",
        "/api/dead-letters",
        "/api/dead-letters/{id}",
        "/api/dead-letters/{id}/replay",
        "/api/dead-letters/{id}/discard",
    }
    assert document["servers"] == [{"url": "/"}]


class Silent(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def issuer() -> Iterator[TokenIssuer]:
    with token_issuer() as running:
        yield running


@pytest.fixture
def gateway(issuer: TokenIssuer) -> Iterator[str]:
    """The address of a gateway that serves what is not `/api` below a prefix, of a service that wants tokens."""
    app = create_app(chosen={"auth": "token", "jwks_url": issuer.url})

    def forward(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(PREFIX)
        return app(environ, start_response)

    with make_server("127.0.0.1", 0, forward, WSGIServer, Silent) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
        server.shutdown()
    app.extensions["sign_in"].stop()


TRY_OUT = """(async () => {
  const until = async (find) => {
    for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((done) => setTimeout(done, 20))) {
      const found = find();
      if (found) return found;
    }
    throw new Error(`not there: ${find}`);
  };
  const operation = await until(() => document.querySelector("#operations-%s"));
  operation.querySelector(".opblock-summary-control").click();
  (await until(() => operation.querySelector(".try-out__btn"))).click();
  (await until(() => operation.querySelector(".execute"))).click();
  const answer = await until(() => operation.querySelector(".live-responses-table"));
  return [operation.querySelector(".request-url pre").textContent,
          answer.querySelector("tbody .response-col_status").textContent.trim()];
})()"""
"""Opens an operation, tries it out with the values that are proposed, and reads where it asked and what came back."""


AUTHORIZE = """(async () => {
  const until = async (find) => {
    for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((done) => setTimeout(done, 20))) {
      const found = find();
      if (found) return found;
    }
    throw new Error(`not there: ${find}`);
  };
  (await until(() => document.querySelector(".auth-wrapper .authorize"))).click();
  const input = await until(() => document.querySelector(".auth-container input"));
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, "%s");
  input.dispatchEvent(new Event("input", { bubbles: true }));
  (await until(() => document.querySelector(".auth-btn-wrapper .authorize"))).click();
  (await until(() => document.querySelector(".auth-btn-wrapper .btn-done"))).click();
})()"""
"""Gives the page an access token, as a person does who presses Authorize."""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)")
def test_a_browser_draws_the_page_and_tries_out_operations_below_a_prefix(
    gateway: str, issuer: TokenIssuer, tmp_path: Path
) -> None:
    with browsing(tmp_path) as browser:
        browser.order("Page.navigate", url=f"{gateway}/docs")
        refused = browser.run(TRY_OUT % "plain-put_plain")
        browser.complaints.clear()  # the console notes the 401
        browser.run(AUTHORIZE % issuer.token())
        posted = browser.run(TRY_OUT % "plain-post_plain")
        health = browser.run(TRY_OUT % "operations-get_health_live")
        assert browser.complaints == [], "its policy forbids what the page needs"
    assert refused[1] == "401"
    assert posted == [gateway.removesuffix(PREFIX) + "/api/plain", "201"]
    assert health == [f"{gateway}/health/live", "200"]
