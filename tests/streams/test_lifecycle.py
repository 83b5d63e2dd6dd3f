"""Sessions: opened and closed."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture

from livehub.core import clock
from livehub.core.errors import IllegalTransitionError, StaleStatusError
from livehub.core.states import swap_status
from streams.livestreams import connections, leases, lifecycle
from streams.livestreams.arrivals import AlreadyLiveError
from streams.livestreams.locks import lock_livestream
from streams.livestreams.states import SESSION_MACHINE, EndReason, LivestreamStatus, SessionStatus
from streams.models import Connection, Lease, Livestream, Session
from streams.organizations.services import SYSTEM
from tests.conftest import Broker
from tests.runs import ENCODER, claimed, connected, ended, failed, finished

SECOND = replace(ENCODER, client_id=8)


def _left(livestream: Livestream) -> None:
    connections.encoder_left(key=livestream.stream_key, node="main", client_id=ENCODER.client_id)


class TestStartSession:
    def test_opens_a_connecting_session_and_shows_it_on_the_livestream(
        self, session: Session, livestream: Livestream
    ) -> None:
        livestream.refresh_from_db()

        assert session.status == SessionStatus.CONNECTING
        assert livestream.status == LivestreamStatus.CONNECTING
        assert [(event.kind, event.data) for event in session.events.all()] == [
            ("status", {"old": "", "new": "connecting"})
        ]

    def test_writes_down_who_connected_with_which_key(self, session: Session, livestream: Livestream) -> None:
        connection = Connection.objects.get(session=session)

        assert (connection.node, connection.client_id, connection.address, connection.software) == (
            "main",
            7,
            "203.0.113.24",
            "OBS 31",
        )
        assert connection.stream_key == livestream.stream_keys.get()
        assert connection.disconnected_at is None

    def test_changes_the_livestream(self, session: Session, livestream: Livestream) -> None:
        before = livestream.updated_at

        livestream.refresh_from_db()

        assert livestream.updated_at > before

    def test_calls_a_worker(self, livestream: Livestream, broker: Broker, capture: Capture) -> None:
        with capture(execute=True):
            session = connected(livestream)

        assert broker.arguments == [("streams.run_session", {"session_id": str(session.pk)})]

    def test_refuses_a_second_encoder_without_harm(self, session: Session, livestream: Livestream) -> None:
        with pytest.raises(AlreadyLiveError):
            connected(livestream, encoder=SECOND)

        assert Session.objects.get() == session
        assert Connection.objects.get().client_id == ENCODER.client_id

    def test_is_not_live_yet(self, session: Session, livestream: Livestream) -> None:
        livestream.refresh_from_db()

        assert livestream.last_live_at is None

    def test_ends_a_session_that_a_worker_still_works_off(self, session: Session, livestream: Livestream) -> None:
        claimed(session)
        connections.encoder_left(key=livestream.stream_key, node="main", client_id=ENCODER.client_id)

        following = connected(livestream, encoder=SECOND)

        session.refresh_from_db()
        livestream.refresh_from_db()
        assert (session.status, session.end_reason) == ("ended", "encoder_stopped")
        assert following.is_open
        assert livestream.status == LivestreamStatus.CONNECTING


class TestClosing:
    def test_happens_once_and_makes_the_livestream_idle(self, session: Session, livestream: Livestream) -> None:
        finished(session, media_ms=2500)
        ended(session, reason=EndReason.DISABLED)

        session.refresh_from_db()
        livestream.refresh_from_db()
        assert (session.status, session.end_reason, session.ingest_seconds) == ("ended", "encoder_stopped", 2)
        assert session.stopped_at is not None
        assert livestream.status == LivestreamStatus.IDLE

    def test_takes_lease_and_connection_with_it(self, session: Session) -> None:
        claimed(session)

        ended(session)

        session.refresh_from_db()
        assert not Lease.objects.exists()
        assert Connection.objects.get().disconnected_at == session.stopped_at

    def test_is_the_sessions_last_change(self, session: Session) -> None:
        ended(session)

        session.refresh_from_db()
        assert session.stopped_at is not None
        assert session.updated_at >= session.stopped_at

    def test_keeps_when_an_encoder_left_that_was_there_before(self, session: Session) -> None:
        left_at = clock.now() - timedelta(minutes=1)
        earlier = Connection.objects.create(session=session, node="main", client_id=6, disconnected_at=left_at)

        ended(session)

        earlier.refresh_from_db()
        assert earlier.disconnected_at == left_at

    def test_lets_the_encoder_come_again_as_a_new_session(self, session: Session, livestream: Livestream) -> None:
        ended(session)

        assert connected(livestream) != session

    def test_keeps_the_sentence_for_the_operator(self, session: Session, livestream: Livestream) -> None:
        failed(session, message="Switch the encoder to H.264.")

        session.refresh_from_db()
        livestream.refresh_from_db()
        assert (session.status, session.error_message) == ("errored", "Switch the encoder to H.264.")
        assert livestream.status == LivestreamStatus.ERRORED

    @pytest.mark.parametrize(
        ("reason", "is_cut"),
        [
            (EndReason.ENCODER_STOPPED, False),
            (EndReason.ENCODER_LOST, True),
            (EndReason.ENDED_BY_OPERATOR, True),
            (EndReason.DISABLED, True),
            (EndReason.KEY_RESET, True),
            (EndReason.DELETED, True),
            (EndReason.SOURCE_REFUSED, True),
            (EndReason.TRANSCODER_FAILED, True),
        ],
    )
    def test_cuts_the_encoder_unless_it_is_gone(
        self, session: Session, broker: Broker, capture: Capture, reason: str, is_cut: bool
    ) -> None:
        name = Connection.objects.get().pk.hex

        with capture(execute=True):
            ended(session, reason=EndReason(reason))

        cut = [arguments for task, arguments in broker.arguments if task == "streams.drop_encoder"]
        assert cut == ([{"node": "main", "name": name}] if is_cut else [])

    def test_is_cut_by_the_node_that_has_it(self, livestream: Livestream, broker: Broker, capture: Capture) -> None:
        session = connected(livestream, encoder=replace(ENCODER, node="north"))

        with capture(execute=True):
            ended(session, reason=EndReason.DISABLED)

        assert ("streams.drop_encoder", "urgent.north") in broker.queues

    def test_has_playlists_ended_that_no_worker_may_get_to(
        self, session: Session, broker: Broker, capture: Capture
    ) -> None:
        claimed(session)

        with capture(execute=True):
            ended(session, reason=EndReason.DISABLED)

        assert ("streams.finish_playlists", "files.main") in broker.queues
        assert ("streams.finish_playlists", {"session_id": str(session.pk)}) in broker.arguments

    def test_tells_when_nothing_was_open(self, livestream: Livestream) -> None:
        with transaction.atomic():
            had_one = lifecycle.end_open_session(
                livestream=lock_livestream(livestream.pk), reason=EndReason.DISABLED, actor=SYSTEM
            )

        assert not had_one


class TestDeparture:
    def test_leaves_a_session_alone_that_a_worker_runs(
        self, session: Session, livestream: Livestream, foreign_livestream: Livestream
    ) -> None:
        claimed(session)
        # Nobody runs this one.
        connected(foreign_livestream)

        _left(livestream)

        session.refresh_from_db()
        assert session.is_open

    def test_has_the_playlists_finished_where_the_files_are(
        self, session: Session, livestream: Livestream, broker: Broker, capture: Capture
    ) -> None:
        leases.release_lease(claimed(session))

        with capture(execute=True):
            _left(livestream)

        assert ("streams.finish_playlists", "files.main") in broker.queues
        session.refresh_from_db()
        assert not session.is_open


class TestSwapStatus:
    def test_refuses_a_step_the_machine_does_not_have(self, session: Session) -> None:
        ended(session)
        session.refresh_from_db()

        with pytest.raises(IllegalTransitionError):
            swap_status(session, machine=SESSION_MACHINE, new=SessionStatus.LIVE)

    def test_notices_that_another_process_was_first(self, session: Session) -> None:
        Session.objects.filter(pk=session.pk).update(status=SessionStatus.LIVE)

        with pytest.raises(StaleStatusError):
            swap_status(session, machine=SESSION_MACHINE, new=SessionStatus.LIVE)
