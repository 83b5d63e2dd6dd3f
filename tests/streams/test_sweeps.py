"""What nobody reports is found. Time is moved on the rows: what is old to the sweep was written long ago."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock
from livehub.core.jobs import BrokerUnavailableError
from streams.livestreams import leases, repeats, sweeps
from streams.livestreams.selectors import get_livestream_screen
from streams.livestreams.services import change_livestream, create_livestream
from streams.livestreams.states import EventKind, SessionStatus
from streams.models import Connection, Lease, Livestream, Session
from streams.organizations.services import SYSTEM, NewOrganization
from tests.conftest import Broker
from tests.hangs.servers import hung_redis
from tests.ingest_server import ingest_server
from tests.overtaking import overtaken
from tests.queues import untaken
from tests.runs import ENCODER, claimed, connected


def _age(session: Session, *, seconds: int) -> None:
    then = clock.now() - timedelta(seconds=seconds)
    Session.objects.filter(pk=session.pk).update(created_at=then)
    Connection.objects.filter(session=session).update(connected_at=then, last_seen_at=then)


def _began(session: Session, *, seconds_ago: int) -> None:
    Session.objects.filter(pk=session.pk).update(created_at=clock.now() - timedelta(seconds=seconds_ago))


def _left(session: Session, *, seconds_ago: int) -> None:
    Connection.objects.filter(session=session).update(disconnected_at=clock.now() - timedelta(seconds=seconds_ago))


def _reported(session: Session) -> None:
    Connection.objects.filter(session=session).update(last_seen_at=clock.now())


@pytest.fixture
def sweep(capture: Capture, enqueued: list[str]) -> "Sweep":
    return Sweep(capture, enqueued)


class Sweep:
    def __init__(self, capture: Capture, enqueued: list[str]) -> None:
        self._capture, self._enqueued = capture, enqueued

    def __call__(self) -> list[str]:
        """Sweep, and return the tasks that were sent."""
        self._enqueued.clear()
        with self._capture(execute=True):
            sweeps.sweep_sessions()
        return self._enqueued


class TestSessionsThatNobodyRuns:
    def test_get_a_worker_called(self, session: Session, sweep: Sweep) -> None:
        _age(session, seconds=10)

        assert sweep() == ["streams.run_session"]
        session.refresh_from_db()
        assert session.is_open

    def test_have_their_own_node_called(
        self, home: NewOrganization, livestream: Livestream, sweep: Sweep, broker: Broker
    ) -> None:
        far = connected(livestream, encoder=replace(ENCODER, node="north"))
        near = connected(create_livestream(app=home.app, name="near", actor=SYSTEM))
        broker.queues.clear()
        for session in (far, near):
            _age(session, seconds=10)

        sweep()

        assert sorted(broker.queues) == [("streams.run_session", "live.main"), ("streams.run_session", "live.north")]

    def test_are_called_for_no_more_while_nobody_takes_the_messages(self, session: Session, sweep: Sweep) -> None:
        _age(session, seconds=10)

        with untaken("live.main"):
            assert sweep() == []

        assert sweep() == ["streams.run_session"]

    def test_are_left_to_their_first_message_for_a_while(self, session: Session, sweep: Sweep) -> None:
        assert sweep() == []

    def test_are_not_those_whose_lease_holds(self, session: Session, sweep: Sweep) -> None:
        claimed(session)
        _age(session, seconds=10)

        assert sweep() == []

    def test_are_called_for_when_the_lease_has_lapsed(self, session: Session, sweep: Sweep) -> None:
        claimed(session)
        _age(session, seconds=10)
        Lease.objects.update(until=Now() - timedelta(seconds=1))

        assert sweep() == ["streams.run_session"]

    def test_are_not_called_for_before_their_delay_is_over(self, session: Session, sweep: Sweep) -> None:
        _age(session, seconds=10)
        repeats.postpone_session(claimed(session), message="The disk is full.")

        assert sweep() == []

    @pytest.mark.django_db(transaction=True)
    def test_keep_no_other_from_being_closed_while_the_broker_hangs(self, session: Session, broker: Broker) -> None:
        _age(session, seconds=10)
        other = connected(create_livestream(app=session.livestream.app, name="left", actor=SYSTEM))
        _left(other, seconds_ago=11)

        with hung_redis(), pytest.raises(BrokerUnavailableError):
            sweeps.sweep_sessions()

        other.refresh_from_db()
        assert not other.is_open


class TestSessionsBeyondThePlaces:
    def test_are_told_once_why_they_wait(self, session: Session, home: NewOrganization, sweep: Sweep) -> None:
        claimed(connected(create_livestream(app=home.app, name="Runs", actor=SYSTEM)))
        _age(session, seconds=6)
        _reported(session)

        for _ in range(2):
            sweep()

        event = session.events.get(kind=EventKind.QUEUED)
        assert event.reason == "Waits for a free place: 1 of 1 broadcasts run on this machine"
        session.refresh_from_db()
        assert session.status == SessionStatus.CONNECTING
        screen = get_livestream_screen(organization=home.organization, livestream_id=session.livestream_id)
        assert screen.waits == event.reason

    def test_are_told_of_where_no_worker_is_there(self, session: Session, sweep: Sweep) -> None:
        _age(session, seconds=6)
        _reported(session)

        sweep()

        reason = session.events.get(kind=EventKind.QUEUED).reason
        assert reason == "Waits for a worker: none of its machine has come yet"

    def test_wait_no_longer_once_a_worker_has_begun(
        self, session: Session, home: NewOrganization, sweep: Sweep
    ) -> None:
        _age(session, seconds=6)
        _reported(session)
        leases.release_lease(claimed(session))

        sweep()

        assert not session.events.filter(kind=EventKind.QUEUED).exists()
        screen = get_livestream_screen(organization=home.organization, livestream_id=session.livestream_id)
        assert screen.waits == ""


class TestEncodersThatLeft:
    def test_end_their_session_whoever_holds_the_lease(self, session: Session, sweep: Sweep) -> None:
        claimed(session)
        _left(session, seconds_ago=10)

        assert "streams.finish_playlists" in sweep()

        session.refresh_from_db()
        assert (session.status, session.end_reason) == ("ended", "encoder_stopped")

    def test_leave_the_worker_some_time(self, session: Session, sweep: Sweep) -> None:
        claimed(session)
        _left(session, seconds_ago=5)

        sweep()

        session.refresh_from_db()
        assert session.is_open

    def test_do_not_end_a_session_that_has_another_connection(self, session: Session, sweep: Sweep) -> None:
        claimed(session)
        _left(session, seconds_ago=60)
        Connection.objects.create(session=session, node="main", client_id=9)

        sweep()

        session.refresh_from_db()
        assert session.is_open


class TestEncodersThatNobodyReports:
    def test_stay_while_the_ingest_server_knows_them(self, session: Session, sweep: Sweep, settings: Settings) -> None:
        _age(session, seconds=60)
        with ingest_server(publishing=(Connection.objects.get().pk.hex,)) as (settings.INGEST_CONTROL_SOCKET, _):
            sweep()

        session.refresh_from_db()
        assert session.is_open

    def test_are_heard_of_when_it_does(self, session: Session, sweep: Sweep, settings: Settings) -> None:
        _age(session, seconds=600)
        with ingest_server(publishing=(Connection.objects.get().pk.hex,)) as (settings.INGEST_CONTROL_SOCKET, _):
            sweep()

        # Another node cannot ask that server, and would give them up.
        settings.NODE = "north"
        sweep()

        session.refresh_from_db()
        assert session.is_open

    @pytest.mark.parametrize("is_run", [False, True])
    def test_are_lost_when_it_does_not(self, session: Session, sweep: Sweep, settings: Settings, is_run: bool) -> None:
        if is_run:
            claimed(session)
        _age(session, seconds=30)
        with ingest_server(publishing=("another",)) as (settings.INGEST_CONTROL_SOCKET, _):
            sweep()

        session.refresh_from_db()
        assert (session.status, session.end_reason) == ("ended", "encoder_lost")

    def test_are_not_asked_for_while_they_are_heard_of(
        self, session: Session, sweep: Sweep, settings: Settings
    ) -> None:
        _age(session, seconds=28)
        with ingest_server() as (settings.INGEST_CONTROL_SOCKET, asked):
            sweep()

        assert asked == []

    @pytest.mark.parametrize(("seconds", "is_open"), [(60, True), (301, False)])
    def test_are_given_up_late_by_an_ingest_server_that_does_not_answer(
        self, session: Session, sweep: Sweep, settings: Settings, seconds: int, is_open: bool
    ) -> None:
        claimed(session)
        _age(session, seconds=seconds)
        with ingest_server(is_silent=True) as (settings.INGEST_CONTROL_SOCKET, _):
            sweep()

        session.refresh_from_db()
        assert session.is_open is is_open


class TestBroadcastsThatLastTooLong:
    def test_are_ended_and_their_encoders_held_off(
        self, livestream: Livestream, session: Session, sweep: Sweep
    ) -> None:
        change_livestream(livestream=livestream, max_runtime_s=60, actor=SYSTEM)
        claimed(session)
        _began(session, seconds_ago=61)

        assert "streams.drop_encoder" in sweep()

        session.refresh_from_db()
        livestream.refresh_from_db()
        assert (session.status, session.end_reason) == ("ended", "runtime_over")
        assert livestream.held_until is not None
        assert 30 < (livestream.held_until - clock.now()).total_seconds() <= 60

    @pytest.mark.parametrize("limit_s", [None, 60])
    def test_are_not_those_within_their_limit_or_without_one(
        self, livestream: Livestream, session: Session, sweep: Sweep, limit_s: int | None
    ) -> None:
        change_livestream(livestream=livestream, max_runtime_s=limit_s, actor=SYSTEM)
        _began(session, seconds_ago=50)

        sweep()

        session.refresh_from_db()
        assert session.is_open


@pytest.mark.django_db(transaction=True)
def test_a_limit_that_is_lifted_at_the_last_moment_counts(livestream: Livestream, broker: Broker) -> None:
    change_livestream(livestream=livestream, max_runtime_s=60, actor=SYSTEM)
    session = connected(livestream)
    _began(session, seconds_ago=61)

    overtaken(
        sweeps.sweep_sessions, by=lambda: change_livestream(livestream=livestream, max_runtime_s=None, actor=SYSTEM)
    )

    session.refresh_from_db()
    assert session.is_open


@pytest.mark.django_db(transaction=True)
def test_a_row_that_cannot_be_locked_keeps_no_other_session_waiting(
    home: NewOrganization, broker: Broker, settings: Settings
) -> None:
    locked, left, abandoned = (
        connected(create_livestream(app=home.app, name=name, actor=SYSTEM)) for name in ("locked", "left", "abandoned")
    )
    for session in (locked, left):
        _left(session, seconds_ago=11)
    _age(abandoned, seconds=10)
    broker.names.clear()

    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT 1 FROM streams_livestream WHERE id = %s FOR UPDATE", [locked.livestream_id])
        sweeps.sweep_sessions()

    states = {session.pk: Session.objects.get(pk=session.pk).is_open for session in (locked, left, abandoned)}
    assert states == {locked.pk: True, left.pk: False, abandoned.pk: True}
    assert "streams.run_session" in broker.names


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_cannot_be_locked_keeps_no_other_waiting(home: NewOrganization, broker: Broker) -> None:
    locked, lost = (connected(create_livestream(app=home.app, name=name, actor=SYSTEM)) for name in ("locked", "lost"))
    for session in (locked, lost):
        _age(session, seconds=360)

    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT 1 FROM streams_connection WHERE session_id = %s FOR UPDATE", [locked.pk])
        sweeps.sweep_sessions()

    assert [Session.objects.get(pk=session.pk).is_open for session in (locked, lost)] == [True, False]
