import logging
import os

import pytest

from streams.media.words import Words


def _read(text: bytes, caplog: pytest.LogCaptureFixture) -> tuple[str, list[str]]:
    """Return the last words, and what the log says."""
    reading, writing = os.pipe()
    with caplog.at_level(logging.WARNING):
        words = Words(reading, label="transcoder")
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(text)
        return words.last(timeout_s=5), [record.getMessage() for record in caplog.records]


class TestWords:
    def test_reach_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        last, logged = _read(b"first\n\nsecond\nthird", caplog)

        assert last == "first\n\nsecond\nthird"
        assert logged == ["transcoder: first", "transcoder: second", "transcoder: third"]

    def test_are_counted_where_they_are_too_many(self, caplog: pytest.LogCaptureFixture) -> None:
        last, logged = _read(b"".join(b"error %d\n" % number for number in range(100_000)), caplog)

        assert len(last) <= 2000
        assert last.endswith("error 99999")
        assert len(logged) == 21
        assert logged[-1] == "transcoder: 99980 lines left out"

    def test_are_cut_where_a_line_has_no_end(self, caplog: pytest.LogCaptureFixture) -> None:
        last, logged = _read(b"x" * 5_000_000, caplog)

        assert len(last) == 2000
        assert logged == ["transcoder: " + "x" * 500]
