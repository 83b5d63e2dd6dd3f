import logging
import os
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest

from streams.media.words import Words
from tests.services import HANG_S


def _read(text: bytes, caplog: pytest.LogCaptureFixture) -> tuple[str, list[str]]:
    """Return the last words, and what the log says."""
    with caplog.at_level(logging.WARNING):
        with _writing() as (pipe, words):
            pipe.write(text)
        return words.last(timeout_s=HANG_S), [record.getMessage() for record in caplog.records]


@contextmanager
def _writing() -> Iterator[tuple[IO[bytes], Words]]:
    reading, writing = os.pipe()
    words = Words(reading, label="transcoder")
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        yield pipe, words


class TestWords:
    def test_reach_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        last, logged = _read(b"first\n\nsecond\nthird", caplog)

        assert last == "first\nsecond\nthird"
        assert logged == ["transcoder: first", "transcoder: second", "transcoder: third"]

    def test_are_counted_where_they_are_too_many(self, caplog: pytest.LogCaptureFixture) -> None:
        last, logged = _read(b"".join(b"error %d\n" % number for number in range(100_000)), caplog)

        assert len(last) <= 2000
        assert last.endswith("error 99999")
        assert len(logged) == 21
        assert logged[-1] == "transcoder: 99980 lines left out"

    def test_are_cut_where_a_line_has_no_end(self, caplog: pytest.LogCaptureFixture) -> None:
        last, logged = _read(b"x" * 5_000_000, caplog)

        assert last == "x" * 500
        assert logged == ["transcoder: " + "x" * 500]

    def test_take_no_room_as_long_as_a_line_has_no_end(self) -> None:
        tracemalloc.start()
        try:
            with _writing() as (pipe, words):
                for _ in range(20_000):
                    pipe.write(b"x" * 500)
                taken_bytes, _ = tracemalloc.get_traced_memory()
            assert words.last(timeout_s=HANG_S) == "x" * 500
        finally:
            tracemalloc.stop()
        assert taken_bytes < 2_000_000

    def test_of_old_have_no_part_in_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("streams.media.words._RECENT_S", 0.5)
        with _writing() as (pipe, words):
            pipe.write(b"No space left on device\n")
            time.sleep(1)
            pipe.write(b"Invalid data\n")

        assert words.last(timeout_s=HANG_S) == "Invalid data"

    def test_without_meaning_are_left_out(self, caplog: pytest.LogCaptureFixture) -> None:
        harmless = b"[swscaler @ 0x7f] deprecated pixel format used, make sure you did set range correctly\n"

        assert _read(harmless + b"Invalid data\n", caplog) == ("Invalid data", ["transcoder: Invalid data"])
