"""Support staff's view of webhooks."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from streams.organizations.admin import exact
from streams.organizations.services import SYSTEM, NewOrganization
from tests.webhooks.happenings import delivery_of, happened, listening
from webhooks import admin
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.services import delete_endpoint, rotate_secret
from webhooks.states import DeliveryState

ENDPOINTS = reverse("admin:webhooks_endpoint_changelist")
DELIVERIES = reverse("admin:webhooks_delivery_changelist")


@pytest.fixture
def endpoint(home: NewOrganization) -> Endpoint:
    return listening(home.app)


@pytest.fixture
def delivery(endpoint: Endpoint) -> Delivery:
    return delivery_of(endpoint, happened(endpoint.app), state=DeliveryState.FAILED)


def found(desk: Client, address: str, search: str) -> list[object]:
    return list(desk.get(address, {"q": search}).context["cl"].result_list)


def test_endpoints_are_found_by_id_name_url_and_tenant(
    desk: Client, endpoint: Endpoint, abroad: NewOrganization
) -> None:
    foreign = listening(abroad.app)

    for search in (str(endpoint.pk), endpoint.pk.hex, endpoint.app.pk.hex, "northwind"):
        assert found(desk, ENDPOINTS, search) == [endpoint], search
    for search in ("ATTENDANCE", "example.com"):
        assert set(found(desk, ENDPOINTS, search)) == {endpoint, foreign}


def test_an_endpoint_shows_how_it_fares_and_no_secret(desk: Client, endpoint: Endpoint) -> None:
    earlier = endpoint.secret
    endpoint = rotate_secret(endpoint=endpoint, actor=SYSTEM).row
    Endpoint.objects.update(failing_since=timezone.now(), failures=7, last_error="refuses connections")

    page = desk.get(reverse("admin:webhooks_endpoint_change", args=[endpoint.pk])).content.decode()

    for words in ("Failing", "Refuses connections.", endpoint.url, "Northwind Events"):
        assert words in page
    for secret in (earlier, endpoint.secret, endpoint.secret_encrypted, endpoint.previous_secret_encrypted):
        assert secret not in page
    assert f'href="{DELIVERIES}?endpoint__id__exact={endpoint.pk}"' in page


def test_a_deleted_endpoint_is_not_listed(desk: Client, endpoint: Endpoint) -> None:
    delete_endpoint(endpoint=endpoint, actor=SYSTEM)

    assert found(desk, ENDPOINTS, "") == []


def test_deliveries_are_found_by_their_id_and_their_endpoints(
    desk: Client, delivery: Delivery, abroad: NewOrganization
) -> None:
    other = listening(abroad.app)
    happened(abroad.app)

    for search in (delivery.uid, delivery.uid.hex, delivery.endpoint_id):
        assert found(desk, DELIVERIES, str(search)) == [delivery]
    for search in ("livestream", other.app_id):
        assert found(desk, DELIVERIES, str(search)) == []


def test_a_delivery_shows_each_try(desk: Client, delivery: Delivery) -> None:
    Attempt.objects.create(
        delivery=delivery, number=1, at=timezone.now(), duration_ms=37, error="answers 500", answer="<b>Oops</b>"
    )

    page = desk.get(reverse("admin:webhooks_delivery_change", args=[delivery.pk])).content.decode()

    for words in ("37 ms", "answers 500", "&lt;b&gt;Oops", str(delivery.uid), "Autumn keynote"):
        assert words in page


def test_a_delivery_says_when_it_is_due_until_it_is_over(desk: Client, delivery: Delivery) -> None:
    due_at = timezone.now() + timedelta(days=3)
    Delivery.objects.update(due_at=due_at)
    address = reverse("admin:webhooks_delivery_change", args=[delivery.pk])
    assert exact(due_at) not in desk.get(address).content.decode()

    Delivery.objects.update(state=DeliveryState.PENDING, finished_at=None)

    assert exact(due_at) in desk.get(address).content.decode()


def test_deliveries_are_not_counted_to_the_end(
    desk: Client, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        happened(endpoint.app)
    monkeypatch.setattr(admin, "COUNTED_MAX", 3)

    with CaptureQueriesContext(connection) as captured:
        shown = desk.get(DELIVERIES).context["cl"]

    assert shown.result_count == 3
    counts = [query["sql"] for query in captured if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 3" in sql for sql in counts)


@pytest.mark.parametrize("url", [ENDPOINTS, DELIVERIES])
def test_a_list_costs_the_same_however_long(desk: Client, home: NewOrganization, url: str) -> None:
    counts = []
    for number in (1, 9):
        for _ in range(number):
            delivery_of(listening(home.app), happened(home.app))
        with CaptureQueriesContext(connection) as captured:
            desk.get(url)
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_the_index_names_them_as_people_do(desk: Client) -> None:
    html = desk.get("/admin/").content.decode()

    assert ">Deliveries</a>" in html
    assert "Deliverys" not in html
