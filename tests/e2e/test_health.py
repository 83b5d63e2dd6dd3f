"""Figures and the system page of the whole product, with a broadcast on air."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import METRICS_TOKEN
from tests.e2e.client import Integrator
from tests.e2e.encoder import publishing
from tests.plain_http import fetch
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = pytest.mark.e2e

_PARTS = (
    *("database", "broker", "ingest", "gate", "origin", "asgi"),
    *("live_worker", "urgent_worker", "webhooks_worker"),
)


def _figures(stack: RunningStack) -> dict[tuple[str, str], float]:
    answer = fetch(f"{stack.base_url}/metrics", Authorization=f"Bearer {METRICS_TOKEN}").raise_for_status()
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_figures_tell_of_a_broadcast_its_worker_its_hooks_and_the_disk(stack: RunningStack) -> None:
    stream = Integrator.of(stack).create("Counted")
    with publishing(stream.publish_url):
        stream.await_status("LIVE")
        wait_until(lambda: ("livehub_transcoder_speed_ratio", "main") in _figures(stack), what="its speed")
        wait_until(lambda: ("livehub_disk_free_bytes", "main") in _figures(stack), what="the disk is looked at")

        found = _figures(stack)

    assert {name: found["livehub_component_up", name] for name in _PARTS} == dict.fromkeys(_PARTS, 1)
    assert found["livehub_sessions", "live"] >= 1
    assert found["livehub_sessions_running", "main"] >= 1
    assert found["livehub_worker_slots", "live,main"] == 8
    assert found["livehub_queue_messages", "live.main"] == 0
    assert found["livehub_hook_duration_seconds_count", "publish"] >= 1
    assert found["livehub_transcoder_speed_ratio", "main"] > 0.5
    assert found["livehub_packager_latency_seconds", "main"] > 0
    assert found["livehub_disk_size_bytes", "main"] > found["livehub_disk_free_bytes", "main"]


def test_figures_are_not_for_everybody(stack: RunningStack) -> None:
    assert fetch(f"{stack.base_url}/metrics").status_code == 401
    assert fetch(f"{stack.base_url}/internal/metrics").status_code == 404
