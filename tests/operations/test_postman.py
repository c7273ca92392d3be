"""The Postman collection: every operation of every service once, bodies that are accepted, variables that exist.

That newman sends it without a failure to a running platform is seen by `make postman-run`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from gateway.paths import OF_EVERY_SERVICE, ForwardedPath, forwarded_paths, is_internal
from operations import gateway
from operations.env_file import load
from operations.postman import files
from operations.postman.collection import OF_THE_ENVIRONMENT, SCHEMA, collection, environment, used
from operations.postman.operations import Operation, operations, singular
from operations.postman.walkthrough import STEPS
from shared.http.examples import AN_ID
from shared.runtime import registry
from shared.security.authentication import ANYONE
from tests.accounts import operations as declared_operations
from tests.architecture.sources import ROOT

DOCUMENTS = files.documents()
COLLECTION = collection(DOCUMENTS)
KNOWN = {(each.method.upper(), each.path): each for each in operations(DOCUMENTS)}
VARIABLE = re.compile(r"{{\$?\w+}}")
VALUES = {"registered_on": "2026-01-01", "email": "admin@example.org", "password": "a password"}


def items(folder: Any) -> Iterator[Any]:
    """The requests in a folder and in those in it."""
    for each in folder["item"]:
        yield from items(each) if "item" in each else [each]


ITEMS = list(items(COLLECTION))
(WALKTHROUGH,) = (each for each in COLLECTION["item"] if each["name"] == "Walkthrough")
OF_SERVICES = [each for folder in COLLECTION["item"][2:] for each in items(folder)]

each_item = pytest.mark.parametrize("item", [pytest.param(each, id=each["id"]) for each in ITEMS])


def operation_of(item: Any) -> Operation:
    """The operation that a request calls, by its method and path."""
    path = "/".join(re.sub(r"^:(\w+)$", r"{\1}", part) for part in item["request"]["url"]["path"])
    return KNOWN[item["request"]["method"], f"/{path}"]


def headers(item: Any) -> dict[str, str]:
    return {each["key"]: each["value"] for each in item["request"]["header"]}


def filled_in(text: str) -> str:
    """The text as it is sent, with values that are possible."""
    return VARIABLE.sub(lambda found: VALUES.get(found[0].strip("{}"), AN_ID), text)


def expected_operations() -> set[tuple[str, str]]:
    """Each operation of each service that the gateway passes on, from its routes, at its path there."""
    shared = {name for name, _, _ in declared_operations()}
    found = set()
    for service in registry.names():
        for name, _, _ in declared_operations(service):
            method, path = name.split(" ")
            below = f"/{service}" if name in shared else ""
            if is_internal(path):
                continue
            found.add((method, below + re.sub("<(\\w+)>", r"{\1}", path)))
    return found


def test_every_operation_of_every_service_is_there_once() -> None:
    found = Counter((operation_of(each).method.upper(), operation_of(each).path) for each in OF_SERVICES)
    assert set(found) == expected_operations()
    assert set(found.values()) == {1}
    assert len(found) > 100


def test_the_gateway_passes_each_request_to_the_service_in_whose_folder_it_is() -> None:
    paths = forwarded_paths()
    for each in OF_SERVICES:
        operation = operation_of(each)
        sent = re.sub(r"{\w+}", AN_ID, operation.path)
        (found, *_) = (path for path in paths if re.fullmatch(path.pattern, sent))
        assert found.service == operation.service, sent
    assert ForwardedPath(f"/user_service{OF_EVERY_SERVICE[0]}", "user_service") in paths


def test_each_service_has_a_folder_with_one_for_each_tag() -> None:
    folders = {each["name"]: [inner["name"] for inner in each["item"]] for each in COLLECTION["item"][2:]}
    assert folders == {
        document["info"]["title"]: list(dict.fromkeys(each.tag for each in operations({name: document})))
        for name, document in DOCUMENTS.items()
    }


def test_every_variable_that_is_used_is_defined() -> None:
    """In the collection or in the environment, and each that is defined is used."""
    own = {each["key"] for each in COLLECTION["variable"]}
    of_environment = {each["key"] for each in environment("http://127.0.0.1:8080", {})["values"]}
    assert used(COLLECTION) == own | of_environment
    assert own & of_environment == set()
    assert of_environment == set(OF_THE_ENVIRONMENT)
    assert {each["value"] for each in COLLECTION["variable"] if each["key"].endswith("_id")} == {AN_ID}


def test_every_variable_that_an_answer_sets_is_used() -> None:
    """A name that is spelt in two ways would stay what it was at first."""
    lines = "\n".join(line for each in ITEMS for event in each["event"] for line in event["script"]["exec"])
    set_by_answers = set(re.findall(r'collectionVariables\.set\("(\w+)"', lines)) - {"attempt"}
    unused = {name for name in set_by_answers - used(COLLECTION) if not name.endswith("_etag")}
    assert unused == set()
    assert {"patient_id", "therapist_id", "patient_etag", "placement_request_id", "registered_on"} <= set_by_answers


def test_ids_and_names_are_distinct_where_postman_needs_it() -> None:
    """The next request is set by its id; a folder with two requests of one name confuses whoever reads it."""
    assert len({each["id"] for each in ITEMS}) == len(ITEMS)
    for folder in [WALKTHROUGH, *(inner for each in COLLECTION["item"][2:] for inner in each["item"])]:
        names = [each["name"] for each in folder["item"]]
        assert len(set(names)) == len(names), folder["name"]


TEXT = {"type": "string", "minLength": 1}
PAIR = {"type": "object", "required": ["key", "value"], "properties": {"key": TEXT, "value": {"type": "string"}}}
ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["id", "name", "request", "event"],
    "additionalProperties": False,
    "properties": {
        "id": TEXT,
        "name": TEXT,
        "event": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["listen", "script"],
                "properties": {
                    "listen": {"enum": ["test", "prerequest"]},
                    "script": {
                        "type": "object",
                        "required": ["type", "exec"],
                        "properties": {"type": {"const": "text/javascript"}, "exec": {"type": "array", "items": TEXT}},
                    },
                },
            },
        },
        "request": {
            "type": "object",
            "required": ["method", "header", "url", "description"],
            "additionalProperties": False,
            "properties": {
                "method": {"enum": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
                "description": TEXT,
                "header": {"type": "array", "items": PAIR},
                "auth": {"const": {"type": "noauth"}},
                "url": {
                    "type": "object",
                    "required": ["raw", "host", "path"],
                    "additionalProperties": False,
                    "properties": {
                        "raw": {"type": "string", "pattern": "^{{base_url}}/"},
                        "host": {"const": ["{{base_url}}"]},
                        "path": {"type": "array", "items": TEXT, "minItems": 1},
                        "query": {"type": "array", "items": PAIR},
                        "variable": {"type": "array", "items": PAIR},
                    },
                },
                "body": {
                    "type": "object",
                    "required": ["mode", "raw", "options"],
                    "properties": {"mode": {"const": "raw"}, "options": {"const": {"raw": {"language": "json"}}}},
                },
            },
        },
    },
}
"""What Postman's schema of a request (v2.1.0) says of the parts that we write."""


@each_item
def test_a_request_has_the_form_of_postman_2_1(item: Any) -> None:
    assert list(Draft202012Validator(ITEM).iter_errors(item)) == []
    url = item["request"]["url"]
    assert url["raw"].partition("?")[0] == f"{{{{base_url}}}}/{'/'.join(url['path'])}"
    named = {part[1:] for part in url["path"] if part.startswith(":")}
    assert named == {each["key"] for each in url.get("variable", [])}


def test_the_collection_names_its_form_and_is_the_same_each_time() -> None:
    assert COLLECTION["info"]["schema"] == SCHEMA
    assert UUID(COLLECTION["info"]["_postman_id"])
    assert json.dumps(collection(files.documents())) == json.dumps(COLLECTION)


@each_item
def test_the_body_is_accepted_by_the_schema_of_its_document(item: Any) -> None:
    operation = operation_of(item)
    assert ("body" in item["request"]) == ("requestBody" in operation.described)
    if "body" in item["request"]:
        content, *_ = operation.described["requestBody"]["content"].values()
        schema = {**content["schema"], "components": operation.document["components"]}
        body = json.loads(filled_in(item["request"]["body"]["raw"]))
        assert list(Draft202012Validator(schema).iter_errors(body)) == []


@each_item
def test_headers_are_sent_where_the_document_has_them(item: Any) -> None:
    operation = operation_of(item)
    declared = {each["name"] for each in operation.parameters if each["in"] == "header"}
    sent = headers(item)
    assert ("Idempotency-Key" in declared) == (sent.get("Idempotency-Key") == "{{$guid}}")
    assert ("If-Match" in declared) == ("If-Match" in sent)
    assert ("X-Purpose" in sent) == operation.path.startswith("/api/patients")
    body = item["request"].get("body")
    assert body is None or operation.described["requestBody"]["content"]


@each_item
def test_what_anybody_may_call_is_sent_without_a_token_and_nothing_else(item: Any) -> None:
    is_open = operation_of(item).described["x-roles"] == [ANYONE]
    assert item["request"].get("auth") == ({"type": "noauth"} if is_open else None)
    assert COLLECTION["auth"]["bearer"][0]["value"] == "{{access_token}}"


def test_the_first_request_signs_in_and_keeps_the_token() -> None:
    first = COLLECTION["item"][0]
    assert (first["name"], first["request"]["url"]["raw"]) == ("Sign in", "{{base_url}}/api/auth/login")
    assert json.loads(first["request"]["body"]["raw"]) == {"email": "{{email}}", "password": "{{password}}"}
    assert any('set("access_token"' in line for line in first["event"][0]["script"]["exec"])


def test_what_is_removed_was_used_by_all_others_before() -> None:
    for folder in (inner for each in COLLECTION["item"][2:] for inner in each["item"]):
        calls = [(each["request"]["method"], len(each["request"]["url"]["path"])) for each in folder["item"]]
        removals = [depth for method, depth in calls if method == "DELETE"]
        assert [method for method, _ in calls][len(calls) - len(removals) :] == ["DELETE"] * len(removals)
        assert removals == sorted(removals, reverse=True), folder["name"]


def test_the_walkthrough_tells_the_main_process_of_the_readme() -> None:
    """Each path that README's five requests have, in that order."""
    requests = re.search(r"^## The main process.*?^```\n", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    told = re.findall(r"localhost:8080(/api/[\w/$-]+)", requests[0] if requests else "")
    paths = [re.sub(r"\$\w+", "{id}", path) for path in told]
    steps = iter(each.path for each in STEPS)
    assert len(paths) >= 7
    assert [path for path in paths if path not in steps] == []


@pytest.mark.parametrize("step", [each for each in STEPS if each.query], ids=lambda each: each.name)
def test_the_walkthrough_sends_only_parameters_that_there_are(step: Any) -> None:
    operation = KNOWN[step.method.upper(), step.path]
    assert step.query.keys() <= {each["name"] for each in operation.parameters if each["in"] == "query"}


@pytest.mark.parametrize(
    ("part", "noun"),
    [("patients", "patient"), ("inquiries", "inquiry"), ("phone-calls", "phone_call"), ("me", "me")],
)
def test_an_id_is_named_after_one_of_what_the_path_names(part: str, noun: str) -> None:
    assert singular(part) == noun


# --- the files -------------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(checkout: Path) -> dict[str, str]:
    """Settings with an administrator whose password is known."""
    return load(checkout, {"ADMIN_PASSWORD": "known to nobody else 7", "GATEWAY_PORT": "18080"})


def values_in(file: Path) -> dict[str, str]:
    return {each["key"]: each["value"] for each in json.loads(file.read_text())["values"]}


def test_the_environment_has_no_secret_unless_it_is_asked_for(checkout: Path, settings: dict[str, str]) -> None:
    written, own = files.write(checkout, settings, with_sign_in=False)
    assert values_in(own) == {"base_url": "http://127.0.0.1:18080", "email": "", "password": "", "access_token": ""}
    assert values_in(own)["base_url"] == gateway.url(settings)
    assert json.loads(written.read_text()) == COLLECTION
    assert "known to nobody else" not in written.read_text() + own.read_text()


def test_with_a_sign_in_only_its_owner_reads_it_whatever_was_there_before(
    checkout: Path, settings: dict[str, str]
) -> None:
    _, own = files.write(checkout, settings, with_sign_in=False)
    own.chmod(0o644)
    _, own = files.write(checkout, settings, with_sign_in=True)
    assert values_in(own)["password"] == "known to nobody else 7"
    assert own.stat().st_mode & 0o777 == 0o600
    _, own = files.write(checkout, settings, with_sign_in=False)
    assert values_in(own)["password"] == ""


def test_git_ignores_what_is_written() -> None:
    assert f"{files.FOLDER.parts[0]}/" in (ROOT / ".gitignore").read_text().split()


def test_the_locked_newman_names_no_host_and_has_a_checksum_for_each_package() -> None:
    lock = json.loads((ROOT / "operations/postman/newman/package-lock.json").read_text())
    packages = [each for name, each in lock["packages"].items() if name]
    assert packages
    assert all(each["integrity"].startswith("sha512-") and "resolved" not in each for each in packages)


def test_today_is_after_the_days_of_the_examples() -> None:
    """A day in the future would be refused, as of a consent."""
    consent = DOCUMENTS["patient_service"]["components"]["schemas"]["NewConsent"]["properties"]["given_on"]
    assert datetime.fromisoformat(consent["examples"][0]).replace(tzinfo=UTC) < datetime.now(UTC)
