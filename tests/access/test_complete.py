"""Nothing that the product answers is left out of the expectations, and nothing is expected that is not there."""

import re

from django.contrib import admin

from streams.models import ApiKey
from tests.access import expected
from tests.access.routes import ADMIN, API, OTHERS, ROUTES, SOCKETS


def test_every_operation_is_expected() -> None:
    found = {f"{method} {route}" for route in API for method in route.methods}

    assert found == {*expected.OPERATIONS, *expected.OPEN_OPERATIONS}


def test_every_scope_opens_something() -> None:
    assert {scope for scope, _ in expected.OPERATIONS.values()} == set(ApiKey.Scope)


def test_every_page_is_expected_with_each_of_its_methods() -> None:
    found = {route.template: set(route.methods) for route in OTHERS if route.methods}

    assert found == {template: set(methods) for template, methods in expected.PAGES.items()}


def test_everything_else_is_expected() -> None:
    found = {route.template for route in OTHERS if not route.methods}

    assert found == expected.MACHINES.keys()


def test_every_page_of_the_admin_is_expected() -> None:
    models = "|".join(f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry)
    of_a_model = re.compile(rf"/admin/(?:{models})/(.*)")

    found = {match[1] if (match := of_a_model.fullmatch(route.template)) else route.template for route in ADMIN}

    assert found == {*expected.ADMIN_PAGES, *expected.ADMIN_OPEN, *expected.ADMIN_OF_A_MODEL}


def test_every_websocket_is_expected() -> None:
    assert {route.template for route in SOCKETS} == expected.WEBSOCKETS


def test_there_is_something_to_be_expected() -> None:
    assert len(ROUTES) > 60
