"""Sessions: opened, leased, live, closed."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from django.test import TestCase
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture

from livehub.core import clock, events
from livehub.core.errors import IllegalTransitionError, StaleStatusError
from livehub.core.states import swap_status
from streams.livestreams import lifecycle
from streams.livestreams.events import SessionResumed
from streams.livestreams.lifecycle import AlreadyLiveError, Encoder, LeaseLostError
from streams.livestreams.states import SESSION_MACHINE, EndReason, LivestreamStatus, SessionStatus
from streams.models import Livestream, Session
from tests.runs import claimed, failed, finished

ENCODER = Encoder(client_id=7, address="127.0.0.1", software="OBS 31")


@pytest.fixture
def session(livestream: Livestream) -> Session:
    return lifecycle.start_session(livestream=livestream, encoder=ENCODER)


class TestStartSession:
    def test_opens_a_connecting_session_and_shows_it_on_the_livestream(
        self, session: Session, livestream: Livestream
    ) -> None:
        livestream.refresh_from_db()

        assert session.status == SessionStatus.CONNECTING
        assert livestream.status == LivestreamStatus.CONNECTING
        assert [(change.old, change.new) for change in session.status_changes.all()] == [("", "connecting")]

    def test_refuses_a_second_encoder_without_harm(self, session: Session, livestream: Livestream) -> None:
        with pytest.raises(AlreadyLiveError):
            lifecycle.start_session(livestream=livestream, encoder=ENCODER)

        assert Session.objects.get() == session


class TestLease:
    def test_admits_one_worker_at_a_time(self, session: Session) -> None:
        claimed(session)

        assert lifecycle.claim_session(session_id=session.pk, worker="second") is None

    def test_may_be_taken_once_it_has_lapsed(self, session: Session) -> None:
        claimed(session)
        Session.objects.filter(pk=session.pk).update(lease_until=clock.now() - timedelta(seconds=1))

        assert claimed(session, worker="second").epoch == 2

    def test_fences_off_the_worker_that_lost_it(self, session: Session) -> None:
        first = claimed(session)
        lifecycle.release_lease(first)
        second = claimed(session, worker="second")

        for write in (
            partial(lifecycle.renew_lease, first, ingest_ms=1),
            partial(lifecycle.mark_live, first),
            partial(lifecycle.record_source, first, source={}, renditions=[]),
            partial(lifecycle.finish_session, first, reason=EndReason.ENCODER_STOPPED),
            partial(lifecycle.fail_session, first, reason=EndReason.SOURCE_REFUSED, message="No."),
            partial(lifecycle.retry_session, first, message="No."),
        ):
            with pytest.raises(LeaseLostError):
                write()
        lifecycle.mark_live(second)

    def test_is_lost_when_the_session_ends(self, session: Session) -> None:
        lease = claimed(session)
        lifecycle.end_session(session=session, reason=EndReason.ENDED_BY_OPERATOR)

        with pytest.raises(LeaseLostError):
            lifecycle.renew_lease(lease, ingest_ms=1)

    def test_keeps_what_was_taken_in_until_the_next_run_has_media(self, session: Session) -> None:
        first = claimed(session)
        lifecycle.renew_lease(first, ingest_ms=3_600_000)
        lifecycle.release_lease(first)
        second = claimed(session, worker="second")

        lifecycle.renew_lease(second, ingest_ms=None)

        session.refresh_from_db()
        assert session.ingest_seconds == 3600


class TestMarkLive:
    def test_tells_players_when_another_run_has_taken_over(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        published: list[object] = []
        first = claimed(session)
        lifecycle.mark_live(first)
        lifecycle.release_lease(first)
        monkeypatch.setattr(events, "publish", published.append)

        lifecycle.mark_live(claimed(session, worker="second"))

        assert published == [SessionResumed(session.livestream_id, session.pk)]
        session.refresh_from_db()
        assert session.live_epoch == 2


class TestRetrySession:
    def test_calls_for_another_run_at_once(self, session: Session, enqueued: list[str]) -> None:
        with TestCase.captureOnCommitCallbacks(execute=True):
            lifecycle.retry_session(claimed(session), message="Killed.")

        assert enqueued == ["streams.run_session"]
        claimed(session, worker="second")

    def test_gives_up_after_five_crashes_in_a_row(self, session: Session) -> None:
        for _ in range(5):
            lifecycle.retry_session(claimed(session), message="No such codec.")

        session.refresh_from_db()
        assert (session.status, session.end_reason) == ("errored", "transcoder_failed")
        assert "No such codec." in session.error_message

    def test_does_not_count_crashes_that_are_far_apart(self, session: Session) -> None:
        for _ in range(8):
            lifecycle.retry_session(claimed(session), message="Killed.")
            Session.objects.filter(pk=session.pk).update(crashed_at=clock.now() - timedelta(minutes=3))

        session.refresh_from_db()
        assert session.is_open

    def test_does_not_count_takeovers(self, session: Session) -> None:
        for _ in range(8):
            lifecycle.release_lease(claimed(session))

        lifecycle.retry_session(claimed(session), message="Killed.")

        session.refresh_from_db()
        assert session.is_open


class TestEndSession:
    def test_closes_it_once_and_makes_the_livestream_idle(self, session: Session, livestream: Livestream) -> None:
        finished(session, ingest_ms=2500)
        lifecycle.end_session(session=session, reason=EndReason.DISABLED)

        session.refresh_from_db()
        livestream.refresh_from_db()
        assert (session.status, session.end_reason, session.ingest_seconds) == ("ended", "encoder_stopped", 2)
        assert session.stopped_at is not None
        assert livestream.status == LivestreamStatus.IDLE

    def test_lets_the_encoder_come_again_as_a_new_session(self, session: Session, livestream: Livestream) -> None:
        lifecycle.end_session(session=session, reason=EndReason.ENCODER_STOPPED)

        assert lifecycle.start_session(livestream=livestream, encoder=ENCODER) != session


class TestFailSession:
    def test_keeps_the_sentence_for_the_operator(self, session: Session, livestream: Livestream) -> None:
        failed(session, message="Switch the encoder to H.264.")

        session.refresh_from_db()
        livestream.refresh_from_db()
        assert (session.status, session.error_message) == ("errored", "Switch the encoder to H.264.")
        assert livestream.status == LivestreamStatus.ERRORED


class TestSwapStatus:
    def test_refuses_a_step_the_machine_does_not_have(self, session: Session) -> None:
        lifecycle.end_session(session=session, reason=EndReason.ENCODER_STOPPED)
        session.refresh_from_db()

        with pytest.raises(IllegalTransitionError):
            swap_status(session, machine=SESSION_MACHINE, new=SessionStatus.LIVE)

    def test_notices_that_another_process_was_first(self, session: Session) -> None:
        Session.objects.filter(pk=session.pk).update(status=SessionStatus.LIVE)

        with pytest.raises(StaleStatusError):
            swap_status(session, machine=SESSION_MACHINE, new=SessionStatus.LIVE)


class TestSweepSessions:
    """Time is moved on the rows: what is old to the sweep was written long ago."""

    def test_calls_a_worker_for_a_session_that_nobody_runs(
        self, session: Session, enqueued: list[str], django_capture_on_commit_callbacks: Capture
    ) -> None:
        _age(session, seconds=10)

        with django_capture_on_commit_callbacks(execute=True):
            lifecycle.sweep_sessions()

        assert enqueued == ["streams.run_session"]
        session.refresh_from_db()
        assert session.is_open

    def test_leaves_a_session_alone_whose_lease_holds(
        self, session: Session, enqueued: list[str], django_capture_on_commit_callbacks: Capture
    ) -> None:
        lifecycle.claim_session(session_id=session.pk, worker="first")
        _age(session, seconds=10)

        with django_capture_on_commit_callbacks(execute=True):
            lifecycle.sweep_sessions()

        assert enqueued == []

    def test_leaves_a_session_alone_that_was_claimed_meanwhile(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _age(session, seconds=60)
        lock = lifecycle._lock_open
        monkeypatch.setattr(lifecycle, "_lock_open", lambda session_id: (claimed(session), lock(session_id))[1])

        lifecycle.sweep_sessions()

        session.refresh_from_db()
        assert session.is_open

    def test_asks_the_ingest_server_before_it_gives_an_encoder_up(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _age(session, seconds=60)
        monkeypatch.setattr(lifecycle, "is_publishing", lambda session_id: session_id == session.pk)

        lifecycle.sweep_sessions()

        session.refresh_from_db()
        assert session.is_open

    def test_closes_a_session_whose_encoder_is_gone_as_well(self, session: Session) -> None:
        _age(session, seconds=60)

        lifecycle.sweep_sessions()

        session.refresh_from_db()
        assert (session.status, session.end_reason) == ("ended", "encoder_lost")


class TestEncoderLeft:
    def test_lets_the_encoder_come_back_while_a_worker_still_works_the_session_off(
        self, session: Session, livestream: Livestream
    ) -> None:
        claimed(session)
        lifecycle.encoder_left(client_id=ENCODER.client_id, livestream=livestream)

        following = lifecycle.start_session(livestream=livestream, encoder=replace(ENCODER, client_id=8))

        session.refresh_from_db()
        livestream.refresh_from_db()
        assert (session.status, session.end_reason) == ("ended", "encoder_stopped")
        assert following.is_open
        assert livestream.status == LivestreamStatus.CONNECTING

    def test_leaves_the_closing_to_the_worker_that_runs_the_session(self, session: Session) -> None:
        lifecycle.claim_session(session_id=session.pk, worker="first")

        lifecycle.encoder_left(client_id=ENCODER.client_id, livestream=session.livestream)

        session.refresh_from_db()
        assert session.is_open


class TestCutting:
    @pytest.mark.parametrize(("reason", "is_cut"), [(EndReason.DISABLED, True), (EndReason.ENCODER_STOPPED, False)])
    def test_cuts_the_encoder_unless_it_is_gone(
        self,
        session: Session,
        enqueued: list[str],
        django_capture_on_commit_callbacks: Capture,
        reason: EndReason,
        is_cut: bool,
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            lifecycle.end_session(session=session, reason=reason)

        assert ("streams.drop_publisher" in enqueued) is is_cut


def _age(session: Session, *, seconds: int) -> None:
    then = session.created_at - timedelta(seconds=seconds)
    Session.objects.filter(pk=session.pk).update(created_at=then, last_ingest_at=then)
