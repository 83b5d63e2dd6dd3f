"""A broadcast is started by hand, and waits for its encoder. Time is moved on the rows."""

import threading
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock
from streams.livestreams import connections, leases, services, sweeps, test_pictures
from streams.livestreams.arrivals import AlreadyLiveError
from streams.livestreams.lifecycle import LivestreamDisabledError
from streams.livestreams.renewals import Renewals
from streams.livestreams.runs import SessionRun
from streams.livestreams.selectors import get_screen_of, why_it_waits
from streams.livestreams.states import EndReason, LivestreamStatus
from streams.media.ladder import build_ladder
from streams.media.source import Source
from streams.models import AuditEntry, Connection, Lease, Livestream, Session
from streams.organizations.quotas import OwnQuotas, QuotaExceededError, set_quotas
from streams.organizations.services import SYSTEM, NewOrganization
from tests.conftest import Broker
from tests.media.test_source import GOOD
from tests.runs import ENCODER, admitted_test_picture, claimed, connected, finished

_WINDOW_S = 60
_STANDBY_S = 900
pytestmark = pytest.mark.django_db


@pytest.fixture
def livestream(livestream: Livestream, broker: Broker) -> Livestream:
    """One that shows a slate."""
    return services.change_livestream(livestream=livestream, reconnect_window_s=_WINDOW_S, actor=SYSTEM)


@pytest.fixture
def standby(livestream: Livestream) -> Session:
    """A session that was started by hand, and that no worker runs yet."""
    return _started(livestream)


def _started(livestream: Livestream) -> Session:
    services.activate_livestream(livestream=livestream, actor=SYSTEM)
    return Session.objects.get(stopped_at=None)


def _told(session: Session) -> list[tuple[str, str]]:
    events = session.events.exclude(kind="run_started").order_by("id")
    return [(event.shown.value, event.reason) for event in events]


def _left_s(session: Session) -> float:
    assert session.reconnect_until is not None
    return (session.reconnect_until - clock.now()).total_seconds()


class TestStart:
    def test_opens_a_session_without_an_encoder(
        self, livestream: Livestream, broker: Broker, django_capture_on_commit_callbacks: Capture
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            session = _started(livestream)

        livestream.refresh_from_db()
        assert (session.status, livestream.status) == ("standby", LivestreamStatus.STANDBY)
        assert livestream.is_active
        assert _left_s(session) == pytest.approx(_STANDBY_S, abs=5)
        assert session.started_at is None
        assert _told(session) == [("standby", "Started with the slate; the encoder is waited for 15 minutes")]
        assert ("streams.run_session", "live.main") in broker.queues
        assert AuditEntry.objects.filter(action="livestream.activated").count() == 1

    def test_waits_as_long_as_the_window_where_that_is_longer(self, livestream: Livestream) -> None:
        services.change_livestream(livestream=livestream, reconnect_window_s=1800, actor=SYSTEM)

        assert _left_s(_started(livestream)) == pytest.approx(1800, abs=5)

    def test_is_done_where_the_encoder_connected_last(self, livestream: Livestream) -> None:
        finished(connected(livestream))
        Connection.objects.update(node="north")

        assert _started(livestream).standby_node == "north"

    def test_is_done_here_wherever_other_encoders_are(self, livestream: Livestream) -> None:
        finished(connected(services.create_livestream(app=livestream.app, name="Other", actor=SYSTEM)))
        Connection.objects.update(node="north")

        assert _started(livestream).standby_node == "main"

    def test_again_changes_nothing(self, standby: Session, livestream: Livestream) -> None:
        services.activate_livestream(livestream=livestream, actor=SYSTEM)

        again = Session.objects.get()
        assert (again.pk, again.reconnect_until) == (standby.pk, standby.reconnect_until)
        assert AuditEntry.objects.filter(action="livestream.activated").count() == 1

    def test_leaves_what_is_on_air_as_it_is(self, livestream: Livestream) -> None:
        lease = claimed(connected(livestream))
        leases.mark_live(lease)

        services.activate_livestream(livestream=livestream, actor=SYSTEM)

        assert Session.objects.get().status == "live"

    def test_does_not_wait_for_a_worker_to_finish_with_the_last_one(self, livestream: Livestream) -> None:
        earlier = connected(livestream)
        claimed(earlier)
        connections.encoder_left(key=livestream.stream_key, node="main", client_id=ENCODER.client_id)
        assert Session.objects.get().is_open

        assert _started(livestream).pk != earlier.pk
        earlier.refresh_from_db()
        assert earlier.end_reason == EndReason.ENCODER_STOPPED

    def test_lets_an_encoder_in_that_was_held_off(self, livestream: Livestream) -> None:
        services.end_broadcast(livestream=livestream, hold=timedelta(minutes=5), actor=SYSTEM)

        session = _started(livestream)

        assert Livestream.objects.get().held_until is None
        assert connected(livestream) == session

    def test_is_refused_while_encoders_are(self, livestream: Livestream) -> None:
        services.disable_livestream(livestream=livestream, actor=SYSTEM)

        with pytest.raises(LivestreamDisabledError):
            services.activate_livestream(livestream=livestream, actor=SYSTEM)

        assert not Session.objects.exists()

    def test_is_refused_while_a_test_picture_is_on(self, livestream: Livestream) -> None:
        admitted_test_picture(livestream)

        with pytest.raises(AlreadyLiveError, match=r"^The test picture is on\. Stop it, then start with the slate\.$"):
            services.activate_livestream(livestream=livestream, actor=SYSTEM)

    def test_takes_a_place_of_the_organization(self, livestream: Livestream, home: NewOrganization) -> None:
        set_quotas(organization=home.organization, quotas=OwnQuotas(sessions=1), actor=SYSTEM)
        other = services.create_livestream(app=livestream.app, name="Other", actor=SYSTEM)
        _started(livestream)

        with pytest.raises(QuotaExceededError):
            connected(other)
        with pytest.raises(QuotaExceededError, match=r"^Your organization has 1 of 1 broadcasts on air\."):
            services.activate_livestream(livestream=other, actor=SYSTEM)
        # Its own encoder finds it free.
        connected(livestream)

    def test_without_a_slate_opens_nothing(self, livestream: Livestream) -> None:
        services.change_livestream(livestream=livestream, while_away="nothing", actor=SYSTEM)

        assert services.activate_livestream(livestream=livestream, actor=SYSTEM).is_active
        assert not Session.objects.exists()


class TestExpectedSource:
    def _last_sent(self, livestream: Livestream, source: Source) -> None:
        session = connected(livestream)
        lease = claimed(session)
        leases.record_source(lease, source=asdict(source), renditions=[])
        leases.mark_live(lease)
        finished(session)

    def test_is_what_the_encoder_sent_last(self, livestream: Livestream) -> None:
        upright = replace(GOOD, width=720, height=1280, sample_rate=44_100)
        self._last_sent(livestream, upright)
        # It was never there.
        services.end_broadcast(livestream=_started(livestream).livestream, actor=SYSTEM)

        assert Source(**_started(livestream).source) == upright

    def test_is_the_usual_one_where_none_ever_came(self, standby: Session) -> None:
        source = Source(**standby.source)

        assert (source.width, source.height, source.fps, source.audio_codec) == (1280, 720, 30, "aac")

    def test_is_not_what_another_livestreams_encoder_sent(self, livestream: Livestream) -> None:
        other = services.create_livestream(app=livestream.app, name="Other", actor=SYSTEM)
        self._last_sent(other, replace(GOOD, width=640, height=360))

        assert _started(livestream).source["width"] == 1280

    def test_has_no_more_lines_than_may_be_sent(self, livestream: Livestream, settings: Settings) -> None:
        settings.MAX_HEIGHT = 540
        self._last_sent(livestream, replace(GOOD, width=1920, height=1080))

        source = _started(livestream).source

        assert (source["width"], source["height"]) == (960, 540)

    def test_has_sound_that_silence_fits_to(self, livestream: Livestream) -> None:
        self._last_sent(livestream, replace(GOOD, width=640, height=360, audio_codec="mp3", audio_profile=""))

        source = _started(livestream).source

        assert (source["width"], source["audio_codec"], source["audio_profile"]) == (640, "aac", "LC")

    def test_is_not_the_test_pictures(self, livestream: Livestream) -> None:
        session = admitted_test_picture(livestream)
        lease = claimed(session)
        leases.record_source(lease, source=asdict(replace(GOOD, width=640, height=360)), renditions=[])
        leases.mark_live(lease)
        finished(session)

        assert _started(livestream).source["width"] == 1280


class TestSlate:
    @pytest.mark.django_db(transaction=True)
    def test_is_what_a_worker_begins_with(
        self, standby: Session, settings: Settings, tmp_path: Path, broker: Broker
    ) -> None:
        settings.PLAYBACK_DIR = tmp_path

        spec = SessionRun(claimed(standby), threading.Event(), Renewals())._job_spec()

        assert (spec.name, spec.source) == ("", Source(**standby.source))
        assert spec.while_away == "slate"

    def test_is_told_of_once_viewers_see_it_and_is_not_live(self, standby: Session, livestream: Livestream) -> None:
        assert not get_screen_of(livestream).is_playable
        leases.mark_live(claimed(standby), has_encoder=False)

        standby.refresh_from_db()
        assert (standby.status, standby.live_epoch, standby.started_at, standby.on_air_ms) == ("standby", 1, None, 0)
        assert _told(standby)[1:] == [("slate_shown", "Viewers see the slate until the encoder comes")]
        assert get_screen_of(livestream).is_playable

    def test_goes_on_with_another_worker_when_the_first_dies(self, standby: Session) -> None:
        leases.mark_live(claimed(standby), has_encoder=False)
        Lease.objects.update(until=clock.now() - timedelta(seconds=1))

        second = claimed(standby, worker="second")
        leases.mark_live(second, has_encoder=False)

        assert [kind for kind, _ in _told(standby)] == ["standby", "slate_shown", "run_lost", "resumed"]
        assert _told(standby)[-1][1] == "Viewers see a still picture again"

    def test_is_handed_over_by_a_worker_that_stops(
        self, standby: Session, broker: Broker, django_capture_on_commit_callbacks: Capture
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            leases.release_lease(claimed(standby))

        assert ("streams.run_session", "live.main") in broker.queues

    def test_is_called_for_again_by_the_sweep(
        self, standby: Session, broker: Broker, django_capture_on_commit_callbacks: Capture
    ) -> None:
        Session.objects.update(created_at=clock.now() - timedelta(seconds=20))

        with django_capture_on_commit_callbacks(execute=True):
            sweeps.sweep_sessions()

        assert ("streams.run_session", "live.main") in broker.queues
        standby.refresh_from_db()
        assert standby.is_open

    def test_says_why_there_is_none_where_no_worker_comes(self, standby: Session) -> None:
        Session.objects.update(created_at=clock.now() - timedelta(seconds=20))

        session = Session.objects.with_connections().select_related("lease").get()

        assert why_it_waits(session) == "Waits for a worker: none of its machine has come yet"


class TestEncoder:
    def test_that_comes_goes_on_with_the_same_session(self, standby: Session, livestream: Livestream) -> None:
        lease = claimed(standby)
        leases.mark_live(lease, has_encoder=False)
        before = clock.now()

        assert connected(livestream) == standby
        found = leases.await_encoder(lease)
        assert found == Connection.objects.get()
        assert Session.objects.get().status == "standby"
        leases.mark_back(lease)

        standby.refresh_from_db()
        livestream.refresh_from_db()
        assert (standby.status, standby.reconnect_until) == ("live", None)
        assert standby.started_at is not None
        assert livestream.last_live_at is not None
        assert before < standby.started_at <= livestream.last_live_at
        assert _told(standby)[2:] == [
            ("connected", "It came after 0 seconds"),
            ("live", "The encoder came after 0 seconds"),
        ]

    def test_that_is_there_before_the_worker_is_live_with_its_first_run(
        self, standby: Session, livestream: Livestream
    ) -> None:
        connected(livestream)
        lease = claimed(standby)

        leases.mark_live(lease)

        standby.refresh_from_db()
        assert (standby.status, standby.live_epoch) == ("live", 1)
        assert standby.started_at is not None

    @pytest.mark.django_db(transaction=True)
    def test_whose_picture_comes_before_the_slate_is_live_when_it_can_be_seen(
        self, standby: Session, livestream: Livestream, settings: Settings, tmp_path: Path, broker: Broker
    ) -> None:
        settings.PLAYBACK_DIR = tmp_path
        observer = SessionRun(claimed(standby), threading.Event(), Renewals()).observer
        connected(livestream)
        assert observer.find_encoder() == Connection.objects.get().pk.hex
        observer.returned()
        assert Session.objects.get().status == "standby"

        observer.playable()

        assert [kind for kind, _ in _told(standby)] == ["standby", "connected", "live"]

    def test_that_goes_before_its_picture_came_does_not_end_the_wait(
        self, standby: Session, livestream: Livestream
    ) -> None:
        connected(livestream)
        connections.encoder_left(key=livestream.stream_key, node="main", client_id=ENCODER.client_id)

        standby.refresh_from_db()
        assert (standby.status, standby.has_encoder()) == ("standby", False)
        assert _left_s(standby) == pytest.approx(_STANDBY_S, abs=5)

    def test_that_is_refused_leaves_the_slate(self, standby: Session, livestream: Livestream) -> None:
        lease = claimed(standby)
        leases.mark_live(lease, has_encoder=False)
        connected(livestream)
        leases.await_encoder(lease)

        assert leases.turn_away(lease, message="The video is HEVC.") == pytest.approx(_STANDBY_S, abs=5)

        standby.refresh_from_db()
        assert (standby.status, standby.has_encoder()) == ("standby", False)
        assert _told(standby)[-1] == ("refused", "The video is HEVC.")

    def test_that_drops_later_is_waited_for_by_the_window(self, standby: Session, livestream: Livestream) -> None:
        lease = claimed(standby)
        leases.mark_live(lease, has_encoder=False)
        connected(livestream)
        leases.await_encoder(lease)
        leases.mark_back(lease)

        assert leases.mark_away(lease, reason=EndReason.ENCODER_STOPPED) == _WINDOW_S

    def test_of_ours_is_refused(self, standby: Session, livestream: Livestream) -> None:
        with pytest.raises(AlreadyLiveError, match="waits for its encoder"):
            admitted_test_picture(livestream)
        with pytest.raises(test_pictures.TestPictureRefusedError, match="waits for its encoder"):
            test_pictures.start_test_picture(livestream=livestream, actor=SYSTEM)


class TestEnd:
    def _pass(self, session: Session) -> None:
        Session.objects.filter(pk=session.pk).update(reconnect_until=clock.now() - timedelta(seconds=1))

    @pytest.mark.parametrize("is_run", [True, False])
    def test_comes_once_when_no_encoder_does(self, standby: Session, livestream: Livestream, is_run: bool) -> None:
        lease = claimed(standby)
        leases.mark_live(lease, has_encoder=False)
        self._pass(standby)

        if is_run:
            assert leases.conclude_waiting(lease) is None
        sweeps.sweep_sessions()

        standby.refresh_from_db()
        livestream.refresh_from_db()
        assert (standby.status, standby.end_reason) == ("ended", EndReason.NO_ENCODER)
        assert (livestream.status, livestream.is_active) == (LivestreamStatus.IDLE, False)
        assert _told(standby)[2:] == [("ended", "No encoder came within 15 minutes")]
        assert not standby.is_recorded

    def test_comes_with_idle_at_once(self, standby: Session, livestream: Livestream) -> None:
        assert services.end_broadcast(livestream=livestream, actor=SYSTEM) is True

        standby.refresh_from_db()
        livestream.refresh_from_db()
        assert (standby.status, standby.end_reason) == ("ended", EndReason.ENDED_BY_OPERATOR)
        assert not livestream.is_active

    def test_comes_with_the_longest_time_on_air(self, standby: Session, livestream: Livestream) -> None:
        services.change_livestream(livestream=livestream, max_runtime_s=60, actor=SYSTEM)
        Session.objects.update(created_at=clock.now() - timedelta(seconds=61))

        sweeps.sweep_sessions()

        standby.refresh_from_db()
        assert standby.end_reason == EndReason.RUNTIME_OVER


class TestFindings:
    """What the run itself writes of a source that it only expects."""

    @pytest.mark.django_db(transaction=True)
    def test_a_missing_picture_is_no_pause_before_there_was_one(
        self, standby: Session, settings: Settings, tmp_path: Path, broker: Broker
    ) -> None:
        settings.PLAYBACK_DIR = tmp_path
        observer = SessionRun(claimed(standby), threading.Event(), Renewals()).observer
        assert not observer.has_had_picture

        observer.found(GOOD, build_ladder(GOOD))

        assert observer.has_had_picture
