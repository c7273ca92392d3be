"""The operations of all services, as the gateway has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from gateway.paths import is_internal
from shared.http.openapi import BEARER, BESIDE_THIS_DOCUMENT

Document = dict[str, Any]

METHODS = ("get", "post", "put", "patch", "delete")
"""In the order in which one object is used: what removes it comes last."""
MADE = (201, 202)
"""Statuses with which something new is answered."""
_VARIABLE = re.compile(r"{(\w+)}")


@dataclass(frozen=True)
class Operation:
    """One operation of a service."""

    service: str
    method: str
    path: str
    """Below the address of the gateway, with variables as `{id}`."""
    path_item: Mapping[str, Any]
    """What its document says of this path: each method's operation."""
    document: Mapping[str, Any]
    """The whole document, for what the operation refers to."""

    @property
    def described(self) -> Mapping[str, Any]:
        """What its document says of it."""
        found: Mapping[str, Any] = self.path_item[self.method]
        return found

    @property
    def name(self) -> str:
        """What it does, in a few words; what follows a semicolon is in the description too."""
        summary: str = self.described["summary"]
        return summary.partition(";")[0]

    @property
    def needs_token(self) -> bool:
        """Whether it is called with an access token; others are open, or read a cookie that Postman keeps."""
        return any(BEARER in each for each in self.described["security"])

    @property
    def tag(self) -> str:
        """The folder in the service's."""
        tag: str = self.described["tags"][0]
        return tag

    @cached_property
    def parameters(self) -> list[Document]:
        """Its parameters beside those of the path."""
        return [self.resolved(each) for each in self.described.get("parameters", [])]

    @property
    def success(self) -> int:
        """The status of a request that succeeds."""
        return int(_success(self.described))

    @property
    def new_id(self) -> str | None:
        """The variable that has the id of the object that it makes, such as `patient_id`; None where it makes none."""
        response = self.described["responses"][str(self.success)]
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        has_id = "id" in self.resolved(schema).get("properties", {})
        return f"{self.subject}_id" if has_id and self.success in MADE and self._is_of_a_collection else None

    @property
    def _is_of_a_collection(self) -> bool:
        """Whether its path has one for each object below it; not so of an action on one object."""
        own = self.path.removeprefix(f"/{self.service}")
        return any(path.startswith(f"{own}/{{") for path in self.document["paths"])

    @property
    def version(self) -> str | None:
        """The variable that has the ETag of the object at this path; None where no answer there has one."""
        methods = [self.path_item[each] for each in METHODS if each in self.path_item]
        has_one = any("ETag" in each["responses"][_success(each)].get("headers", {}) for each in methods)
        return f"{self.subject}_etag" if has_one and (self.method != "post" or self.new_id) else None

    @property
    def statuses(self) -> list[int]:
        """The statuses of its document that are no trouble of the server."""
        return [int(each) for each in self.described["responses"] if each.isdigit() and each < "500"]

    @property
    def subject(self) -> str:
        """The noun of the last part of the path that is no variable: `patient` of `/api/patients/{id}`."""
        return singular([part for part in self.path.split("/") if part and not _VARIABLE.search(part)][-1])

    def ids(self) -> Iterator[tuple[str, str]]:
        """Each variable of the path with the collection's variable that has its value: `id`, `patient_id`."""
        parts = self.path.split("/")
        for before, part in pairwise(parts):
            if found := _VARIABLE.fullmatch(part):
                yield found[1], f"{singular(before)}_id"

    def resolved(self, schema: Mapping[str, Any]) -> Document:
        """What a schema or parameter refers to; itself where it refers to nothing."""
        found: Any = schema
        while "$ref" in found:
            kind, name = found["$ref"].split("/")[-2:]
            found = self.document["components"][kind][name]
        return dict(found)


def operations(documents: Mapping[str, Mapping[str, Any]]) -> list[Operation]:
    """Returns the operations of these documents by service that the gateway passes on, in the documents' order."""
    return [each for service, document in documents.items() for each in _of(service, document)]


def _of(service: str, document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        if is_internal(path):
            continue
        below = f"/{service}" if item.get("servers") == BESIDE_THIS_DOCUMENT else ""
        for method in METHODS:
            if method in item:
                yield Operation(service, method, below + path, item, document)


def _success(described: Mapping[str, Any]) -> str:
    statuses: list[str] = list(described["responses"])
    return next(each for each in statuses if each.startswith("2"))


def singular(plural: str) -> str:
    """Returns the noun of a part of a path, as variables are named: `phone_call` of `phone-calls`."""
    name = plural.replace("-", "_")
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name.removesuffix("s")
