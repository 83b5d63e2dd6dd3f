"""What is too old goes, with all that belongs to it; what is not, and what is still on its way, stays."""

from datetime import timedelta

import pytest

from livehub.core import clock
from livehub.core.deadline import deadline
from streams.livestreams import services
from streams.models import App, Livestream
from streams.organizations.services import SYSTEM, NewOrganization
from tests.webhooks.told import events_of, listen_for
from webhooks import retention
from webhooks.models import Attempt, Delivery, Endpoint, Event, Subject
from webhooks.services import change_endpoint, delete_endpoint
from webhooks.states import RETENTION, DeliveryState

_UPDATED = "livestream.updated"
_SECOND = timedelta(seconds=1)


@pytest.fixture
def app(home: NewOrganization) -> App:
    return home.app


@pytest.fixture
def endpoint(app: App) -> Endpoint:
    return listen_for(app, "livestream.created", _UPDATED)


def pass_time(monkeypatch: pytest.MonkeyPatch, duration: timedelta) -> None:
    """Move the clock on."""
    moment = clock.now() + duration
    monkeypatch.setattr(clock, "now", lambda: moment)


def finish(*, state: DeliveryState = DeliveryState.DELIVERED) -> None:
    """Let everything that was on its way have come to its end, at the second attempt."""
    Delivery.objects.update(state=state, attempts=2)
    for delivery in Delivery.objects.all():
        for number in (1, 2):
            Attempt.objects.create(delivery=delivery, number=number, at=clock.now(), duration_ms=5, status=200)


def rename(livestream: Livestream, *, times: int = 1) -> None:
    for number in range(times):
        services.rename_livestream(livestream=livestream, name=f"Keynote {number}", actor=SYSTEM)


class TestEvents:
    def test_go_after_thirty_days_with_their_deliveries_and_attempts(
        self, endpoint: Endpoint, livestream: Livestream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # More than one batch.
        rename(livestream, times=120)
        finish()
        assert (Event.objects.count(), Delivery.objects.count(), Attempt.objects.count()) == (121, 121, 242)

        pass_time(monkeypatch, RETENTION + _SECOND)
        retention.forget_old()

        assert not Event.objects.exists()
        assert not Delivery.objects.exists()
        assert not Attempt.objects.exists()
        assert Endpoint.objects.get() == endpoint

    def test_stay_until_then(self, endpoint: Endpoint, livestream: Livestream, monkeypatch: pytest.MonkeyPatch) -> None:
        rename(livestream)
        finish()

        pass_time(monkeypatch, RETENTION - timedelta(minutes=1))
        retention.forget_old()

        assert (Event.objects.count(), Delivery.objects.count(), Attempt.objects.count()) == (2, 2, 4)

    def test_stay_as_long_as_one_of_their_deliveries_is_on_its_way(
        self, app: App, endpoint: Endpoint, livestream: Livestream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        listen_for(app, _UPDATED)
        rename(livestream)
        finish(state=DeliveryState.FAILED)
        replayed = Delivery.objects.filter(endpoint=endpoint, name=_UPDATED)
        replayed.update(state=DeliveryState.PENDING)

        pass_time(monkeypatch, RETENTION + _SECOND)
        retention.forget_old()
        assert [event.type for event in events_of(livestream.pk)] == [_UPDATED]
        assert Delivery.objects.count() == 2

        replayed.update(state=DeliveryState.DELIVERED)
        retention.forget_old()
        assert not Event.objects.exists()

    @pytest.mark.parametrize("change", ["disable", "delete"])
    def test_do_not_stay_for_an_endpoint_that_gets_nothing(
        self, endpoint: Endpoint, livestream: Livestream, monkeypatch: pytest.MonkeyPatch, change: str
    ) -> None:
        if change == "disable":
            change_endpoint(endpoint=endpoint, actor=SYSTEM, enabled=False)
        else:
            delete_endpoint(endpoint=endpoint, actor=SYSTEM)
        assert Delivery.objects.get().state == DeliveryState.PENDING

        pass_time(monkeypatch, RETENTION + _SECOND)
        retention.forget_old()

        assert not Event.objects.exists()
        assert not Delivery.objects.exists()

    def test_go_no_further_than_the_deadline(self, livestream: Livestream, monkeypatch: pytest.MonkeyPatch) -> None:
        pass_time(monkeypatch, RETENTION + _SECOND)

        with deadline(retention._BATCH_S):
            retention.forget_old()
        assert Event.objects.count() == 1

        with deadline(60):
            retention.forget_old()
        assert Event.objects.count() == 0


class TestSubjects:
    def test_of_what_is_still_there_go_on_counting(
        self, livestream: Livestream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rename(livestream)
        pass_time(monkeypatch, RETENTION + _SECOND)
        retention.forget_old()

        services.disable_livestream(livestream=livestream, actor=SYSTEM)

        assert [event.sequence for event in events_of(livestream.pk)] == [3]

    def test_of_deleted_livestreams_go_with_their_last_event(
        self, livestream: Livestream, app: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = services.create_livestream(app=app, name="Other", actor=SYSTEM)
        services.delete_livestream(livestream=livestream, actor=SYSTEM)
        assert Subject.objects.count() == 2

        pass_time(monkeypatch, RETENTION + _SECOND)
        retention.forget_old()

        assert Subject.objects.get().pk == other.pk


class TestDeletedEndpoints:
    def test_go_after_an_hour_with_what_was_sent_to_them(
        self, app: App, endpoint: Endpoint, livestream: Livestream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept = listen_for(app, _UPDATED)
        rename(livestream)
        finish()
        Subject.objects.create(pk=endpoint.pk, sequence=1)
        delete_endpoint(endpoint=endpoint, actor=SYSTEM)

        pass_time(monkeypatch, timedelta(minutes=59))
        retention.forget_old()
        assert Endpoint.objects.count() == 2

        pass_time(monkeypatch, timedelta(minutes=2))
        retention.forget_old()
        assert Endpoint.objects.get() == kept
        assert Delivery.objects.get().endpoint == kept
        assert Attempt.objects.count() == 2
        assert Event.objects.count() == 2
        assert not Subject.objects.filter(pk=endpoint.pk).exists()

    def test_go_a_part_at_a_time(
        self, endpoint: Endpoint, livestream: Livestream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "_DELIVERIES", 2)
        rename(livestream, times=4)
        delete_endpoint(endpoint=endpoint, actor=SYSTEM)

        pass_time(monkeypatch, timedelta(hours=1, seconds=1))
        retention.forget_old()

        assert not Endpoint.objects.exists()
        assert not Delivery.objects.exists()
