"""A courier delivers what is due, in order, and writes down what became of it."""

import threading
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook

from streams.organizations.services import SYSTEM, NewOrganization
from tests.conftest import Broker
from tests.hangs.servers import hung_postgres
from tests.services import wait_until
from tests.webhooks.deliveries import courier, happen, listen, make_due, states, wait_attempts, wait_for
from tests.webhooks.receiver import Received, Receiver, Reply
from webhooks.models import Attempt, Delivery, Endpoint, Event
from webhooks.replays import replay_delivery
from webhooks.routes import BATCH
from webhooks.services import change_endpoint, delete_endpoint, rotate_secret
from webhooks.states import DeliveryState, DisabledReason

_PENDING, _DELIVERED, _FAILED = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.FAILED


class TestDelivering:
    def test_sends_what_is_due_and_writes_it_down(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        happen(home.app)

        with courier(endpoint):
            [delivery] = wait_for(endpoint, _DELIVERED)

        [received] = receiver.received
        assert received.id == str(delivery.uid)
        Webhook(endpoint.secret).verify(received.body, dict(received.headers))
        assert (delivery.last_status, delivery.last_error) == (200, "")
        assert delivery.finished_at is not None
        [attempt] = delivery.attempt_rows.all()
        assert (attempt.number, attempt.status, attempt.error, attempt.answer) == (1, 200, "", "ok")
        assert attempt.headers["webhook-signature"] == received.headers["webhook-signature"]
        assert "content-length" in {name.lower() for name in attempt.answer_headers}

    def test_says_how_the_endpoint_fares_and_lets_it_go(self, home: NewOrganization, endpoint: Endpoint) -> None:
        happen(home.app)

        with courier(endpoint):
            wait_for(endpoint, _DELIVERED)
            wait_until(lambda: Endpoint.objects.get().last_success_at)

        endpoint.refresh_from_db()
        assert (endpoint.failures, endpoint.failing_since, endpoint.claimed_by) == (0, None, None)

    def test_ends_by_itself_and_has_said_all_of_how_the_endpoint_fares(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        happen(home.app)
        with courier(endpoint) as out:
            wait_for(endpoint, _DELIVERED)
            wait_until(lambda: Endpoint.objects.get().last_success_at)
            first = Endpoint.objects.get().last_success_at
            # So soon that it is no news at once.
            happen(home.app)
            wait_for(endpoint, _DELIVERED, _DELIVERED)

            wait_until(lambda: not out.take([]), what="its end")

        last = Endpoint.objects.get().last_success_at
        assert first is not None
        assert last is not None
        assert last > first

    def test_sends_nothing_of_what_was_rolled_back(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        with transaction.atomic():
            happen(home.app, note="never")
            transaction.set_rollback(True)
        happen(home.app, note="told")

        with courier(endpoint):
            wait_for(endpoint, _DELIVERED)

        assert [b"told" in body for body in receiver.bodies] == [True]

    def test_takes_what_it_is_called_for_later(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        with courier() as out:
            happen(home.app)
            assert out.take([endpoint.pk])

            receiver.wait(1)

    def test_takes_nothing_once_it_has_ended(self, endpoint: Endpoint) -> None:
        with courier() as out:
            pass

        assert not out.take([endpoint.pk])

    def test_finds_what_nobody_called_it_for_while_it_is_there(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        happen(home.app)
        with courier(endpoint):
            receiver.wait(1)
            happen(home.app)

            receiver.wait(2)

    def test_sends_the_same_body_again_under_the_same_id(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        receiver.behave = lambda _: Reply(500 if not receiver.received else 200)
        happen(home.app)

        with courier(endpoint):
            wait_attempts(endpoint, 1)
            make_due(endpoint)
            [delivery] = wait_for(endpoint, _DELIVERED)

        first, second = receiver.received
        assert (first.id, first.body) == (second.id, second.body)
        assert (delivery.attempts, delivery.tries) == (2, 2)
        assert list(delivery.attempt_rows.order_by("number").values_list("number", "status")) == [(1, 500), (2, 200)]

    def test_goes_on_after_an_event_that_no_body_can_be_made_of(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        happen(home.app)
        Event.objects.update(facts={})
        happen(home.app, note="right")

        with courier(endpoint):
            wait_for(endpoint, _PENDING, _DELIVERED)

        assert Attempt.objects.filter(error__contains="cannot make its body").exists()


class TestFailures:
    @pytest.mark.parametrize(
        ("reply", "status", "words"),
        [
            (Reply(500), 500, "answers 500"),
            (Reply(404), 404, "answers 404"),
            (Reply(301, {"location": "https://elsewhere.example/"}), 301, "enter https://elsewhere.example/"),
            (Reply.RESET, None, "connection"),
            (Reply.NOISE, None, "not HTTP"),
        ],
    )
    def test_are_tried_again_after_five_seconds(
        self,
        home: NewOrganization,
        endpoint: Endpoint,
        receiver: Receiver,
        reply: Reply,
        status: int | None,
        words: str,
    ) -> None:
        receiver.behave = lambda _: reply
        happen(home.app)
        began_at = timezone.now()

        with courier(endpoint):
            [delivery] = wait_attempts(endpoint, 1)
            wait_until(lambda: Endpoint.objects.get().failures)

        assert (delivery.state, delivery.last_status, delivery.finished_at) == (_PENDING, status, None)
        assert words in delivery.last_error
        assert began_at + timedelta(seconds=3) < delivery.due_at < timezone.now() + timedelta(seconds=6.5)
        endpoint.refresh_from_db()
        assert endpoint.failures == 1
        assert endpoint.failing_since is not None
        assert words in endpoint.last_error

    def test_call_for_a_courier_when_the_next_try_is_soon(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver, broker: Broker
    ) -> None:
        receiver.behave = lambda _: Reply(500)
        happen(home.app)
        broker.names.clear()
        broker.times_s.clear()

        with courier(endpoint):
            wait_attempts(endpoint, 1)
            wait_until(lambda: broker.names)

        assert broker.arguments[-1] == ("webhooks.deliver", {"endpoint_ids": [str(endpoint.pk)]})
        assert 4 <= broker.times_s[0][0] < 6.5

    @pytest.mark.parametrize(("status", "header"), [(429, "Retry-After"), (503, "retry-after")])
    def test_wait_as_long_as_the_receiver_asks(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver, status: int, header: str
    ) -> None:
        receiver.behave = lambda _: Reply(status, {header: "3600"})
        happen(home.app)

        with courier(endpoint):
            [delivery] = wait_attempts(endpoint, 1)

        assert 3590 < (delivery.due_at - timezone.now()).total_seconds() <= 3600

    def test_wait_no_longer_where_the_answer_is_none_that_asks_to(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        receiver.behave = lambda _: Reply(500, {"Retry-After": "3600"})
        happen(home.app)

        with courier(endpoint):
            [delivery] = wait_attempts(endpoint, 1)

        assert (delivery.due_at - timezone.now()).total_seconds() < 6.5

    def test_are_written_down_as_far_as_there_is_room_for_words(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        receiver.behave = lambda _: Reply(301, {"location": f"https://elsewhere.example/{'a' * 400}"})
        happen(home.app)

        with courier(endpoint):
            [delivery] = wait_attempts(endpoint, 1)
            wait_until(lambda: Endpoint.objects.get().failures)

        endpoint.refresh_from_db()
        assert len(delivery.last_error) == 255
        assert endpoint.last_error == delivery.last_error == delivery.attempt_rows.get().error

    def test_end_after_the_last_try(self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver) -> None:
        receiver.behave = lambda _: Reply(500)
        happen(home.app)
        Delivery.objects.update(tries=10, attempts=10)

        with courier(endpoint):
            [delivery] = wait_for(endpoint, _FAILED)

        assert (delivery.attempts, delivery.last_error) == (11, "answers 500")
        assert delivery.finished_at is not None

    def test_say_that_the_secret_cannot_be_read(self, home: NewOrganization, endpoint: Endpoint) -> None:
        Endpoint.objects.update(secret_encrypted="of another key")
        happen(home.app)

        with courier(endpoint):
            [delivery] = wait_attempts(endpoint, 1)

        assert "LIVEHUB_ENCRYPTION_KEYS" in delivery.last_error

    def test_say_that_an_address_is_inside(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver, settings: Settings
    ) -> None:
        settings.OUTGOING_ALLOWED_NETWORKS = []
        happen(home.app)

        with courier(endpoint):
            [delivery] = wait_attempts(endpoint, 1)

        assert "inside this network: 127.0.0.1" in delivery.last_error
        assert receiver.connections == 0


class TestOrder:
    def test_is_kept_within_a_livestream(self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver) -> None:
        subjects = [uuid4(), uuid4(), uuid4()]
        for number in range(60):
            happen(home.app, subjects[number % 3], note=str(number))

        with courier(endpoint):
            receiver.wait(60)
            wait_for(endpoint, *[_DELIVERED] * 60)

        for subject_id in subjects:
            sequences = [sequence for found, sequence in _sequences(endpoint, receiver) if found == subject_id]
            assert sequences == list(range(1, 21))

    def test_holds_back_what_follows_a_failure(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        receiver.behave = lambda received: Reply(500 if b"sour" in received.body else 200)
        subject_id = happen(home.app, note="sour")
        happen(home.app, subject_id, note="sweet")
        happen(home.app, note="of another")

        with courier(endpoint) as out:
            wait_for(endpoint, _PENDING, _PENDING, _DELIVERED)
            happen(home.app, subject_id, note="sweet, too")
            out.take([endpoint.pk])
            happen(home.app, note="of another, too")
            wait_for(endpoint, _PENDING, _PENDING, _DELIVERED, _PENDING, _DELIVERED)
            receiver.behave = lambda _: Reply()
            make_due(endpoint)
            wait_for(endpoint, *[_DELIVERED] * 5)

        assert [sequence for found, sequence in _sequences(endpoint, receiver) if found == subject_id] == [1, 1, 2, 3]

    def test_lets_later_ones_pass_after_ten_minutes(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        receiver.behave = lambda received: Reply(500 if b"sour" in received.body else 200)
        subject_id = happen(home.app, note="sour")
        with courier(endpoint):
            [first] = wait_attempts(endpoint, 1)
        assert first.holds_until is not None
        assert 590 < (first.holds_until - timezone.now()).total_seconds() <= 600
        happen(home.app, subject_id, note="sweet")
        Delivery.objects.filter(pk=first.pk).update(holds_until=timezone.now() - timedelta(seconds=1))

        with courier(endpoint):
            wait_for(endpoint, _PENDING, _DELIVERED)

    def test_holds_no_longer_for_being_tried_again(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        receiver.behave = lambda _: Reply(500)
        happen(home.app)

        with courier(endpoint):
            [first] = wait_attempts(endpoint, 1)
            make_due(endpoint)
            [again] = wait_attempts(endpoint, 2)

        assert again.holds_until == first.holds_until


class TestBreaker:
    def test_opens_also_where_somebody_is_changing_the_endpoint_just_then(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        may_answer = threading.Event()
        receiver.behave = lambda _: Reply(500 if may_answer.wait(10) else 200)
        for _ in range(20):
            happen(home.app)

        with courier(endpoint):
            wait_until(lambda: receiver.connections)
            with transaction.atomic():
                Endpoint.objects.select_for_update(no_key=True).get()
                may_answer.set()
                wait_until(lambda: Attempt.objects.count() >= 10)
                # Also what was under way beside them is written down: nothing follows from which it would be noticed.
                time.sleep(0.5)

            wait_until(lambda: Endpoint.objects.get().open_until)

    def test_leaves_an_endpoint_alone_that_fails_and_sends_one_to_see_if_it_is_back(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver, broker: Broker
    ) -> None:
        receiver.behave = lambda _: Reply(500)
        for _ in range(40):
            happen(home.app)

        with courier(endpoint):
            wait_until(lambda: Endpoint.objects.get().open_until)
        sent = len(receiver.received)
        endpoint.refresh_from_db()
        assert 10 <= sent < 15
        assert endpoint.open_until is not None
        assert (endpoint.open_until - timezone.now()).total_seconds() <= 5

        # Still closed: nothing goes.
        with courier(endpoint):
            pass
        assert len(receiver.received) == sent

        Endpoint.objects.update(open_until=timezone.now())
        make_due(endpoint)
        with courier(endpoint):
            wait_until(lambda: Endpoint.objects.get().failures == 11)
        assert len(receiver.received) == sent + 1
        # When it is tried again, which is sooner than what was just sent.
        assert any(8 < countdown_s < 10.5 for countdown_s, _ in broker.times_s)

        Endpoint.objects.update(open_until=timezone.now())
        receiver.behave = lambda _: Reply()
        make_due(endpoint)
        with courier(endpoint):
            wait_for(endpoint, *[_DELIVERED] * 40)
            wait_until(lambda: Endpoint.objects.get().failures == 0)


class TestOtherOrganizations:
    @pytest.mark.parametrize("limit", ["_IN_FLIGHT_MAX", "_ROUTES_MAX"])
    def test_are_sent_theirs_while_receivers_of_one_hang(
        self,
        home: NewOrganization,
        abroad: NewOrganization,
        endpoint: Endpoint,
        receiver: Receiver,
        monkeypatch: pytest.MonkeyPatch,
        limit: str,
    ) -> None:
        monkeypatch.setattr(f"webhooks.courier.{limit}", 4)
        receiver.behave = lambda _: Reply.HANG
        more = [listen(home.app, receiver.url).row for _ in range(5)]
        for _ in range(8):
            happen(home.app)
        with Receiver().open() as other, courier(endpoint, *more) as out:
            wait_until(lambda: receiver.received)
            theirs = listen(abroad.app, other.url).row
            happen(abroad.app)
            out.take([theirs.pk])

            # Less than a request may take.
            other.wait(1)


class TestDisabling:
    def test_gives_up_an_endpoint_that_is_gone(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        receiver.behave = lambda _: Reply(410)
        with Receiver().open() as friend:
            listen(home.app, friend.url, name="Friend", events=["endpoint.disabled"])
            happen(home.app)
            with courier(*Endpoint.objects.all()):
                wait_until(lambda: not Endpoint.objects.get(pk=endpoint.pk).enabled)
                friend.wait(1)

        endpoint.refresh_from_db()
        assert endpoint.disabled_reason == DisabledReason.GONE
        assert states(endpoint) == [_PENDING]
        assert b"410" in friend.bodies[0]

    def test_gives_up_no_endpoint_that_is_somewhere_else_by_then(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        may_answer = threading.Event()
        receiver.behave = lambda _: Reply(410 if may_answer.wait(10) else 200)
        happen(home.app)
        with Receiver().open() as new, courier(endpoint) as out:
            wait_until(lambda: receiver.connections, timeout_s=10)
            change_endpoint(endpoint=endpoint, url=new.url, actor=SYSTEM)
            may_answer.set()
            [delivery] = wait_attempts(endpoint, 1)
            make_due(endpoint)
            out.take([endpoint.pk])

            new.wait(1)

        endpoint.refresh_from_db()
        assert (delivery.last_status, endpoint.enabled, endpoint.disabled_reason) == (410, True, "")

    def test_gives_up_an_endpoint_that_has_failed_for_five_days(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        receiver.behave = lambda _: Reply(500)
        Endpoint.objects.update(failures=9, failing_since=timezone.now() - timedelta(days=5))
        happen(home.app)

        with courier(endpoint):
            wait_until(lambda: not Endpoint.objects.get().enabled)

        endpoint.refresh_from_db()
        assert endpoint.disabled_reason == DisabledReason.FAILING
        assert Event.objects.filter(type="endpoint.disabled", subject_id=endpoint.pk).exists()

    def test_sends_again_what_waited_once_it_is_enabled(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        happen(home.app)
        change_endpoint(endpoint=endpoint, actor=SYSTEM, enabled=False)
        with courier(endpoint):
            pass
        assert not receiver.received

        change_endpoint(endpoint=endpoint, actor=SYSTEM, enabled=True)
        with courier(endpoint):
            wait_for(endpoint, _DELIVERED)

    @pytest.mark.parametrize("deletes", [False, True])
    def test_ends_what_is_under_way_and_begins_nothing(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver, deletes: bool
    ) -> None:
        receiver.behave = lambda _: Reply.HANG
        subject_id = happen(home.app)
        with courier(endpoint):
            wait_until(lambda: receiver.connections)
            if deletes:
                delete_endpoint(endpoint=endpoint, actor=SYSTEM)
            else:
                change_endpoint(endpoint=endpoint, actor=SYSTEM, enabled=False)
            happen(home.app, subject_id)
            Delivery.objects.filter(attempts=0).update(state=_PENDING)

        assert len(receiver.received) <= 1

    def test_begins_nothing_more_however_much_is_read_ahead(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        # Twenty in a second, one after the other.
        receiver.behave = _take_a_while
        subject_id = uuid4()
        for _ in range(2 * BATCH):
            happen(home.app, subject_id)
        with courier(endpoint):
            # As many as it takes to read ahead all that can be.
            receiver.wait(25)
            change_endpoint(endpoint=endpoint, actor=SYSTEM, enabled=False)
            sent = len(receiver.received)
            time.sleep(2)

        assert len(receiver.received) - sent <= 20


class TestChanges:
    def test_signs_by_both_secrets_after_a_rotation(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        old = endpoint.secret
        happen(home.app)
        with courier(endpoint) as out:
            receiver.wait(1)
            new = rotate_secret(endpoint=endpoint, actor=SYSTEM).secret
            happen(home.app)
            out.take([endpoint.pk])
            received = receiver.wait(2)[1]

        for secret in (new, old):
            Webhook(secret).verify(received.body, dict(received.headers))

    def test_forgets_the_old_secret_when_the_overlap_is_over(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        rotate_secret(endpoint=endpoint, actor=SYSTEM)
        Endpoint.objects.update(previous_secret_until=timezone.now() - timedelta(seconds=1))
        happen(home.app)

        with courier(endpoint):
            [received] = receiver.wait(1)

        assert " " not in received.headers["webhook-signature"]

    def test_goes_to_the_new_url(self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver) -> None:
        with Receiver().open() as other:
            happen(home.app)
            with courier(endpoint) as out:
                receiver.wait(1)
                change_endpoint(endpoint=endpoint, actor=SYSTEM, url=other.url)
                happen(home.app)
                out.take([endpoint.pk])
                other.wait(1)

    def test_sends_once_more_what_is_replayed_while_it_is_under_way(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        happen(home.app)
        delivery = Delivery.objects.get()
        receiver.behave = lambda _: _replay_first(receiver, delivery)

        with courier(endpoint):
            receiver.wait(2)
            [delivery] = wait_for(endpoint, _DELIVERED)

        assert (delivery.attempts, delivery.tries) == (2, 1)


class TestStopping:
    def test_ends_within_seconds_while_a_receiver_hangs(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver, broker: Broker
    ) -> None:
        receiver.behave = lambda _: Reply.HANG
        happen(home.app)
        with courier(endpoint):
            wait_until(lambda: receiver.connections)
            broker.names.clear()

        # Nothing is said of it, and others may have it: they are called.
        endpoint.refresh_from_db()
        assert endpoint.claimed_by is None
        assert (states(endpoint), Attempt.objects.count()) == ([_PENDING], 0)
        assert broker.names == ["webhooks.deliver"]

    def test_writes_down_what_ends_meanwhile(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        receiver.behave = lambda _: Reply(200)
        for _ in range(20):
            happen(home.app)
        with courier(endpoint):
            receiver.wait(1)

        assert states(endpoint).count(_DELIVERED) == len(receiver.received)


def _sequences(endpoint: Endpoint, receiver: Receiver) -> list[tuple[object, int]]:
    """Return subject and sequence of what came, as it came."""
    by_uid = {str(delivery.uid): (delivery.subject_id, delivery.sequence) for delivery in endpoint.deliveries.all()}
    return [by_uid[received.id] for received in receiver.received]


def _take_a_while(_: Received) -> Reply:
    time.sleep(0.05)
    return Reply()


def _replay_first(receiver: Receiver, delivery: Delivery) -> Reply:
    """Replay a delivery in the middle of its first attempt."""
    if not receiver.received:
        # The database is not asked from a loop's thread.
        thread = threading.Thread(target=_replay, args=(delivery,))
        thread.start()
        thread.join(10)
    return Reply()


def _replay(delivery: Delivery) -> None:
    replay_delivery(delivery=delivery, actor=SYSTEM)
    connection.close()


class TestOutages:
    def test_goes_on_after_the_database_has_stood_still(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        # What comes back while it hangs is written down afterwards.
        hangs = threading.Event()
        receiver.behave = lambda _: Reply(200 if hangs.wait(10) else 500)
        happen(home.app)
        with courier(endpoint):
            wait_until(lambda: receiver.connections)
            with hung_postgres():
                hangs.set()
                # Longer than any question is waited for.
                time.sleep(6)

            wait_for(endpoint, _DELIVERED)
            happen(home.app)
            wait_for(endpoint, _DELIVERED, _DELIVERED)

        assert len(receiver.received) == 2
