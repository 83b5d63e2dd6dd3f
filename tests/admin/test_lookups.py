"""Nobody reads a secret by asking for rows that begin with its letters: tried on every page that is registered."""

import re
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import Field, Model
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from streams.models import Livestream, Session
from streams.organizations.admin import ReadOnlyAdmin
from tests.runs import connected

SECRET = re.compile(r"password|digest|secret|hash|encrypted|cipher|token|session_data|session_key|^key$|seed", re.I)
COMPARISONS = ["", "__exact", "__startswith", "__regex", "__gt", "__lte", "__isnull", "__in", "__length", "__lower__lt"]
# From a person by the memberships to the livestreams, and on to their keys.
_STEPS_MAX = 4
REQUEST = HttpRequest()
DESKS: list["ModelAdmin[Model]"] = list(admin.site._registry.values())
desks = pytest.mark.parametrize("page", DESKS, ids=lambda page: page.model.__name__)


def columns(model: type[Model], *, steps: int = _STEPS_MAX, seen: frozenset[type] = frozenset()) -> Iterator[str]:
    """Yield the path of every column that can be asked for from a model, across relations in both directions."""
    for field in model._meta.get_fields():
        if isinstance(field, Field) and not field.is_relation:
            yield field.name
        elif field.related_model and steps and field.related_model not in seen:
            assert not isinstance(field.related_model, str)
            for column in columns(field.related_model, steps=steps - 1, seen=seen | {model}):
                yield f"{field.name}__{column}"


def secrets_of(model: type[Model]) -> list[str]:
    return [column for column in columns(model) if SECRET.search(column.rpartition("__")[2])]


def url_of(page: "ModelAdmin[Model]") -> str:
    meta = page.model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")


def names_shown(page: "ModelAdmin[Model]") -> set[str]:
    """Return every field that a page, its list or its search names."""
    inlines = [name for inline in page.inlines for name in inline.fields or ()]
    named = [*page.list_display, *(page.fields or ()), *page.search_fields, *(page.ordering or ()), *inlines]
    return {str(name).lstrip("=^@-") for name in [*named, *page.list_filter, page.date_hierarchy]}


def test_there_are_secrets_to_be_tried() -> None:
    found = {secret for page in DESKS for secret in secrets_of(page.model)}

    assert {"password", "secret_hash", "user__password", "api_key__secret_hash"} <= found
    assert {"stream_keys__digest", "stream_keys__encrypted", "livestream__stream_keys__digest"} <= found


@desks
class TestEveryPage:
    def test_is_one_that_nobody_edits(self, page: "ModelAdmin[Model]") -> None:
        assert isinstance(page, ReadOnlyAdmin)

    def test_names_no_secret(self, page: "ModelAdmin[Model]") -> None:
        assert not {name for name in names_shown(page) if SECRET.search(name.rpartition("__")[2])}

    def test_refuses_to_look_for_a_secret(self, page: "ModelAdmin[Model]", desk: Client) -> None:
        for secret in secrets_of(page.model):
            allowed = [
                comparison for comparison in COMPARISONS if page.lookup_allowed(f"{secret}{comparison}", "a", REQUEST)
            ]
            assert allowed == [], secret

        for secret in secrets_of(page.model)[:10]:
            assert desk.get(url_of(page), {f"{secret}__startswith": "a"}).status_code == 400, secret
            assert desk.get(url_of(page), {"_to_field": secret}).status_code == 400, secret

    def test_refuses_every_column_that_it_does_not_offer(self, page: "ModelAdmin[Model]") -> None:
        filters = {getattr(each, "parameter_name", each) for each in page.list_filter}
        offered = {*filters, *getattr(page, "linked_lookups", ())}
        others = set(columns(page.model, steps=1)) - offered

        assert others
        for column in others:
            for comparison in COMPARISONS:
                is_link = f"{column}{comparison}" in offered
                assert page.lookup_allowed(f"{column}{comparison}", "a", REQUEST) is is_link, column

    def test_takes_what_it_offers(self, page: "ModelAdmin[Model]", desk: Client, livestream: Livestream) -> None:
        connected(livestream)
        shown = desk.get(url_of(page)).context["cl"]

        choices = [choice["query_string"] for spec in shown.filter_specs for choice in spec.choices(shown)]
        orders = [f"?o={sign}{number}" for number in range(len(page.list_display) + 3) for sign in ("", "-")]

        assert bool(choices) is bool(page.list_filter)
        for query in [*choices, *orders, "?q=northwind"]:
            assert desk.get(f"{url_of(page)}{query}").status_code == 200, query


def test_a_livestream_leads_to_its_sessions(
    desk: Client, livestream: Livestream, foreign_livestream: Livestream
) -> None:
    ours = connected(livestream)
    connected(foreign_livestream)
    page = desk.get(reverse("admin:streams_livestream_change", args=[livestream.pk])).content.decode()
    link = re.search(r'href="([^"]*session/\?livestream[^"]*)"', page)
    assert link

    found = desk.get(link[1]).context["cl"].result_list

    assert list(found) == [Session.objects.get(pk=ours.pk)]
