"""What the refusal of a change says of the object as it is now."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from shared import database
from shared.http import Context, Resource, Route, endpoint
from shared.security.authentication import ADMINS, COORDINATORS, READERS
from shared.values.enums import Role
from shared.values.schemas import MergePatch
from tests.accounts import signed_in
from tests.shared.http.sample import Bench, BenchFields, BenchItem, BenchView, change, create_app

STALE = {"If-Match": '"7"'}


@pytest.fixture
def bench(stored: FlaskClient) -> Any:
    return stored.post("/api/benches", json={"name": "x"}).json


def test_a_lost_update_shows_the_object_as_it_is_now(stored: FlaskClient, bench: Any) -> None:
    url = f"/api/benches/{bench['id']}"
    now = stored.patch(url, json={"name": "theirs"}).json
    lost = stored.patch(url, json={"name": "mine"}, headers=STALE)
    assert (lost.status_code, lost.content_type) == (412, "application/problem+json")
    assert lost.json["current"] == now == stored.get(url).json
    assert {"updated_by", "updated_at", "code", "errors"} <= lost.json.keys()


def test_whoever_may_not_read_is_not_shown_it(stored: FlaskClient, bench: Any) -> None:
    url = "/api/benches/<uuid:id>"
    app = create_app([Route(url, BenchItem, get=ADMINS, patch=COORDINATORS, delete=ADMINS)])
    address = f"/api/benches/{bench['id']}"
    lost = signed_in(app, Role.COORDINATOR).patch(address, json={"name": "y"}, headers=STALE)
    assert (lost.status_code, lost.json["current"]) == (412, None)
    assert signed_in(app, Role.ADMIN).patch(address, json={"name": "y"}, headers=STALE).json["current"] == bench


class OnlyChanged(Resource):
    """What has no GET at its address."""

    @endpoint(patch=BenchFields, response=BenchView)
    def patch(self, context: Context[None], id: Any, patch: MergePatch) -> Bench:
        """Change a bench."""
        return change(context.session, id, patch, expected_versions=context.if_match)


class Vanishing(OnlyChanged):
    """What is gone when it is looked at."""

    @endpoint(response=BenchView)
    def get(self, context: Context[None], id: Any) -> Bench:
        """Show a bench that somebody has just taken away."""
        context.session.query(Bench).delete()
        return BenchItem.get.endpoint.method(self, context, id)  # type: ignore[no-any-return,attr-defined]


def test_an_address_that_shows_nothing_shows_nothing(stored: FlaskClient, bench: Any) -> None:
    app = create_app([Route("/api/only/<uuid:id>", OnlyChanged, patch=COORDINATORS)])
    lost = app.test_client().patch(f"/api/only/{bench['id']}", json={}, headers=STALE)
    assert (lost.status_code, lost.json["current"]) == (412, None)


def test_an_object_that_is_gone_meanwhile_is_not_found(stored: FlaskClient, bench: Any) -> None:
    app = create_app([Route("/api/gone/<uuid:id>", Vanishing, get=READERS, patch=COORDINATORS)])
    assert app.test_client().patch(f"/api/gone/{bench['id']}", json={}, headers=STALE).status_code == 404


def test_a_refused_change_leaves_nothing(stored: FlaskClient, bench: Any) -> None:
    stored.patch(f"/api/benches/{bench['id']}", json={"name": "mine"}, headers=STALE)
    with database.transaction() as session:
        assert [each.name for each in session.query(Bench)] == ["x"]
