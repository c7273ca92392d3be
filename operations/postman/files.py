"""The files of `make postman`, from the code of this checkout and the addresses in its settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from operations import gateway
from operations.env_file import write_private
from operations.postman.collection import collection, environment
from operations.postman.operations import Document
from shared.http.openapi import document
from shared.http.status import routes_of_every_service
from shared.runtime import registry
from shared.runtime.service import Service

FOLDER = Path("build") / "postman"
COLLECTION = "platform.postman_collection.json"
ENVIRONMENT = "platform.postman_environment.json"


def write(root: Path, settings: Mapping[str, str], *, with_sign_in: bool) -> list[Path]:
    """Write the collection and its environment below `build/`, which nobody commits; returns the files.

    `settings` say where the platform is. The environment has the first administrator's password only `with_sign_in`;
    nobody else can read it either way.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    own = environment(gateway.url(settings), _sign_in(settings) if with_sign_in else {})
    return [_written(folder / COLLECTION, collection(documents())), _written(folder / ENVIRONMENT, own)]


def documents() -> dict[str, Document]:
    """Returns the OpenAPI documents of all services of this checkout."""
    return {name: _document(registry.load(name)) for name in registry.names()}


def _document(service: Service[Any, Any]) -> Document:
    routes = [*service.routes(), *routes_of_every_service(service.listeners)]
    return document(routes, title=service.title, description=service.description)


def _sign_in(settings: Mapping[str, str]) -> dict[str, str]:
    return {"email": settings["ADMIN_EMAIL"], "password": settings["ADMIN_PASSWORD"]}


def _written(file: Path, content: Document) -> Path:
    write_private(file, json.dumps(content, indent=2, ensure_ascii=False))
    return file
