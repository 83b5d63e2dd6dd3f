"""Counts stay whole, and a trace one, whichever process is killed meanwhile."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import METRICS_TOKEN
from tests.core.otlp import TraceReceiver, open_receiver
from tests.e2e.client import Integrator
from tests.e2e.encoder import publishing
from tests.services import wait_until
from tests.stack.whole import RunningStack, running_stack

pytestmark = pytest.mark.chaos

_REQUESTS = "livehub_http_request_duration_seconds_count"
_KILLS = 4


@pytest.fixture(scope="module")
def traces() -> Iterator[TraceReceiver]:
    with open_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, traces: TraceReceiver) -> Iterator[RunningStack]:
    """A run of its own, whose programs are killed, and whose traces somebody takes."""
    more = {"OTEL_EXPORTER_OTLP_ENDPOINT": traces.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    with running_stack(tmp_path_factory.mktemp("stack"), LIVEHUB_METRICS_TOKEN=METRICS_TOKEN, **more) as running:
        yield running


def _figures(stack: RunningStack) -> dict[tuple[str, str], float]:
    answer = httpx.get(f"{stack.base_url}/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}, timeout=30)
    families = text_string_to_metric_families(answer.raise_for_status().text)
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_no_request_is_lost_or_counted_twice_while_the_web_program_is_killed(stack: RunningStack) -> None:
    before = _figures(stack).get((_REQUESTS, "4xx,v2"), 0.0)
    sent = 0
    for _ in range(_KILLS):
        for _ in range(25):
            assert httpx.get(f"{stack.base_url}/v2/livestreams", timeout=30).status_code == 401
            sent += 1
        pid = stack.pids()["web"]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda killed=pid: stack.pids().get("web") not in {None, killed}, what="another web program")  # type: ignore[misc]
        wait_until(lambda: httpx.get(f"{stack.base_url}/healthz", timeout=30).status_code == 200, what="it to answer")

    assert _figures(stack)[_REQUESTS, "4xx,v2"] == before + sent
    counts = list((stack.runtime_dir / "counts").glob("histogram_*.db"))
    # Those that live, and one of all that are gone.
    assert len(counts) < 20


def test_nobody_waits_for_who_takes_traces_and_never_answers(tmp_path: Path) -> None:
    with open_receiver(hangs=True) as receiver:
        more = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        # It ends well, or the block fails.
        with running_stack(tmp_path, LIVEHUB_METRICS_TOKEN=METRICS_TOKEN, **more) as stack:
            stream = Integrator.of(stack).create("Traced in vain")
            with publishing(stream.publish_url):
                stream.await_status("LIVE")
                wait_until(lambda: receiver.bodies, what="somebody who waits for an answer")
                assert stream.status == "LIVE"
            stream.await_status("OFFLINE")
            found = _figures(stack)

    assert found["livehub_broadcast_start_seconds_count", ""] == 1


def test_a_trace_goes_on_with_the_worker_that_takes_over(stack: RunningStack, traces: TraceReceiver) -> None:
    stream = Integrator.of(stack).create("Traced")
    with publishing(stream.publish_url):
        stream.await_status("LIVE")
        pid = stack.pids()["live"]
        wait_until(lambda: "broadcast.go_live" in {span.name for span in traces.spans}, what="the first run's steps")
        os.kill(pid, signal.SIGKILL)

        def epochs() -> set[object]:
            live = [span for span in traces.spans if span.name == "broadcast.go_live"]
            return {span.attributes["livehub.run.epoch"] for span in live}

        wait_until(lambda: epochs() == {1, 2}, what="the second run's steps")

    spans = traces.spans
    assert {"asgi", "live"} <= {span.program for span in spans}
    assert len({span.trace_id for span in spans if span.name.startswith("broadcast.")}) == 1
    found = _figures(stack)
    assert found["livehub_broadcast_start_seconds_count", ""] == 1
