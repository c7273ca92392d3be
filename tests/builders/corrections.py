"""Corrections of what practices answered, over HTTP."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient


def post(client: FlaskClient, request: Any, verb: str, **body: Any) -> Any:
    return client.post(f"/api/placement-requests/{request}/{verb}", json=body)


def corrected(client: FlaskClient, request: Any, outcome: str | None, **more: Any) -> Any:
    answer = post(client, request, "correct", outcome=outcome, reason="typed into the wrong line", **more)
    assert answer.status_code == 200, answer.text
    return answer.json


def log(client: FlaskClient, request: Any) -> list[dict[str, Any]]:
    return list(client.get(f"/api/placement-requests/{request}/history").json["items"])
