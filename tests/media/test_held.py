"""The last picture, made into a slate by ffmpeg, and when that is done."""

import logging

import pytest

from streams.media.avc import find_picture_size
from streams.media.feeds import read_slate
from streams.media.flv import Tag, TagReader, TagType
from streams.media.gop import KeptGop, Pictures
from streams.media.held import HeldOrder, HeldPicture
from streams.media.marks import Cuts, KeyFrameMarks
from streams.media.slates import SlateForm
from streams.media.splice import Splicer
from tests.media.clips import flv
from tests.media.frames import difference, frames
from tests.services import wait_until

_FORM = SlateForm(640, 360, 30.0, "high")
# Of 255: what encoding anew makes of it, and what a frame later makes of a picture that moves.
_SAME, _OTHER = 1.5, 3.0


def _tags(clip: bytes) -> list[Tag]:
    return [tag for tag in TagReader().feed(clip) if tag.type == TagType.VIDEO]


def _pictures(clip: bytes, *, count: int | None = None) -> Pictures:
    kept = KeptGop()
    for tag in _tags(clip)[: None if count is None else count + 1]:
        kept.announce(tag)
        kept.note(tag)
    assert kept.pictures is not None
    return kept.pictures


def _made(pictures: Pictures, form: SlateForm) -> HeldOrder:
    order = HeldOrder(pictures, form, done=lambda: None)
    wait_until(lambda: order.slate is not None or order.has_failed, what="the still")
    order.cancel()
    return order


class TestOrder:
    @pytest.mark.parametrize(
        ("how", "count"),
        [
            pytest.param({}, None, id="whole"),
            pytest.param({}, 47, id="torn"),
            pytest.param({"gop": 240}, None, id="with key frames far apart"),
            pytest.param({"x264": "bframes=3:b-pyramid=2:rc-lookahead=20"}, None, id="with frames shown later"),
            pytest.param({"x264": "bframes=3:b-pyramid=2:rc-lookahead=20"}, 50, id="with frames shown later, torn"),
            pytest.param({"profile": "main", "x264": "cabac=1"}, None, id="in another profile"),
        ],
    )
    def test_is_of_the_picture_that_is_shown_last(self, how: dict[str, object], count: int | None) -> None:
        clip = flv(**({"size": "640x360", "gop": 600, "seconds": 4, "has_cuts": True, "has_audio": False} | how))
        pictures = _pictures(clip, count=count)

        order = _made(pictures, _FORM)

        assert order.slate is not None
        assert len(order.slate.bodies) == 30
        sent, held = frames(pictures.clip()), frames(order.clip)
        assert len(held) == 30
        assert all(difference(picture, sent[-1]) < _SAME for picture in held)
        assert difference(held[0], sent[0]) > _OTHER

    @pytest.mark.parametrize(("profile", "number"), [("baseline", 66), ("main", 77), ("high", 100)])
    def test_is_in_the_form_of_the_source(self, profile: str, number: int) -> None:
        clip = flv(size="640x360", seconds=1, has_audio=False)

        order = _made(_pictures(clip), SlateForm(426, 240, 25.0, profile))

        assert order.slate is not None
        size = find_picture_size(order.slate.record)
        assert size is not None
        assert (size.width, size.height, len(order.slate.bodies)) == (426, 240, 25)
        assert order.slate.record[1] == number

    def test_fails_in_words(self, caplog: pytest.LogCaptureFixture) -> None:
        pictures = _pictures(flv(size="320x180", seconds=1, has_audio=False))
        broken = Pictures(b"\x01", pictures.tags)

        order = _made(broken, _FORM)

        assert (order.has_failed, order.slate) == (True, None)
        assert "the last picture cannot be held" in caplog.text

    def test_is_silent_when_nobody_wants_it_any_more(self, caplog: pytest.LogCaptureFixture) -> None:
        pictures = _pictures(flv(size="1280x720", gop=600, seconds=10, has_audio=False))
        with caplog.at_level(logging.WARNING):
            order = HeldOrder(pictures, SlateForm(1920, 1080, 60.0, "high"), done=lambda: None)
            order.cancel()

        assert not order._thread.is_alive()
        assert caplog.text == ""


class _Stage:
    """A splicer and what holds its last picture, with a clock of their own."""

    def __init__(self, *, fps: float = 30.0) -> None:
        self.now_ms = 1000.0
        self.splicer = Splicer(marks=KeyFrameMarks(segment_s=2), cuts=Cuts(), longest_pause_s=0.7, longest_gap_s=0.85)
        slate = read_slate(flv(size="320x180", gop=600, seconds=2, has_audio=False), fps=30)
        self.splicer.bridge(slate, has_sound=False)
        self.held = HeldPicture()
        self.held.begin(SlateForm(320, 180, fps, "high"), wake=lambda: None)
        self._tags = _tags(flv(size="320x180", gop=15, seconds=2, has_audio=False))

    def send(self, *, at_ms: int = 0) -> None:
        """Take in a second of pictures."""
        for tag in self._tags[:31]:
            sent = tag._replace(timestamp_ms=tag.timestamp_ms + at_ms)
            self.splicer.take(sent, now_ms=self.now_ms)
            self.held.note(sent, was_sent=self.splicer.is_live)
            self.now_ms += 33

    def wait(self, ms: float) -> None:
        end = self.now_ms + ms
        while self.now_ms < end:
            self.now_ms += 5
            self.splicer.fill(now_ms=self.now_ms)
            self.held.look(self.splicer, now_ms=self.now_ms)

    def await_still(self) -> None:
        order = self.held.order
        assert order is not None
        wait_until(lambda: order.slate is not None, what="the still")


@pytest.fixture
def stage() -> _Stage:
    return _Stage()


class TestTime:
    def test_comes_before_anybody_misses_the_picture(self, stage: _Stage) -> None:
        stage.send()
        stage.wait(200)
        assert stage.held.order is None
        due_ms = stage.held.due_in_ms(stage.splicer, now_ms=stage.now_ms)
        assert due_ms is not None
        assert due_ms <= 100
        stage.wait(150)

        assert stage.held.order is not None
        assert stage.splicer.is_live
        stage.await_still()
        assert stage.held.clip
        stage.held.close()

    def test_comes_at_once_when_the_encoder_leaves(self, stage: _Stage) -> None:
        stage.send()
        stage.splicer.leave()
        stage.wait(5)

        assert stage.held.order is not None
        stage.held.close()

    def test_is_later_where_frames_are_far_apart(self) -> None:
        stage = _Stage(fps=5.0)
        stage.send()
        stage.wait(500)
        assert stage.held.order is None
        stage.wait(150)

        assert stage.held.order is not None
        stage.held.close()

    def test_is_not_each_time_in_a_network_that_stutters(self, stage: _Stage) -> None:
        orders: list[HeldOrder | None] = []
        for number in range(8):
            stage.send(at_ms=number * 1500)
            assert stage.held.order is None
            stage.wait(400)
            orders.append(stage.held.order)

        assert [order is not None for order in orders] == [True, *[False] * 6, True]
        for order in orders:
            if order is not None:
                order.cancel()

    def test_is_not_each_time_an_encoder_comes_and_goes(self, stage: _Stage) -> None:
        orders: list[HeldOrder | None] = []
        for _ in range(6):
            stage.send()
            stage.splicer.leave()
            stage.wait(10)
            orders.append(stage.held.order)

        assert [order is not None for order in orders] == [True] * 4 + [False] * 2
        # The slate does not wait for it then.
        due_ms = stage.splicer.due_in_ms(now_ms=stage.now_ms)
        assert due_ms is not None
        assert due_ms < 40
        stage.wait(20_000)
        assert stage.held.order is not None
        for order in (*orders, stage.held.order):
            if order is not None:
                order.cancel()

    def test_is_never_without_a_picture(self, stage: _Stage) -> None:
        stage.splicer.leave()
        stage.wait(1000)

        assert stage.held.order is None
        assert not stage.held.has_failed

    def test_is_another_for_each_last_picture(self, stage: _Stage) -> None:
        clips = []
        for number in range(2):
            stage.send(at_ms=number * 1000)
            assert stage.held.clip == b""
            stage.splicer.leave()
            stage.wait(5)
            stage.await_still()
            clips.append(stage.held.clip)
        stage.held.close()

        assert all(clips)
