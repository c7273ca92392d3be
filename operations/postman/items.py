"""One request of the collection: what Postman sends for an operation, and what it does with the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from operations.postman.operations import Document, Operation
from shared.http.examples import AN_ID, example_of

PATIENTS = "/api/patients"
"""Below this path a patient's file is read, and the purpose is recorded with the read."""

SIGN_IN = ("post", "/api/auth/login")
OWN_BODIES: Mapping[tuple[str, str], Any] = {SIGN_IN: {"email": "{{email}}", "password": "{{password}}"}}
"""Bodies in place of the document's examples: nobody signs in with an example."""

OWN_QUERIES: Mapping[str, Mapping[str, str]] = {
    "/api/geocode": {"postal_code": "52062"},
    "/api/distance": {"from_postal_code": "52062", "to_postal_code": "50667"},
}
"""Parameters that are sent although each may be left out: a document cannot say that one of several is needed."""


def item_of(operation: Operation) -> Document:
    """The request of one operation, as its document describes it; its test accepts every declared refusal."""
    body = OWN_BODIES.get((operation.method, operation.path), example_body(operation))
    statuses = ", ".join(map(str, operation.statuses))
    expected = f"pm.expect(pm.response.code).to.be.oneOf([{statuses}])"
    test = f'pm.test("is answered as its document says", () => {expected});'
    return item(operation, body=body, test=[test], query=OWN_QUERIES.get(operation.path))


def item(
    operation: Operation,
    *,
    body: Any,
    test: Sequence[str],
    name: str | None = None,
    id_prefix: str = "",
    query: Mapping[str, str] | None = None,
) -> Document:
    """A request of an operation with this body and these parameters; after it the `test` runs."""
    found: Document = {
        "id": f"{id_prefix}{operation.service}.{operation.described['operationId']}",
        "name": name or operation.name,
        "request": {
            "method": operation.method.upper(),
            "header": list(_headers(operation)),
            "url": _url(operation, query or {}),
            "description": f"{operation.described['summary']}.\n\n{operation.described['description']}",
        },
        "event": [_script([*test, *_keep(operation)])],
    }
    if not operation.needs_token:
        found["request"]["auth"] = {"type": "noauth"}
    if body is not None:
        found["request"]["body"] = _body(body)
    return found


def _script(lines: Sequence[str]) -> Document:
    """A script that runs after the answer."""
    return {"listen": "test", "script": {"type": "text/javascript", "exec": list(lines)}}


def variable(name: str) -> str:
    """How a variable is written that Postman fills in."""
    return f"{{{{{name}}}}}"


def example_body(operation: Operation) -> Any:
    """The document's example, with the ids of what the collection has made; None where there is no body."""
    if "requestBody" not in operation.described:
        return None
    content, *_ = operation.described["requestBody"]["content"].values()
    return _with_variables(content["example"])


def _with_variables(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _with_variables(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_variables(each, name.removesuffix("s")) for each in value]
    return variable(name) if value == AN_ID and name.endswith("_id") else value


def _headers(operation: Operation) -> Iterator[Document]:
    values = {"Idempotency-Key": "{{$guid}}", "If-Match": variable(operation.version) if operation.version else "*"}
    if operation.path.startswith(PATIENTS):
        values["X-Purpose"] = "{{purpose}}"
    for each in operation.parameters:
        if each["in"] == "header" and each["name"] in values:
            yield {"key": each["name"], "value": values[each["name"]], "description": each["description"]}


def _url(operation: Operation, query: Mapping[str, str]) -> Document:
    ids = dict(operation.ids())
    path = [f":{part[1:-1]}" if part[1:-1] in ids else part for part in operation.path.strip("/").split("/")]
    parameters = [_parameter(operation, each, query) for each in operation.parameters if each["in"] == "query"]
    sent = "&".join(f"{each['key']}={each['value']}" for each in parameters if not each["disabled"])
    found: Document = {
        "raw": f"{{{{base_url}}}}/{'/'.join(path)}{f'?{sent}' if sent else ''}",
        "host": ["{{base_url}}"],
        "path": path,
    }
    if parameters:
        found["query"] = parameters
    if ids:
        found["variable"] = [{"key": key, "value": variable(name)} for key, name in ids.items()]
    return found


def _parameter(operation: Operation, parameter: Document, query: Mapping[str, str]) -> Document:
    name, schema = parameter["name"], parameter["schema"]
    value = query.get(name, schema.get("default") or example_of(schema, operation.document["components"]["schemas"]))
    return {
        "key": name,
        "value": _text(value),
        "description": schema.get("description", ""),
        "disabled": not (parameter["required"] or name in query),
    }


def _text(value: Any) -> str:
    """How a parameter is written; several values are one parameter, separated by commas."""
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return value if isinstance(value, str) else json.dumps(value)


def _body(body: Any) -> Document:
    return {
        "mode": "raw",
        "raw": json.dumps(body, indent=2, ensure_ascii=False),
        "options": {"raw": {"language": "json"}},
    }


def _keep(operation: Operation) -> Iterator[str]:
    """What later requests need of the answer: the token, the id of a new object, the version of one that is shown."""
    if (operation.method, operation.path) == SIGN_IN:
        yield 'if (pm.response.code === 200) pm.environment.set("access_token", pm.response.json().access_token);'
    if operation.new_id:
        yield (
            f"if (pm.response.code === {operation.success}) "
            f'pm.collectionVariables.set("{operation.new_id}", pm.response.json().id);'
        )
    if operation.version:
        yield (
            'if (pm.response.headers.has("ETag")) '
            f'pm.collectionVariables.set("{operation.version}", pm.response.headers.get("ETag"));'
        )
