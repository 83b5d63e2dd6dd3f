"""Sending again: one, what failed, everything; and tests, which nobody else is told of."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture

from livehub.core import clock
from livehub.core.deadline import deadline
from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.models import App, AuditEntry
from streams.organizations.services import SYSTEM, Actor, NewOrganization
from tests.access.each import for_each
from tests.conftest import Broker
from tests.webhooks.apart import apart
from tests.webhooks.happenings import ENDED, LIVE, delivery_of, happened, listening
from webhooks import replays
from webhooks.catalogue import EVENT_NAMES
from webhooks.models import Delivery, Endpoint
from webhooks.payloads import Message, body_of
from webhooks.replays import (
    EndpointDisabledError,
    ReplayUnderWayError,
    TooMuchToReplayError,
    replay_all,
    replay_delivery,
    replay_failed,
    send_test,
)
from webhooks.services import change_endpoint, delete_endpoint
from webhooks.states import DeliveryState

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FAILED, DELIVERED, PENDING = DeliveryState.FAILED, DeliveryState.DELIVERED, DeliveryState.PENDING


@pytest.fixture
def endpoint(home: NewOrganization) -> Endpoint:
    return listening(home.app)


def an_hour_ago() -> datetime:
    return clock.now() - HOUR


def again(delivery: Delivery) -> bool:
    """Tell whether it is sent again."""
    delivery.refresh_from_db()
    return delivery.state == PENDING and delivery.tries == 0 and delivery.finished_at is None


class TestReplayDelivery:
    @pytest.mark.parametrize("state", DeliveryState)
    def test_sends_it_whatever_became_of_it(
        self, home: NewOrganization, endpoint: Endpoint, broker: Broker, capture: Capture, state: DeliveryState
    ) -> None:
        delivery = delivery_of(endpoint, happened(home.app), state=state)
        later = clock.now() + DAY
        Delivery.objects.filter(pk=delivery.pk).update(due_at=later, holds_until=later, attempts=5)
        uid = delivery.uid

        with capture(execute=True):
            replay_delivery(delivery=delivery, actor=Actor(user=home.owner))

        assert again(delivery)
        assert delivery.due_at <= clock.now()
        # The webhook-id stays, and attempts are counted on.
        assert (delivery.uid, delivery.attempts, delivery.holds_until) == (uid, 5, None)
        assert broker.arguments == [("webhooks.deliver", {"endpoint_ids": [str(endpoint.pk)]})]
        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.target_id, entry.user) == ("webhook.replayed", endpoint.pk, home.owner)
        assert entry.detail == {"delivery": str(uid)}

    def test_sends_no_other(self, home: NewOrganization, endpoint: Endpoint) -> None:
        wanted, other = (delivery_of(endpoint, happened(home.app), state=FAILED) for _ in range(2))

        replay_delivery(delivery=wanted, actor=SYSTEM)

        assert again(wanted)
        assert not again(other)

    def test_does_not_wait_for_an_endpoint_that_is_left_alone(self, home: NewOrganization, endpoint: Endpoint) -> None:
        delivery = delivery_of(endpoint, happened(home.app), state=FAILED)
        Endpoint.objects.update(open_until=clock.now() + HOUR, failures=12)

        replay_delivery(delivery=delivery, actor=SYSTEM)

        endpoint.refresh_from_db()
        assert (endpoint.open_until, endpoint.failures) == (None, 12)


class TestReplayFailed:
    def test_sends_what_failed_of_that_time(self, home: NewOrganization, endpoint: Endpoint) -> None:
        at_noon = clock.now() - DAY
        failed = [
            delivery_of(endpoint, happened(home.app, ago=DAY - offset), state=FAILED)
            for offset in (-2 * HOUR, timedelta(milliseconds=2), HOUR, 2 * HOUR)
        ]
        delivered = delivery_of(endpoint, happened(home.app, ago=DAY - HOUR), state=DELIVERED)

        count = replay_failed(endpoint=endpoint, since=at_noon, until=at_noon + 2 * HOUR, actor=SYSTEM)

        assert count == 2
        assert [again(each) for each in failed] == [False, True, True, False]
        assert not again(delivered)
        assert AuditEntry.objects.latest("id").detail == {"failed_since": clock.isoformat(at_noon), "count": 2}

    def test_has_no_end_unless_one_is_given(self, home: NewOrganization, endpoint: Endpoint) -> None:
        # This machine's clock may be behind the database's.
        delivery = delivery_of(endpoint, happened(home.app, ago=-HOUR), state=FAILED)

        assert replay_failed(endpoint=endpoint, since=an_hour_ago(), actor=SYSTEM) == 1
        assert again(delivery)

    def test_sends_nothing_of_other_endpoints(
        self, home: NewOrganization, abroad: NewOrganization, endpoint: Endpoint
    ) -> None:
        others = [listening(home.app), listening(abroad.app)]
        mine, theirs = happened(home.app), happened(abroad.app)
        kept = [
            delivery_of(others[0], mine, state=FAILED),
            delivery_of(others[1], theirs, state=FAILED),
        ]

        assert replay_failed(endpoint=endpoint, since=an_hour_ago(), actor=SYSTEM) == 0
        assert not any(again(each) for each in kept)

    @pytest.mark.parametrize("since", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
    def test_takes_any_time(self, home: NewOrganization, endpoint: Endpoint, since: datetime) -> None:
        delivery_of(endpoint, happened(home.app), state=FAILED)

        count = replay_failed(endpoint=endpoint, since=since, actor=SYSTEM)

        assert count == (1 if since.year == 1 else 0)
        assert replay_failed(endpoint=endpoint, since=since, until=since, actor=SYSTEM) == 0


class TestReplayAll:
    def test_sends_also_what_was_never_meant_for_it(
        self, home: NewOrganization, abroad: NewOrganization, endpoint: Endpoint, broker: Broker, capture: Capture
    ) -> None:
        sent = delivery_of(endpoint, happened(home.app), state=DELIVERED)
        change_endpoint(endpoint=endpoint, enabled=False, actor=SYSTEM)
        missed = happened(home.app)
        unheard = happened(home.app, ENDED)
        change_endpoint(endpoint=endpoint, enabled=True, actor=SYSTEM)
        foreign = happened(abroad.app)
        assert not endpoint.deliveries.filter(event__in=[missed, unheard, foreign]).exists()

        with capture(execute=True):
            count = replay_all(endpoint=endpoint, since=an_hour_ago(), actor=SYSTEM)

        assert count == 2
        assert again(sent)
        made = endpoint.deliveries.get(event=missed)
        assert (made.name, made.state, made.subject_id, made.sequence) == (LIVE, PENDING, missed.subject_id, 1)
        assert made.due_at <= clock.now()
        assert not endpoint.deliveries.filter(event__in=[unheard, foreign]).exists()
        assert broker.arguments == [("webhooks.deliver", {"endpoint_ids": [str(endpoint.pk)]})]
        assert AuditEntry.objects.latest("id").detail["count"] == 2

    def test_sends_what_it_listens_for_now(self, home: NewOrganization, endpoint: Endpoint) -> None:
        event = happened(home.app)
        change_endpoint(endpoint=endpoint, events=["livestreaming.statusUpdate", "stream-connected"], actor=SYSTEM)

        assert replay_all(endpoint=endpoint, since=an_hour_ago(), actor=SYSTEM) == 1
        names = endpoint.deliveries.filter(event=event, tries=0).values_list("name", flat=True)
        assert sorted(names) == [LIVE, "livestreaming.statusUpdate"]

    def test_sends_each_name_of_an_event_once(self, home: NewOrganization) -> None:
        endpoint = listening(home.app, LIVE, "livestreaming.statusUpdate")
        happened(home.app)

        assert replay_all(endpoint=endpoint, since=an_hour_ago(), actor=SYSTEM) == 2
        assert endpoint.deliveries.count() == 2

    def test_sends_what_happened_in_that_time(self, home: NewOrganization) -> None:
        before, within, after = (happened(home.app, ago=ago) for ago in (5 * HOUR, 3 * HOUR, HOUR))
        endpoint = listening(home.app)

        since, until = clock.now() - 4 * HOUR, clock.now() - 2 * HOUR
        assert replay_all(endpoint=endpoint, since=since, until=until, actor=SYSTEM) == 1
        assert [delivery.event for delivery in endpoint.deliveries.all()] == [within]
        assert before.pk < within.pk < after.pk

    def test_keeps_to_the_millisecond_in_which_ids_and_times_cross(self, home: NewOrganization) -> None:
        # The first one got its id first, and the time of its uid last.
        later, earlier = happened(home.app, ago=HOUR), happened(home.app, ago=HOUR + timedelta(minutes=1))
        endpoint = listening(home.app)

        def replayed(**bounds: datetime) -> set[int]:
            replay_all(endpoint=endpoint, actor=SYSTEM, **bounds)
            found = set(endpoint.deliveries.values_list("event_id", flat=True))
            endpoint.deliveries.all().delete()
            return found

        between = datetime.fromtimestamp(((later.uid.int >> 80) - 1) / 1000, UTC)
        assert replayed(since=between) == {later.pk}
        assert replayed(since=between - DAY, until=between) == {earlier.pk}
        assert replayed(since=between - DAY) == {later.pk, earlier.pk}


class TestWhatIsReplayed:
    def test_is_no_more_than_a_request_can_wait_for(
        self, home: NewOrganization, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replays, "REPLAYED_MAX", 2)
        deliveries = [delivery_of(endpoint, happened(home.app), state=FAILED) for _ in range(2)]
        since = an_hour_ago()
        # Nobody is refused for what the endpoint does not listen for.
        happened(home.app, ENDED)
        assert replay_failed(endpoint=endpoint, since=since, actor=SYSTEM) == 2
        assert replay_all(endpoint=endpoint, since=since, actor=SYSTEM) == 2

        deliveries.append(delivery_of(endpoint, happened(home.app), state=FAILED))
        Delivery.objects.update(state=FAILED)
        for replay in (replay_failed, replay_all):
            with pytest.raises(TooMuchToReplayError, match="more than 2 events"):
                replay(endpoint=endpoint, since=since, actor=SYSTEM)
        assert not any(again(delivery) for delivery in deliveries)

    def test_does_not_go_to_a_disabled_endpoint(self, home: NewOrganization, endpoint: Endpoint) -> None:
        delivery = delivery_of(endpoint, happened(home.app), state=FAILED)
        Endpoint.objects.update(enabled=False)

        for replay in (replay_failed, replay_all):
            with pytest.raises(EndpointDisabledError):
                replay(endpoint=endpoint, since=an_hour_ago(), actor=SYSTEM)
        with pytest.raises(EndpointDisabledError):
            replay_delivery(delivery=delivery, actor=SYSTEM)
        with pytest.raises(EndpointDisabledError):
            send_test(endpoint=endpoint, actor=SYSTEM)
        assert not again(delivery)

    def test_does_not_go_to_a_deleted_endpoint(self, home: NewOrganization, endpoint: Endpoint) -> None:
        delivery = delivery_of(endpoint, happened(home.app), state=FAILED)
        delete_endpoint(endpoint=endpoint, actor=SYSTEM)

        with pytest.raises(NotFoundError):
            replay_delivery(delivery=delivery, actor=SYSTEM)
        with pytest.raises(NotFoundError):
            send_test(endpoint=endpoint, actor=SYSTEM)


@pytest.mark.django_db(transaction=True)
class TestReplaysAtTheSameTime:
    @pytest.mark.parametrize("replay", [replay_failed, replay_all])
    def test_are_one_of_each_organization(
        self, home: NewOrganization, abroad: NewOrganization, endpoint: Endpoint, replay: Callable[..., int]
    ) -> None:
        second = App.objects.create(organization=home.organization, name="Second")
        other, theirs = listening(second), listening(abroad.app)
        since = an_hour_ago()
        with apart() as first:
            first.do(lambda: replay_failed(endpoint=endpoint, since=since, actor=SYSTEM))

            for refused in (endpoint, other):
                # At once: nobody waits for a lock.
                with pytest.raises(ReplayUnderWayError, match="Wait a few seconds"), deadline(2):
                    replay(endpoint=refused, since=since, actor=SYSTEM)
            assert replay(endpoint=theirs, since=since, actor=SYSTEM) == 0
            first.commit()

        assert replay(endpoint=other, since=since, actor=SYSTEM) == 0

    def test_are_as_many_as_wanted_of_single_deliveries(self, home: NewOrganization, endpoint: Endpoint) -> None:
        other = listening(home.app)
        delivery = delivery_of(other, happened(home.app), state=FAILED)
        with apart() as first:
            first.do(lambda: replay_failed(endpoint=endpoint, since=an_hour_ago(), actor=SYSTEM))

            replay_delivery(delivery=delivery, actor=SYSTEM)

        assert again(delivery)


class TestSendTest:
    def test_sends_what_might_have_happened(
        self, home: NewOrganization, endpoint: Endpoint, broker: Broker, capture: Capture
    ) -> None:
        with capture(execute=True):
            delivery = send_test(endpoint=endpoint, name="meeting.ended", actor=Actor(user=home.owner))

        assert (delivery.name, delivery.state, delivery.tries) == ("meeting.ended", PENDING, 0)
        event = delivery.event
        assert (event.type, event.app_id, event.subject_type) == ("meeting.ended", home.app.pk, "endpoint")
        assert (event.subject_id, delivery.subject_id) == (endpoint.pk, endpoint.pk)
        assert event.facts["is_test"] is True
        assert broker.arguments == [("webhooks.deliver", {"endpoint_ids": [str(endpoint.pk)]})]
        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.user) == ("webhook.tested", home.owner)
        assert entry.detail == {"event": "meeting.ended", "delivery": str(delivery.uid)}

    def test_counts_on(self, endpoint: Endpoint) -> None:
        assert [send_test(endpoint=endpoint, actor=SYSTEM).sequence for _ in range(3)] == [1, 2, 3]

    @pytest.mark.parametrize(
        ("events", "tried"),
        [
            (["meeting.ended"], "meeting.ended"),
            (["meeting.chatSynced", "stream-created"], "stream-created"),
            (["meeting.summary"], LIVE),
        ],
    )
    def test_is_of_something_that_the_endpoint_listens_for(
        self, home: NewOrganization, events: list[str], tried: str
    ) -> None:
        assert send_test(endpoint=listening(home.app, *events), actor=SYSTEM).name == tried

    @for_each(
        "name, format",
        product([known.name for known in EVENT_NAMES.values() if known.is_emitted], ["dyte", "realtimekit"]),
    )
    def test_has_a_body_of_each_name_that_says_what_it_is(self, endpoint: Endpoint, name: str, format: str) -> None:
        event = send_test(endpoint=endpoint, name=name, actor=SYSTEM).event

        body = json.loads(body_of(Message.of(event, name=name, format=format)))

        assert (body["event"], body["test"]) == (name, True)

    def test_is_told_to_nobody_else(self, home: NewOrganization, endpoint: Endpoint) -> None:
        other = listening(home.app)
        send_test(endpoint=endpoint, name=LIVE, actor=SYSTEM)

        assert replay_all(endpoint=other, since=an_hour_ago(), actor=SYSTEM) == 0
        assert not other.deliveries.exists()
        # And a replay of everything is of what has happened.
        assert endpoint.deliveries.count() == 1

    def test_is_of_nothing_that_is_not_there(self, endpoint: Endpoint) -> None:
        for name in ("livestream.exploded", "meeting.summary"):
            with pytest.raises(ValidationFailedError) as caught:
                send_test(endpoint=endpoint, name=name, actor=SYSTEM)
            assert caught.value.fields.keys() == {"event"}
        assert not Delivery.objects.exists()
