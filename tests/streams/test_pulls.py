"""Where a livestream is fetched from: what is kept, who fetches it, and what becomes of that."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture
from pytest_django import Settings

from livehub.core import clock, crypto
from livehub.core.errors import ValidationFailedError
from livehub.stack.ports import free_port
from streams.ingest.services import admit_encoder
from streams.livestreams import pull_runs, services, sweeps
from streams.livestreams.arrivals import Encoder
from streams.livestreams.held_pull import HeldPull, PullLostError, claim_pull
from streams.livestreams.lifecycle import HeldOffError
from streams.livestreams.pull_runs import PullRun, start_pull
from streams.livestreams.pulls import PullChange
from streams.livestreams.states import PullState
from streams.models import AuditEntry, Livestream, PullSource, StreamKey
from streams.organizations.services import SYSTEM
from tests.conftest import Broker
from tests.egress.proxies import egress_proxy
from tests.media.clips import flv
from tests.media.ingest import Ingest
from tests.runs import connected
from tests.services import HANG_S, wait_until

URL = "rtmp://ann:s3cr3t@source.example.com/live/keynote?token=t0ken"
MASKED = "rtmp://***@source.example.com/live/keynote?token=***"


def change(livestream: Livestream, pull: PullChange) -> Livestream:
    return services.change_livestream(livestream=livestream, actor=SYSTEM, pull=pull)


def claimed_pull(livestream: Livestream, worker: str = "one") -> HeldPull:
    held = claim_pull(livestream.pk, worker=worker)
    assert held is not None
    return held


class TestSettings:
    def test_a_source_is_kept_encrypted_and_called_for(
        self, livestream: Livestream, broker: Broker, capture: Capture
    ) -> None:
        with capture(execute=True):
            change(livestream, {"url": URL})

        pull = PullSource.objects.get()
        assert (pull.enabled, pull.state, pull.masked_url, pull.url.text) == (True, "starting", MASKED, URL)
        assert "s3cr3t" not in pull.url_encrypted
        assert ("streams.run_pull", {"livestream_id": str(livestream.pk)}) in broker.arguments
        entry = AuditEntry.objects.get(action="livestream.pull_changed")
        assert entry.detail == {"enabled": True, "url": MASKED}

    def test_what_is_the_same_changes_nothing(self, livestream: Livestream) -> None:
        change(livestream, {"url": URL})
        change(livestream, {"url": MASKED, "enabled": True})

        pull = PullSource.objects.get()
        assert (pull.revision, pull.url.text) == (1, URL)
        assert AuditEntry.objects.filter(action="livestream.pull_changed").count() == 1

    def test_it_is_switched_off_and_on_and_taken_away(self, livestream: Livestream) -> None:
        change(livestream, {"url": URL})
        change(livestream, {"enabled": False})
        assert PullSource.objects.values_list("enabled", "state").get() == (False, "idle")
        change(livestream, {"enabled": True})
        assert PullSource.objects.values_list("enabled", "state", "revision").get() == (True, "starting", 3)
        change(livestream, {"url": None})
        assert not PullSource.objects.exists()

    def test_one_that_was_refused_begins_anew_when_it_is_asked_for_again(self, livestream: Livestream) -> None:
        change(livestream, {"url": URL})
        PullSource.objects.update(state=PullState.ERRORED, reason="It is inside.", tries=3)

        change(livestream, {"enabled": True})

        assert PullSource.objects.values_list("state", "reason", "tries").get() == ("starting", "", 0)

    @pytest.mark.parametrize("pull", [{"url": "file:///etc/passwd"}, {"enabled": True}, {"url": "", "enabled": True}])
    def test_what_cannot_be_fetched_is_refused_and_changes_nothing(
        self, livestream: Livestream, pull: PullChange
    ) -> None:
        with pytest.raises(ValidationFailedError) as caught:
            services.change_livestream(livestream=livestream, actor=SYSTEM, name="Another", pull=pull)
        assert set(caught.value.fields) == {"pull"}
        assert not PullSource.objects.exists()


class TestClaim:
    @pytest.fixture(autouse=True)
    def _wanted(self, livestream: Livestream) -> None:
        change(livestream, {"url": URL})

    def test_one_worker_at_a_time_has_it(self, livestream: Livestream) -> None:
        claimed_pull(livestream)
        assert claim_pull(livestream.pk, worker="two") is None

    def test_that_of_a_dead_worker_is_taken_up(self, livestream: Livestream, broker: Broker, capture: Capture) -> None:
        first = claimed_pull(livestream)
        PullSource.objects.update(lease_until=Now() - timedelta(seconds=1))

        with capture(execute=True):
            sweeps.sweep_sessions()
        assert ("streams.run_pull", {"livestream_id": str(livestream.pk)}) in broker.arguments
        claimed_pull(livestream, "two")

        assert not first.is_kept()
        with pytest.raises(PullLostError):
            first.note(PullState.PULLING)

    def test_one_that_is_released_is_called_for_at_once(
        self, livestream: Livestream, broker: Broker, capture: Capture
    ) -> None:
        held = claimed_pull(livestream)
        with capture(execute=True):
            held.release()
        assert ("streams.run_pull", {"livestream_id": str(livestream.pk)}) in broker.arguments
        claimed_pull(livestream, "two")

    def test_whoever_has_it_loses_it_by_every_change(self, livestream: Livestream) -> None:
        held = claimed_pull(livestream)
        assert held.is_kept()
        change(livestream, {"url": "rtmp://other.example.com/live/a"})
        assert not held.is_kept()

    def test_nobody_fetches_for_a_disabled_livestream(self, livestream: Livestream) -> None:
        held = claimed_pull(livestream)
        services.disable_livestream(livestream=livestream, actor=SYSTEM)
        assert not held.is_kept()
        held.release()
        assert claim_pull(livestream.pk, worker="two") is None
        services.enable_livestream(livestream=livestream, actor=SYSTEM)
        claimed_pull(livestream, "two")

    @pytest.mark.parametrize("given_up", [{"state": "errored"}, {"finished_at": clock.now()}, {"enabled": False}])
    def test_what_was_given_up_is_nobodys(self, livestream: Livestream, given_up: dict[str, object]) -> None:
        PullSource.objects.update(**given_up)
        assert claim_pull(livestream.pk, worker="one") is None


class TestPublishing:
    @pytest.fixture
    def held(self, livestream: Livestream) -> HeldPull:
        change(livestream, {"url": URL})
        return claimed_pull(livestream)

    def test_each_try_has_a_key_of_its_own_in_one_row(self, livestream: Livestream, held: HeldPull) -> None:
        first, second = held.give_key(), held.give_key()

        key = StreamKey.objects.get(is_for_pull=True)
        assert first != second == crypto.decrypt(key.encrypted)
        assert key.revoked_at is not None
        assert key.revoked_at < clock.now() + timedelta(minutes=2)
        assert livestream.stream_keys.filter(revoked_at=None).count() == 1

    def test_it_is_an_encoder_that_people_know_and_that_an_end_holds_off(
        self, livestream: Livestream, held: HeldPull
    ) -> None:
        admit_encoder(name=held.give_key(), args={}, encoder=Encoder("main", 7, "127.0.0.1", "FMLE"))
        connection = livestream.sessions.get().connections.get()
        assert (connection.software, connection.address) == ("LiveHub's pull", None)

        services.end_broadcast(livestream=livestream, hold=timedelta(minutes=1), actor=SYSTEM)
        assert held.obstacle().startswith("The broadcast was ended on purpose.")
        with pytest.raises(HeldOffError):
            admit_encoder(name=held.give_key(), args={}, encoder=Encoder("main", 8, "127.0.0.1", "FMLE"))

    def test_it_waits_while_an_encoder_publishes(self, livestream: Livestream, held: HeldPull) -> None:
        assert held.obstacle() == ""
        connected(livestream)
        assert held.obstacle().startswith("An encoder is publishing with the livestream's key.")

    def test_a_connection_that_is_left_of_it_is_cut(
        self, livestream: Livestream, held: HeldPull, broker: Broker, capture: Capture
    ) -> None:
        name = admit_encoder(name=held.give_key(), args={}, encoder=Encoder("main", 7, "127.0.0.1", "FMLE"))
        with capture(execute=True):
            assert held.obstacle()
        assert ("streams.drop_encoder", {"node": "main", "name": name}) in broker.arguments

    def test_our_own_refusal_is_told_of_the_try_that_it_was_of(self, livestream: Livestream, held: HeldPull) -> None:
        began_at = clock.now()
        Livestream.objects.update(last_refusal="Too many broadcasts are on air.", last_refused_at=began_at)

        assert held.refusal_since(began_at) == "Too many broadcasts are on air."
        assert held.refusal_since(began_at + timedelta(seconds=1)) == ""

    def test_a_change_cuts_it_at_once(
        self, livestream: Livestream, held: HeldPull, broker: Broker, capture: Capture
    ) -> None:
        name = admit_encoder(name=held.give_key(), args={}, encoder=Encoder("main", 7, "127.0.0.1", "FMLE"))
        with capture(execute=True):
            change(livestream, {"enabled": False})
        assert ("streams.drop_encoder", {"node": "main", "name": name}) in broker.arguments


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "small.flv"
    path.write_bytes(flv(size="320x180", gop=15, seconds=6))
    return path


@pytest.mark.django_db(transaction=True)
class TestRuns:
    @pytest.fixture(autouse=True)
    def _way_out(self, tmp_path: Path, settings: Settings, pulls: None) -> Iterator[None]:
        with egress_proxy(tmp_path) as path:
            settings.EGRESS_SOCKET = path
            yield

    def _state(self) -> str:
        return str(PullSource.objects.values_list("state", flat=True).get())

    def test_fetches_until_it_is_switched_off(
        self, livestream: Livestream, ingest: Ingest, clip: Path, broker: Broker
    ) -> None:
        with ingest.publishing("theirs", clip):
            change(livestream, {"url": ingest.server.pull_url("theirs")})
            thread = start_pull(livestream.pk, worker="one", stopping=threading.Event())
            assert thread is not None
            wait_until(lambda: self._state() == "pulling", what="the pull")
            name = crypto.decrypt(StreamKey.objects.get(is_for_pull=True).encrypted)
            assert ingest.server.find_publisher(name)

            change(livestream, {"enabled": False})
            thread.join(HANG_S)

        assert not thread.is_alive()
        assert PullSource.objects.values_list("state", "lease_until", "tries").get() == ("idle", None, 0)

    def test_tries_again_and_says_why(self, livestream: Livestream, broker: Broker) -> None:
        port = free_port("127.0.0.1")
        change(livestream, {"url": f"rtmp://127.0.0.1:{port}/live/none"})
        stopping = threading.Event()
        thread = start_pull(livestream.pk, worker="one", stopping=stopping)
        assert thread is not None
        try:
            wait_until(lambda: PullSource.objects.get().tries >= 2, what="two tries")
            pull = PullSource.objects.get()
            assert (pull.state, pull.reason) == ("retrying", f"127.0.0.1 port {port} refuses connections.")
        finally:
            stopping.set()
            thread.join(HANG_S)
        # Another worker may go on.
        assert claim_pull(livestream.pk, worker="two") is not None

    @pytest.mark.parametrize(("lasting_s", "tries"), [(0.0, 1), (3600.0, 5)])
    def test_tries_are_counted_anew_once_one_has_lasted(
        self,
        livestream: Livestream,
        ingest: Ingest,
        clip: Path,
        broker: Broker,
        settings: Settings,
        tmp_path_factory: pytest.TempPathFactory,
        monkeypatch: pytest.MonkeyPatch,
        lasting_s: float,
        tries: int,
    ) -> None:
        monkeypatch.setattr(pull_runs, "_LASTING_S", lasting_s)
        stopping = threading.Event()
        with ingest.publishing("theirs", clip):
            change(livestream, {"url": ingest.server.pull_url("theirs")})
            run = PullRun(claimed_pull(livestream), stopping)
            # Whose waits grow.
            run._tries = 4
            thread = threading.Thread(target=run.run)
            with egress_proxy(tmp_path_factory.mktemp("egress")) as way_out:
                settings.EGRESS_SOCKET = way_out
                thread.start()
                wait_until(lambda: self._state() == "pulling", what="the pull")
            # What it goes out by has gone.
            wait_until(lambda: self._state() == "retrying", what="its end")
            stopping.set()
            thread.join(HANG_S)

        assert not thread.is_alive()
        assert PullSource.objects.get().tries == tries

    def test_the_first_refusal_ends_it(self, livestream: Livestream, broker: Broker) -> None:
        change(livestream, {"url": "rtmp://10.1.2.3/live/inside"})

        PullRun(claimed_pull(livestream), threading.Event()).run()

        pull = PullSource.objects.get()
        assert (pull.state, pull.tries) == ("errored", 0)
        assert pull.reason.startswith("10.1.2.3 is inside this network;")
        assert claim_pull(livestream.pk, worker="two") is None
