"""The description of each dialect: every operation, every way in which it can fail, and examples that are true."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client
from django.urls import resolve
from drf_spectacular import validation
from drf_spectacular.drainage import GENERATOR_STATS
from jsonschema import Draft202012Validator

from livehub.api.wire import WIRES
from tests.api.clients import ApiClient, read
from tests.api.operations import SCHEMAS, WITH_KEY, Operation

Document = dict[str, Any]
# What a description of OpenAPI 3.1 has to be.
_RULES = json.loads((Path(validation.__file__).parent / "openapi_3_1_schema.json").read_text())
VENDORS = {"v2": "organizationKey", "client": "apiToken", "liveapi": "tokenPair", "cloudinary": "apiKeyPair"}


def address(root: str) -> str:
    return next(schema.template for schema in SCHEMAS if schema.template.split("/")[1] == root)


@cache
def described(root: str) -> Document:
    """Return the description of the dialect whose paths begin with this."""
    response = Client().get(address(root))
    assert response.status_code == 200
    return read(response)  # type: ignore[arg-type]  # Django's test client has a response class of its own.


def whole(document: Document, schema: object) -> Document:
    """Return the schema with what it refers to."""
    return {"components": document["components"], "allOf": [schema]}


def examples(document: Document) -> Iterator[tuple[str, object, object]]:
    """Yield where each example stands, its schema and itself."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            bodies = {"request": operation.get("requestBody", {"content": {}}), **operation["responses"]}
            for name, body in bodies.items():
                for content in body["content"].values():
                    place = f"{method} {path} {name}"
                    yield from (
                        (place, content["schema"], each["value"]) for each in content.get("examples", {}).values()
                    )


@pytest.mark.parametrize("root", [wire.root for wire in WIRES])
class TestDocument:
    def test_is_a_valid_one_of_openapi_3_1(self, root: str) -> None:
        document = described(root)

        assert document["openapi"].startswith("3.1.")
        # In Python it takes 2 s of a core.
        jsonschema_rs.validate(_RULES, document)

    def test_is_made_without_a_complaint(self, root: str) -> None:
        # Made anew: only the complaints about the newest one are kept.
        given = vars(resolve(address(root)).func)["view_initkwargs"]
        given["document"].__dict__.pop("body", None)
        Client().get(address(root))

        assert not GENERATOR_STATS

    def test_holds_its_own_dialect_only(self, root: str) -> None:
        assert {path.split("/")[1] for path in described(root)["paths"]} <= {root}

    def test_has_no_two_operations_of_one_name(self, root: str) -> None:
        names = [each["operationId"] for methods in described(root)["paths"].values() for each in methods.values()]

        assert len(names) == len(set(names))

    def test_has_examples_that_are_what_it_describes(self, root: str) -> None:
        document = described(root)

        for place, schema, example in examples(document):
            complaints = list(Draft202012Validator(whole(document, schema)).iter_errors(example))
            assert not complaints, (place, complaints)


@pytest.mark.parametrize("operation", WITH_KEY, ids=str)
def test_operation_is_described_with_its_failures(operation: Operation) -> None:
    root = operation.template.split("/")[1]
    document = described(root)
    found = document["paths"][operation.template][operation.method.lower()]

    expected = {"401", "403", "429", "503"}
    if operation.arguments:
        expected.add("404")
    if operation.method != "GET":
        expected.add("415")
    if operation.method in {"POST", "PUT", "PATCH"}:
        expected |= {"400", "413", "422"}
    if operation.method == "POST":
        expected.add("409")
    if any(each["in"] == "query" for each in found.get("parameters", [])):
        expected.add("400")
    assert expected <= found["responses"].keys()
    assert [status for status in found["responses"] if status.startswith("2")]
    for answer in found["responses"].values():
        # An image is no example of anything, nor is a line.
        if not all(content_type.startswith(("image/", "text/")) for content_type in answer["content"]):
            assert answer["content"]["application/json"]["examples"]
    headers = [each["name"] for each in found.get("parameters", []) if each["in"] == "header"]
    assert headers == (["Idempotency-Key"] if operation.method == "POST" else [])
    assert found["summary"]
    assert found["security"] == [{VENDORS[root]: []}]


def test_every_operation_and_nothing_else_is_described() -> None:
    found = {
        f"{method.upper()} {path}"
        for wire in WIRES
        for path, methods in described(wire.root)["paths"].items()
        for method in methods
    }

    assert found == {str(operation) for operation in WITH_KEY}


class TestAnswers:
    """What is described is what comes."""

    def test_of_each_dialect_are_as_described(self, api: ApiClient) -> None:
        root = api.prefix.split("/")[1]
        document = described(root)
        livestream = read(api.post("/livestreams"))["data"]
        answers = {
            "list_livestreams": read(api.get("/livestreams")),
            "get_livestream": read(api.get(f"/livestreams/{livestream['id']}")),
            "reset_stream_key": read(api.post(f"/livestreams/{livestream['id']}/reset-stream-key")),
        }

        for path in document["paths"].values():
            for operation in path.values():
                if operation["operationId"] in answers:
                    answer = answers.pop(operation["operationId"])
                    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
                    Draft202012Validator(whole(document, schema)).validate(answer)
        assert not answers

    def test_hold_what_is_described_and_no_more(self, dyte: ApiClient) -> None:
        livestream = read(dyte.post("/livestreams"))["data"]

        properties = described("v2")["components"]["schemas"]["PlayedLivestream"]["properties"]
        assert properties.keys() == livestream.keys()
        assert properties["stream_key"]["type"] == ["string", "null"]

    def test_of_errors_are_as_described(self, api: ApiClient) -> None:
        root = api.prefix.split("/")[1]
        error = read(api.request("POST", "/livestreams", body={"name": 1}))

        schema = {"$ref": "#/components/schemas/Error"}
        Draft202012Validator(whole(described(root), schema)).validate(error)
