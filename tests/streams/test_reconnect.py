"""A broadcast waits for an encoder that has dropped. Time is moved on the rows."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models.functions import Now
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock, events
from streams.livestreams import arrivals, connections, leases, services, sweeps, test_pictures
from streams.livestreams.arrivals import AlreadyLiveError
from streams.livestreams.events import SessionStatusChanged
from streams.livestreams.locks import lock_livestream
from streams.livestreams.states import EndReason, LivestreamStatus
from streams.livestreams.stream_keys import give_test_picture_key
from streams.models import AuditEntry, Connection, Lease, Livestream, Session
from streams.organizations.quotas import OwnQuotas, QuotaExceededError, set_quotas
from streams.organizations.services import SYSTEM, NewOrganization
from tests.conftest import Broker
from tests.ingest_server import ingest_server
from tests.runs import ENCODER, claimed, connected

WINDOW_S = 60
SECOND = replace(ENCODER, client_id=8, software="OBS 32")
pytestmark = pytest.mark.django_db


@pytest.fixture
def livestream(livestream: Livestream) -> Livestream:
    """One that waits."""
    return services.change_livestream(livestream=livestream, reconnect_window_s=WINDOW_S, actor=SYSTEM)


@pytest.fixture
def lease(session: Session) -> Lease:
    """Of a session that is live."""
    lease = claimed(session)
    leases.mark_live(lease)
    session.refresh_from_db()
    return lease


def _hook(livestream: Livestream, *, client_id: int = ENCODER.client_id) -> None:
    """Have the ingest node say that the encoder has left."""
    connections.encoder_left(key=livestream.stream_key, node="main", client_id=client_id)


def _pass(session: Session, *, seconds: int) -> None:
    """Let so much time pass for a session that waits."""
    earlier = timedelta(seconds=seconds)
    session.refresh_from_db()
    assert session.reconnect_until is not None
    Session.objects.filter(pk=session.pk).update(reconnect_until=session.reconnect_until - earlier)
    for event in session.events.all():
        session.events.filter(pk=event.pk).update(at=event.at - earlier)
    for stay in session.connections.all():
        left_at = stay.disconnected_at and stay.disconnected_at - earlier
        Connection.objects.filter(pk=stay.pk).update(connected_at=stay.connected_at - earlier, disconnected_at=left_at)


def _settled(session: Session) -> None:
    """Have its encoder be there for a while."""
    Connection.objects.filter(session=session).update(connected_at=clock.now() - timedelta(minutes=1))


def _told(session: Session) -> list[tuple[str, str]]:
    return [
        (event.shown.value, event.reason) for event in session.events.order_by("id") if event.kind != "run_started"
    ][2:]


class TestDrop:
    def test_is_waited_for_by_the_livestreams_window(
        self, lease: Lease, session: Session, livestream: Livestream
    ) -> None:
        before = clock.now()
        _hook(livestream)

        session.refresh_from_db()
        livestream.refresh_from_db()
        assert (session.status, livestream.status) == ("reconnecting", LivestreamStatus.RECONNECTING)
        assert session.reconnect_until is not None
        assert before < session.reconnect_until - timedelta(seconds=WINDOW_S) < clock.now()
        assert Connection.objects.get().disconnected_at is not None
        assert _told(session) == [("reconnecting", "Encoder stopped; it is waited for 1 minute")]

    @pytest.mark.parametrize("is_hook_first", [True, False])
    def test_counts_once_whoever_tells_it_first(
        self, lease: Lease, session: Session, livestream: Livestream, is_hook_first: bool
    ) -> None:
        if is_hook_first:
            _hook(livestream)
            _pass(session, seconds=10)
        left_s = leases.mark_away(lease, reason=EndReason.ENCODER_STOPPED)
        _hook(livestream)

        assert left_s == pytest.approx(WINDOW_S - 10 if is_hook_first else WINDOW_S, abs=2)
        assert len(_told(session)) == 1

    def test_keeps_the_lease_of_the_worker(self, lease: Lease, session: Session, livestream: Livestream) -> None:
        _hook(livestream)

        leases.renew_lease(lease)
        assert leases.claim_session(session_id=session.pk, worker="second", node="main") is None

    def test_is_told_to_whoever_listens(self, lease: Lease, livestream: Livestream) -> None:
        heard: list[SessionStatusChanged] = []
        events.subscribe(SessionStatusChanged, heard.append)
        _hook(livestream)
        events._subscribers[SessionStatusChanged].pop()

        assert [(event.old, event.new, event.status) for event in heard] == [("live", "reconnecting", "reconnecting")]

    def test_before_it_was_live_ends_it(self, session: Session, livestream: Livestream) -> None:
        _hook(livestream)

        session.refresh_from_db()
        assert session.status == "ended"

    def test_of_one_that_does_not_wait_is_left_to_its_worker(self, lease: Lease, livestream: Livestream) -> None:
        services.change_livestream(livestream=livestream, reconnect_window_s=0, actor=SYSTEM)

        assert leases.mark_away(lease, reason=EndReason.ENCODER_STOPPED) == 0
        _hook(livestream)

        assert Session.objects.get().status == "live"

    def test_of_a_test_picture_is_not_waited_for(self, livestream: Livestream) -> None:
        with transaction.atomic():
            locked = lock_livestream(livestream.pk)
            key = give_test_picture_key(locked, lifetime=timedelta(minutes=1))
            session = arrivals.admit(livestream=locked, stream_key=key, encoder=ENCODER).session
        lease = claimed(session)
        leases.mark_live(lease)

        assert leases.mark_away(lease, reason=EndReason.ENCODER_STOPPED) == 0

    def test_that_a_sweep_finds_is_waited_for(
        self, lease: Lease, session: Session, settings: Settings, broker: Broker
    ) -> None:
        Connection.objects.update(last_seen_at=clock.now() - timedelta(minutes=1))
        with ingest_server(publishing=("another",)) as (settings.INGEST_CONTROL_SOCKET, _):
            sweeps.sweep_sessions()

        session.refresh_from_db()
        assert session.status == "reconnecting"
        assert _told(session) == [("reconnecting", "Encoder lost; it is waited for 1 minute")]

    def test_of_one_that_hangs_cuts_it(self, lease: Lease, session: Session, broker: Broker, capture: Capture) -> None:
        name = Connection.objects.get().pk.hex
        with capture(execute=True):
            assert leases.mark_away(lease, reason=EndReason.ENCODER_LOST) == WINDOW_S

        assert ("streams.drop_encoder", {"node": "main", "name": name}) in broker.arguments
        assert Connection.objects.get().disconnected_at is not None


class TestReturn:
    def test_goes_on_with_the_session(self, lease: Lease, session: Session, livestream: Livestream) -> None:
        _hook(livestream)
        _pass(session, seconds=12)

        assert connected(livestream, encoder=SECOND) == session

        session.refresh_from_db()
        assert Connection.objects.filter(session=session).count() == 2
        # Its picture is not in the stream yet.
        assert (session.status, session.reconnect_until is None) == ("reconnecting", False)
        assert _told(session)[1:] == [("connected", "It is back after 12 seconds")]

    def test_is_found_by_the_worker_once(self, lease: Lease, session: Session, livestream: Livestream) -> None:
        assert leases.await_encoder(lease) is None
        _hook(livestream)
        assert leases.await_encoder(lease) is None
        connected(livestream, encoder=SECOND)

        found = leases.await_encoder(lease)

        assert found == Connection.objects.get(client_id=SECOND.client_id)
        assert Lease.objects.get().connection == found
        assert leases.await_encoder(lease) is None

    def test_is_on_air_with_its_picture(self, lease: Lease, session: Session, livestream: Livestream) -> None:
        started_at = session.started_at
        _hook(livestream)
        _pass(session, seconds=12)
        connected(livestream, encoder=SECOND)
        before = Livestream.objects.get().last_live_at

        leases.mark_back(lease)

        session.refresh_from_db()
        livestream.refresh_from_db()
        assert (session.status, session.reconnect_until, session.started_at) == ("live", None, started_at)
        assert (livestream.status, livestream.last_live_at) == ("live", before)
        assert _told(session)[-1] == ("live", "The encoder is back after 12 seconds")
        assert session.events.latest("id").data["away_s"] == 12

    def test_tells_how_long_it_was_away_this_time(self, lease: Lease, session: Session, livestream: Livestream) -> None:
        _hook(livestream)
        _pass(session, seconds=12)
        connected(livestream, encoder=SECOND)
        leases.mark_back(lease)
        _hook(livestream, client_id=SECOND.client_id)
        _pass(session, seconds=5)

        connected(livestream, encoder=replace(SECOND, client_id=9))
        leases.mark_back(lease)

        assert _told(session)[-2:] == [
            ("connected", "It is back after 5 seconds"),
            ("live", "The encoder is back after 5 seconds"),
        ]

    def test_by_another_run_is_the_same(self, lease: Lease, session: Session, livestream: Livestream) -> None:
        _hook(livestream)
        connected(livestream, encoder=SECOND)
        assert leases.conclude_waiting(lease) == 0
        second = claimed(session, worker="second")

        leases.mark_live(second)

        session.refresh_from_db()
        assert (session.status, session.live_epoch) == ("live", 2)
        assert second.connection == Connection.objects.get(client_id=SECOND.client_id)

    def test_calls_a_worker_when_none_runs_it(
        self, lease: Lease, session: Session, livestream: Livestream, broker: Broker, capture: Capture
    ) -> None:
        _hook(livestream)
        Lease.objects.update(until=Now() - timedelta(seconds=1))

        with capture(execute=True):
            connected(livestream, encoder=replace(SECOND, node="north"))

        assert broker.queues == [("streams.run_session", "live.north")]

    def test_keeps_its_place_among_the_organizations_broadcasts(
        self, lease: Lease, livestream: Livestream, home: NewOrganization
    ) -> None:
        set_quotas(organization=home.organization, quotas=OwnQuotas(sessions=1), actor=SYSTEM)
        other = services.create_livestream(app=home.app, name="Other", actor=SYSTEM)
        _hook(livestream)

        with pytest.raises(QuotaExceededError):
            connected(other)

        connected(livestream, encoder=SECOND)

    def test_that_drops_again_before_its_picture_came_has_what_was_left(
        self, lease: Lease, session: Session, livestream: Livestream
    ) -> None:
        _hook(livestream)
        connected(livestream, encoder=SECOND)
        _pass(session, seconds=WINDOW_S - 5)
        _hook(livestream, client_id=SECOND.client_id)

        session.refresh_from_db()
        assert session.status == "reconnecting"
        assert 0 < session.reconnect_left_s <= 5

    def test_with_what_cannot_be_broadcast_is_told_and_waited_on(
        self, lease: Lease, session: Session, livestream: Livestream, broker: Broker, capture: Capture
    ) -> None:
        assert leases.turn_away(lease, message="Choose H.264.") == 0
        _hook(livestream)
        connected(livestream, encoder=SECOND)
        found = leases.await_encoder(lease)
        assert found is not None

        with capture(execute=True):
            assert leases.turn_away(lease, message="Choose H.264.") == pytest.approx(WINDOW_S, abs=2)

        assert ("streams.drop_encoder", {"node": "main", "name": found.pk.hex}) in broker.arguments
        assert not session.has_encoder()
        session.refresh_from_db()
        assert session.status == "reconnecting"
        assert _told(session)[-1] == ("refused", "Choose H.264.")

    def test_too_late_for_its_picture_is_no_end(
        self, lease: Lease, session: Session, livestream: Livestream, broker: Broker
    ) -> None:
        _hook(livestream)
        connected(livestream, encoder=SECOND)
        _pass(session, seconds=WINDOW_S + 1)

        sweeps.sweep_sessions()

        session.refresh_from_db()
        assert session.is_open
        assert leases.conclude_waiting(lease) == 0


class TestEnd:
    def test_comes_once_after_the_window_by_the_worker(
        self, lease: Lease, session: Session, livestream: Livestream, broker: Broker, capture: Capture
    ) -> None:
        _hook(livestream)
        _pass(session, seconds=WINDOW_S + 11)

        with capture(execute=True):
            assert leases.conclude_waiting(lease) is None
            sweeps.sweep_sessions()

        session.refresh_from_db()
        assert (session.status, session.end_reason, session.error_message) == ("ended", "encoder_stopped", "")
        assert _told(session)[1:] == [("ended", "The encoder did not come back within 1 minute")]
        assert broker.names.count("streams.finish_playlists") == 1

    def test_comes_by_the_sweep_when_no_worker_is_there(
        self, lease: Lease, session: Session, livestream: Livestream, broker: Broker
    ) -> None:
        _hook(livestream)
        _pass(session, seconds=WINDOW_S - 2)
        sweeps.sweep_sessions()
        assert Session.objects.get().is_open
        _pass(session, seconds=13)

        sweeps.sweep_sessions()

        session.refresh_from_db()
        assert (session.status, session.end_reason) == ("ended", "encoder_stopped")
        assert connected(livestream, encoder=SECOND) != session

    def test_leaves_a_new_worker_time_to_wait(
        self, lease: Lease, session: Session, livestream: Livestream, broker: Broker, capture: Capture
    ) -> None:
        _hook(livestream)
        Session.objects.update(created_at=clock.now() - timedelta(minutes=1))
        Lease.objects.update(until=Now() - timedelta(seconds=1))
        broker.names.clear()

        with capture(execute=True):
            sweeps.sweep_sessions()

        assert broker.names == ["streams.run_session"]
        assert claimed(session, worker="second").epoch == 2

    @pytest.mark.parametrize(
        "deed",
        [
            services.end_broadcast,
            services.disable_livestream,
            services.delete_livestream,
            services.reset_stream_key,
        ],
    )
    def test_by_hand_works_at_once(self, lease: Lease, session: Session, livestream: Livestream, deed: object) -> None:
        _hook(livestream)

        deed(livestream=livestream, actor=SYSTEM)  # type: ignore[operator]  # Test table.

        session.refresh_from_db()
        assert (session.status, session.reconnect_until) == ("ended", None)

    def test_by_the_longest_time_on_air_works_at_once(
        self, lease: Lease, session: Session, livestream: Livestream, broker: Broker
    ) -> None:
        services.change_livestream(livestream=livestream, max_runtime_s=60, actor=SYSTEM)
        _hook(livestream)
        Session.objects.update(created_at=clock.now() - timedelta(minutes=2))

        sweeps.sweep_sessions()

        session.refresh_from_db()
        assert session.end_reason == "runtime_over"


class TestTwoEncoders:
    def test_are_one_too_many_as_it_comes(self, lease: Lease, session: Session, livestream: Livestream) -> None:
        _settled(session)

        with pytest.raises(AlreadyLiveError):
            connected(livestream, encoder=SECOND)

    def test_change_places_where_the_second_may(
        self, lease: Lease, session: Session, livestream: Livestream, broker: Broker, capture: Capture
    ) -> None:
        services.change_livestream(livestream=livestream, duplicate_publisher="replace", actor=SYSTEM)
        _settled(session)
        first = Connection.objects.get()

        with capture(execute=True):
            assert connected(livestream, encoder=SECOND) == session

        first.refresh_from_db()
        assert first.disconnected_at is not None
        assert broker.arguments == [("streams.drop_encoder", {"node": "main", "name": first.pk.hex})]
        assert _told(session) == [("replaced", "Another one took over: OBS 32, 203.0.113.24")]
        # The first one's end is no drop: another one is there.
        _hook(livestream)
        assert leases.mark_away(lease, reason=EndReason.ENCODER_STOPPED) > 0
        assert Session.objects.get().status == "live"
        assert leases.await_encoder(lease) == Connection.objects.get(disconnected_at=None)
        leases.mark_back(lease)
        assert _told(session)[1:] == [("resumed", "Viewers see the picture again")]

    def test_change_places_before_the_first_was_live(self, session: Session, livestream: Livestream) -> None:
        services.change_livestream(livestream=livestream, duplicate_publisher="replace", actor=SYSTEM)
        lease = claimed(session)
        _settled(session)
        connected(livestream, encoder=SECOND)

        # The run of the first one ends, and the session does not.
        assert leases.mark_away(lease, reason=EndReason.ENCODER_LOST) > 0
        assert leases.conclude_waiting(lease) == 0
        assert claimed(session).connection == Connection.objects.get(disconnected_at=None)

    def test_is_pulled_by_the_next_run_though_the_clock_was_set_back(
        self, lease: Lease, session: Session, livestream: Livestream
    ) -> None:
        _hook(livestream)
        connected(livestream, encoder=SECOND)
        there = Connection.objects.filter(disconnected_at=None)
        there.update(connected_at=clock.now() - timedelta(hours=1))
        leases.release_lease(lease)

        assert claimed(session).connection == there.get()

    def test_do_not_change_places_for_ever(self, lease: Lease, session: Session, livestream: Livestream) -> None:
        services.change_livestream(livestream=livestream, duplicate_publisher="replace", actor=SYSTEM)
        _settled(session)
        connected(livestream, encoder=SECOND)

        with pytest.raises(AlreadyLiveError, match="Another encoder came"):
            connected(livestream, encoder=replace(ENCODER, client_id=9))

        assert Connection.objects.get(disconnected_at=None).client_id == SECOND.client_id

    def test_are_not_a_test_picture_and_the_one_that_is_waited_for(self, lease: Lease, livestream: Livestream) -> None:
        _hook(livestream)

        with pytest.raises(test_pictures.TestPictureRefusedError, match="waits for its encoder"):
            test_pictures.start_test_picture(livestream=livestream, actor=SYSTEM)
        with transaction.atomic():
            locked = lock_livestream(livestream.pk)
            key = give_test_picture_key(locked, lifetime=timedelta(minutes=1))
            with pytest.raises(AlreadyLiveError, match="waits for its encoder"):
                arrivals.admit(livestream=locked, stream_key=key, encoder=SECOND)


class TestHold:
    def test_is_the_livestreams_own_and_can_be_ended(self, livestream: Livestream) -> None:
        services.change_livestream(livestream=livestream, end_hold_s=300, actor=SYSTEM)

        services.end_broadcast(livestream=livestream, hold=None, actor=SYSTEM)

        held = Livestream.objects.get()
        assert held.is_held
        assert held.held_until is not None
        assert 290 < (held.held_until - clock.now()).total_seconds() <= 300
        for _ in range(2):
            assert not services.let_encoder_in(livestream=livestream, actor=SYSTEM).is_held
        assert not Livestream.objects.get().is_held
        told = AuditEntry.objects.filter(target_id=str(livestream.pk)).order_by("id").values_list("action", "detail")
        assert list(told)[-2:] == [
            ("livestream.broadcast_ended", {"hold_s": 300}),
            ("livestream.encoder_let_in", {}),
        ]
