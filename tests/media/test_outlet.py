import fcntl
import os
import subprocess
import sys
import termios
import threading
import time
from contextlib import suppress
from typing import IO

import pytest

from streams.media.doctor.doctor import Doctor
from streams.media.doctor.kinds import FindingKind
from streams.media.errors import FeedFailedError, PullFailedError, SourceChangedError, SourceRefusedError
from streams.media.feeds import Slate, read_slate
from streams.media.flv import TagReader, TagType, file_header, render_tag
from streams.media.held import HeldPicture
from streams.media.intake import Intake
from streams.media.ladder import build_ladder
from streams.media.outlet import Outlet
from streams.media.slates import SlateForm
from streams.media.source import Source
from streams.media.splice_rules import SpliceRules
from streams.media.targets import Latency
from tests.media.clips import flv
from tests.media.crafted import moved, stopped
from tests.services import HANG_S, wait_until

_LADDER = build_ladder(Source("h264", "High", "yuv420p", 320, 180, 30.0, 1000, 1.0, "aac", "LC", 2, 44_100))
# Of 64 kB, as the kernel fills it: by pages, of which the last ones may not be whole.
_PIPE_FULL = 32_000
# Opens wide pipes until the kernel allows no more, then reads a stream from another one.
_MANY_PIPES = """
import fcntl, os, sys, time
from streams.media.intake import Intake
from streams.media.outlet import Outlet
from streams.media.targets import Latency

kept = []
while True:
    kept.append(os.pipe())
    try:
        fcntl.fcntl(kept[-1][0], fcntl.F_SETPIPE_SZ, 1 << 20)
    except PermissionError:
        break
reading, writing = os.pipe()
intake, outlet = Intake(os.fdopen(reading, "rb", buffering=0)), Outlet(mode=Latency.LOW)
outlet.connect(intake)
os.close(writing)
while not intake.is_over:
    time.sleep(0.01)
outlet.stop(timeout_s=30)
print(len(kept), intake.is_over, intake.failure)
"""


def _stream(data: bytes) -> IO[bytes]:
    reading, writing = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
            pipe.write(data)

    threading.Thread(target=write, daemon=True).start()
    return os.fdopen(reading, "rb", buffering=0)


def _outlet(stream: IO[bytes]) -> tuple[Outlet, Intake]:
    """Return an outlet of one connection."""
    outlet, intake = Outlet(mode=Latency.LOW), Intake(stream)
    outlet.connect(intake)
    return outlet, intake


def _fed(data: bytes) -> tuple[Outlet, Intake]:
    """Return one whose connection is over."""
    outlet, intake = _outlet(_stream(data))
    wait_until(lambda: intake.is_over, what="the end of the stream")
    return outlet, intake


class TestOutlet:
    def test_measures_what_passes_through(self) -> None:
        _, intake = _fed(flv())

        assert intake.gop_s == 2.0
        assert 100 < intake.video_kbps < 10_000
        assert 4900 < intake.media_ms <= 5000
        assert intake.received_bytes == len(flv())

    def test_hands_on_all_media_and_then_the_end(self) -> None:
        outlet, _ = _fed(flv())
        reading, writing = os.pipe()
        outlet.attach(os.fdopen(writing, "wb", buffering=0))
        outlet.finish()

        with os.fdopen(reading, "rb") as pipe:
            handed_on, sent = (list(TagReader().feed(clip)) for clip in (pipe.read(), flv()))
        media = [[tag for tag in tags if tag.is_media and tag.type != TagType.SCRIPT] for tags in (handed_on, sent)]
        assert [(tag.type, tag.timestamp_ms, tag.shown_ms) for tag in media[0]] == [
            (tag.type, tag.timestamp_ms, tag.shown_ms) for tag in media[1]
        ]
        for ours, theirs in zip(*media, strict=True):
            # Key frames can be decoded by themselves.
            assert (len(ours.body) > len(theirs.body)) if theirs.is_key_frame else (ours.body == theirs.body)
        told = [[tag.announced for tag in tags if tag.announced] for tags in (handed_on, sent)]
        assert sorted(told[0]) == sorted(told[1])

    def test_does_not_tell_its_reader_of_an_end_before_it_may(self) -> None:
        outlet, _ = _fed(flv())
        reading, writing = os.pipe()
        sink = os.fdopen(writing, "wb", buffering=0)
        outlet.attach(sink)
        outlet.stop(timeout_s=30)

        assert not sink.closed
        sink.close()
        os.close(reading)

    def test_outlives_a_sink_that_is_gone(self) -> None:
        outlet, intake = _fed(flv())
        reading, writing = os.pipe()
        os.close(reading)

        outlet.attach(os.fdopen(writing, "wb", buffering=0))
        outlet.finish()
        outlet.stop(timeout_s=30)

        assert not outlet._thread.is_alive()
        assert intake.failure is None

    def test_outlives_a_connection_that_is_closed_before_it_looks_at_it(self) -> None:
        outlet, gone, following = Outlet(mode=Latency.LOW), Intake(_stream(b"")), Intake(_stream(flv()))
        gone._stream.close()
        outlet.connect(gone)
        wait_until(lambda: gone.is_over, what="the end of the connection")
        outlet.disconnect()
        outlet.connect(following)

        wait_until(lambda: following.is_over, what="the end of the stream")
        assert following.failure is None
        outlet.stop(timeout_s=HANG_S)

    def test_ends_although_its_sink_takes_nothing(self) -> None:
        outlet, _ = _outlet(_stream(flv(seconds=20)))
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb", buffering=0) as sink:
            outlet.attach(sink)
            wait_until(lambda: outlet.is_pushing, what="a full pipe")

            outlet.stop(timeout_s=30)

        assert not outlet._thread.is_alive()
        os.close(reading)

    def test_takes_in_no_more_than_its_sink_does(self) -> None:
        """A transcoder that hangs must not fill the memory."""
        endless, source = os.pipe()
        outlet, intake = _outlet(os.fdopen(endless, "rb", buffering=0))
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb", buffering=0) as sink:
            outlet.attach(sink)
            os.set_blocking(source, False)
            os.write(source, flv()[:13])
            sent = _fill(source)
            assert sent < 4 << 20
            assert intake.received_bytes < 2 << 20

            outlet.stop(timeout_s=30)
        os.close(reading)
        os.close(source)

    def test_ends_although_nothing_comes(self) -> None:
        reading, writing = os.pipe()
        outlet, _ = _outlet(os.fdopen(reading, "rb", buffering=0))

        outlet.stop(timeout_s=30)

        assert not outlet._thread.is_alive()
        os.close(writing)

    @pytest.mark.parametrize(
        ("step_ms", "has_jumped"), [(9_000, False), (11_000, True), (-1_900, False), (-2_100, True)]
    )
    def test_ends_where_the_encoders_clock_jumps(self, step_ms: int, has_jumped: bool) -> None:
        clip = flv(size="320x180", seconds=3)

        outlet, intake = _fed(clip + moved(clip, by_ms=3000 + step_ms)[13:])

        assert isinstance(intake.failure, SourceChangedError) is has_jumped
        # Nothing that came with the jump is handed on.
        assert (len(outlet.held()) <= len(clip) + (1 << 16)) or not has_jumped

    def test_ends_where_the_encoders_clock_stands_still(self) -> None:
        """What never makes a part would be kept in memory, together with all other broadcasts of the worker."""
        clip = stopped(flv(size="320x180", seconds=3))
        reading, writing = os.pipe()
        outlet, intake = _outlet(os.fdopen(reading, "rb", buffering=0))
        piece = len(clip) // 200
        for number in range(200):
            with suppress(BrokenPipeError):
                os.write(writing, clip[number * piece : (number + 1) * piece])
            time.sleep(0.03)
        os.close(writing)

        wait_until(lambda: intake.is_over, what="the end of the stream")
        outlet.stop(timeout_s=HANG_S)
        assert isinstance(intake.failure, SourceRefusedError)

    @pytest.mark.parametrize(("composition_ms", "is_refused"), [(9_000, False), (8_388_607, True), (-8_388_608, True)])
    def test_refuses_a_picture_that_is_shown_hours_after_it_is_decoded(
        self, composition_ms: int, is_refused: bool
    ) -> None:
        """All that time would be filled with silence at once, in memory, while other broadcasts of the worker wait."""
        picture = b"\x17\x01" + composition_ms.to_bytes(3, signed=True) + bytes(4)

        _, intake = _fed(flv(size="320x180", seconds=1) + render_tag(TagType.VIDEO, 1000, picture))

        assert isinstance(intake.failure, SourceRefusedError) is is_refused

    @pytest.mark.parametrize(("count", "is_refused"), [(15_000, False), (25_000, True)])
    def test_refuses_far_more_sounds_than_there_are(self, count: int, is_refused: bool) -> None:
        """Of a few bytes each: they cost a worker what ten broadcasts do, and count for nothing by their bitrate."""
        sounds = (render_tag(TagType.AUDIO, 1000 + at // 100, b"\xaf\x01\x21\x10") for at in range(count))

        _, intake = _fed(flv(size="320x180", seconds=1) + b"".join(sounds))

        assert isinstance(intake.failure, SourceRefusedError) is is_refused

    def test_takes_as_many_sounds_again_after_a_while(self) -> None:
        intake = Intake(_stream(b""))
        (sound,) = TagReader().feed(file_header(has_sound=True) + render_tag(TagType.AUDIO, 1000, b"\xaf\x01\x21\x10"))
        for _ in range(2):
            for _ in range(15_000):
                intake.note(sound)
            intake.check_pace()
            # A while ago.
            intake._counted_since -= 11.0

    def test_waits_for_the_last_picture_longer_than_for_the_encoder(self) -> None:
        outlet = Outlet(mode=Latency.LOW, held=HeldPicture(), slate_after_s=3.0)
        outlet.stop(timeout_s=HANG_S)

        assert outlet._splicer._longest_gap_ms == pytest.approx(3150)

    def test_knows_where_to_cut_before_it_hands_the_media_on(self) -> None:
        outlet, _ = _outlet(_stream(flv(size="320x180", gop=30, seconds=20)))
        reading, writing = os.pipe()
        outlet.attach(os.fdopen(writing, "wb", buffering=0))
        outlet.finish()

        seen, key_frames = TagReader(), []
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            while piece := pipe.read(4096):
                key_frames += [tag.shown_ms for tag in seen.feed(piece) if tag.is_key_frame]
                if len(key_frames) > 2:
                    # Each second one, of those that came through, but the first.
                    marks = [outlet.marks.at(index) for index in range((len(key_frames) - 1) // 2)]
                    assert marks == key_frames[2::2]
        assert len(key_frames) == 20

    def test_estimates_the_bitrate_before_the_second_key_frame(self) -> None:
        whole = _fed(flv(size="640x360", gop=60, seconds=10, has_audio=False))[1].video_kbps
        clip = flv(size="640x360", gop=60, seconds=10, has_audio=False)
        _, beginning = _fed(clip[: _offset_of(clip, at_ms=300)])

        assert len(beginning.key_frames_ms) == 1
        assert 0.5 * whole < beginning.video_kbps < 2 * whole

    def test_knows_when_pictures_were_taken(self) -> None:
        before_ms = time.time() * 1000
        outlet, intake = _fed(flv(size="320x180", seconds=3))

        # All of it came at once, so the newest picture was not on its way for long.
        assert before_ms - 3000 <= outlet.clock_ms() <= time.time() * 1000 - intake.last_video_ms

    @pytest.mark.parametrize(
        ("mode", "slate_after_s", "expected_s"), [(Latency.LOW, 0.4, 0.4), (Latency.STANDARD, 0.4, 3.0)]
    )
    def test_misses_the_picture_as_soon_as_it_is_told_to(
        self, mode: Latency, slate_after_s: float, expected_s: float
    ) -> None:
        outlet = Outlet(mode=mode, slate_after_s=slate_after_s)
        outlet.stop(timeout_s=HANG_S)
        splicer = outlet._splicer
        for tag in TagReader().feed(flv(size="320x180", gop=600, seconds=2, has_audio=False)):
            splicer.take(tag, now_ms=0)
        splicer.bridge(read_slate(flv(size="320x180", gop=600, seconds=2, has_audio=False), fps=30), has_sound=False)

        splicer.fill(now_ms=expected_s * 1000 - 1)
        assert splicer.is_live
        splicer.fill(now_ms=expected_s * 1000)
        assert not splicer.is_live

    def test_waits_for_the_last_picture_of_an_encoder_that_left_before_there_was_a_slate(self) -> None:
        outlet = Outlet(mode=Latency.LOW, held=HeldPicture())
        outlet.stop(timeout_s=HANG_S)
        splicer = outlet._splicer
        for tag in TagReader().feed(flv(size="320x180", gop=600, seconds=2, has_audio=False)):
            splicer.take(tag, now_ms=0)
        splicer.leave()

        outlet.hold_picture(SlateForm(320, 180, 30.0, "high"), still=None)

        splicer.bridge(read_slate(flv(size="320x180", gop=600, seconds=2, has_audio=False), fps=30), has_sound=False)
        assert splicer.fill(now_ms=800) == []
        assert splicer.fill(now_ms=900)

    @pytest.mark.parametrize(
        ("bodies", "expected"),
        [
            pytest.param((), FeedFailedError, id="of something nobody thought of"),
            pytest.param((b"\x17\x01\0\0\0",), SourceChangedError, id="as nobody can count further"),
        ],
    )
    def test_keeps_why_it_has_ended_for_its_owner(
        self, bodies: tuple[bytes, ...], expected: type[Exception], caplog: pytest.LogCaptureFixture
    ) -> None:
        outlet, _ = _fed(moved(flv(size="320x180", seconds=1), by_ms=(1 << 32) - 1500))
        outlet.check()

        outlet.bridge(Slate(b"", bodies, fps=30), rules=SpliceRules(_LADDER, 2160))

        wait_until(lambda: not outlet._thread.is_alive(), what="the end of the thread")
        with pytest.raises(expected):
            outlet.check()
        assert ("ZeroDivisionError" in caplog.text) is (expected is FeedFailedError)
        outlet.stop(timeout_s=HANG_S)

    def test_keeps_the_failure_for_its_owner(self) -> None:
        assert isinstance(_fed(b"not a stream at all")[1].failure, PullFailedError)

    def test_works_for_an_ordinary_user_who_has_too_many_pipes(self) -> None:
        # The limit is not root's, as long as it has these.
        become_ordinary = ["setpriv", "--bounding-set=-sys_resource,-sys_admin", "--inh-caps=-sys_resource,-sys_admin"]
        argv = [*(become_ordinary if os.getuid() == 0 else []), sys.executable, "-c", _MANY_PIPES]

        run = subprocess.run(argv, capture_output=True, text=True, timeout=HANG_S, check=False)

        assert run.returncode == 0, run.stderr
        assert run.stdout.split()[1:] == ["True", "None"]


class _Listening(Doctor):
    """Says when it was told that we did not read."""

    def __init__(self) -> None:
        super().__init__(is_low=True)
        self.was_held_up = threading.Event()

    def hold_up(self) -> None:
        super().hold_up()
        self.was_held_up.set()


class TestDoctor:
    def test_sees_each_connection_by_itself(self) -> None:
        doctor = Doctor(is_low=True)
        outlet = Outlet(mode=Latency.LOW, doctor=doctor)
        for profile in ("baseline", "main"):
            intake = Intake(_stream(flv(profile=profile)))
            outlet.connect(intake)
            wait_until(lambda over=intake: over.is_over, what="the end of the stream")  # type: ignore[misc]
        outlet.stop(timeout_s=30)

        found = doctor.examine(now_ms=time.monotonic() * 1000, is_last=True)
        assert found.readings[FindingKind.PARAMETERS_CHANGED].value == 0

    def test_is_told_when_the_transcoder_keeps_us_from_reading(self) -> None:
        doctor = _Listening()
        outlet, intake = Outlet(mode=Latency.LOW, doctor=doctor), Intake(_stream(flv(seconds=24)))
        outlet.connect(intake)
        reading, writing = os.pipe()
        outlet.attach(os.fdopen(writing, "wb", buffering=0))
        wait_until(lambda: outlet.is_pushing and _waiting_in(reading) >= _PIPE_FULL, what="a full pipe")
        # Longer than anybody reads on time; and then all is taken.
        time.sleep(0.3)
        reader = threading.Thread(target=lambda: os.fdopen(reading, "rb").read(), daemon=True)
        reader.start()
        assert doctor.was_held_up.wait(HANG_S)
        # It reads to the end.
        outlet.finish()
        reader.join(HANG_S)


def _waiting_in(pipe: int) -> int:
    """Return how many bytes were written to a pipe and not read."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def _offset_of(clip: bytes, *, at_ms: int) -> int:
    """Return where the media of that time begins."""
    offset = 13
    for tag in TagReader().feed(clip):
        if tag.timestamp_ms >= at_ms and tag.type == TagType.VIDEO:
            return offset
        offset += tag.size + 15
    raise AssertionError(f"Nothing comes after {at_ms} ms.")


def _fill(descriptor: int) -> int:
    """Write tags without a picture for as long as somebody takes them; return how many bytes that were."""
    tag = b"\x12" + (65536).to_bytes(3) + bytes(7) + bytes(65536 + 4)
    sent, full_since = 0, time.monotonic()
    while time.monotonic() - full_since < 0.5:
        try:
            sent += os.write(descriptor, tag[sent % len(tag) :])
            full_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.02)
    return sent
