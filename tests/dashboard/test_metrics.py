"""What Prometheus scrapes."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries

from livehub.core import clock
from streams.livestreams import leases, repeats
from streams.livestreams.services import create_livestream
from streams.livestreams.states import DiskLevel
from streams.models import Connection, Lease, NodeDisk, Session
from streams.organizations.services import SYSTEM, NewOrganization
from tests.hangs.servers import hung_postgres, hung_redis
from tests.runs import claimed, connected

# The parts are asked in threads of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

_TOKEN = "a token of twenty-five chars"
Values = dict[tuple[str, str], float]


@pytest.fixture(autouse=True)
def token(settings: LazySettings) -> None:
    settings.METRICS_TOKEN = _TOKEN


def _scrape(path: str = "/metrics") -> Values:
    """Return each value by its name and its labels' values."""
    answer = Client().get(path, headers={"Authorization": f"Bearer {_TOKEN}"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


class TestDoor:
    @pytest.mark.parametrize("path", ["/metrics", "/internal/metrics"])
    @pytest.mark.parametrize("given", ["", "Bearer", "Bearer another", f"Basic {_TOKEN}", f"Bearer {_TOKEN}x"])
    def test_is_shut_to_who_does_not_know_the_token(self, path: str, given: str) -> None:
        answer = Client().get(path, headers={"Authorization": given})

        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert b"livehub_" not in answer.content
        assert _TOKEN not in answer.content.decode()

    @pytest.mark.parametrize("path", ["/metrics", "/internal/metrics"])
    def test_is_not_there_without_a_token(self, settings: LazySettings, path: str) -> None:
        settings.METRICS_TOKEN = ""

        assert Client().get(path, headers={"Authorization": "Bearer "}).status_code == 404

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

        # Sessions by state, by node, what went wrong, connections, disks.
        with django_assert_num_queries(5):
            _scrape()

    def test_say_what_does_not_answer(self) -> None:
        found = _scrape()

        up = {name: found["livehub_component_up", name] for name in ("database", "broker", "ingest", "live_worker")}
        assert up == {"database": 1, "broker": 1, "ingest": 0, "live_worker": 0}

    def test_of_the_database_are_left_out_while_it_hangs(self) -> None:
        with hung_postgres():
            connection.close()
            found = _scrape()

        assert found["livehub_component_up", "database"] == 0
        assert ("livehub_sessions_waiting", "main") not in found
        assert ("livehub_sessions", "live") not in found

    def test_are_there_while_redis_hangs(self) -> None:
        with hung_redis():
            found = _scrape()

        assert found["livehub_sessions", "live"] == 0
        assert found["livehub_queue_wait_seconds", "main"] == 0


class TestHooks:
    def test_are_counted_by_the_process_that_answers_them(self, settings: LazySettings) -> None:
        before = _scrape("/internal/metrics").get(("livehub_hook_duration_seconds_count", "publish"), 0)

        Client().post(f"/internal/ingest/publish?token={settings.INGEST_HOOK_TOKEN}", {"name": "nobodys"})

        found = _scrape("/internal/metrics")
        assert found["livehub_hook_duration_seconds_count", "publish"] == before + 1
        assert found["livehub_hook_duration_seconds_sum", "publish"] > 0
