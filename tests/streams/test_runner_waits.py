"""A worker whose session waits for its encoder: nothing is pulled meanwhile."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from livehub.core import clock
from streams.livestreams import leases, services
from streams.livestreams.locks import LeaseLostError
from streams.livestreams.renewals import Renewals
from streams.livestreams.runner import HandOverError, Worker, _Run
from streams.livestreams.states import EndReason
from streams.models import Connection, Lease, Livestream, Session
from streams.organizations.services import SYSTEM
from tests.conftest import Broker
from tests.runs import ENCODER, claimed, connected
from tests.services import HANG_S, wait_until

# A worker gives its connection back again and again.
pytestmark = pytest.mark.django_db(transaction=True)
SECOND = replace(ENCODER, client_id=8)


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path, broker: Broker) -> None:
    settings.PLAYBACK_DIR = tmp_path


@pytest.fixture
def waiting(livestream: Livestream) -> Session:
    """A session whose encoder has dropped, and that no worker runs."""
    services.change_livestream(livestream=livestream, reconnect_window_s=600, actor=SYSTEM)
    session = connected(livestream)
    lease = claimed(session)
    leases.mark_live(lease)
    leases.mark_away(lease, reason=EndReason.ENCODER_STOPPED)
    Lease.objects.update(until=None)
    return session


class Slot:
    """A worker that runs the session on a thread of its own."""

    def __init__(self, session: Session) -> None:
        self.worker = Worker("waiter")
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._done = self._pool.submit(self._run, session)

    def _run(self, session: Session) -> None:
        try:
            self.worker.run_session(session.pk)
        finally:
            connection.close()

    def stop(self) -> None:
        self.worker.stopping.set()
        self.finish()

    def finish(self) -> None:
        self._done.result(timeout=HANG_S)
        self._pool.shutdown()


class TestWaiting:
    def test_keeps_the_lease_and_hands_over_when_the_worker_stops(self, waiting: Session) -> None:
        slot = Slot(waiting)
        wait_until(lambda: Lease.objects.filter(epoch=2).exists(), what="the claim")
        claimed_until = Lease.objects.get().until
        assert claimed_until is not None
        wait_until(lambda: Lease.objects.filter(until__gt=claimed_until).exists(), what="a renewal")

        slot.stop()

        assert Lease.objects.get().until is None
        assert Session.objects.get().is_open

    def test_ends_the_session_when_the_time_is_over(self, waiting: Session) -> None:
        Session.objects.update(reconnect_until=clock.now() + timedelta(seconds=1))

        Slot(waiting).finish()

        session = Session.objects.get()
        assert (session.status, session.end_reason) == ("ended", "encoder_stopped")

    def test_stops_when_somebody_ends_the_broadcast(self, waiting: Session) -> None:
        slot = Slot(waiting)
        wait_until(lambda: Lease.objects.filter(epoch=2).exists(), what="the claim")
        services.end_broadcast(livestream=waiting.livestream, actor=SYSTEM)

        slot.finish()

        assert Session.objects.get().end_reason == "ended_by_operator"

    def test_begins_another_run_with_the_encoder(self, waiting: Session, settings: Settings) -> None:
        slot = Slot(waiting)
        wait_until(lambda: Lease.objects.filter(epoch=2).exists(), what="the claim")
        connected(waiting.livestream, encoder=SECOND)

        wait_until(lambda: Lease.objects.filter(epoch__gt=2).exists(), what="the next run")

        slot.stop()
        assert Lease.objects.get().connection == Connection.objects.get(client_id=SECOND.client_id)
        assert Session.objects.get().status == "reconnecting"

    def test_leaves_an_encoder_to_the_node_that_has_it(self, waiting: Session, broker: Broker) -> None:
        slot = Slot(waiting)
        wait_until(lambda: Lease.objects.filter(epoch=2, until__gt=Now()).exists(), what="the claim")
        connected(waiting.livestream, encoder=replace(SECOND, node="north"))

        slot.finish()

        assert Lease.objects.get().until is None
        assert ("streams.run_session", "live.north") in broker.queues


class TestObserver:
    def test_tells_how_long_is_waited_and_counts_the_media_of_each_connection(self, livestream: Livestream) -> None:
        services.change_livestream(livestream=livestream, reconnect_window_s=600, actor=SYSTEM)
        session = connected(livestream)
        run = _Run(claimed(session), threading.Event(), Renewals())
        run.playable()

        assert run.left(media_ms=2_500) == 600
        assert run.find_encoder() is None
        connected(livestream, encoder=SECOND)
        found = Connection.objects.get(client_id=SECOND.client_id)
        assert run.find_encoder() == found.pk.hex
        run.returned()

        session.refresh_from_db()
        assert session.status == "live"
        assert Connection.objects.get(client_id=ENCODER.client_id).media_ms == 2_500
        assert run.left(media_ms=4_000) == 600
        found.refresh_from_db()
        assert found.media_ms == 1_500

    def test_ends_with_an_encoder_that_nobody_waits_for_though_no_hook_has_told_of_it(
        self, livestream: Livestream
    ) -> None:
        session = connected(livestream)
        run = _Run(claimed(session), threading.Event(), Renewals())
        run.playable()

        assert run.left(media_ms=2_500) == 0
        assert run._finish(media_ms=2_500) is None

        session.refresh_from_db()
        assert (session.status, session.end_reason) == ("ended", EndReason.ENCODER_STOPPED)
        assert Connection.objects.get().media_ms == 2_500

    @pytest.mark.parametrize(
        ("while_away", "seen"), [("slate", "viewers see the slate."), ("hold", "viewers see the last picture.")]
    )
    def test_tells_of_an_encoder_that_is_there_and_silent(
        self, livestream: Livestream, while_away: str, seen: str
    ) -> None:
        services.change_livestream(livestream=livestream, reconnect_window_s=600, while_away=while_away, actor=SYSTEM)
        session = connected(livestream)
        run = _Run(claimed(session), threading.Event(), Renewals())
        run.playable()

        run.silent()
        assert session.events.order_by("-id")[0].reason.endswith(seen)
        assert Session.objects.with_newest_event().get().shown.label == "Encoder silent"
        run.sends_again(silent_s=12.3, count=3)
        run.not_held()

        told = [(event.kind, event.reason) for event in session.events.order_by("-id")[:2]]
        assert told == [
            ("not_held", "The last picture could not be decoded; the server's log says why"),
            ("sends_again", "It was silent 3 times within a moment, for 12 s in all"),
        ]
        session.refresh_from_db()
        assert session.status == "live"

    def test_says_nothing_of_that_once_the_session_is_over(self, livestream: Livestream) -> None:
        session = connected(livestream)
        run = _Run(claimed(session), threading.Event(), Renewals())
        services.end_broadcast(livestream=livestream, actor=SYSTEM)

        with pytest.raises(LeaseLostError):
            run.silent()

    def test_does_not_follow_an_encoder_to_another_node(self, waiting: Session) -> None:
        run = _Run(claimed(waiting), threading.Event(), Renewals())
        connected(waiting.livestream, encoder=replace(SECOND, node="north"))

        with pytest.raises(HandOverError):
            run.find_encoder()
