"""Encoders that change what they send, or claim what nobody could decode: through the real nginx-rtmp and ffmpeg."""

import subprocess
from pathlib import Path

import pytest

from streams.media.announced import Announced
from streams.media.errors import SourceChangedError, SourceRefusedError
from streams.media.flv import TagReader
from tests.media.broadcasts import Broadcast
from tests.media.clips import flv
from tests.media.crafted import claiming, joined
from tests.media.ingest import Ingest
from tests.services import wait_until


def _read(clip: bytes) -> Announced:
    announced = Announced()
    for tag in TagReader().feed(clip):
        announced.note(tag)
    return announced


def _small(*, size: str = "320x180", seconds: float = 4, profile: str = "high") -> bytes:
    return flv(size=size, gop=15, seconds=seconds, profile=profile)


class TestAnnounced:
    def test_lets_encoders_repeat_themselves(self) -> None:
        assert str(_read(joined(_small(), _small())).picture_size) == "320x180"

    @pytest.mark.parametrize(
        ("later", "sentence"),
        [
            (_small(size="1920x1080", seconds=0.5), "changed its picture to 1920x1080."),
            (_small(profile="main"), "changed the settings of its picture."),
        ],
    )
    def test_tells_a_change(self, later: bytes, sentence: str) -> None:
        with pytest.raises(SourceChangedError, match=sentence):
            _read(joined(_small(), later))

    def test_tells_a_change_of_sound(self) -> None:
        first = _small()
        # The configuration of 48 kHz becomes that of 44.1 kHz.
        other = first.replace(bytes.fromhex("af001190"), bytes.fromhex("af001210"))
        assert other != first

        with pytest.raises(SourceChangedError, match="changed its sound"):
            _read(joined(first, other))


class TestRun:
    def test_breaks_off_when_the_picture_becomes_another(
        self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path
    ) -> None:
        clip = tmp_path / "changes.flv"
        clip.write_bytes(joined(_small(seconds=6), _small(size="640x360", seconds=6)))
        broadcast.start(ingest.server, "changes")
        with ingest.publishing("changes", clip):
            broadcast.await_playable()
            broadcast.await_end(timeout_s=12)
            assert isinstance(broadcast.error, SourceChangedError)
            assert "640x360" in str(broadcast.error)
            # The next run, which another folder would belong to, finds what comes now.
            following = Broadcast(tmp_path / "following")
            try:
                following.start(ingest.server, "changes")
                wait_until(lambda: following.source, timeout_s=10, what="the source")
            finally:
                following.end()

        assert following.source is not None
        assert (following.source.width, following.source.height) == (640, 360)
        assert not any("#EXT-X-ENDLIST" in text for text in broadcast.media_playlists())

    def test_refuses_a_picture_that_claims_to_be_huge_before_it_is_decoded(
        self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path
    ) -> None:
        clip = tmp_path / "bomb.flv"
        clip.write_bytes(claiming(_small(), width=16384, height=16384))
        broadcast.start(ingest.server, "bomb")
        with ingest.publishing("bomb", clip):
            broadcast.await_end(timeout_s=15)

        assert isinstance(broadcast.error, SourceRefusedError)
        assert "16384x16384" in str(broadcast.error)

    def test_refuses_a_codec_that_comes_later(self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path) -> None:
        first, clip = tmp_path / "first.flv", tmp_path / "codec.flv"
        first.write_bytes(_small(seconds=12))
        other = subprocess.run(
            ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(first), "-c:v", "flv1", "-c:a", "copy",
             "-f", "flv", "-flvflags", "no_duration_filesize", "pipe:1"],
            capture_output=True, check=True,
        ).stdout  # fmt: skip
        clip.write_bytes(joined(_small(seconds=5), other))
        broadcast.start(ingest.server, "codec")
        # All of what the clip holds, whatever ffmpeg makes of its second half.
        sending = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-i", str(clip), "-map", "0", "-c", "copy"]
        with subprocess.Popen(
            [*sending, "-f", "flv", ingest.server.pull_url("codec")], stdin=subprocess.DEVNULL
        ) as process:
            try:
                broadcast.await_end(timeout_s=25)
            finally:
                process.kill()

        assert isinstance(broadcast.error, SourceRefusedError), broadcast.error
        assert "not H.264" in str(broadcast.error)
