"""Requests that are made up from the OpenAPI documents: what comes back is described there, and never a fault of ours.

Their examples, the edges of what they allow and what lies beyond, and random ones: the same each time, by a fixed seed.
"""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from pytest_django import Settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.openapi import from_wsgi
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi import checks

from livehub.wsgi import application
from tests.access.conftest import Tenant, undone
from tests.access.test_api import EVERYTHING, authorization
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
    phases = {"coverage": {"enabled": has_edges}, "stateful": {"enabled": False}}
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


@schemathesis.pytest.from_fixture("document").parametrize()
@settings(_QUIETLY, max_examples=2)
def test_answers_as_described(case: Case[Any], ours: Tenant, keys: dict[str, str]) -> None:
    _try(case, ours, keys)


@pytest.mark.chaos
@schemathesis.pytest.from_fixture("whole_document").parametrize()
@settings(_QUIETLY, max_examples=30)
def test_answers_as_described_to_everything(case: Case[Any], ours: Tenant, keys: dict[str, str]) -> None:
    _try(case, ours, keys)


def _try(case: Case[Any], ours: Tenant, keys: dict[str, str]) -> None:
    # Ids that nobody has would show nothing but 404.
    case.path_parameters = {name: ours.ids.get(name, value) for name, value in case.path_parameters.items()}
    with undone():
        answer = case.call(headers={"Authorization": keys[case.operation.path.split("/")[1]]})
    case.validate_response(answer, checks=_CHECKS)
