"""What Prometheus scrapes."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries

from analytics.models import LogCursor, SessionNow
from livehub.core import clock
from streams.livestreams import leases, repeats
from streams.livestreams.models import IngestFinding
from streams.livestreams.services import create_livestream
from streams.livestreams.states import DiskLevel
from streams.models import Connection, Lease, NodeDisk, Session
from streams.organizations.services import SYSTEM, NewOrganization
from streams.self_tests.models import SelfTest
from streams.self_tests.states import SelfTestState
from tests.hangs.servers import hung_postgres, hung_redis
from tests.runs import claimed, connected, ended
from tests.services import HANG_S, wait_until
from tests.webhooks.happenings import happened, listening
from webhooks.models import Delivery, Endpoint

# The parts are asked in threads of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

_TOKEN = "a token of twenty-five chars"
Values = dict[tuple[str, str], float]


@pytest.fixture(autouse=True)
def token(settings: LazySettings) -> None:
    settings.METRICS_TOKEN = _TOKEN


def _scrape() -> Values:
    """Return each value by its name and its labels' values."""
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {_TOKEN}"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


class TestDoor:
    @pytest.mark.parametrize("given", ["", "Bearer", "Bearer another", f"Basic {_TOKEN}", f"Bearer {_TOKEN}x"])
    def test_is_shut_to_who_does_not_know_the_token(self, given: str) -> None:
        answer = Client().get("/metrics", headers={"Authorization": given})

        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert b"livehub_" not in answer.content
        assert _TOKEN not in answer.content.decode()

    def test_is_not_there_without_a_token(self, settings: LazySettings) -> None:
        settings.METRICS_TOKEN = ""

        assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404

    def test_is_for_reading(self) -> None:
        assert Client().post("/metrics", headers={"Authorization": f"Bearer {_TOKEN}"}).status_code == 405


class TestFigures:
    def test_are_those_of_sessions_and_runs(self, home: NewOrganization) -> None:
        for name in ("live", "connecting", "waits"):
            connected(create_livestream(app=home.app, name=name, actor=SYSTEM))
        live, connecting, _ = Session.objects.order_by("created_at")
        claimed(connecting)
        for worker in ("second", "third"):
            Lease.objects.filter(pk=connecting.pk).update(until=clock.now() - timedelta(seconds=1))
            claimed(connecting, worker=worker)
        lease = claimed(live)
        repeats.retry_session(lease, message="It broke.")
        Lease.objects.filter(pk=live.pk).update(not_before=None)
        leases.mark_live(claimed(live))

        found = _scrape()

        assert found["livehub_sessions", "live"] == 1
        assert found["livehub_sessions", "connecting"] == 2
        assert found["livehub_sessions_running", "main"] == 2
        assert found["livehub_sessions_waiting", "main"] == 1
        assert 0 < found["livehub_queue_wait_seconds", "main"] < 60
        assert found["livehub_failed_runs_total", ""] == 1
        assert found["livehub_takeovers_total", ""] == 2

    def test_are_those_of_the_slowest(self, home: NewOrganization) -> None:
        for speed, latency_ms in ((1.0, 200), (0.71, 450), (None, None)):
            session = connected(create_livestream(app=home.app, name=f"{speed}", actor=SYSTEM))
            leases.mark_live(claimed(session))
            measured = {"speed": speed, "packager_latency_ms": latency_ms}
            Connection.objects.filter(session=session).update(measured=measured)

        found = _scrape()

        assert found["livehub_transcoder_speed_ratio", "main"] == 0.71
        assert found["livehub_packager_latency_seconds", "main"] == 0.45

    def test_are_not_of_encoders_that_are_gone_or_not_live(self, home: NewOrganization) -> None:
        live = connected(create_livestream(app=home.app, name="live", actor=SYSTEM))
        leases.mark_live(claimed(live))
        Connection.objects.update(measured={"speed": 1.0, "packager_latency_ms": 200})
        slow = {"speed": 0.5, "packager_latency_ms": 900}
        Connection.objects.create(session=live, node="main", client_id=9, disconnected_at=clock.now(), measured=slow)
        connecting = connected(create_livestream(app=home.app, name="connecting", actor=SYSTEM))
        Connection.objects.filter(session=connecting).update(measured=slow)

        found = _scrape()

        assert found["livehub_transcoder_speed_ratio", "main"] == 1.0
        assert found["livehub_packager_latency_seconds", "main"] == 0.2

    def test_are_those_of_disks(self) -> None:
        NodeDisk.objects.create(
            node="main",
            level=DiskLevel.FULL,
            total_bytes=1_000,
            free_bytes=20,
            used_percent=98.0,
            since=clock.now() - timedelta(hours=2),
            seen_at=clock.now(),
        )

        found = _scrape()

        names = ("size_bytes", "free_bytes", "full")
        assert [found[f"livehub_disk_{name}", "main"] for name in names] == [1_000, 20, 1]
        seen_at = NodeDisk.objects.get().seen_at
        assert found["livehub_disk_seen_timestamp_seconds", "main"] == pytest.approx(seen_at.timestamp(), abs=1)

    def test_cost_as_much_for_many_sessions(
        self, home: NewOrganization, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(5):
            claimed(connected(create_livestream(app=home.app, name=f"{number}", actor=SYSTEM)))

        # Sessions by state, by node, what went wrong, connections, findings, recordings, disks, the newest self-test;
        # edges with who watches; what is to be delivered, endpoints.
        with django_assert_num_queries(11):
            _scrape()

    def test_say_what_does_not_answer(self) -> None:
        found = _scrape()

        up = {name: found["livehub_component_up", name] for name in ("database", "broker", "ingest", "live_worker")}
        assert up == {"database": 1, "broker": 1, "ingest": 0, "live_worker": 0}

    def test_of_the_database_are_left_out_while_it_hangs(self) -> None:
        found: Values = {}
        with hung_postgres():
            connection.close()
            # What a part said a second ago is passed on.
            wait_until(lambda: found.update(_scrape()) or not found["livehub_component_up", "database"])

        assert ("livehub_sessions_waiting", "main") not in found
        assert ("livehub_sessions", "live") not in found

    def test_are_there_while_redis_hangs(self) -> None:
        with hung_redis():
            found = _scrape()

        assert found["livehub_sessions", "live"] == 0
        assert found["livehub_queue_wait_seconds", "main"] == 0


class TestRows:
    """What apps tell of their rows."""

    def test_of_encoders_findings_are_those_that_hold(self, home: NewOrganization) -> None:
        live, over = (connected(create_livestream(app=home.app, name=name, actor=SYSTEM)) for name in ("live", "over"))
        told = {"value": 12.0, "since": clock.now(), "measured_at": clock.now()}
        for session, kind, cleared_at in (
            (live, "keyframe_interval", None),
            (live, "black", clock.now()),
            (over, "keyframe_interval", None),
        ):
            IngestFinding.objects.create(session=session, kind=kind, severity="error", cleared_at=cleared_at, **told)
        ended(over)

        found = _scrape()

        assert found["livehub_ingest_findings", "keyframe_interval,error"] == 1
        assert found["livehub_ingest_findings", "keyframe_interval,info"] == 0
        assert found["livehub_ingest_findings", "black,error"] == 0

    def test_of_who_watches_are_of_each_edge_that_is_heard_of(self) -> None:
        now = clock.now()
        for edge, ago_s in (("main", 0), ("north", 2), ("silent", 60)):
            at = now - timedelta(seconds=ago_s)
            LogCursor.objects.create(edge=edge, file_id="f", offset=1, heard_at=at)
            for _ in range(2):
                SessionNow.objects.create(session_id=uuid4(), edge=edge, counted=5, estimated=2, at=at)
        LogCursor.objects.create(edge="idle", file_id="f", offset=1, heard_at=now)

        found = _scrape()

        told = {labels: value for (name, labels), value in found.items() if name == "livehub_viewers"}
        # Who watches at the silent one nobody knows, and that is no zero.
        assert told == {
            "main,id": 10,
            "main,address": 4,
            "north,id": 10,
            "north,address": 4,
            "idle,id": 0,
            "idle,address": 0,
        }

    def test_of_collectors_say_how_far_each_edge_is(self) -> None:
        heard_at = clock.now() - timedelta(seconds=40)
        LogCursor.objects.create(
            edge="north", file_id="f", offset=1, lines=900, rejected={"torn": 3, "bot": 40}, heard_at=heard_at
        )
        long_ago = clock.now() - timedelta(days=30)
        LogCursor.objects.create(edge="removed", file_id="f", offset=1, lines=9, heard_at=long_ago)

        found = _scrape()

        assert 40 <= found["livehub_collector_delay_seconds", "north"] < 40 + HANG_S
        assert found["livehub_collector_lines_total", "north"] == 900
        assert found["livehub_collector_rejected_lines_total", "north,torn"] == 3
        assert found["livehub_collector_rejected_lines_total", "north,bot"] == 40
        assert ("livehub_collector_lines_total", "removed") not in found

    def test_of_reasons_are_few_whatever_an_edge_node_says(self) -> None:
        rejected = {f"reason{number:03}": 1 for number in range(100)}
        LogCursor.objects.create(edge="north", file_id="f", offset=1, rejected=rejected, heard_at=clock.now())

        found = _scrape()

        reasons = {key[1]: value for key, value in found.items() if key[0] == "livehub_collector_rejected_lines_total"}
        assert (len(reasons), reasons["north,other"], sum(reasons.values())) == (21, 80, 100)

    def test_of_webhooks_are_what_waits_and_how_endpoints_fare(self, home: NewOrganization) -> None:
        well, failing, paused = (listening(home.app) for _ in range(3))
        happened(home.app)
        happened(home.app)
        Endpoint.objects.filter(pk=failing.pk).update(failing_since=clock.now())
        Endpoint.objects.filter(pk=paused.pk).update(enabled=False)
        for endpoint, seconds in ((well, (30, -60)), (failing, (9_000, 9_000)), (paused, (9_000, 9_000))):
            for delivery, ago_s in zip(endpoint.deliveries.order_by("id"), seconds, strict=True):
                Delivery.objects.filter(pk=delivery.pk).update(due_at=clock.now() - timedelta(seconds=ago_s))

        found = _scrape()

        assert found["livehub_webhook_deliveries_waiting", ""] == 6
        assert 30 <= found["livehub_webhook_overdue_seconds", ""] < 30 + HANG_S
        states = {
            state: found["livehub_webhook_endpoints", state] for state in ("well", "failing", "stopped", "paused")
        }
        assert states == {"well": 1, "failing": 1, "stopped": 0, "paused": 1}

    def test_of_the_newest_self_test_say_whether_it_passed(self) -> None:
        assert ("livehub_self_test_passed", "") not in _scrape()
        until = ended_at = clock.now() - timedelta(minutes=5)
        SelfTest.objects.create(node="main", until=until, state=SelfTestState.FAILED, finished_at=ended_at)

        found = _scrape()

        assert found["livehub_self_test_passed", ""] == 0
        assert found["livehub_self_test_ended_timestamp_seconds", ""] == pytest.approx(ended_at.timestamp(), abs=0.01)


class TestLabels:
    def test_hold_no_ids_or_names_of_anybodys(self, home: NewOrganization) -> None:
        livestream = create_livestream(app=home.app, name="Quarterly results", actor=SYSTEM)
        session = connected(livestream)
        leases.mark_live(claimed(session))
        told = {"value": 12.0, "since": clock.now(), "measured_at": clock.now()}
        IngestFinding.objects.create(session=session, kind="black", severity="error", **told)
        LogCursor.objects.create(edge="main", file_id="f", offset=1, heard_at=clock.now())
        SessionNow.objects.create(session_id=session.pk, edge="main", counted=5, estimated=2, at=clock.now())
        endpoint = listening(home.app)
        happened(home.app)
        now = clock.now()
        SelfTest.objects.create(node="main", until=now, state=SelfTestState.FAILED, finished_at=now)
        paths = (f"/v2/livestreams/{livestream.pk}", f"/livestreams/{livestream.pk}", f"/{livestream.playback_id}")
        for path in paths:
            Client().get(path)

        labels = {label for key in _scrape() for label in key[1].split(",")}

        owned = (livestream, session, home.app, home.organization, endpoint)
        ids = [text for each in owned for text in (str(each.pk), each.pk.hex)]
        secrets = (livestream.playback_id, livestream.stream_key, "Quarterly", home.organization.name)
        assert [label for label in labels for word in (*ids, *secrets) if word.lower() in label.lower()] == []
        assert not any(re.search(r"[0-9a-f]{12}", label) for label in labels)


class TestRequests:
    def test_are_counted_by_which_face_of_ours_was_asked_and_how_it_went(self, settings: LazySettings) -> None:
        counts = "livehub_http_request_duration_seconds_count"
        before = _scrape()

        Client().get("/v2/livestreams")
        Client().get("/sign-in-that-is-not-there")
        Client().post(f"/internal/ingest/publish?token={settings.INGEST_HOOK_TOKEN}", {"name": "nobodys"})

        found = _scrape()
        for labels in ("4xx,v2", "4xx,page", "4xx,machine"):
            key = (counts, labels)
            assert found[key] == before.get(key, 0) + 1
        assert found["livehub_hook_duration_seconds_count", "publish"] >= 1
        assert found["livehub_hook_duration_seconds_sum", "publish"] > 0
