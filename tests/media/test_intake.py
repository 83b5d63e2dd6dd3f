import os
import threading
from pathlib import Path

from streams.media.errors import TranscoderFailedError
from streams.media.intake import Intake
from tests.media.clips import flv
from tests.services import wait_until


def _intake(data: bytes) -> Intake:
    reading, writing = os.pipe()
    intake = Intake(os.fdopen(reading, "rb", buffering=0))

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data)

    threading.Thread(target=write, daemon=True).start()
    wait_until(lambda: intake.is_over, timeout_s=5, what="the end of the stream")
    return intake


class TestIntake:
    def test_measures_what_passes_through(self) -> None:
        intake = _intake(flv())

        assert intake.gop_s == 2.0
        assert 100 < intake.video_kbps < 10_000
        assert intake.received_at > 0

    def test_hands_on_every_byte_that_came_before_the_sink(self, tmp_path: Path) -> None:
        intake = _intake(flv())
        path = tmp_path / "sink.flv"

        intake.attach(path.open("wb"))

        assert path.read_bytes() == flv()

    def test_outlives_a_sink_that_is_gone(self) -> None:
        intake = _intake(flv())
        reading, writing = os.pipe()
        os.close(reading)

        intake.attach(os.fdopen(writing, "wb"))

        assert intake.is_over
        assert intake.failure is None

    def test_keeps_the_failure_for_its_owner(self) -> None:
        assert isinstance(_intake(b"not a stream at all").failure, TranscoderFailedError)
