"""Encoders that change what they send, or claim what nobody could decode: through the real nginx-rtmp and ffmpeg."""

from pathlib import Path

from streams.media.errors import SourceChangedError, SourceRefusedError
from tests.media.broadcasts import Broadcast
from tests.media.clips import flv
from tests.media.crafted import claiming, joined, without_sound
from tests.media.ingest import Ingest
from tests.services import wait_until


def _small(*, size: str = "320x180", seconds: float = 4) -> bytes:
    return flv(size=size, gop=15, seconds=seconds)


class TestRun:
    def test_breaks_off_when_the_picture_becomes_another(
        self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path
    ) -> None:
        clip = tmp_path / "changes.flv"
        clip.write_bytes(joined(_small(seconds=6), _small(size="640x360", seconds=6)))
        broadcast.start(ingest.server, "changes")
        with ingest.publishing("changes", clip):
            broadcast.await_playable()
            broadcast.await_end()
            assert isinstance(broadcast.error, SourceChangedError)
            assert "640x360" in str(broadcast.error)
            # The next run, which another folder would belong to, finds what comes now.
            following = Broadcast(tmp_path / "following")
            try:
                following.start(ingest.server, "changes")
                wait_until(lambda: following.source, what="the source")
            finally:
                following.end()

        assert following.source is not None
        assert (following.source.width, following.source.height) == (640, 360)

    def test_waits_for_no_sound_that_is_only_announced_and_breaks_off_when_it_comes(
        self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path
    ) -> None:
        clip = tmp_path / "late-sound.flv"
        clip.write_bytes(without_sound(_small(seconds=16), until_ms=10_000))
        broadcast.start(ingest.server, "late-sound")
        with ingest.publishing("late-sound", clip):
            broadcast.await_playable()
            assert broadcast.ladder is not None
            assert broadcast.ladder.audio is None

            broadcast.await_end()
            assert isinstance(broadcast.error, SourceChangedError)
            assert "sound" in str(broadcast.error)
            broadcast.start_again(ingest.server, "late-sound")
            broadcast.await_playable()

        assert broadcast.ladder.audio is not None

    def test_refuses_a_picture_that_claims_to_be_huge_before_it_is_decoded(
        self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path
    ) -> None:
        clip = tmp_path / "bomb.flv"
        clip.write_bytes(claiming(_small(), width=8192, height=8192))
        with ingest.publishing("bomb", clip):
            # Only now: ffmpeg needs seconds to open what claims to be that large.
            broadcast.start(ingest.server, "bomb")
            broadcast.await_end()

        assert isinstance(broadcast.error, SourceRefusedError)
        assert "8192x8192" in str(broadcast.error)
