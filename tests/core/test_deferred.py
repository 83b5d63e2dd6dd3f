"""Sending without waiting."""

import asyncio
import multiprocessing
import subprocess
import sys
import threading
import time

import pytest

from livehub.core import deferred
from livehub.core.deferred import Outbox

_SCRIPT = """
import time
import django
django.setup()
from livehub.core import deferred

def send():
    time.sleep(0.3)
    print("sent")

deferred.post(send, what="x")
"""


def _waiting_for(event: threading.Event) -> deferred.Send:
    def send() -> None:
        event.wait(10)

    return send


class TestOutbox:
    def test_sends_in_order_on_one_thread(self) -> None:
        outbox, sent = Outbox(), list[tuple[int, int]]()
        for number in range(100):
            outbox.post(lambda number=number: sent.append((number, threading.get_ident())), what="x")  # type: ignore[misc]  # mypy cannot infer the default.

        assert outbox.flush(timeout_s=10)
        assert [number for number, _ in sent] == list(range(100))
        assert len({thread for _, thread in sent}) == 1

    def test_sends_later_what_is_to_be_and_the_rest_meanwhile(self) -> None:
        outbox, sent, is_sent = Outbox(), list[str](), threading.Event()
        outbox.post(is_sent.set, what="x", delay_s=0.6)
        outbox.post(lambda: sent.append("later"), what="x", delay_s=0.3)
        outbox.post(lambda: sent.append("at once"), what="x")

        began_s = time.monotonic()
        # More comes all the time.
        while not is_sent.wait(0.01) and time.monotonic() - began_s < 10:
            outbox.post(lambda: None, what="x")

        assert sent == ["at once", "later"]
        assert is_sent.is_set()
        assert time.monotonic() - began_s >= 0.5

    def test_does_not_wait_with_what_is_to_be_sent_later_when_it_has_to_end(self) -> None:
        outbox, is_sent = Outbox(), threading.Event()
        outbox.post(is_sent.set, what="x", delay_s=600)

        assert outbox.flush(timeout_s=10)
        assert is_sent.is_set()

    def test_bounds_a_coroutine_and_keeps_one_loop(self, caplog: pytest.LogCaptureFixture) -> None:
        outbox, loops = Outbox(), list[object]()

        async def hang() -> None:
            await asyncio.Event().wait()

        async def note() -> None:
            loops.append(asyncio.get_running_loop())

        outbox.post(note, what="note")
        outbox.post(hang, what="hang")
        outbox.post(note, what="note")

        assert outbox.flush(timeout_s=10)
        assert len(loops) == 2
        assert len(set(loops)) == 1
        assert "message=hang" in caplog.text

    def test_says_once_that_it_fails_and_once_that_it_works_again(self, caplog: pytest.LogCaptureFixture) -> None:
        outbox, is_away = Outbox(), threading.Event()
        is_away.set()

        def send() -> None:
            if is_away.is_set():
                raise ConnectionError("away")

        for _ in range(5):
            outbox.post(send, what="x")
        assert outbox.flush(timeout_s=10)
        is_away.clear()
        outbox.post(send, what="x")

        assert outbox.flush(timeout_s=10)
        assert [record.getMessage() for record in caplog.records] == [
            "not sent, nor may be those that follow message=x: ConnectionError('away')",
            "sending works again message=x lost=5",
        ]

    def test_drops_what_has_no_room_and_makes_nobody_wait(self, caplog: pytest.LogCaptureFixture) -> None:
        outbox, may_go_on, sent = Outbox(capacity=2), threading.Event(), list[int]()
        outbox.post(_waiting_for(may_go_on), what="stuck")
        started = time.monotonic()
        for _ in range(50):
            outbox.post(lambda: sent.append(1), what="x")
        took_s = time.monotonic() - started
        may_go_on.set()

        assert outbox.flush(timeout_s=10)
        assert took_s < 5
        assert len(sent) <= 3
        assert caplog.text.count("too many are waiting") == 1

    def test_flush_gives_up_in_time(self) -> None:
        outbox, may_go_on = Outbox(), threading.Event()
        outbox.post(_waiting_for(may_go_on), what="stuck")

        assert not outbox.flush(timeout_s=0.1)
        may_go_on.set()


class TestProcess:
    def test_sends_its_last_messages_before_it_ends(self) -> None:
        result = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True, timeout=30)

        assert result.stdout == "sent\n"

    def test_forked_child_sends_its_last_messages_before_it_ends(self) -> None:
        context = multiprocessing.get_context("fork")
        answers: multiprocessing.SimpleQueue[int] = context.SimpleQueue()

        def send() -> None:
            time.sleep(0.3)
            answers.put(1)

        process = context.Process(target=lambda: deferred.post(send, what="x"))
        process.start()
        process.join(20)

        assert process.exitcode == 0
        assert not answers.empty()

    def test_forked_child_has_an_outbox_of_its_own(self) -> None:
        deferred.post(lambda: None, what="x")
        assert deferred.flush(10)
        context = multiprocessing.get_context("fork")
        answers: multiprocessing.SimpleQueue[int] = context.SimpleQueue()

        def child() -> None:
            deferred.post(lambda: answers.put(1), what="x")
            deferred.flush(10)

        process = context.Process(target=child)
        process.start()
        process.join(20)

        assert process.exitcode == 0
        assert not answers.empty()
