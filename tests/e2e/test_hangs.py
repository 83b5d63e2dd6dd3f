"""What hangs instead of dying: a broadcast outlives it, and nothing waits for it for ever."""

import time

import httpx
import pytest

from tests.e2e.client import Integrator, Stream, run_of
from tests.e2e.encoder import publishing
from tests.e2e.processes import family, ffmpegs, hung, second_live_worker, transcoders
from tests.services import wait_until
from tests.stack.whole import RunningStack, running_stack

pytestmark = pytest.mark.e2e


class TestHungFfmpeg:
    @pytest.mark.parametrize("pulls", [False, True], ids=["transcoder", "pull"])
    def test_is_killed_and_another_run_follows(self, stack: RunningStack, stream: Stream, pulls: bool) -> None:
        # Of broadcasts that have not quite ended.
        others = set(ffmpegs(stack, pulls=pulls))
        with publishing(stream.publish_url) as encoder:
            stream.await_status("LIVE")
            before, (pid,) = run_of(stream), set(ffmpegs(stack, pulls=pulls)) - others

            with hung([pid]):
                wait_until(lambda: run_of(stream) not in {before, None}, what="a new run")
                assert pid not in ffmpegs(stack, pulls=pulls)

            assert encoder.is_connected
            assert stream.status == "LIVE"
            assert len(stream.sessions()) == 1
            assert len(transcoders(stream)) == 1

    def test_does_not_keep_a_session_whose_encoder_left(self, stack: RunningStack, stream: Stream) -> None:
        with publishing(stream.publish_url) as encoder:
            stream.await_status("LIVE")

            with hung(ffmpegs(stack, pulls=True) + ffmpegs(stack, pulls=False)):
                encoder.stop()
                stream.await_status("OFFLINE")


class TestHungDatabase:
    def test_stops_no_broadcast_and_answers_503(self, stack: RunningStack, stream: Stream) -> None:
        with publishing(stream.publish_url) as encoder:
            stream.await_status("LIVE")
            before, run = stream.newest_segment(), run_of(stream)

            with hung(family(stack.pids()["postgres"])):
                answer = stream.integrator.http.get(stream.path, timeout=20)
                wait_until(lambda: stream.has_newer_than(before), what="the next segment")
                time.sleep(6)  # Longer than a lease lasts.

            assert answer.status_code == 503
            wait_until(lambda: _status(stream) == "LIVE", what="the database")
            assert encoder.is_connected
            assert run_of(stream) == run
            assert len(stream.sessions()) == 1


class TestHungBroker:
    def test_keeps_nobody_from_creating_publishing_and_watching(self, stack: RunningStack, stream: Stream) -> None:
        with publishing(stream.publish_url) as encoder:
            stream.await_status("LIVE")
            before = stream.newest_segment()

            with hung([stack.pids()["redis"]]):
                late = stream.integrator.create("While Redis hangs")
                with publishing(late.publish_url):
                    late.await_status("INVOKED")
                    wait_until(lambda: stream.has_newer_than(before), what="the next segment")
            with publishing(late.publish_url):
                late.await_status("LIVE")

            assert encoder.is_connected
            assert len(stream.sessions()) == 1


class TestHungIngestServer:
    def test_is_not_taken_for_an_encoder_that_left(self, stack: RunningStack, stream: Stream) -> None:
        with publishing(stream.publish_url):
            stream.await_status("LIVE")

            with hung(family(stack.pids()["ingest"])):
                time.sleep(20)  # Longer than the pull waits for media.
                assert stream.status == "LIVE"
                assert len(stream.sessions()) == 1


@pytest.mark.chaos
class TestHungWorker:
    def test_that_is_the_only_one_is_replaced_and_the_broadcast_goes_on(
        self, stack: RunningStack, stream: Stream
    ) -> None:
        with publishing(stream.publish_url) as encoder:
            stream.await_status("LIVE")
            before = run_of(stream)

            with hung([stack.pids()["live"]]):
                wait_until(lambda: run_of(stream) not in {before, None}, what="the next run")

            assert encoder.is_connected
            assert stream.status == "LIVE"
            assert len(stream.sessions()) == 1
            assert len(transcoders(stream)) == 1

    def test_is_taken_over_from_and_does_no_harm_when_it_wakes(self, stack: RunningStack, stream: Stream) -> None:
        with second_live_worker(stack), publishing(stream.publish_url) as encoder:
            stream.await_status("LIVE")
            before = run_of(stream)
            holder = _holder(stack, stream)

            with hung([holder]):
                wait_until(lambda: run_of(stream) not in {before, None}, what="the next run")
            taken_over = run_of(stream)

            wait_until(lambda: len(transcoders(stream)) == 1, what="the end of the old run")
            segment = stream.newest_segment()
            wait_until(lambda: stream.has_newer_than(segment), what="the next segment")
            assert run_of(stream) == taken_over
            assert encoder.is_connected
            assert len(stream.sessions()) == 1


@pytest.mark.chaos
def test_a_session_beyond_the_slots_waits_for_one_and_a_second_worker_brings_more(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    limits = {"LIVEHUB_LIVE_SLOTS": "1", "LIVEHUB_MAX_SESSIONS_PER_ORGANIZATION": "10"}
    with running_stack(tmp_path_factory.mktemp("one-slot"), **limits) as stack:
        first, second, third = (Integrator.of(stack).create(f"Camera {number}") for number in range(3))
        with publishing(first.publish_url) as encoder, publishing(second.publish_url):
            # Whichever came first has the slot.
            wait_until(lambda: {first.status, second.status} == {"LIVE", "INVOKED"}, what="one live")
            live, waiting = (first, second) if first.status == "LIVE" else (second, first)
            with second_live_worker(stack, slots=1), publishing(third.publish_url):
                wait_until(lambda: waiting.status == "LIVE" or third.status == "LIVE", what="a slot")
            assert live.status == "LIVE"
            if live is first:
                encoder.stop()
                second.await_status("LIVE")


def _status(stream: Stream) -> str:
    try:
        return stream.status
    except (AssertionError, httpx.HTTPError):
        return "unknown"


def _holder(stack: RunningStack, stream: Stream) -> int:
    """Return the process id of the live worker that runs the session: the second part of its name."""
    worker = stack.manage("shell", "-c", "from streams.models import Lease; print(Lease.objects.get().worker)")
    return int(worker.split(":")[1])
