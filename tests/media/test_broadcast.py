"""Broadcasts from a real ingest server by the real ffmpeg, and what becomes of them when something hangs."""

import errno
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from streams.media.errors import (
    EncoderAwayError,
    IngestSilentError,
    KeyFramesTooFarError,
    NoPictureError,
    PullFailedError,
    StorageFullError,
    TranscoderFailedError,
)
from streams.media.journal import PartMade, RunBegan, SegmentClosed
from streams.media.ladder import Kind
from tests.media.broadcasts import Broadcast
from tests.media.clips import flv
from tests.media.ingest import Ingest
from tests.services import wait_until

# Half of it where nothing else is going on: new media is to come 10 s after a hang, and a new run needs 5 to 6 of them.
_DETECTION_S = 9
# Stands still before it begins, where it is to transcode.
_HUNG_FFMPEG = """#!/bin/sh
case "$*" in *thumbnail.jpg*) kill -STOP $$ ;; esac
exec {ffmpeg} "$@"
"""
# Tests that use `live`.
_LIVE = 7


@dataclass(frozen=True)
class Live:
    """A broadcast that can be played, and its encoder."""

    broadcast: Broadcast
    encoder: "subprocess.Popen[bytes]"


@pytest.fixture(scope="module")
def all_live(ingest: Ingest, small_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Live]]:
    """One for each test that wants one; they start at the same time, because each start is a wait."""
    with ExitStack() as stack:
        started = []
        for number in range(_LIVE):
            encoder = stack.enter_context(ingest.publishing(f"live-{number}", small_clip))
            broadcast = Broadcast(tmp_path_factory.mktemp("live"))
            stack.callback(broadcast.end)
            broadcast.start(ingest.server, f"live-{number}")
            started.append(Live(broadcast, encoder))
        yield started


@pytest.fixture
def live(all_live: list[Live]) -> Live:
    """One that no other test has had."""
    found = all_live.pop()
    found.broadcast.await_playable()
    return found


class TestRunBroadcast:
    def test_ends_with_its_encoder_and_measures_the_media(
        self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path
    ) -> None:
        clip = tmp_path / "short.flv"
        clip.write_bytes(flv(size="320x180", gop=15, seconds=4))
        # The run is there first, so that nothing is missed.
        broadcast.start(ingest.server, "leaves")
        ingest.await_pull("leaves")
        with ingest.publishing("leaves", clip, is_endless=False):
            broadcast.await_end()

        assert broadcast.outcome is not None, broadcast.error
        assert 3900 < broadcast.outcome.media_ms <= 4050
        assert broadcast.is_playable.is_set()
        assert "session/v0/index.m3u8" in broadcast.multivariant
        assert "session/v0/index.m3u8?dvr=0" in broadcast.multivariants["live.m3u8"]
        assert 3900 < broadcast.seconds("v0") * 1000 <= 4050
        assert broadcast.packager_latency_ms is not None
        taken_in = [media_ms for _, media_ms in broadcast.check_ins]
        assert taken_in == sorted(taken_in)
        assert broadcast.measured.fps == pytest.approx(30, rel=0.05)
        assert broadcast.measured.gop_s == 0.5
        assert broadcast.measured.video_kbps > 0
        assert broadcast.measured.audio_kbps > 0
        assert broadcast.children() == {}

    def test_makes_way_for_another_run_when_its_encoder_is_waited_for(
        self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path
    ) -> None:
        clip = tmp_path / "short.flv"
        clip.write_bytes(flv(size="320x180", gop=15, seconds=4))
        broadcast.wait_s = 30.0
        broadcast.start(ingest.server, "drops")
        ingest.await_pull("drops")
        with ingest.publishing("drops", clip, is_endless=False):
            broadcast.await_end()

        assert isinstance(broadcast.error, EncoderAwayError)
        assert broadcast.error.wait_s == 30
        assert broadcast.left_ms is not None
        assert 3000 < broadcast.left_ms <= 4050

    def test_begins_with_the_first_key_frame(self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path) -> None:
        clip = tmp_path / "long.flv"
        clip.write_bytes(flv(size="320x180", gop=90, seconds=6))
        # The run is there first, so that the first key frame is its.
        broadcast.start(ingest.server, "long-gop")
        ingest.await_pull("long-gop")
        with ingest.publishing("long-gop", clip):
            broadcast.await_playable()
            assert broadcast.seconds("v0") == 0
            wait_until(lambda: broadcast.seconds("v0"), what="the first segment")

        assert broadcast.source is not None
        assert broadcast.source.gop_s == 0
        assert broadcast.ladder is not None
        assert broadcast.ladder.videos[0].kind is Kind.COPY
        assert broadcast.seconds("v0") == 3.0

    def test_encodes_anew_what_has_too_few_key_frames(
        self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path
    ) -> None:
        clip = tmp_path / "rare.flv"
        clip.write_bytes(flv(size="320x180", gop=180, seconds=6))
        with ingest.publishing("rare-keys", clip):
            broadcast.start(ingest.server, "rare-keys")
            broadcast.await_end()
            assert isinstance(broadcast.error, KeyFramesTooFarError)
            assert broadcast.error.gop_s > 4

            broadcast.start_again(ingest.server, "rare-keys", gop_s=broadcast.error.gop_s)
            wait_until(lambda: len(broadcast.runs()) == 2, what="the second run's media")

        assert broadcast.ladder is not None
        assert broadcast.ladder.videos[0].kind is Kind.TRANSCODE

    def test_encodes_anew_what_has_too_few_key_frames_later_on(
        self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path
    ) -> None:
        clip = tmp_path / "rarer.flv"
        clip.write_bytes(flv(size="320x180", gop=900, seconds=14, key_frames="1,2,3"))
        with ingest.publishing("rarer-keys", clip):
            broadcast.start_playable(ingest.server, "rarer-keys")
            assert broadcast.ladder is not None
            assert broadcast.ladder.videos[0].kind is Kind.COPY

            broadcast.await_end()

        assert isinstance(broadcast.error, KeyFramesTooFarError)
        assert 8.4 < broadcast.error.gop_s < 14

    def test_goes_on_in_the_same_playlists_after_another_run(self, live: Live) -> None:
        broadcast = live.broadcast
        broadcast.children()["transcoder"].kill()
        broadcast.await_end()
        assert isinstance(broadcast.error, TranscoderFailedError)
        before = broadcast.records()

        broadcast.start_again(broadcast.server, broadcast.name)
        wait_until(lambda: len(broadcast.runs()) == 2, what="the second run's media")

        after = broadcast.records()
        assert after[: len(before)] == before
        assert broadcast.runs() == [0, 1]
        for slot in ("v0", "a0"):
            closed = [record.msn for record in after if isinstance(record, SegmentClosed) and record.slot == slot]
            assert closed == list(range(len(closed)))
            # What had been told of is in a whole segment, too, before anything that follows.
            first = next(place for place, r in enumerate(after) if isinstance(r, RunBegan) and r.number == 1)
            told = [r for r in after[:first] if isinstance(r, PartMade) and r.slot == slot]
            assert {record.msn for record in told} <= set(closed)

    def test_ends_as_its_owner_wants(self, live: Live) -> None:
        broadcast = live.broadcast
        broadcast.to_raise = LookupError("closed by the operator")
        broadcast.await_end()

        assert broadcast.error is broadcast.to_raise
        assert broadcast.children() == {}


class TestHungTranscoder:
    def test_is_killed_and_not_waited_for(self, live: Live) -> None:
        broadcast = live.broadcast
        broadcast.children()["transcoder"].suspend()
        hung_at = time.monotonic()

        took_s = broadcast.await_end()

        assert isinstance(broadcast.error, TranscoderFailedError)
        assert "stopped making progress" in str(broadcast.error)
        assert took_s < _DETECTION_S
        assert broadcast.children() == {}
        # The lease is not renewed any more once it is plain that nothing follows.
        assert broadcast.check_ins[-1][0] - hung_at < took_s - 1

    def test_keeps_its_lease_while_it_begins(
        self, ingest: Ingest, broadcast: Broadcast, small_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("streams.media.progress._FIRST_PATIENCE_S", 4.0)
        program = tmp_path / "ffmpeg"
        program.write_text(_HUNG_FFMPEG.format(ffmpeg=shutil.which("ffmpeg")))
        program.chmod(0o700)
        with ingest.publishing("slow-start", small_clip):
            monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
            broadcast.start(ingest.server, "slow-start")
            wait_until(lambda: "transcoder" in broadcast.children(), what="the transcoder")
            hung_at = time.monotonic()

            broadcast.await_end()

        assert isinstance(broadcast.error, TranscoderFailedError)
        assert broadcast.check_ins[-1][0] - hung_at > 3

    @pytest.mark.chaos
    def test_is_noticed_at_a_bitrate_that_fills_the_pipe(
        self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path
    ) -> None:
        """Then the relay cannot hand on what it has, takes in nothing, and the pull must not be blamed."""
        clip = tmp_path / "large.flv"
        clip.write_bytes(flv(size="1280x720", gop=30, seconds=4))
        with ingest.publishing("full-pipe", clip):
            broadcast.start_playable(ingest.server, "full-pipe")
            broadcast.children()["transcoder"].suspend()

            took_s = broadcast.await_end()

        assert isinstance(broadcast.error, TranscoderFailedError), broadcast.error
        assert took_s < _DETECTION_S

    def test_does_not_hold_up_the_end_of_a_session(self, live: Live) -> None:
        broadcast = live.broadcast
        broadcast.children()["transcoder"].suspend()
        live.encoder.kill()

        broadcast.await_end()

        assert broadcast.outcome is not None, broadcast.error


class TestHungPull:
    def test_is_killed_when_the_encoder_goes_on(self, live: Live) -> None:
        broadcast = live.broadcast
        broadcast.children()["pull"].suspend()

        took_s = broadcast.await_end()

        assert isinstance(broadcast.error, PullFailedError)
        assert took_s < _DETECTION_S

    @pytest.mark.parametrize("after_s", [0, 0.7], ids=["before it joins", "while it probes"])
    def test_is_not_taken_for_a_missing_key_frame_at_the_start(
        self, ingest: Ingest, broadcast: Broadcast, small_clip: Path, after_s: float
    ) -> None:
        with ingest.publishing("hangs-at-birth", small_clip):
            broadcast.start(ingest.server, "hangs-at-birth")
            wait_until(lambda: "pull" in broadcast.children(), what="the pull")
            time.sleep(after_s)
            broadcast.children()["pull"].suspend()

            took_s = broadcast.await_end()

        assert isinstance(broadcast.error, PullFailedError), broadcast.error
        # Sooner than a key frame would be missed.
        assert took_s < 20

    def test_ends_the_broadcast_when_the_encoder_has_left(self, live: Live) -> None:
        broadcast = live.broadcast
        broadcast.children()["pull"].suspend()
        live.encoder.kill()

        broadcast.await_end()

        assert broadcast.outcome is not None, broadcast.error

    def test_that_ended_is_no_end_while_the_encoder_is_there(self, live: Live) -> None:
        broadcast = live.broadcast
        broadcast.children()["pull"].kill()

        broadcast.await_end()

        assert isinstance(broadcast.error, PullFailedError)


class TestMutedVideo:
    def test_is_waited_for_and_then_left_to_another_run(
        self, ingest: Ingest, broadcast: Broadcast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("streams.media.encoder_watch._LONGEST_PAUSE_S", 7.0)
        clip = tmp_path / "muted.flv"
        clip.write_bytes(flv(size="320x180", gop=15, seconds=30, picture_s=6))
        broadcast.start(ingest.server, "muted")
        with ingest.publishing("muted", clip, is_endless=False):
            broadcast.await_playable()
            broadcast.await_end()

        assert isinstance(broadcast.error, NoPictureError), broadcast.error
        # It was not given up meanwhile, and another run would not get a picture either.
        assert broadcast.check_ins[-1][0] - broadcast.check_ins[0][0] > 9
        assert max(later - sooner for (sooner, _), (later, _) in pairwise(broadcast.check_ins)) < 4.5


class TestSilentIngestServer:
    def test_is_no_end_of_the_broadcast(
        self, fragile_ingest: Ingest, broadcast: Broadcast, small_clip: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("streams.media.encoder_watch._LONGEST_SILENCE_S", 4.0)
        with fragile_ingest.publishing("silent", small_clip):
            broadcast.start_playable(fragile_ingest.server, "silent")
            fragile_ingest.process.send_signal(signal.SIGSTOP)
            stopped_at = time.monotonic()

            broadcast.await_end()

        assert isinstance(broadcast.error, IngestSilentError)
        # Another run would get no answer either, so the lease is kept.
        assert broadcast.check_ins[-1][0] - stopped_at > 2
        gaps = [later - sooner for (sooner, _), (later, _) in pairwise(broadcast.check_ins)]
        assert max(gaps) < 4.5

    def test_that_died_leaves_the_encoders_fate_open(
        self, fragile_ingest: Ingest, broadcast: Broadcast, small_clip: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("streams.media.encoder_watch._LONGEST_SILENCE_AT_END_S", 1.0)
        with fragile_ingest.publishing("killed", small_clip):
            broadcast.start_playable(fragile_ingest.server, "killed")
            fragile_ingest.process.kill()

            broadcast.await_end()

        assert isinstance(broadcast.error, IngestSilentError)

    @pytest.mark.chaos
    def test_goes_on_when_it_answers_again(
        self, fragile_ingest: Ingest, broadcast: Broadcast, small_clip: Path
    ) -> None:
        with fragile_ingest.publishing("wakes", small_clip):
            broadcast.start_playable(fragile_ingest.server, "wakes")
            fragile_ingest.process.send_signal(signal.SIGSTOP)
            time.sleep(3)
            before_ms = broadcast.check_ins[-1][1]
            fragile_ingest.process.send_signal(signal.SIGCONT)

            wait_until(lambda: broadcast.check_ins[-1][1] > before_ms, what="more media")
            assert not broadcast.is_over, broadcast.error


class TestFullDisk:
    def test_is_named_when_ffmpeg_says_so(self, ingest: Ingest, broadcast: Broadcast, small_clip: Path) -> None:
        # What ffmpeg writes the thumbnail to before it renames it.
        broadcast.folder.mkdir()
        (broadcast.folder / "thumbnail.jpg.tmp").symlink_to("/dev/full")
        with ingest.publishing("full-1", small_clip):
            broadcast.start(ingest.server, "full-1")
            broadcast.await_end()

        assert isinstance(broadcast.error, StorageFullError), broadcast.error

    def test_is_named_when_our_own_writing_fails(
        self, ingest: Ingest, broadcast: Broadcast, small_clip: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def publish(_: str, __: str) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(broadcast, "publish", publish)
        with ingest.publishing("full-2", small_clip):
            broadcast.start(ingest.server, "full-2")
            broadcast.await_end()

        assert isinstance(broadcast.error, StorageFullError), broadcast.error
