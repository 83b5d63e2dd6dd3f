"""Who runs a session, and what becomes of failed runs."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from django.db.models.functions import Now
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture

from livehub.core import clock, events
from streams.livestreams import leases, repeats
from streams.livestreams.events import SessionInterrupted, SessionResumed
from streams.livestreams.locks import LeaseLostError
from streams.livestreams.states import EndReason, EventKind
from streams.media import broadcast, discovery
from streams.models import Connection, Lease, Livestream, Session, SessionEvent
from tests.conftest import Broker
from tests.runs import ENCODER, claimed, connected, ended, finished, taken_in

SECOND = timedelta(seconds=1)


def _claim(session: Session) -> Lease | None:
    return leases.claim_session(session_id=session.pk, worker="second", node="second")


def _story(session: Session) -> list[tuple[str, str, dict[str, object]]]:
    """Return what the session's timeline says, oldest first."""
    return list(session.events.order_by("id").values_list("kind", "reason", "data"))


class TestLease:
    def test_admits_one_worker_at_a_time(self, session: Session) -> None:
        claimed(session)

        assert _claim(session) is None

    def test_says_who_holds_it_and_until_when(self, session: Session) -> None:
        lease = claimed(session, worker="first")

        assert (lease.epoch, lease.worker) == (1, "first")
        assert Lease.objects.filter(until__gt=Now() + 3 * SECOND, until__lte=Now() + 5 * SECOND).exists()
        assert session.events.get(kind=EventKind.RUN_STARTED).data == {"epoch": 1, "worker": "first", "node": "main"}

    def test_may_be_taken_once_it_has_lapsed(self, session: Session) -> None:
        claimed(session)
        Lease.objects.update(until=Now() - SECOND)

        assert claimed(session, worker="second").epoch == 2

    def test_tells_of_the_worker_that_let_it_lapse(self, session: Session, heard: list[SessionInterrupted]) -> None:
        claimed(session)
        Lease.objects.update(until=Now() - SECOND)

        claimed(session, worker="second")

        told = "A part of LiveHub stopped; another one goes on"
        assert _story(session)[-2:] == [
            ("run_lost", told, {}),
            ("run_started", "", {"epoch": 2, "worker": "second", "node": "main"}),
        ]
        assert [(event.livestream_id, event.reason) for event in heard] == [(session.livestream_id, told)]

    def test_tells_nothing_of_a_worker_that_let_it_go(self, session: Session, heard: list[SessionInterrupted]) -> None:
        leases.release_lease(claimed(session))

        claimed(session, worker="second")

        assert [kind for kind, _, _ in _story(session)] == ["status", "run_started", "run_started"]
        assert heard == []

    def test_is_not_there_for_a_session_that_is_over(self, session: Session) -> None:
        ended(session)

        assert _claim(session) is None

    def test_fences_off_the_worker_that_lost_it(self, session: Session) -> None:
        first = claimed(session)
        leases.release_lease(first)
        second = claimed(session, worker="second")

        for write in (
            partial(leases.renew_lease, first),
            partial(leases.mark_live, first),
            partial(leases.record_source, first, source={}, renditions=[]),
            partial(leases.finish_session, first, reason=EndReason.ENCODER_STOPPED),
            partial(leases.fail_session, first, reason=EndReason.SOURCE_REFUSED, message="No."),
            partial(repeats.retry_session, first, message="No."),
            partial(repeats.recheck_session, first, message="No."),
            partial(repeats.postpone_session, first, message="No."),
        ):
            with pytest.raises(LeaseLostError):
                write()
        leases.mark_live(second)

    def test_is_not_released_by_a_stale_epoch(self, session: Session, enqueued: list[str], capture: Capture) -> None:
        first = claimed(session)
        leases.release_lease(first)
        claimed(session, worker="second")

        with capture(execute=True):
            leases.release_lease(first)

        assert _claim(session) is None
        assert enqueued == []

    def test_calls_another_worker_when_it_is_released(self, session: Session, broker: Broker, capture: Capture) -> None:
        lease = claimed(session)

        with capture(execute=True):
            leases.release_lease(lease)

        assert broker.arguments == [("streams.run_session", {"session_id": str(session.pk)})]

    def test_calls_only_the_node_that_has_the_encoder(
        self, livestream: Livestream, broker: Broker, capture: Capture
    ) -> None:
        with capture(execute=True):
            session = connected(livestream, encoder=replace(ENCODER, node="north"))
        with capture(execute=True):
            leases.release_lease(claimed(session))

        assert broker.queues == [("streams.run_session", "live.north")] * 2

    def test_is_lost_when_the_session_ends(self, session: Session) -> None:
        lease = claimed(session)
        ended(session)

        with pytest.raises(LeaseLostError):
            leases.renew_lease(lease)

    def test_is_renewed_for_five_seconds(self, session: Session) -> None:
        lease = claimed(session)
        Lease.objects.update(until=Now() + SECOND)

        leases.renew_lease(lease)

        assert Lease.objects.filter(until__gt=Now() + 3 * SECOND, until__lte=Now() + 5 * SECOND).exists()

    def test_writes_down_where_each_run_keeps_its_files(self, session: Session) -> None:
        leases.release_lease(claimed(session))
        leases.claim_session(session_id=session.pk, worker="second", node="north")

        session.refresh_from_db()
        assert session.file_nodes == ["main", "north"]

    def test_names_a_node_once_however_many_runs_it_had(self, session: Session) -> None:
        leases.release_lease(claimed(session))
        claimed(session, worker="second")

        session.refresh_from_db()
        assert session.file_nodes == ["main"]

    def test_notes_each_run_and_where_it_was(self, session: Session) -> None:
        leases.release_lease(claimed(session))
        leases.claim_session(session_id=session.pk, worker="second", node="north")

        started = session.events.filter(kind=EventKind.RUN_STARTED).order_by("id")
        assert [(event.data["epoch"], event.data["node"]) for event in started] == [(1, "main"), (2, "north")]


class TestNoteMedia:
    def test_never_takes_anything_back(self, session: Session) -> None:
        taken_in(session, media_ms=3_600_000)
        taken_in(session, media_ms=1_000)

        assert session.ingest_seconds == 3600

    def test_adds_up_over_connections(self, session: Session) -> None:
        taken_in(session, media_ms=1_300)
        Connection.objects.update(disconnected_at=clock.now())
        Connection.objects.create(session=session, node="main", client_id=9, media_ms=2_600)

        assert session.ingest_ms == 3_900
        # Whole seconds: what is begun does not count.
        assert session.ingest_seconds == 3

    def test_shows_that_the_encoder_is_there(self, session: Session) -> None:
        Connection.objects.update(last_seen_at=clock.now() - timedelta(minutes=1))

        taken_in(session, media_ms=1)

        assert Connection.objects.get().last_seen_at > clock.now() - 10 * SECOND


class TestMarkLive:
    def test_shows_since_when_on_the_livestream(self, session: Session, livestream: Livestream) -> None:
        leases.mark_live(claimed(session))

        session.refresh_from_db()
        livestream.refresh_from_db()
        assert (session.status, livestream.status) == ("live", "live")
        assert livestream.last_live_at is not None
        assert session.live_epoch == 1
        assert session.started_at is not None

    def test_tells_players_when_another_run_has_taken_over(self, session: Session, published: list[object]) -> None:
        first = claimed(session)
        leases.mark_live(first)
        leases.release_lease(first)
        published.clear()

        leases.mark_live(claimed(session, worker="second"))

        (event,) = published
        assert isinstance(event, SessionResumed)
        assert (event.livestream_id, event.session_id) == (session.livestream_id, session.pk)
        assert event.organization_id == session.livestream.app.organization_id
        session.refresh_from_db()
        assert session.live_epoch == 2

    def test_is_told_in_the_timeline(self, session: Session) -> None:
        for worker in ("first", "second"):
            lease = claimed(session, worker=worker)
            leases.mark_live(lease)
            leases.release_lease(lease)

        assert [entry for entry in _story(session) if entry[0] != "run_started"] == [
            ("status", "Encoder connected", {"old": "", "new": "connecting"}),
            ("status", "Viewers can watch", {"old": "connecting", "new": "live"}),
            ("resumed", "Viewers see the picture again", {"epoch": 2}),
        ]


class TestRecordSource:
    def test_keeps_what_comes_in_and_what_goes_out(self, session: Session) -> None:
        before = session.updated_at

        leases.record_source(claimed(session), source={"fps": 30}, renditions=[{"height": 720}])

        session.refresh_from_db()
        assert (session.source, session.renditions) == ({"fps": 30}, [{"height": 720}])
        assert session.updated_at > before


class TestRetrySession:
    def test_waits_longer_each_time_and_gives_up_after_five_failures(self, session: Session) -> None:
        delays = []
        for _ in range(5):
            delays.append(repeats.retry_session(claimed(session), message="No such codec."))
            Lease.objects.update(not_before=None)

        session.refresh_from_db()
        assert delays == [0.5, 1.0, 2.0, 5.0, None]
        assert (session.status, session.end_reason) == ("errored", "transcoder_failed")
        assert session.error_message == (
            "LiveHub could not process the stream in 5 attempts; start the encoder again. No such codec."
        )

    def test_gives_up_a_session_whose_runs_take_long_to_fail(self) -> None:
        longest_run_s = discovery._LONGEST_PROBED_WAIT_S + discovery._PROBE_TIMEOUT_S + broadcast._LONGEST_PACKAGING_S
        delays_s = repeats._FAILURE_DELAYS_S

        assert len(delays_s) * longest_run_s + sum(delays_s) < repeats._FAILURE_WINDOW.total_seconds()

    def test_lets_nobody_run_the_session_before_the_delay_is_over(self, session: Session) -> None:
        repeats.retry_session(claimed(session), message="Killed.")

        assert _claim(session) is None
        Lease.objects.update(not_before=Now() - SECOND)
        assert _claim(session) is not None

    def test_sends_no_message_that_would_come_too_early(
        self, session: Session, enqueued: list[str], capture: Capture
    ) -> None:
        with capture(execute=True):
            repeats.retry_session(claimed(session), message="Killed.")

        assert enqueued == []

    def test_counts_failures_of_the_last_three_minutes(self, session: Session) -> None:
        repeats.retry_session(claimed(session), message="Killed.")
        SessionEvent.objects.update(at=clock.now() - timedelta(seconds=170))
        Lease.objects.update(not_before=None)

        assert repeats.retry_session(claimed(session), message="Killed.") == 1.0

    def test_keeps_the_last_words_in_a_line_and_tells_open_pages(
        self, session: Session, heard: list[SessionInterrupted]
    ) -> None:
        words = "No space left on device. " * 40

        repeats.retry_session(claimed(session), message=words)

        assert session.events.get(kind=EventKind.RUN_FAILED).reason == words[:255]
        assert [(event.session_id, event.reason) for event in heard] == [(session.pk, words)]

    def test_does_not_count_failures_that_are_far_apart(self, session: Session) -> None:
        for _ in range(8):
            assert repeats.retry_session(claimed(session), message="Killed.") == 0.5
            SessionEvent.objects.update(at=clock.now() - timedelta(seconds=190))
            Lease.objects.update(not_before=None)

    def test_does_not_count_takeovers(self, session: Session) -> None:
        for _ in range(8):
            leases.release_lease(claimed(session))

        assert repeats.retry_session(claimed(session), message="Killed.") == 0.5


class TestPostponeSession:
    def test_never_gives_up_and_says_why_once(self, session: Session) -> None:
        for _ in range(10):
            repeats.postpone_session(claimed(session), message="The disk is full.")
            assert _claim(session) is None
            Lease.objects.update(not_before=None)

        session.refresh_from_db()
        assert session.is_open
        assert [event.reason for event in session.events.filter(kind=EventKind.RUN_POSTPONED)] == ["The disk is full."]
        assert session.events.filter(kind=EventKind.RUN_STARTED).count() == 1

    def test_leaves_three_seconds_for_it_to_pass(self, session: Session) -> None:
        lease, delay = claimed(session), timedelta(seconds=3)
        before = Lease.objects.values_list(Now(), flat=True).get()

        repeats.postpone_session(lease, message="The disk is full.")

        until, after = Lease.objects.values_list("not_before", Now()).get()
        assert before + delay < until < after + delay

    def test_says_so_again_when_something_happened_meanwhile(self, session: Session) -> None:
        leases.mark_live(claimed(session))
        for _ in range(2):
            repeats.postpone_session(Lease.objects.get(), message="The disk is full.")
            Lease.objects.update(not_before=None)
            leases.mark_live(claimed(session))

        assert session.events.filter(kind=EventKind.RUN_POSTPONED).count() == 2


class TestFinishSession:
    def test_has_no_complaint(self, session: Session) -> None:
        finished(session)

        session.refresh_from_db()
        assert (session.status, session.error_message) == ("ended", "")


class TestFailSession:
    def test_keeps_every_word_for_the_operator(self, session: Session) -> None:
        words = "Switch the encoder to H.264. " * 40

        leases.fail_session(claimed(session), reason=EndReason.SOURCE_REFUSED, message=words)

        session.refresh_from_db()
        assert session.error_message == words
        assert session.events.get(data__new="errored").reason == words[:255]


@pytest.fixture
def heard() -> Iterator[list[SessionInterrupted]]:
    """Every interruption while the test runs."""
    found: list[SessionInterrupted] = []
    events.subscribe(SessionInterrupted, found.append)
    yield found
    events._subscribers[SessionInterrupted].pop()


@pytest.fixture
def published() -> Iterator[list[object]]:
    """What is published while the test runs."""
    heard: list[object] = []
    events.subscribe(SessionResumed, heard.append)
    yield heard
    events._subscribers[SessionResumed].remove(heard.append)


class TestReshape:
    def test_lets_another_run_begin_at_once_however_often(
        self, session: Session, heard: list[SessionInterrupted]
    ) -> None:
        for _ in range(7):
            lease = claimed(session)
            assert repeats.reshape_session(lease, EventKind.OVERLOADED, message="720p is left out for now.") == 0

        session.refresh_from_db()
        assert session.is_open
        assert session.events.filter(kind=EventKind.OVERLOADED, reason="720p is left out for now.").count() == 7
        assert [event.reason for event in heard] == ["720p is left out for now."] * 7

    def test_is_refused_to_who_has_lost_the_session(self, session: Session) -> None:
        lease = claimed(session)
        ended(session)

        with pytest.raises(LeaseLostError):
            repeats.reshape_session(lease, EventKind.RESTORED, message="")

    def test_what_is_left_out_and_since_when_is_kept_until_all_is_made(self, session: Session) -> None:
        lease = claimed(session)
        record = partial(leases.record_source, lease, source={}, renditions=[])
        record(left_out=["720p"])
        session.refresh_from_db()
        since = session.left_out_since
        assert (session.left_out, since is not None) == (["720p"], True)

        record(left_out=["720p", "480p"])
        session.refresh_from_db()
        assert (session.left_out, session.left_out_since) == (["720p", "480p"], since)

        record()
        session.refresh_from_db()
        assert (session.left_out, session.left_out_since) == ([], None)
