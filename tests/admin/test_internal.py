"""LiveHub's own broadcasts on support staff's pages: out of the customers' way, and found by who looks for them."""

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from streams.livestreams.services import create_livestream
from streams.models import App, AuditEntry, Livestream, Organization, Output, Session
from streams.organizations.services import SYSTEM, get_internal_app
from tests.runs import connected

LISTS: list[type[Model]] = [Organization, App, AuditEntry, Livestream, Output, Session]


def _url(model: type[Model]) -> str:
    return reverse(f"admin:streams_{model.__name__.lower()}_changelist")


def _ids(desk: Client, model: type[Model], **query: str) -> set[object]:
    return {row.pk for row in desk.get(_url(model), query).context["cl"].result_list}


@pytest.fixture
def own(livestream: Livestream) -> dict[type[Model], set[object]]:
    """What there is of LiveHub's own, by its kind, beside a customer's."""
    connected(livestream)
    app = get_internal_app()
    made = create_livestream(app=app, name="Self-test", actor=SYSTEM)
    return {
        Organization: {app.organization_id},
        App: {app.pk},
        AuditEntry: set(AuditEntry.objects.filter(organization=app.organization).values_list("pk", flat=True)),
        Livestream: {made.pk},
        Output: set(made.outputs.values_list("pk", flat=True)),
        Session: {connected(made).pk},
    }


@pytest.mark.parametrize("model", LISTS)
def test_lists_have_the_customers_unless_asked(
    desk: Client, own: dict[type[Model], set[object]], model: type[Model]
) -> None:
    every = {row.pk for row in model._default_manager.all()}

    assert own[model]
    assert _ids(desk, model) == every - own[model] != set()
    assert _ids(desk, model, whose="internal") == own[model]
    assert _ids(desk, model, whose="all") == every


def test_what_is_searched_for_or_linked_to_is_found(desk: Client, own: dict[type[Model], set[object]]) -> None:
    (livestream_id,) = own[Livestream]

    assert _ids(desk, Livestream, q=str(livestream_id)) == own[Livestream]
    assert _ids(desk, Session, livestream__id__exact=str(livestream_id)) == own[Session]
    assert desk.get(reverse("admin:streams_livestream_change", args=[livestream_id])).status_code == 200


def test_the_list_says_what_it_leaves_out(desk: Client, own: dict[type[Model], set[object]]) -> None:
    page = desk.get(_url(Session)).content.decode()

    assert "Customers&#x27;" in page
    assert "LiveHub&#x27;s own" in page
