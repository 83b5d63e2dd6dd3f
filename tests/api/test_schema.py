"""GET /v2/schema: every operation, and every way in which it can fail."""

import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema

from tests.api.clients import ApiClient, read
from tests.api.operations import WITH_KEY, Operation


@pytest.fixture(scope="module")
def document() -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    response = Client().get("/v2/schema")
    assert response.status_code == 200
    return read(response)  # type: ignore[arg-type]  # Django's test client has a response class of its own.


def _described(document: dict[str, dict[str, dict[str, dict[str, object]]]], operation: Operation) -> dict[str, object]:
    return document["paths"][operation.template][operation.method.lower()]


def test_is_a_valid_description(document: dict[str, object]) -> None:
    validate_schema(document)  # type: ignore[no-untyped-call]  # drf-spectacular's own.


def test_is_made_without_a_complaint(document: dict[str, object]) -> None:
    assert not GENERATOR_STATS


@pytest.mark.parametrize("operation", [operation for operation in WITH_KEY if operation.is_dyte], ids=str)
class TestOperation:
    def test_is_described_with_its_failures(
        self, document: dict[str, dict[str, dict[str, dict[str, object]]]], operation: Operation
    ) -> None:
        described = _described(document, operation)

        expected = {"401", "403"}
        if operation.arguments:
            expected.add("404")
        if operation.method in {"POST", "PUT", "PATCH"}:
            expected |= {"400", "413", "415", "422"}
        responses = described["responses"]
        assert isinstance(responses, dict)
        assert expected <= responses.keys()
        assert [status for status in responses if status.startswith("2")]
        assert described["summary"]
        assert described["security"] == [{"organizationKey": []}]


def test_holds_the_v2_surface_only(document: dict[str, dict[str, object]]) -> None:
    assert {path.split("/")[1] for path in document["paths"]} == {"v2"}


def test_describes_what_a_livestream_holds(document: dict[str, object], dyte: ApiClient) -> None:
    livestream = read(dyte.post("/livestreams"))["data"]

    components = document["components"]
    assert isinstance(components, dict)
    assert components["schemas"]["Livestream"]["properties"].keys() == livestream.keys()
    assert components["schemas"]["Livestream"]["properties"]["stream_key"]["nullable"] is True
