"""What the OpenAPI documents say: how bodies are refused, what each field means, and an example of each text of input
that has a form."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from shared.events.listeners import Listeners
from shared.http.openapi import document
from shared.http.routes import Route
from shared.http.status import routes_of_every_service
from tests.architecture.sources import SERVICES, sources
from user_service.domain.passwords import weakness

each_service = pytest.mark.parametrize("service", SERVICES)


def routes(service: str) -> list[Route]:
    return [*routes_of_every_service(Listeners()), *importlib.import_module(f"{service}.api.routes").ROUTES]


@cache
def described(service: str) -> Any:
    return document(routes(service), title=service, description="")


def operations(service: str) -> Iterator[tuple[str, Any]]:
    for path, methods in described(service)["paths"].items():
        yield from ((f"{method} {path}", each) for method, each in methods.items() if "operationId" in each)


def bodies(service: str) -> Iterator[tuple[str, Any]]:
    for name, operation in operations(service):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            yield name, content


def input_fields(service: str) -> Iterator[tuple[str, Any]]:
    """Every field of a body, also inside of others, and every parameter of a query, by its path."""
    for name, operation in operations(service):
        for parameter in operation.get("parameters", []):
            if parameter.get("in") == "query":
                yield f"{name} {parameter['name']}", parameter["schema"]
    for name, content in bodies(service):
        yield from fields(name, content["schema"], service)


def output_fields(service: str) -> Iterator[tuple[str, Any]]:
    """Every field of the responses that succeed, also inside of others, by its path."""
    for name, operation in operations(service):
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values() if status.startswith("2") else ():
                yield from fields(name, content["schema"], service)


def fields(path: str, schema: Any, service: str) -> Iterator[tuple[str, Any]]:
    schema = resolved(schema, service)
    if "properties" not in schema:  # the views of a list
        for each in schema.get("anyOf", []):
            yield from fields(path, each, service)
    for name, field in schema.get("properties", {}).items():
        yield f"{path} {name}", field
        for part in parts(field, service):
            yield from fields(f"{path} {name}", part, service)


def parts(field: Any, service: str) -> list[Any]:
    """The schemas of which a field is made: itself, its alternatives, the items of its list.

    What stands beside the fields of an object is a rule across them and no alternative.
    """
    direct = [resolved(field, service)]
    if "properties" not in direct[0]:
        direct += [part for each in direct[0].get("anyOf", []) for part in parts(each, service)]
    return [*direct, *(part for each in list(direct) if "items" in each for part in parts(each["items"], service))]


def resolved(schema: Any, service: str) -> Any:
    if "$ref" not in schema:
        return schema
    return described(service)["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]


OF_A_WEEK = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "start", "end"}
"""The parts of weekly hours, which are described as a whole."""


def described_parts(field: Any) -> list[Any]:
    """Where a description of the field itself may stand: what it refers to describes the kind, not the field."""
    return [field, *field.get("anyOf", [])]


@each_service
def test_every_input_field_has_a_description(service: str) -> None:
    found = [(path, field) for path, field in input_fields(service) if path.split()[-1] not in OF_A_WEEK]
    assert found
    assert [path for path, field in found if not any("description" in part for part in described_parts(field))] == []


@each_service
def test_every_output_field_has_a_description(service: str) -> None:
    found = [(path, field) for path, field in output_fields(service) if path.split()[-1] not in OF_A_WEEK]
    assert len(found) > 20
    assert [path for path, field in found if not any("description" in part for part in described_parts(field))] == []


@each_service
def test_a_value_of_input_is_of_one_kind(service: str) -> None:
    """Of a value that may be of two kinds a refusal says once for each what it is not, by names that are ours."""
    alternatives = [
        (path, [each for each in part.get("anyOf", []) if each.get("type") != "null"])
        for path, field in input_fields(service)
        for part in parts(field, service)
    ]
    assert any(several for _, several in alternatives)
    assert sorted({path for path, several in alternatives if len(several) > 1}) == []


@each_service
def test_every_text_of_a_form_has_an_example_of_that_form(service: str) -> None:
    """Otherwise a page such as Swagger's invents a text from the pattern, and staff send it."""
    formed = [(path, part) for path, field in input_fields(service) for part in parts(field, service)]
    formed = [(path, part) for path, part in formed if "pattern" in part]
    assert formed
    assert sorted({path for path, part in formed if not part.get("examples")}) == []
    wrong = {
        path for path, part in formed for each in part["examples"] if not Draft202012Validator(part).is_valid(each)
    }
    assert sorted(wrong) == []


@each_service
def test_the_example_of_a_body_is_valid_for_its_schema(service: str) -> None:
    components = described(service)["components"]
    for name, content in bodies(service):
        schema = {**content["schema"], "components": components}
        problems = list(Draft202012Validator(schema).iter_errors(content["example"]))
        assert not problems, (name, problems)


@each_service
def test_the_service_itself_accepts_the_example_of_a_body(service: str) -> None:
    """Its rules across fields, too, which the document cannot say."""
    examples = {name: content["example"] for name, content in bodies(service)}
    read = 0
    for route in routes(service):
        path = route.path.replace("<uuid:", "{").replace("<", "{").replace(">", "}")
        for method, endpoint, _ in route.endpoints():
            if endpoint.body is not None:
                TypeAdapter(endpoint.body).validate_python(examples[f"{method} {path}"], strict=False)
                read += 1
    assert read


def test_an_example_gives_no_right_that_nobody_asked_for_and_is_no_password() -> None:
    """They are sent unchanged from "Try it out"."""
    examples = {name: content["example"] for name, content in bodies("user_service")}
    assert examples["post /api/users"]["roles"] == ["coordinator"]
    assert examples["post /api/machine-accounts"] == {"name": "scraper", "scopes": ["imports.start"]}
    chosen = [example["new_password"] for example in examples.values() if "new_password" in example]
    assert len(chosen) >= 2
    assert all(map(weakness, chosen))


def test_an_example_says_what_could_be_sent() -> None:
    examples = {f"{service} {name}": each["example"] for service in SERVICES for name, each in bodies(service)}
    assert examples["therapist_service post /api/imports"]["file"].startswith("therapists_")
    empty = [name for name, example in examples.items() if " patch " in name and not example]
    # a number or a day, and lists that may be empty: none of them has an example
    assert empty == [f"matching_service patch /api/{each}/{{id}}" for each in ("placement-requests", "contact-plans")]


def test_an_example_of_a_patient_has_what_the_interview_and_the_intake_bring() -> None:
    """A status in an example is one that a new patient can get: it is the field's own, not the first of all."""
    examples = {name: content["example"] for name, content in bodies("patient_service")}
    assert {"consultation", "anamnesis", "diagnoses", "postal_code"} <= examples["post /api/patients"].keys()
    assert examples["post /api/patients/{id}/status"] == {"status": "searching"}


@each_service
def test_names_of_schemas_can_be_read(service: str) -> None:
    """Where two schemas have one name, Pydantic puts the paths of their modules in front."""
    assert [name for name in described(service)["components"]["schemas"] if "__" in name] == []


def test_every_member_of_a_problem_is_described() -> None:
    written = re.compile(r"""members(?:\["(\w+)"\]|(?:: dict\[str, Any\])? = \{"(\w+)")""")
    texts = [path.read_text() for path in sources("shared", *SERVICES)]
    found = {name for text in texts for each in written.findall(text) for name in each if name}
    schemas = described("patient_service")["components"]["schemas"]
    known = schemas["Problem"]["properties"] | schemas["LostUpdate"]["allOf"][1]["properties"]
    assert {"candidates", "merged_into", "services", "current"} <= found <= known.keys()


@each_service
def test_every_operation_with_a_body_says_how_a_bad_one_is_refused(service: str) -> None:
    """Also a DELETE that takes one."""
    for name, operation in operations(service):
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= set(operation["responses"]), name
