"""The OpenAPI document, written from what the doors check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.api.routes import Route


def document(routes: Sequence[Route], *, title: str, description: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these routes."""
    return {"openapi": "3.1.0", "info": {"title": title, "description": description, "version": "1"}, "paths": {}}
