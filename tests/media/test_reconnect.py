"""Encoders that leave and come back within one run: through the real nginx-rtmp and ffmpeg, checked by ffprobe."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from streams.media.errors import (
    BrokenOffError,
    EncoderAwayError,
    FeedFailedError,
    IngestSilentError,
    PullFailedError,
    SourceChangedError,
)
from streams.media.feeds import Slate
from streams.media.job import WhileAway
from streams.media.journal import PartMade, SlotBegan
from streams.media.ladder import Kind
from streams.media.outlet import Outlet
from streams.media.splice_rules import SpliceRules
from tests.media.broadcasts import Broadcast
from tests.media.clips import flv
from tests.media.crafted import joined, without_picture, without_sound_after
from tests.media.frames import difference, frames
from tests.media.ingest import Ingest
from tests.media.recorded import Recorded
from tests.media.recording.probing import pictures, timed_pictures
from tests.media.recording.recorder import Recorder
from tests.services import HANG_S, wait_until

# Longer than any of these tests keeps an encoder away.
_WINDOW_S = HANG_S
# Of parts that follow each other by the media's clock; frames that are shown later are so from the first one on.
_ROUNDING_MS = 100
# Begins anew in none of these tests; of fewer frames, since making it takes as long as most of them.
_LONG: dict[str, object] = {"seconds": 30, "fps": 15, "gop": 15}


@pytest.fixture
def waiting(broadcast: Broadcast) -> Broadcast:
    """One that waits for its encoder, with the slate."""
    broadcast.while_away, broadcast.wait_s = WhileAway.SLATE, _WINDOW_S
    return broadcast


def _clip(folder: Path, **how: object) -> Path:
    path = folder / f"{abs(hash(tuple(how.items())))}.flv"
    path.write_bytes(flv(**({"size": "854x480", "gop": 30, "seconds": 6} | how)))
    return path


def _ends_ms(broadcast: Broadcast) -> dict[str, float]:
    """Return until when there are parts, by slot."""
    parts = {record.slot: record for record in broadcast.records() if isinstance(record, PartMade)}
    return {slot: part.at_ms + part.duration_us / 1000 for slot, part in parts.items()}


def _await_more(broadcast: Broadcast, *, seconds: float) -> None:
    """Return when all renditions have so much more."""
    assert broadcast.ladder is not None
    slots = [f"v{number}" for number in range(len(broadcast.ladder.videos))] + ["a0"] * bool(broadcast.ladder.audio)
    before = _ends_ms(broadcast)

    def has_more() -> bool:
        now = _ends_ms(broadcast)
        return all(now.get(slot, 0.0) >= before.get(slot, 0.0) + seconds * 1000 for slot in slots)

    wait_until(lambda: broadcast.is_over or has_more(), what="more media")
    assert not broadcast.is_over, broadcast.error


@contextmanager
def _away(broadcast: Broadcast, ingest: Ingest, name: str, clip: Path) -> Iterator[None]:
    """Let an encoder come after a while of slate; the block begins when its picture is in the stream."""
    wait_until(
        lambda: broadcast.times_left > broadcast.times_returned or broadcast.is_over, what="the end of the connection"
    )
    _await_more(broadcast, seconds=2)
    before = broadcast.times_returned
    with ingest.publishing(name, clip):
        broadcast.found_name = name
        wait_until(lambda: broadcast.times_returned > before or broadcast.is_over, what="the encoder's picture")
        assert not broadcast.is_over, broadcast.error
        yield


def _await_slate(broadcast: Broadcast) -> None:
    """Return when the slate has been made: until then a run ends with its encoder."""
    wait_until(lambda: list((broadcast.folder.parent / "slates").glob("*.flv")), what="the slate")


def _check(broadcast: Broadcast, *, runs: int, is_uneven: bool = False) -> None:
    recorded = Recorded(broadcast.folder / "session")
    # Before frames that are shown later the slate's last one stands still for as long, and so does the very last one.
    tolerated = ("4.4.4.9", " us only", " instead of ", "between frames") if is_uneven else ()
    assert [fault for fault in recorded.faults() if not any(words in fault for words in tolerated)] == []
    for slot in recorded.timeline.slots.values():
        numbers = [segment.run.number for segment in slot.segments]
        assert sorted(set(numbers)) == list(range(runs)), slot.name
        # Nothing is missing between two runs.
        for before, after in pairwise(slot.segments):
            assert abs(after.at_ms - before.at_ms - before.duration_us / 1000) < _ROUNDING_MS, slot.name


def _check_recording(broadcast: Broadcast, folder: Path, sent: list[dict[str, object]]) -> None:
    """Check that a recording shows what encoders have sent, and nothing of what was shown instead."""
    recorder = Recorder()
    recorder.take(broadcast.folder / "session")
    movie = recorder.write(folder / "recording.mp4")
    known = [set(pictures(_clip(folder, **clip))) for clip in sent]

    shown = timed_pictures(folder / "recording.mp4")

    assert len(movie.stretches) == len(sent)
    for stretch, of_clip in zip(movie.stretches, known, strict=True):
        own = {checksum for at_s, checksum in shown if stretch.start_us <= at_s * 1e6 + 1000 < stretch.end_us}
        assert own, stretch
        assert own <= of_clip, stretch
    inside = [gap for gap in movie.gaps if gap.at_us < movie.duration_us]
    assert [gap.reason for gap in inside] == ["slate"] * (len(sent) - 1)
    # Nobody came back sooner.
    assert all(gap.length_us > 1_900_000 for gap in inside)


class TestReturn:
    @pytest.mark.parametrize(
        "others",
        [
            # With another profile: one that comes while the first is there (TestChange); as it was: after a refusal.
            pytest.param(({"size": "1280x720"}, {"fps": 25}), id="with another size, and rate"),
            pytest.param(
                ({}, {"profile": "main"}, {"size": "1280x720"}, {"fps": 25}),
                id="as it was, with another profile, size, and rate",
                marks=pytest.mark.chaos,
            ),
            pytest.param(({"x264": "bframes=2"},), id="with frames shown later"),
            pytest.param(({"has_audio": False},), id="without sound"),
        ],
    )
    def test_is_one_stream_with_the_slate_in_between(
        self, ingest: Ingest, waiting: Broadcast, tmp_path: Path, others: tuple[dict[str, object], ...]
    ) -> None:
        name = f"back-{len(others)}-{'-'.join(others[0])}"
        with ingest.publishing(name, _clip(tmp_path)):
            waiting.start_playable(ingest.server, name)
            _await_more(waiting, seconds=2)
        for other in others:
            with _away(waiting, ingest, name, _clip(tmp_path, **other)):
                _await_more(waiting, seconds=3)
                if other is others[-1]:
                    waiting.to_raise = LookupError("closed by the operator")
                    waiting.await_end()

        assert waiting.error is waiting.to_raise
        assert waiting.ladder is not None
        assert [rendition.kind for rendition in waiting.ladder.videos] == [Kind.COPY, Kind.TRANSCODE]
        assert waiting.times_returned == len(others)
        _check(waiting, runs=1 + 2 * len(others), is_uneven="x264" in others[0])
        _check_recording(waiting, tmp_path, [{}, *others])

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param({"size": "480x854"}, id="upright"),
            pytest.param({"pixels": "yuv444p", "profile": "high444"}, id="in a profile that browsers lack"),
        ],
    )
    def test_in_a_form_that_does_not_fit_is_left_to_another_run(
        self,
        ingest: Ingest,
        waiting: Broadcast,
        tmp_path: Path,
        other: dict[str, object],
        request: pytest.FixtureRequest,
    ) -> None:
        name = f"other-{request.node.callspec.id.replace(' ', '-')}"
        with ingest.publishing(name, _clip(tmp_path)):
            waiting.start_playable(ingest.server, name)
        wait_until(lambda: waiting.times_left or waiting.is_over, what="the end of the connection")
        with ingest.publishing(name, _clip(tmp_path, **other)):
            waiting.found_name = name
            waiting.await_end()

        assert isinstance(waiting.error, SourceChangedError), waiting.error
        assert waiting.times_returned == 0


class TestLastPicture:
    """Of the encoder, as viewers see it while it is away."""

    # Of 255: what encoding anew makes of a picture.
    _SAME = 4.0

    @pytest.fixture
    def holding(self, waiting: Broadcast, monkeypatch: pytest.MonkeyPatch) -> Broadcast:
        # However long the picture takes on a busy machine, the slate is not shown first.
        monkeypatch.setattr("streams.media.outlet._SHORTEST_HOLD_S", HANG_S)
        waiting.while_away = WhileAway.HOLD
        return waiting

    def _check_held(self, broadcast: Broadcast, *, after: int) -> bytes:
        """Check what follows a run of an encoder; return its picture."""
        recorded = Recorded(broadcast.folder / "session")
        for slot in ("v0", "v1"):
            sent = frames(recorded.media(slot, after), form="mp4")
            held = frames(recorded.media(slot, after + 1), form="mp4")
            assert len(held) > 30
            assert [number for number, picture in enumerate(held) if difference(picture, sent[-1]) > self._SAME] == []
            # The whole picture changes every 0.7 s, so it is no other one.
            assert max(difference(picture, sent[-1]) for picture in sent) > 10 * self._SAME
        return held[-1]

    # Frames shown in the order in which they are sent: the next two tests.
    @pytest.mark.parametrize("x264", [pytest.param("", marks=pytest.mark.chaos), "bframes=2"])
    def test_stays_after_each_drop(self, ingest: Ingest, holding: Broadcast, tmp_path: Path, x264: str) -> None:
        name, clip = f"held{len(x264)}", _clip(tmp_path, gop=60, has_cuts=True, x264=x264)
        with ingest.publishing(name, clip):
            holding.start_playable(ingest.server, name)
            _await_more(holding, seconds=2.5)
        with _away(holding, ingest, name, clip):
            assert not (holding.folder / "session" / "held.flv").exists()
            _await_more(holding, seconds=1.6)
        wait_until(lambda: holding.times_left == 2 or holding.is_over, what="the second drop")
        _await_more(holding, seconds=2)
        holding.to_raise = LookupError("closed by the operator")
        holding.await_end()

        assert (holding.error, holding.times_returned) == (holding.to_raise, 1)
        assert holding.times_not_held == 0
        _check(holding, runs=4, is_uneven=bool(x264))
        self._check_held(holding, after=0)
        self._check_held(holding, after=2)

    def test_stays_while_the_encoder_stands_still(self, ingest: Ingest, holding: Broadcast, tmp_path: Path) -> None:
        with ingest.publishing("held-still", _clip(tmp_path, gop=60, has_cuts=True)) as encoder:
            holding.start_playable(ingest.server, "held-still")
            _await_more(holding, seconds=1)
            encoder.send_signal(signal.SIGSTOP)
            _await_more(holding, seconds=3)
            wait_until(lambda: holding.silences or holding.is_over, what="word of the silence")
            encoder.send_signal(signal.SIGCONT)
            wait_until(lambda: len(holding.silences) == 2 or holding.is_over, what="word of its end")
            _await_more(holding, seconds=2)
            holding.to_raise = LookupError("closed by the operator")
            holding.await_end()

        assert holding.times_left == 0
        assert holding.silences[0] == "silent"
        assert holding.silences[1].startswith("again after ")
        assert holding.silences[1].endswith(" s, 1")
        _check(holding, runs=3)
        self._check_held(holding, after=0)

    def test_is_what_another_run_begins_with(self, ingest: Ingest, holding: Broadcast, tmp_path: Path) -> None:
        kept = holding.folder / "session" / "held.flv"
        with ingest.publishing("held-on", _clip(tmp_path, gop=60, has_cuts=True)):
            holding.start_playable(ingest.server, "held-on")
        wait_until(lambda: kept.exists() or holding.is_over, what="the picture that is kept")
        # Of a run that is broken off, what is no whole segment is not looked at.
        _await_more(holding, seconds=5)
        holding.to_raise = BrokenOffError()
        holding.await_end()
        source = holding.source
        assert source is not None

        holding.to_raise = None
        holding.start_again(ingest.server, "", source=source)
        holding.await_playable()
        _await_more(holding, seconds=2)
        holding.to_raise = LookupError("closed by the operator")
        holding.await_end()

        picture = self._check_held(holding, after=0)
        recorded = Recorded(holding.folder / "session")
        assert recorded.faults() == []
        again = frames(recorded.media("v1", 2), form="mp4")
        assert max(difference(shown, picture) for shown in again) < self._SAME

    def test_that_is_missing_leaves_the_slate(self, ingest: Ingest, holding: Broadcast, tmp_path: Path) -> None:
        with ingest.publishing("unheld", _clip(tmp_path)):
            holding.start_playable(ingest.server, "unheld")
        wait_until(lambda: holding.times_left or holding.is_over, what="the end of the connection")
        _await_more(holding, seconds=1)
        holding.to_raise = BrokenOffError()
        holding.await_end()
        source = holding.source
        assert source is not None
        (holding.folder / "session" / "held.flv").unlink(missing_ok=True)

        holding.to_raise = None
        holding.start_again(ingest.server, "", source=source)
        holding.await_playable()
        _await_more(holding, seconds=1)
        holding.to_raise = LookupError("closed by the operator")
        holding.await_end()

        assert holding.error is holding.to_raise
        recorded = Recorded(holding.folder / "session")
        held, slate = (frames(recorded.media("v0", run), form="mp4")[0] for run in (1, 2))
        assert difference(held, slate) > self._SAME


class TestChange:
    def test_of_the_picture_within_a_connection_is_a_splice(
        self, ingest: Ingest, waiting: Broadcast, tmp_path: Path
    ) -> None:
        clip = tmp_path / "changes.flv"
        clips = [flv(size=size, gop=30, seconds=6) for size in ("854x480", "1280x720")]
        clip.write_bytes(joined(*clips))
        # Made by an earlier run: on a busy machine it takes longer than the first half does.
        earlier = Broadcast(tmp_path / "earlier")
        earlier.while_away = WhileAway.SLATE
        with ingest.publishing("earlier", _clip(tmp_path)):
            earlier.start_playable(ingest.server, "earlier")
            _await_slate(earlier)
        earlier.end()
        with ingest.publishing("changes", clip, is_endless=False):
            waiting.start_playable(ingest.server, "changes")
            wait_until(lambda: waiting.times_left or waiting.is_over, what="the end of the clip")
            waiting.to_raise = LookupError("closed by the operator")
            waiting.await_end()

        assert waiting.error is waiting.to_raise
        began = [record for record in waiting.records() if isinstance(record, SlotBegan) and record.slot == "v0"]
        assert {(record.width, record.height) for record in began} == {(854, 480), (1280, 720)}
        # Between its two halves the clip itself has a frame that lasts longer; the slate comes after it.
        _check(waiting, runs=3, is_uneven=True)

    def test_of_the_encoder_while_one_is_there_is_no_absence(
        self, ingest: Ingest, waiting: Broadcast, tmp_path: Path
    ) -> None:
        # Neither begins anew meanwhile: its sound is longer than its picture, and leaves a hole there.
        one, other = _clip(tmp_path, **_LONG), _clip(tmp_path, profile="main", **_LONG)
        with ingest.publishing("first", one), ingest.publishing("second", other):
            waiting.start_playable(ingest.server, "first")
            _await_more(waiting, seconds=2)
            waiting.found_name = "second"
            wait_until(lambda: waiting.times_returned or waiting.is_over, what="the other's picture")
            _await_more(waiting, seconds=2)
            waiting.to_raise = LookupError("closed by the operator")
            waiting.await_end()

        assert (waiting.error, waiting.times_left, waiting.times_returned) == (waiting.to_raise, 0, 1)
        _check(waiting, runs=3)

    def test_to_an_encoder_that_has_left_by_then_is_an_absence(
        self, ingest: Ingest, waiting: Broadcast, tmp_path: Path
    ) -> None:
        with ingest.publishing("before", _clip(tmp_path)):
            waiting.start_playable(ingest.server, "before")
            _await_more(waiting, seconds=1)
            waiting.found_name = "left"
            wait_until(lambda: waiting.times_left or waiting.is_over, what="the absence")
        with _away(waiting, ingest, "after", _clip(tmp_path)):
            _await_more(waiting, seconds=1)
            waiting.to_raise = LookupError("closed by the operator")
            waiting.await_end()

        assert (waiting.error, waiting.times_left, waiting.times_returned) == (waiting.to_raise, 1, 1)
        _check(waiting, runs=3)


class TestBreak:
    """Nothing reaches us of an encoder that is there."""

    @pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
    def test_of_the_pull_is_bridged_by_the_slate(
        self, ingest: Ingest, waiting: Broadcast, tmp_path: Path, sent: signal.Signals
    ) -> None:
        name = f"broken-{sent.name}"
        with ingest.publishing(name, _clip(tmp_path, **_LONG)):
            waiting.start_playable(ingest.server, name)
            _await_slate(waiting)
            _await_more(waiting, seconds=1)
            waiting.children()["pull"].send_signal(sent)
            wait_until(lambda: waiting.times_returned or waiting.is_over, what="the picture")
            _await_more(waiting, seconds=2)
            waiting.to_raise = LookupError("closed by the operator")
            waiting.await_end()

        assert (waiting.error, waiting.times_left, waiting.times_returned) == (waiting.to_raise, 0, 1)
        assert [type(error) for error in waiting.breaks] == [PullFailedError]
        _check(waiting, runs=3)

    # The server does not cut its encoder for its own silence, as one with usual bounds would after 5 s of it.
    @pytest.mark.chaos
    def test_of_the_ingest_servers_answers_is_bridged_by_the_slate(
        self, fragile_ingest: Ingest, waiting: Broadcast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # However long its silence, the same follows.
        monkeypatch.setattr("streams.media.encoder_watch._LONGEST_SILENCE_S", 1.0)
        with fragile_ingest.publishing("unheard", _clip(tmp_path, seconds=60)):
            waiting.start_playable(fragile_ingest.server, "unheard")
            _await_slate(waiting)
            _await_more(waiting, seconds=1)
            fragile_ingest.process.send_signal(signal.SIGSTOP)
            wait_until(lambda: waiting.breaks or waiting.is_over, what="the silence")
            _await_more(waiting, seconds=2)
            fragile_ingest.process.send_signal(signal.SIGCONT)
            wait_until(lambda: waiting.times_returned or waiting.is_over, what="the picture")
            _await_more(waiting, seconds=1)
            waiting.to_raise = LookupError("closed by the operator")
            waiting.await_end()

        assert (waiting.error, waiting.times_left, waiting.times_returned) == (waiting.to_raise, 0, 1)
        assert [type(error) for error in waiting.breaks] == [IngestSilentError]

    def test_that_lasts_is_left_to_another_run(
        self, ingest: Ingest, waiting: Broadcast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("streams.media.encoders._TAKE_OVER_S", 0.0)
        with ingest.publishing("lasts", _clip(tmp_path, **_LONG)):
            waiting.start_playable(ingest.server, "lasts")
            _await_slate(waiting)
            _await_more(waiting, seconds=1)
            waiting.children()["pull"].kill()
            waiting.await_end()

        assert isinstance(waiting.error, PullFailedError), waiting.error
        assert waiting.breaks == [waiting.error]
        # Viewers are told of no end.
        assert not Recorded(waiting.folder / "session").timeline.is_ended


class TestFeed:
    def test_that_stops_ends_the_run_at_once_and_not_the_broadcast(
        self, ingest: Ingest, waiting: Broadcast, tmp_path: Path
    ) -> None:
        with ingest.publishing("unfed", _clip(tmp_path, **_LONG)):
            waiting.start_playable(ingest.server, "unfed")
            _await_slate(waiting)
            _break_feed(waiting)
            waiting.await_end()

        assert isinstance(waiting.error, FeedFailedError), waiting.error
        assert "ZeroDivisionError" in str(waiting.error)
        assert waiting.times_left == 0
        assert not Recorded(waiting.folder / "session").timeline.is_ended


def _break_feed(broadcast: Broadcast) -> None:
    """Give the run's outlet a slate that nobody can show, and have it shown."""
    threads = {thread.name: thread for thread in threading.enumerate()}
    outlet: Outlet = threads["outlet"]._target.__self__  # type: ignore[attr-defined]  # Its own method.
    assert broadcast.ladder is not None
    outlet.bridge(Slate(b"", (), fps=30), rules=SpliceRules(broadcast.ladder, 2160))
    outlet.disconnect()


class TestAbsence:
    def test_ends_with_its_window(self, ingest: Ingest, waiting: Broadcast, tmp_path: Path) -> None:
        waiting.wait_s = 3
        with ingest.publishing("gone", _clip(tmp_path)):
            waiting.start_playable(ingest.server, "gone")
            _await_slate(waiting)
        waiting.await_end()

        assert waiting.outcome is not None, waiting.error
        # An encoder that the machine starves is away for a moment, too, and comes back; the last time it does not.
        assert waiting.times_left - waiting.times_returned == 1
        # The slate is no media of the encoder's; it is shown later where the machine is busy.
        assert waiting.outcome.media_ms < waiting.seconds("v0") * 1000 - 1000
        _check(waiting, runs=1 + waiting.times_left + waiting.times_returned)

    def test_is_left_to_others_where_there_is_nothing_to_show(
        self, ingest: Ingest, waiting: Broadcast, tmp_path: Path
    ) -> None:
        waiting.while_away = WhileAway.NOTHING
        with ingest.publishing("unseen", _clip(tmp_path)):
            waiting.start_playable(ingest.server, "unseen")
        waiting.await_end()

        assert isinstance(waiting.error, EncoderAwayError), waiting.error
        assert waiting.error.wait_s == _WINDOW_S
        _check(waiting, runs=1)

    def test_is_left_to_others_where_no_slate_can_be_made(
        self, ingest: Ingest, waiting: Broadcast, tmp_path: Path
    ) -> None:
        (tmp_path / "slates").write_text("no folder")
        with ingest.publishing("unmade", _clip(tmp_path)):
            waiting.start_playable(ingest.server, "unmade")
        waiting.await_end()

        assert isinstance(waiting.error, EncoderAwayError), waiting.error
        _check(waiting, runs=1)

    def test_goes_on_after_an_encoder_that_is_refused(self, ingest: Ingest, waiting: Broadcast, tmp_path: Path) -> None:
        with ingest.publishing("refused", _clip(tmp_path)):
            waiting.start_playable(ingest.server, "refused")
        wait_until(lambda: waiting.times_left or waiting.is_over, what="the end of the connection")
        silent = tmp_path / "silent.flv"
        silent.write_bytes(without_picture(flv(size="320x180", seconds=20)))
        with ingest.publishing("refused", silent):
            waiting.found_name = "refused"
            wait_until(lambda: waiting.refusals or waiting.is_over, what="the refusal")
        assert waiting.refusals == ["No video arrives. Add a video source to the encoder, in H.264."]
        with _away(waiting, ingest, "refused", _clip(tmp_path)):
            _await_more(waiting, seconds=1)
            waiting.to_raise = LookupError("closed by the operator")
            waiting.await_end()

        assert waiting.times_left == 1
        _check(waiting, runs=3)

    def test_of_an_encoder_that_stands_still_shows_the_slate_until_it_goes_on(
        self, ingest: Ingest, waiting: Broadcast, tmp_path: Path
    ) -> None:
        with ingest.publishing("stands", _clip(tmp_path)) as encoder:
            waiting.start_playable(ingest.server, "stands")
            _await_more(waiting, seconds=1)
            encoder.send_signal(signal.SIGSTOP)
            _await_more(waiting, seconds=3)
            encoder.send_signal(signal.SIGCONT)
            wait_until(lambda: len(set(waiting.runs())) == 3 or waiting.is_over, what="its picture")
            _await_more(waiting, seconds=2)
            waiting.to_raise = LookupError("closed by the operator")
            waiting.await_end()

        # Its connection is the same.
        assert waiting.times_left == 0
        _check(waiting, runs=3)

    def test_of_sound_alone_is_silence(self, ingest: Ingest, waiting: Broadcast, tmp_path: Path) -> None:
        clip = tmp_path / "mute.flv"
        clip.write_bytes(without_sound_after(flv(size="320x180", gop=15, seconds=12), at_ms=5000))
        with ingest.publishing("mute", clip, is_endless=False):
            waiting.start_playable(ingest.server, "mute")
            wait_until(lambda: waiting.times_left or waiting.is_over, what="the end of the clip")
            waiting.to_raise = LookupError("closed by the operator")
            waiting.await_end()

        ends_ms = _ends_ms(waiting)
        assert ends_ms["a0"] == pytest.approx(ends_ms["v0"], abs=1000)
        assert Recorded(waiting.folder / "session").faults() == []

    def test_can_be_what_a_run_begins_with(self, ingest: Ingest, waiting: Broadcast, tmp_path: Path) -> None:
        with ingest.publishing("later", _clip(tmp_path)):
            waiting.start_playable(ingest.server, "later")
        wait_until(lambda: waiting.runs()[-1] == 1 or waiting.is_over, what="the slate")
        waiting.to_raise = BrokenOffError()
        waiting.await_end()
        source = waiting.source
        assert source is not None

        waiting.to_raise, waiting.times_left = None, 0
        waiting.start_again(ingest.server, "", source=source)
        waiting.await_playable()
        with _away(waiting, ingest, "later", _clip(tmp_path)):
            _await_more(waiting, seconds=1)
            waiting.to_raise = LookupError("closed by the operator")
            waiting.await_end()

        assert waiting.times_returned == 1
        # The encoder, the slate twice, and the encoder.
        recorded = Recorded(waiting.folder / "session")
        assert recorded.faults() == []
        assert waiting.runs()[-1] == 3
