"""The whole collection: the sign-in, the walkthrough, and a folder for each service with one for each tag in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from operations.postman.items import SIGN_IN, item_of
from operations.postman.operations import Document, Operation, operations
from operations.postman.walkthrough import walkthrough
from shared.http.examples import AN_ID

NAME = "Psychotherapy matching platform"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
OF_THE_ENVIRONMENT = ("base_url", "email", "password", "access_token")
ABOUT = """\
Every operation of every service, through the gateway. Choose the environment that was written beside this collection,
put your e-mail address and password in it, and send "Sign in" first: it keeps the access token, which is valid for five
minutes. "Walkthrough" is the main process from a new patient to the first session; run it as a folder, since some of
its requests wait for events. What a request makes is kept in a variable such as `patient_id`, which later requests use.

Written by `make postman` from the OpenAPI documents; changes are lost when it is written again.
"""
FIRST = {"purpose": "Postman", "registered_on": "2026-01-01"}
"""What these variables are before an answer sets them."""
_USED = re.compile(r"{{(\w+)}}")


def collection(documents: Mapping[str, Mapping[str, Any]]) -> Document:
    """Returns the collection of these OpenAPI documents by service."""
    known = operations(documents)
    sign_in = item_of(next(each for each in known if (each.method, each.path) == SIGN_IN))
    items = [
        sign_in | {"id": "sign-in", "name": "Sign in"},
        walkthrough(known),
        *(_service(name, document, known) for name, document in documents.items()),
    ]
    return {
        "info": {
            "_postman_id": str(uuid5(NAMESPACE_URL, NAME)),
            "name": NAME,
            "description": ABOUT,
            "schema": SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{access_token}}", "type": "string"}]},
        "variable": [{"key": name, "value": _first(name)} for name in sorted(used(items) - {*OF_THE_ENVIRONMENT})],
        "item": items,
    }


def used(value: Any) -> set[str]:
    """Returns the names of the variables that are filled in anywhere in it; not those that Postman makes up."""
    if isinstance(value, str):
        return set(_USED.findall(value))
    parts: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for part in parts for name in used(part)}


def _first(name: str) -> str:
    """What a variable is before an answer sets it; of ids that of nobody, of ETags any version."""
    if name.endswith("_id"):
        return AN_ID
    return "*" if name.endswith("_etag") else FIRST[name]


def _service(name: str, document: Mapping[str, Any], known: Iterable[Operation]) -> Document:
    folders: dict[str, list[Operation]] = {}
    for each in known:
        if each.service == name:
            folders.setdefault(each.tag, []).append(each)
    info = document["info"]
    items = [{"name": tag, "item": list(map(item_of, _removals_last(found)))} for tag, found in folders.items()]
    return {"name": info["title"], "description": info["description"], "item": items}


def _removals_last(found: Sequence[Operation]) -> list[Operation]:
    """In the documents' order, but an object is removed after all that is in it, and after its last use."""
    removals = [each for each in found if each.method == "delete"]
    innermost_first = sorted(removals, key=lambda each: each.path.count("/"), reverse=True)
    return [*(each for each in found if each.method != "delete"), *innermost_first]


def environment(base_url: str, sign_in: Mapping[str, str]) -> Document:
    """Returns the environment of one platform; `email` and `password` are empty where the sign-in has none."""
    values = {"base_url": base_url, "email": "", "password": "", "access_token": "", **sign_in}
    secret = ("password", "access_token")
    return {
        "id": str(uuid5(NAMESPACE_URL, base_url)),
        "name": f"{NAME} at {base_url}",
        "values": [
            {"key": name, "value": values[name], "type": "secret" if name in secret else "default", "enabled": True}
            for name in OF_THE_ENVIRONMENT
        ],
        "_postman_variable_scope": "environment",
    }
