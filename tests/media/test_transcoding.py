"""Why a transcoder ended, told from what it left behind."""

from pathlib import Path

import pytest

from streams.media.errors import MediaError, StorageFullError, TranscoderFailedError
from streams.media.process import running
from streams.media.progress import AwakeClock
from streams.media.transcoding import Transcoding
from tests.services import HANG_S


def _failure(script: str, folder: Path) -> MediaError:
    with running(["sh", "-c", script], label="sh", feeds=True) as child:
        assert child.wait(timeout_s=HANG_S)
        return Transcoding(child, AwakeClock(), folder=folder).failure()


class TestFailure:
    @pytest.mark.parametrize(
        ("script", "kind", "message"),
        [
            ("echo no such codec >&2; exit 3", TranscoderFailedError, "no such codec"),
            ("exit 3", TranscoderFailedError, "ffmpeg ended with code 3."),
            ("echo some warning >&2; kill -SEGV $$", TranscoderFailedError, "ffmpeg was killed by signal 11."),
            ("echo No space left on device >&2; exit 1", StorageFullError, "The disk is full: No space left on device"),
        ],
        ids=["words", "no words", "killed", "full disk"],
    )
    def test_is_named(self, tmp_path: Path, script: str, kind: type[MediaError], message: str) -> None:
        failure = _failure(script, tmp_path)

        assert (type(failure), str(failure)) == (kind, message)

    def test_is_a_full_disk_when_no_room_is_left(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("streams.media.transcoding._LEAST_FREE_BYTES", 1 << 60)

        assert isinstance(_failure("kill -BUS $$", tmp_path), StorageFullError)

    def test_is_none_of_a_full_disk_that_was_full_long_ago(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("streams.media.words._RECENT_S", 0.5)
        script = "echo No space left on device >&2; sleep 1; echo Invalid data >&2; exit 1"

        assert isinstance(_failure(script, tmp_path), TranscoderFailedError)
