"""`/openapi.json`, and `/docs`: Swagger UI, which shows it and sends requests; it loads nothing from other hosts."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import flask_swagger_ui
from flask import Flask, Response, redirect, request, send_from_directory
from werkzeug.wrappers import Response as AnyResponse

from shared.http.service_app import AccessTable
from shared.security.authentication import ANYONE

PAGE = Path(__file__).parent / "page" / "docs.html"
"""Ours: the page of `flask-swagger-ui` names absolute paths, which a gateway's prefix breaks."""
SWAGGER_UI = str(files(flask_swagger_ui) / "dist")


def register_docs(app: Flask, title: str, document: Callable[[], dict[str, Any]]) -> AccessTable:
    """Register the document, the page and the files that the page loads; returns who may call them.

    `document` is called when it is first asked for: most processes never need it, and it takes longer than all else
    that an application does at its start.
    """
    page, policy = _page(title)

    @cache
    def document_bytes() -> bytes:
        return json.dumps(document(), ensure_ascii=False).encode()

    def openapi() -> Response:
        return Response(document_bytes(), content_type="application/json")

    def docs() -> AnyResponse:
        if request.path.endswith("/"):  # the page's links are relative, so that any prefix may stand before them
            return redirect("../docs")
        return Response(page, headers={"Content-Security-Policy": policy}, content_type="text/html; charset=utf-8")

    def docs_file(name: str) -> Response:
        return send_from_directory(SWAGGER_UI, name)

    views: dict[str, Callable[..., AnyResponse]] = {"/openapi.json": openapi, "/docs": docs, "/docs/<name>": docs_file}
    for path, view in views.items():
        app.add_url_rule(path, path, view)
    return {(path, "GET"): ANYONE for path in views}


@cache
def _page(title: str) -> tuple[str, str]:
    """The page, and a policy that runs Swagger UI and the page's own line of script, and nothing else.

    The style sheet of Swagger UI draws its icons from `data:` addresses.
    """
    page = PAGE.read_text(encoding="utf-8").replace("<!--TITLE-->", escape(title))
    start = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    policy = (
        f"default-src 'none'; script-src 'self' {' '.join(map(_hash, start))}; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


def _hash(part: str) -> str:
    return f"'sha256-{b64encode(sha256(part.encode()).digest()).decode()}'"
