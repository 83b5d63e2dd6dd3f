"""Requests that are made up from the OpenAPI documents: what comes back is described there, and never a fault of ours.

Their examples, the edges of what they allow and what lies beyond, and random ones: the same each time, by a fixed seed.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from pytest_django import Settings
from schemathesis import Case, Response
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.openapi import from_wsgi
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi import checks

from livehub.wsgi import application
from tests.access.conftest import Tenant, undone
from tests.access.keys import EVERYTHING, authorization
from tests.api.operations import SCHEMAS, Operation

_CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.unsupported_method,
    checks.allow_header_conformance,
]
_SEED = 7
# Tenants are made once for all requests of a dialect, and what one request changes is taken back before the next.
_QUIETLY = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
# Their bodies have so many edges that they are for the long proof.
_OF_MANY_EDGES = ("v2", "client")


def _read(path: str, *, has_edges: bool) -> BaseSchema:
    phases = {"coverage": {"enabled": has_edges}}
    config = SchemathesisConfig.from_dict({"seed": _SEED, "phases": phases})
    return from_wsgi(path, application, config=config, headers={"Host": "localhost"})


@pytest.fixture(params=SCHEMAS, ids=lambda schema: schema.root)
def document(request: pytest.FixtureRequest, in_process: None) -> BaseSchema:
    schema: Operation = request.param
    return _read(schema.template, has_edges=schema.root not in _OF_MANY_EDGES)


@pytest.fixture(params=SCHEMAS, ids=lambda schema: schema.root)
def whole_document(request: pytest.FixtureRequest, in_process: None) -> BaseSchema:
    return _read(request.param.template, has_edges=True)


@pytest.fixture(autouse=True)
def _unthrottled(settings: Settings) -> None:
    settings.API_REQUESTS_PER_KEY = 0


@pytest.fixture
def keys(ours: Tenant) -> dict[str, str]:
    """What to show, by the first part of a path."""
    return {schema.root: authorization(ours, str(schema), scopes=EVERYTHING) for schema in SCHEMAS}


def test_answers_as_described(
    document: BaseSchema, ours: Tenant, keys: dict[str, str], subtests: pytest.Subtests
) -> None:
    _try_each(document, partial(_try, ours=ours, keys=keys), subtests, max_examples=2)


@pytest.mark.chaos
def test_answers_as_described_to_everything(
    whole_document: BaseSchema, ours: Tenant, keys: dict[str, str], subtests: pytest.Subtests
) -> None:
    _try_each(whole_document, partial(_try, ours=ours, keys=keys), subtests, max_examples=30)


def test_answers_as_described_to_what_follows_from_its_answers(
    document: BaseSchema, ours: Tenant, keys: dict[str, str]
) -> None:
    _follow(document, ours, keys, max_examples=4)


@pytest.mark.chaos
def test_answers_as_described_to_all_that_follows_from_its_answers(
    whole_document: BaseSchema, ours: Tenant, keys: dict[str, str]
) -> None:
    _follow(whole_document, ours, keys, max_examples=60)


def _follow(document: BaseSchema, ours: Tenant, keys: dict[str, str], *, max_examples: int) -> None:
    """Get, change and delete what other requests have made, in any order."""

    class Machine(document.as_state_machine()):  # type: ignore[misc]  # Made at run time.
        def setup(self) -> None:
            self.undoing = undone()
            self.undoing.__enter__()

        def teardown(self) -> None:
            self.undoing.__exit__(None, None, None)

        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            return {"headers": _headers(case, keys)}

        def before_call(self, case: Case[Any]) -> None:
            # A key reaches its own organization and app; what is in them is found by what came before.
            for name in {"account_id", "app_id", "cloud_name"} & case.path_parameters.keys():
                case.path_parameters[name] = ours.ids[name]

        def validate_response(self, response: Response, case: Case[Any], *args: object, **kwargs: object) -> None:
            case.validate_response(response, checks=_CHECKS)

    Machine.run(settings=settings(_QUIETLY, max_examples=max_examples, stateful_step_count=12))


def _try_each(
    document: BaseSchema, attempt: Callable[[Case[Any]], None], subtests: pytest.Subtests, *, max_examples: int
) -> None:
    """Try each operation by itself, so that one that fails hides no other."""

    def attempted(case: Case[Any]) -> None:
        attempt(case)

    # Not by the decorator for fixtures, which reaches into what this pytest no longer has.
    within = settings(_QUIETLY, max_examples=max_examples)
    for made in get_all_tests(schema=document, test_func=attempted, settings=within, given_kwargs={}):
        assert isinstance(made, Ok), made.err()
        operation, test = made.ok()
        with subtests.test(label=operation.label):
            test()


def _try(case: Case[Any], ours: Tenant, keys: dict[str, str]) -> None:
    # Ids that nobody has would show nothing but 404.
    case.path_parameters = {name: ours.ids.get(name, value) for name, value in case.path_parameters.items()}
    with undone():
        answer = case.call(headers=_headers(case, keys))
    case.validate_response(answer, checks=_CHECKS)


def _headers(case: Case[Any], keys: dict[str, str]) -> dict[str, str]:
    return {"Authorization": keys[case.operation.path.split("/")[1]]}
