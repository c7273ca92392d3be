"""`/openapi.json`, and `/docs`: a page that shows it and tries it out, without any network beyond this service."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from flask import Flask, Response

from shared.http.service import AccessTable
from shared.security.authentication import ANYONE

PARTS = Path(__file__).parent / "page"


def open_on(app: Flask, document: dict[str, Any]) -> AccessTable:
    """Register both addresses; who may call them."""
    written = json.dumps(document, ensure_ascii=False).encode()
    page, policy = _page(document["info"]["title"])

    def openapi() -> Response:
        return Response(written, content_type="application/json")

    def docs() -> Response:
        return Response(page, headers={"Content-Security-Policy": policy}, content_type="text/html; charset=utf-8")

    app.add_url_rule("/openapi.json", "openapi", openapi)
    app.add_url_rule("/docs", "docs", docs)
    return {("/openapi.json", "GET"): ANYONE, ("/docs", "GET"): ANYONE}


def _page(title: str) -> tuple[str, str]:
    """The page in one piece, and a policy that runs its own script and nothing else."""
    style, script = ((PARTS / name).read_text(encoding="utf-8") for name in ("docs.css", "docs.js"))
    page = (PARTS / "docs.html").read_text(encoding="utf-8")
    for place, part in (("TITLE", escape(title)), ("STYLE", style), ("SCRIPT", script)):
        page = page.replace(f"<!--{place}-->", part)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


def _hash(part: str) -> str:
    return f"'sha256-{b64encode(sha256(part.encode()).digest()).decode()}'"
