"""What somebody sees of endpoints and deliveries, in which order, and what it costs."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import QuerySet

from livehub.core import clock
from livehub.core.errors import NotFoundError
from streams.models import App
from streams.organizations.services import SYSTEM, NewOrganization
from tests.webhooks.deliveries import multiply
from tests.webhooks.happenings import ENDED, LIVE, happened, listening
from webhooks import replays, selectors
from webhooks.models import Attempt, Delivery, Endpoint, Event
from webhooks.selectors import DeliveryFilter, find_span, get_delivery, get_endpoint, list_deliveries
from webhooks.services import delete_endpoint
from webhooks.states import DeliveryState, DisabledReason

HOUR = timedelta(hours=1)


def plan_of(rows: QuerySet[Delivery] | QuerySet[Event]) -> str:
    """Return how PostgreSQL would find the rows of a table that is too long to be read."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    return rows.explain()


class TestEndpoints:
    def test_are_those_of_the_app_oldest_first(self, home: NewOrganization, abroad: NewOrganization) -> None:
        second = App.objects.create(organization=home.organization, name="Second")
        first, gone, last = (listening(home.app) for _ in range(3))
        of_second, foreign = listening(second), listening(abroad.app)
        delete_endpoint(endpoint=gone, actor=SYSTEM)

        assert list(selectors.list_endpoints(home.app)) == [first, last]
        assert list(selectors.list_endpoints_of(home.organization)) == [first, last, of_second]
        assert get_endpoint(app=home.app, endpoint_id=last.pk) == last
        for unknown in (gone, of_second, foreign):
            with pytest.raises(NotFoundError, match=str(unknown.pk)):
                get_endpoint(app=home.app, endpoint_id=unknown.pk)

    def test_that_fail_are_those_that_need_a_hand(self, home: NewOrganization) -> None:
        _well, failing, longer, disabled, gone, off = (listening(home.app) for _ in range(6))
        now = clock.now()
        _become(failing, failing_since=now)
        _become(longer, failing_since=now - HOUR)
        _become(disabled, enabled=False, disabled_reason=DisabledReason.FAILING, failing_since=now - 2 * HOUR)
        _become(gone, enabled=False, disabled_reason=DisabledReason.GONE)
        # Somebody wanted it so.
        _become(off, enabled=False, failing_since=now)

        assert list(selectors.list_failing_endpoints(home.organization)) == [disabled, longer, failing, gone]


@pytest.fixture
def endpoint(home: NewOrganization) -> Endpoint:
    return listening(home.app, LIVE, ENDED, "livestreaming.statusUpdate")


class TestDeliveries:
    def test_are_listed_newest_event_first(self, home: NewOrganization, endpoint: Endpoint) -> None:
        listening(home.app)
        live, ended = happened(home.app), happened(home.app, ENDED)

        found = [(each.event, each.name) for each in list_deliveries(endpoint)]

        status = "livestreaming.statusUpdate"
        assert found == [(ended, status), (ended, ENDED), (live, status), (live, LIVE)]

    def test_are_filtered(self, home: NewOrganization, endpoint: Endpoint) -> None:
        old, new = happened(home.app, ago=3 * HOUR), happened(home.app, ENDED, ago=HOUR)
        endpoint.deliveries.filter(event=old).update(state=DeliveryState.FAILED)
        now = clock.now()

        def found(**wanted: object) -> list[Event]:
            rows = list_deliveries(endpoint, DeliveryFilter(**wanted))  # type: ignore[arg-type]  # As each says.
            return sorted({each.event for each in rows}, key=lambda event: event.pk)

        assert found() == [old, new]
        assert found(state="failed") == [old]
        assert found(state="delivered") == []
        assert found(name=ENDED) == [new]
        assert found(since=now - 2 * HOUR) == [new]
        assert found(until=now - 2 * HOUR) == [old]
        assert found(since=now - 4 * HOUR, until=now) == [old, new]
        assert found(since=now) == found(until=now - 9 * HOUR) == []
        assert found(state="failed", name=LIVE, until=now) == [old]

    def test_go_on_after_any_of_them(self, home: NewOrganization, endpoint: Endpoint) -> None:
        for event_type in (LIVE, ENDED, LIVE):
            happened(home.app, event_type)
        whole = list(list_deliveries(endpoint))

        assert len(whole) == 6
        for position, last in enumerate(whole):
            assert list(list_deliveries(endpoint, DeliveryFilter(after=last))) == whole[position + 1 :]

    def test_cost_the_same_however_many(
        self, home: NewOrganization, endpoint: Endpoint, django_assert_num_queries: object
    ) -> None:
        for _ in range(5):
            happened(home.app)

        with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's.
            assert {each.event.type for each in list_deliveries(endpoint)} == {LIVE}

    def test_are_found_by_what_receivers_know_them_by(self, home: NewOrganization, endpoint: Endpoint) -> None:
        event = happened(home.app, ENDED)
        delivery = endpoint.deliveries.get(event=event, name=ENDED)
        for number in (2, 1):
            Attempt.objects.create(delivery=delivery, number=number, at=clock.now(), duration_ms=41, status=500)

        found = get_delivery(endpoint=endpoint, uid=delivery.uid)

        assert (found, found.event, found.endpoint) == (delivery, event, endpoint)
        assert [attempt.number for attempt in found.attempt_rows.all()] == [1, 2]
        other = listening(home.app)
        for of, uid in ((other, delivery.uid), (endpoint, uuid4())):
            assert selectors.find_delivery(endpoint=of, uid=uid) is None
            with pytest.raises(NotFoundError, match=str(uid)):
                get_delivery(endpoint=of, uid=uid)

    def test_are_held_by_an_earlier_one_to_the_same_endpoint_about_the_same(self, home: NewOrganization) -> None:
        endpoint, other = listening(home.app), listening(home.app)
        subject_id = uuid4()
        failed, later = (happened(home.app, subject_id=subject_id) for _ in range(2))
        happened(home.app)
        soon = clock.now() + timedelta(minutes=5)
        endpoint.deliveries.filter(event=failed).update(tries=1, due_at=soon, holds_until=soon)

        found = selectors.with_held(Delivery.objects.all())
        held = [delivery for delivery in found if vars(delivery)["is_held"]]

        assert held == [endpoint.deliveries.get(event=later)]
        assert other.deliveries.count() == 3

    def test_show_the_last_of_their_attempts_however_often_they_were_replayed(
        self, home: NewOrganization, endpoint: Endpoint
    ) -> None:
        happened(home.app)
        made = endpoint.deliveries.order_by("pk")[0]
        rows = [Attempt(delivery=made, number=number, at=clock.now(), duration_ms=1) for number in range(1, 251)]
        Attempt.objects.bulk_create(rows)
        endpoint.deliveries.update(attempts=250)

        shown = get_delivery(endpoint=endpoint, uid=made.uid)

        assert [attempt.number for attempt in shown.attempt_rows.all()] == list(range(151, 251))


def _become(endpoint: Endpoint, **values: object) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(**values)


class TestManyRows:
    """Whatever is asked for is found by an index that leads to nothing else, however rare it is among many."""

    @pytest.fixture(autouse=True)
    def _many_others(self, home: NewOrganization) -> None:
        listening(home.app)
        happened(home.app)
        multiply(5000)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE webhooks_event, webhooks_delivery")

    def test_of_an_endpoint_are_read_in_their_order(self, home: NewOrganization) -> None:
        plan = plan_of(list_deliveries(listening(home.app))[:25])

        assert "Index Scan Backward using delivery_list" in plan

    def test_of_one_name_are_read_in_their_order(self, home: NewOrganization) -> None:
        plan = plan_of(list_deliveries(listening(home.app), DeliveryFilter(name=ENDED))[:25])

        assert "Index Scan Backward using delivery_once" in plan
        assert re.search(r"Index Cond: .*endpoint_id = .*name\)::text = 'livestream.ended'", plan)
        with connection.cursor() as cursor:
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'delivery_once'")
            # Not the event before the name: all names would be read for one.
            assert "(endpoint_id, name, event_id)" in cursor.fetchone()[0]

    def test_of_some_time_are_joined_with_events_of_about_that_time_only(self, home: NewOrganization) -> None:
        wanted = DeliveryFilter(since=clock.now() - HOUR, until=clock.now())

        plan = plan_of(list_deliveries(listening(home.app), wanted)[:25])

        assert re.search(r"Index Cond: .*\(id >= ", plan)

    def test_to_be_replayed_are_those_of_the_types_that_are_listened_for(self, home: NewOrganization) -> None:
        rows = replays._events_for(listening(home.app, ENDED), find_span(since=None, until=None))

        plan = plan_of(rows)

        assert re.search(r"Index Cond: .*app_id = .*type\)::text = .*'?livestream.ended", plan)
