"""A worker whose session waits for its encoder: nothing is pulled meanwhile."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from livehub.core import clock
from streams.livestreams import connections, leases, services
from streams.livestreams.held_lease import HandOverError
from streams.livestreams.locks import LeaseLostError
from streams.livestreams.renewals import Renewals
from streams.livestreams.runner import Worker
from streams.livestreams.runs import SessionRun
from streams.livestreams.states import EndReason
from streams.media.errors import (
    IngestSilentError,
    MediaError,
    PullFailedError,
    SourceLostError,
    SourceRefusedError,
)
from streams.media.meter import Measured
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


def _ending(run: SessionRun, how: str, error: MediaError) -> Callable[[], float | None]:
    """Let a run end of an error, and return what it concludes, once it has waited for an encoder."""
    try:
        conclusion: Callable[[], float | None] = getattr(run, how)(error)
        return conclusion
    finally:
        connection.close()


def _taken_over(session: Session) -> SessionRun:
    """Return a live run that has just begun to follow another encoder, which may take over."""
    run = SessionRun(claimed(session), threading.Event(), Renewals())
    run.observer.playable()
    Connection.objects.update(connected_at=clock.now() - timedelta(minutes=1))
    connected(session.livestream, encoder=SECOND)
    run.observer.check_in(media_ms=2_500, received_bytes=0, measured=Measured(), packager_latency_ms=None)
    assert run.observer.find_encoder() is not None
    return run


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

    @pytest.mark.parametrize("ends", ["_lose", "_refuse"])
    def test_goes_on_with_one_that_comes_after_one_that_was_there_when_the_run_began(
        self, livestream: Livestream, ends: str
    ) -> None:
        services.change_livestream(livestream=livestream, reconnect_window_s=600, actor=SYSTEM)
        session = connected(livestream)
        lease = claimed(session)
        leases.mark_live(lease)
        leases.mark_away(lease, reason=EndReason.ENCODER_STOPPED)
        connected(livestream, encoder=SECOND)
        Lease.objects.update(until=None)
        stopping = threading.Event()
        run = SessionRun(claimed(session), stopping, Renewals())
        run.observer.check_in(media_ms=0, received_bytes=0, measured=Measured(), packager_latency_ms=None)
        error = {"_lose": SourceLostError, "_refuse": SourceRefusedError}[ends]("It is not usable.")

        with ThreadPoolExecutor(max_workers=1) as pool:
            concluding = pool.submit(_ending, run, ends, error)
            try:
                wait_until(lambda: not Connection.objects.filter(disconnected_at=None).exists(), what="the absence")
                connected(livestream, encoder=replace(ENCODER, client_id=9))
                conclude = concluding.result(timeout=HANG_S)
            finally:
                stopping.set()

        assert conclude() == 0.0
        assert Lease.objects.get().connection == Connection.objects.get(client_id=9)

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
        run = SessionRun(claimed(session), threading.Event(), Renewals())
        run.observer.playable()

        assert run.observer.left(media_ms=2_500) == 600
        assert run.observer.find_encoder() is None
        connected(livestream, encoder=SECOND)
        found = Connection.objects.get(client_id=SECOND.client_id)
        assert run.observer.find_encoder() == found.pk.hex
        run.observer.returned()

        session.refresh_from_db()
        assert session.status == "live"
        assert Connection.objects.get(client_id=ENCODER.client_id).media_ms == 2_500
        assert run.observer.left(media_ms=4_000) == 600
        found.refresh_from_db()
        assert found.media_ms == 1_500

    def test_ends_with_an_encoder_that_nobody_waits_for_though_no_hook_has_told_of_it(
        self, livestream: Livestream
    ) -> None:
        session = connected(livestream)
        run = SessionRun(claimed(session), threading.Event(), Renewals())
        run.observer.playable()

        assert run.observer.left(media_ms=2_500) == 0
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
        run = SessionRun(claimed(session), threading.Event(), Renewals())
        run.observer.playable()

        run.observer.silent()
        assert session.events.order_by("-id")[0].reason.endswith(seen)
        assert Session.objects.with_newest_event().get().shown.label == "Encoder silent"
        run.observer.sends_again(silent_s=12.3, count=3)
        run.observer.not_held()

        told = [(event.kind, event.reason) for event in session.events.order_by("-id")[:2]]
        assert told == [
            ("not_held", "The last picture could not be decoded; the server's log says why"),
            ("sends_again", "It was silent 3 times within a moment, for 12 seconds in all"),
        ]
        session.refresh_from_db()
        assert session.status == "live"

    def test_says_nothing_of_that_once_the_session_is_over(self, livestream: Livestream) -> None:
        session = connected(livestream)
        run = SessionRun(claimed(session), threading.Event(), Renewals())
        services.end_broadcast(livestream=livestream, actor=SYSTEM)

        with pytest.raises(LeaseLostError):
            run.observer.silent()

    def test_does_not_follow_an_encoder_to_another_node(self, waiting: Session) -> None:
        run = SessionRun(claimed(waiting), threading.Event(), Renewals())
        connected(waiting.livestream, encoder=replace(SECOND, node="north"))

        with pytest.raises(HandOverError):
            run.observer.find_encoder()

    def test_waits_for_another_after_one_that_took_over_and_left_before_its_picture(
        self, livestream: Livestream
    ) -> None:
        services.change_livestream(
            livestream=livestream, reconnect_window_s=600, duplicate_publisher="replace", actor=SYSTEM
        )
        session = connected(livestream)
        run = _taken_over(session)
        connections.encoder_left(key=livestream.stream_key, node="main", client_id=SECOND.client_id)

        # It ends of having waited for its picture as long as for any.
        assert run._finish(media_ms=2_500) == 0.0

        session.refresh_from_db()
        assert (session.status, session.lease.until) == ("reconnecting", None)

    def test_ends_with_one_that_took_over_and_is_refused_where_nobody_is_waited_for_any_more(
        self, livestream: Livestream
    ) -> None:
        services.change_livestream(livestream=livestream, duplicate_publisher="replace", actor=SYSTEM)
        session = connected(livestream)
        run = _taken_over(session)
        services.change_livestream(livestream=livestream, reconnect_window_s=0, actor=SYSTEM)

        with pytest.raises(SourceRefusedError, match="Set it to") as refused:
            run.observer.refused("The video is not H.264. Set it to H.264.")
        run._refuse(refused.value)()

        session.refresh_from_db()
        assert (session.status, session.end_reason) == ("errored", "source_refused")
        assert session.error_message == "The video is not H.264. Set it to H.264."

    def test_leaves_alone_who_took_over_from_one_that_is_refused(self, livestream: Livestream) -> None:
        services.change_livestream(livestream=livestream, duplicate_publisher="replace", actor=SYSTEM)
        session = connected(livestream)
        run = SessionRun(claimed(session), threading.Event(), Renewals())
        Connection.objects.update(connected_at=clock.now() - timedelta(minutes=1))
        connected(livestream, encoder=SECOND)

        assert run._refuse(SourceRefusedError("The video is not H.264. Set it to H.264."))() == 0.0

        session.refresh_from_db()
        assert (session.status, session.lease.until) == ("connecting", None)
        assert [stay.client_id for stay in session.connections.filter(disconnected_at=None)] == [SECOND.client_id]
        assert session.events.get(kind="refused").reason == "The video is not H.264. Set it to H.264."

    @pytest.mark.parametrize(
        ("error", "kind", "reason"),
        [
            (PullFailedError("/x"), "run_failed", "The stream broke off inside LiveHub, not at the encoder."),
            (IngestSilentError("/x"), "run_postponed", "The part of LiveHub that takes streams in does not answer."),
        ],
    )
    def test_tells_of_a_break_that_the_slate_bridges(
        self, livestream: Livestream, error: MediaError, kind: str, reason: str
    ) -> None:
        session = connected(livestream)
        run = SessionRun(claimed(session), threading.Event(), Renewals())
        run.observer.playable()

        run.observer.broke_off(error)

        assert run.observer.find_encoder() is None
        session.refresh_from_db()
        newest = session.events.order_by("-id")[0]
        assert (session.status, newest.kind, newest.reason) == ("live", kind, reason)
        run.observer.returned()
        assert session.events.order_by("-id")[0].kind == "resumed"

    def test_says_how_long_was_waited_where_the_time_is_over_as_it_begins(self, waiting: Session) -> None:
        Session.objects.update(reconnect_until=clock.now() - timedelta(seconds=1))
        run = SessionRun(claimed(waiting), threading.Event(), Renewals())

        assert run.observer.left(media_ms=0) == 0
        assert run._finish(media_ms=0) is None

        newest = waiting.events.order_by("id").last()
        assert newest is not None
        assert newest.reason == "The encoder did not come back within 10 minutes"

    def test_does_not_take_an_absence_for_a_slow_run(self, waiting: Session) -> None:
        run = SessionRun(claimed(waiting), threading.Event(), Renewals())
        run.observer._speed.note(now_s=time.monotonic() - 9, media_ms=0)
        connected(waiting.livestream, encoder=SECOND)
        run.observer.find_encoder()

        run.observer.returned()
        run.observer.check_in(media_ms=100, received_bytes=0, measured=Measured(), packager_latency_ms=None)

        assert Connection.objects.get(client_id=SECOND.client_id).measured["speed"] is None
