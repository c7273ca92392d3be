"""An endpoint is one call: what its decorator owns, no endpoint does itself."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.events.listeners import Listeners
from shared.http.declaration import Endpoint
from shared.http.replay import NOT_REPLAYED, READ_ONLY
from shared.http.status import routes_of_every_service
from tests.architecture.sources import ROOT, SERVICES, names_in, nodes

OWNED_BY_THE_DECORATOR = {"transaction", "single_statements", "clock", "current_app", "g", "request", "once"}
DECIDES = (ast.If, ast.IfExp, ast.Try, ast.For, ast.While, ast.With, ast.BoolOp, ast.Lambda, ast.FunctionDef)
MANUAL = ROOT / "docs" / "endpoints.md"

API_FILES = sorted(path for service in SERVICES for path in (ROOT / service / "api").glob("*.py"))


def methods(path: Path) -> Iterator[ast.FunctionDef]:
    """The methods of this file that are endpoints."""
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef) and any("endpoint(" in ast.unparse(d) for d in node.decorator_list):
            yield node


def endpoints() -> Iterator[tuple[str, Endpoint]]:
    """Every endpoint of every service, with its method and path."""
    routes: list[Any] = [*routes_of_every_service(Listeners())]
    for service in SERVICES:
        routes += importlib.import_module(f"{service}.api.routes").ROUTES
    for route in routes:
        for method, endpoint, _ in route.endpoints():
            yield f"{method.upper()} {route.path}", endpoint


def test_no_endpoint_opens_a_transaction_or_asks_the_clock_or_flask() -> None:
    """The decorator opens the one transaction, reads the one instant and hands in what the service was wired with."""
    assert len(API_FILES) > 20
    found = {f"{path.relative_to(ROOT)}: {name}" for path in API_FILES for name in names_in(path)}
    assert {each for each in found if each.rpartition(" ")[2] in OWNED_BY_THE_DECORATOR} == set()


@pytest.mark.parametrize("path", API_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_method_makes_one_domain_call_and_decides_nothing(path: Path) -> None:
    """A decision belongs into the domain, where it is tested without HTTP."""
    for method in methods(path):
        *prepared, call = method.body[1:]
        where = f"{path.relative_to(ROOT)}:{method.lineno}"
        assert isinstance(call, ast.Return | ast.Expr), where
        assert isinstance(call.value, ast.Call), where
        assert all(isinstance(each, ast.Assign) for each in prepared), where
        assert not [node for each in method.body for node in ast.walk(each) if isinstance(node, DECIDES)], where


def test_every_post_says_how_a_repeated_key_finds_the_first_response() -> None:
    """A click twice, or a request that is sent again after a broken connection, must have one effect."""
    posts = {name: endpoint for name, endpoint in endpoints() if name.startswith("POST")}
    assert len(posts) > 15
    assert {name for name, endpoint in posts.items() if endpoint.replay is None} == set()


def test_what_only_asks_is_known_by_name() -> None:
    """`READ_ONLY` ignores the key: an endpoint with an effect that says so would have it twice.

    That a placement code was shown is noted each time that it was. That an address is asked for keeps it for a day.
    """
    assert {name for name, endpoint in endpoints() if endpoint.replay == READ_ONLY} == {
        "POST /api/matches",
        "POST /api/contact-forecasts",
        "POST /api/distance-matrix",
        "POST /api/geocode",
        "POST /api/patients/<uuid:id>/placement-code/reveal",
        "POST /api/templates/<uuid:id>/preview",
    }


def test_what_is_never_replayed_is_known_by_name() -> None:
    """`NOT_REPLAYED` ignores the key too: who signs in or out, and what has one effect however often."""
    assert {name for name, endpoint in endpoints() if endpoint.replay == NOT_REPLAYED} == {
        "POST /api/auth/login",
        "POST /api/auth/refresh",
        "POST /api/auth/logout",
        "POST /api/auth/token",
        "POST /api/auth/invitations/accept",
        "POST /api/auth/password-resets",
        "POST /api/auth/password-resets/complete",
        "POST /api/me/password",
        "POST /api/me/otp",
        "POST /reply/<token>",
        "POST /unsubscribe/<token>",
    }


def test_the_examples_of_the_manual_are_the_code() -> None:
    """An example that nobody runs is wrong after the next change."""
    examples = re.findall(r"From `([\w/.]+)`:\n\n```python\n(.*?)```", MANUAL.read_text(), re.DOTALL)
    assert len(examples) >= 2
    for file, example in examples:
        for part in example.strip("\n").split("\n\n\n"):
            assert part in (ROOT / file).read_text(), f"{file} does not contain:\n{part}"


def test_the_manual_names_everything_that_can_be_declared() -> None:
    """What the page leaves out, nobody finds."""
    declared = set(Endpoint.__dataclass_fields__) - {"method"}
    assert {name for name in declared if f"`{name}`" not in MANUAL.read_text()} == set()
