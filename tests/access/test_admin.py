"""Every page of the admin: support staff look, nobody changes a row, and nobody else gets in."""

import re
from collections.abc import Callable
from itertools import product

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from streams.models import Livestream, Role
from tests.access.conftest import State, Tenant, state
from tests.access.expected import ADMIN_OF_A_MODEL, ADMIN_OPEN
from tests.access.routes import ADMIN, Route

MODELS = {f"/admin/{model._meta.app_label}/{model._meta.model_name}/": model for model in admin.site._registry}


def kind_of(route: Route) -> str:
    """Return which page of a model it is, or its whole address when it is no model's."""
    prefix = next((prefix for prefix in MODELS if route.template.startswith(prefix)), "")
    return route.template.removeprefix(prefix)


def of_kind(kind: str) -> list[Route]:
    return [route for route in ADMIN if kind_of(route) == kind]


def address_of(route: Route) -> str:
    """Return an address of that kind that is there."""
    model = next((model for prefix, model in MODELS.items() if route.template.startswith(prefix)), Livestream)
    filled = re.sub(r"\^\(\?P{app_label}streams\|webhooks\)/\$", "webhooks/", route.template)
    return filled.replace("(?P{url}.*)$", "nowhere/x/y/").format(
        object_id=model._default_manager.all()[0].pk,
        content_type_id=ContentType.objects.get_for_model(Livestream).pk,
    )


@pytest.mark.parametrize("kind", sorted({kind_of(route) for route in ADMIN} - ADMIN_OPEN))
class TestAdmin:
    def test_is_shut_to_everybody_but_staff(
        self, kind: str, ours: Tenant, browser_of: Callable[..., Client], before: State
    ) -> None:
        browsers = [Client(), browser_of(Role.OWNER), browser_of(None)]

        for route, browser, method in product(of_kind(kind), browsers, ("GET", "POST")):
            answer = browser.generic(method, address_of(route))
            assert answer.status_code == 302, route
            assert answer.headers["Location"].startswith("/admin/login/?next="), route
        assert state() == before

    def test_lets_staff_look_and_change_no_row(
        self, kind: str, ours: Tenant, browser_of: Callable[..., Client], before: State
    ) -> None:
        staff = browser_of(None, is_staff=True)

        for route in of_kind(kind):
            looked = staff.get(address_of(route)).status_code
            sent = staff.post(address_of(route), {"name": "Changed", "post": "yes"}).status_code
            assert (looked, sent) == ADMIN_OF_A_MODEL.get(kind, (looked, sent)), route
            assert max(looked, sent) < 500, route
        assert state() == before


def test_ones_password_is_changed_on_ones_own_page(db: None, browser_of: Callable[..., Client]) -> None:
    for browser in (Client(), browser_of(Role.VIEWER), browser_of(None, is_staff=True)):
        for answer in (browser.get("/admin/password_change/"), browser.post("/admin/password_change/")):
            assert (answer.status_code, answer.headers["Location"]) == (302, "/account/you/password")
