"""Whatever one tenant reads and looks for, nothing of another's comes out; taken from the OpenAPI documents."""

from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client

from livehub.api.wire import WIRES
from tests.access.conftest import Tenant
from tests.access.each import for_each
from tests.access.expected import OPERATIONS
from tests.access.keys import KeyRing
from tests.access.test_api import at_once
from tests.api.test_schema import described

Described = dict[str, Any]
# Part of what each tenant's things are called, and what a filter by name might find.
FOREIGN_NAMES = ("Contoso",)


@cache
def described_operations() -> dict[str, Described]:
    """Return what each document says, by `GET /v2/livestreams`."""
    return {
        f"{method.upper()} {path}": operation
        for wire in WIRES
        for path, methods in described(wire.root)["paths"].items()
        for method, operation in methods.items()
    }


def text_filters(operation: str) -> list[str]:
    """Return the query parameters that take any text: names and ids to look for."""
    parameters = described_operations()[operation].get("parameters", [])
    texts = [each for each in parameters if each["in"] == "query" and each["schema"].get("type") == "string"]
    return [each["name"] for each in texts if not each["schema"].keys() & {"enum", "format"}]


READS = [operation for operation in OPERATIONS if operation.startswith("GET ")]


def test_the_documents_hold_what_is_tried_here_and_nothing_else() -> None:
    assert described_operations().keys() == OPERATIONS.keys()


def test_there_is_something_to_look_for() -> None:
    assert {text for operation in READS for text in text_filters(operation)} >= {"search"}


@pytest.fixture(scope="module")
def keys(ours: Tenant) -> KeyRing:
    return KeyRing.of(ours)


class TestRead:
    @for_each("operation", READS)
    def test_holds_nothing_of_another_tenants(
        self, operation: str, ours: Tenant, theirs: Tenant, keys: KeyRing
    ) -> None:
        answer = read(operation, ours, keys)

        assert answer.status_code == OPERATIONS[operation][1]
        assert not list(leaked(answer, theirs))

    @for_each("operation", READS)
    def test_finds_nothing_of_another_tenants(
        self, operation: str, ours: Tenant, theirs: Tenant, keys: KeyRing
    ) -> None:
        for name in text_filters(operation):
            for wanted in {*theirs.ids.values(), *FOREIGN_NAMES}:
                answer = read(operation, ours, keys, **{name: wanted})

                # What is not acceptable is told with what was sent.
                if answer.status_code == 200:
                    assert not list(leaked(answer, theirs)), (name, wanted)


def read(operation: str, tenant: Tenant, keys: KeyRing, **query: str) -> HttpResponse:
    """Ask for the tenant's own, with the tenant's own key."""
    path = operation.partition(" ")[2].format(**tenant.ids)
    shown = {"Authorization": keys.shown(operation)}
    return at_once(Client().get(f"{path}?{urlencode(query)}" if query else path, headers=shown))


def leaked(answer: HttpResponse, tenant: Tenant) -> Iterator[str]:
    """Yield what stands in the answer and is the tenant's."""
    text = answer.content.decode(errors="replace")
    known = [*tenant.ids.values(), *FOREIGN_NAMES]
    yield from (each for each in known if each in text or each.replace("-", "") in text)
