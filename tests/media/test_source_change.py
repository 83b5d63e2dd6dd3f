"""Encoders that change what they send, or claim what nobody could decode: through the real nginx-rtmp and ffmpeg."""

from pathlib import Path

import pytest

from streams.media.announced import Announced
from streams.media.errors import SourceChangedError, SourceRefusedError
from streams.media.flv import TagReader
from streams.media.source import check_announced_size
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


class TestAnnouncedSize:
    @pytest.mark.parametrize(("width", "height"), [(16384, 16384), (320, 16384), (7680, 4320), (16384, 320)])
    def test_refuses_what_is_too_large_to_decode(self, width: int, height: int) -> None:
        size = _read(claiming(_small(), width=width, height=height)).picture_size
        assert size is not None

        with pytest.raises(SourceRefusedError, match=f"{width}x{height}"):
            check_announced_size(size, max_height=2160)

    @pytest.mark.parametrize(("width", "height"), [(3840, 2160), (3840, 2176), (2160, 3840), (5120, 2160), (320, 192)])
    def test_leaves_all_else_to_the_probe(self, width: int, height: int) -> None:
        size = _read(claiming(_small(), width=width, height=height)).picture_size
        assert size is not None

        check_announced_size(size, max_height=2160)


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
        clip.write_bytes(claiming(_small(), width=8192, height=8192))
        with ingest.publishing("bomb", clip):
            # Only now: ffmpeg needs seconds to open what claims to be that large.
            broadcast.start(ingest.server, "bomb")
            broadcast.await_end(timeout_s=15)

        assert isinstance(broadcast.error, SourceRefusedError)
        assert "8192x8192" in str(broadcast.error)
