"""What a run makes of the real ingest server's answers, at times that a test sets."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.media.encoder_watch import EncoderWatch
from streams.media.errors import (
    IngestSilentError,
    NoPictureError,
    PullFailedError,
    SourceLostError,
    SourceRefusedError,
)
from streams.media.nginx_rtmp import IngestServer
from streams.media.progress import AwakeClock
from tests.media.clips import flv
from tests.media.ingest import Ingest
from tests.services import wait_until


class _Watch:
    def __init__(self, server: IngestServer, name: str) -> None:
        self._clock = AwakeClock()
        self._watch = EncoderWatch(server, name, self._clock)

    def look(self, *, at_s: float, has_input: bool = False, has_picture: bool = True, is_over: bool = False) -> bool:
        self._clock.now_s = at_s
        return self._watch.look(has_input=has_input, has_picture=has_input and has_picture, is_over=is_over)


@contextmanager
def _sending(server: IngestServer, name: str, *codecs: str) -> Iterator[None]:
    picture = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30"] if "-c:v" in codecs else []
    sound = ["-f", "lavfi", "-i", "sine=r=44100"]
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", *picture, *sound, *codecs, "-f", "flv"]
    with subprocess.Popen([*argv, server.pull_url(name)], stdin=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _announces(server, name, video="-c:v" in codecs), what="the codecs")
            yield
        finally:
            process.kill()


class TestBeforeTheFirstPicture:
    def test_gives_nginx_time_to_register_the_encoder(self, ingest: Ingest) -> None:
        watch = _Watch(ingest.server, "nobody")

        assert not watch.look(at_s=2.5)
        with pytest.raises(SourceLostError):
            watch.look(at_s=3.5)

    @pytest.mark.parametrize(
        ("codecs", "advice"),
        [(["-c:a", "aac"], "Add a video source"), (["-c:v", "flv1", "-c:a", "aac"], "not H.264")],
        ids=["no video", "another codec"],
    )
    def test_refuses_what_the_encoder_announces(self, ingest: Ingest, codecs: list[str], advice: str) -> None:
        with _sending(ingest.server, "strange", *codecs):
            watch = _Watch(ingest.server, "strange")

            assert not watch.look(at_s=3)
            with pytest.raises(SourceRefusedError, match=advice):
                watch.look(at_s=5)

    def test_waits_for_the_key_frame_of_a_usable_source(self, ingest: Ingest, tmp_path: Path) -> None:
        clip = tmp_path / "one-key-frame.flv"
        clip.write_bytes(flv(size="320x180", gop=900, seconds=30, has_audio=False))
        with ingest.publishing("usable", clip):
            wait_until(lambda: _announces(ingest.server, "usable"), what="the codecs")
            with _subscribed(ingest.server, "usable"):
                watch = _Watch(ingest.server, "usable")

                assert not any(watch.look(at_s=second) for second in range(1, 31))
                with pytest.raises(NoPictureError, match="No key frame"):
                    watch.look(at_s=32)

    def test_gives_the_pull_time_to_join(self, ingest: Ingest, small_clip: Path) -> None:
        with ingest.publishing("alone", small_clip):
            wait_until(lambda: _announces(ingest.server, "alone"), what="the codecs")
            watch = _Watch(ingest.server, "alone")

            assert not any(watch.look(at_s=second) for second in range(1, 6))
            with pytest.raises(PullFailedError, match="has not reached"):
                watch.look(at_s=7)

    def test_gives_the_pull_time_to_probe(self, ingest: Ingest, small_clip: Path) -> None:
        with ingest.publishing("probed", small_clip), _subscribed(ingest.server, "probed"):
            watch = _Watch(ingest.server, "probed")
            assert not watch.look(at_s=1)
            sent = ingest.server.list_publishers()["probed"].bytes_out
            wait_until(lambda: ingest.server.list_publishers()["probed"].bytes_out > sent, what="media sent")

            assert not any(watch.look(at_s=second) for second in range(2, 9))
            with pytest.raises(PullFailedError, match="hangs"):
                watch.look(at_s=10)


class TestPause:
    def test_is_the_encoders_while_it_sends_nothing(self, ingest: Ingest, small_clip: Path) -> None:
        with ingest.publishing("frozen", small_clip) as encoder:
            watch = _Watch(ingest.server, "frozen")
            encoder.send_signal(signal.SIGSTOP)
            watch.look(at_s=1, has_input=True)

            assert not any(watch.look(at_s=second) for second in range(2, 30))
            with pytest.raises(SourceLostError, match="sent nothing for 30 seconds"):
                watch.look(at_s=32)

    def test_is_the_pulls_once_it_is_plain_that_the_encoder_sends(self, ingest: Ingest, small_clip: Path) -> None:
        with ingest.publishing("sends", small_clip):
            watch = _Watch(ingest.server, "sends")
            watch.look(at_s=1, has_input=True)
            assert not watch.look(at_s=2)
            _await_more(ingest.server, "sends")
            # What was sent may be on its way.
            assert not watch.look(at_s=4)
            _await_more(ingest.server, "sends")

            with pytest.raises(PullFailedError, match="hangs"):
                watch.look(at_s=5)

    @pytest.mark.parametrize("has_sound", [True, False])
    def test_is_none_when_another_codec_comes(self, ingest: Ingest, has_sound: bool) -> None:
        with _sending(ingest.server, "sorenson", "-c:v", "flv1", "-c:a", "aac"):
            watch = _Watch(ingest.server, "sorenson")
            # As if it had been H.264 that came: nginx-rtmp tells the newest.
            watch.look(at_s=1, has_input=True)

            assert not watch.look(at_s=1.5, has_input=has_sound, has_picture=False)
            with pytest.raises(SourceRefusedError, match=r"not H\.264"):
                watch.look(at_s=6, has_input=has_sound, has_picture=False)

    def test_that_ends_begins_anew(self, ingest: Ingest, small_clip: Path) -> None:
        with ingest.publishing("stutters", small_clip):
            watch = _Watch(ingest.server, "stutters")
            for second in range(1, 20, 2):
                assert not watch.look(at_s=second, has_input=True)
                assert not watch.look(at_s=second + 1.5)
                _await_more(ingest.server, "stutters")

    def test_of_the_picture_alone_is_the_encoders(self, ingest: Ingest) -> None:
        watch = _Watch(ingest.server, "muted")
        watch.look(at_s=1, has_input=True)

        assert not any(watch.look(at_s=second, has_input=True, has_picture=False) for second in range(2, 31))
        with pytest.raises(NoPictureError, match="no picture any more"):
            watch.look(at_s=32, has_input=True, has_picture=False)

    def test_is_an_end_when_nobody_publishes_any_more(self, ingest: Ingest) -> None:
        watch = _Watch(ingest.server, "left")
        watch.look(at_s=1, has_input=True)

        assert not watch.look(at_s=1.5)
        assert watch.look(at_s=2.5)


class TestEndedPull:
    def test_is_an_end_when_nobody_publishes_any_more(self, ingest: Ingest) -> None:
        assert _Watch(ingest.server, "left").look(at_s=1, is_over=True)

    def test_is_none_while_the_encoder_is_there(self, ingest: Ingest, small_clip: Path) -> None:
        with ingest.publishing("there", small_clip), pytest.raises(PullFailedError, match="broke off"):
            _Watch(ingest.server, "there").look(at_s=1, is_over=True)


class TestSilence:
    @pytest.mark.parametrize(("is_over", "bound_s"), [(True, 5), (False, 15)], ids=["ended pull", "silent pull"])
    def test_is_borne_for_a_while(self, tmp_path: Path, is_over: bool, bound_s: int) -> None:
        watch = _Watch(IngestServer("rtmp://127.0.0.1/live/", tmp_path / "nothing"), "name")
        watch.look(at_s=1, has_input=True)
        assert not watch.look(at_s=3, is_over=is_over)

        assert not watch.look(at_s=2.5 + bound_s, is_over=is_over)
        with pytest.raises(IngestSilentError):
            watch.look(at_s=3.5 + bound_s, is_over=is_over)


@contextmanager
def _subscribed(server: IngestServer, name: str) -> Iterator[None]:
    """Pull a stream, and keep nothing of it."""
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", server.pull_url(name), "-c", "copy", "-f", "null", "-"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: server.list_publishers()[name].subscribers, what="the pull")
            yield
        finally:
            process.kill()


def _announces(server: IngestServer, name: str, *, video: bool = True) -> bool:
    publisher = server.find_publisher(name)
    return publisher is not None and (publisher.video_codec if video else publisher.audio_codec) != ""


def _await_more(server: IngestServer, name: str) -> None:
    before = server.list_publishers()[name].bytes_in
    wait_until(lambda: server.list_publishers()[name].bytes_in > before, what="more media")
