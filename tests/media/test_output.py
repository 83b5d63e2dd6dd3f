"""What the multivariant playlists promise, and where a session's files go."""

import dataclasses
import os
import re
from pathlib import Path

import pytest

from streams.media.fragments import Sample, render_fragment
from streams.media.journal import Ended, Opened, PartMade, Reader
from streams.media.ladder import build_ladder
from streams.media.output import Playback, RunOutput
from streams.media.source import Source
from streams.media.targets import Latency, Targets, choose_targets
from tests.media.boxes import audio_init, video_init
from tests.media.test_source import GOOD
from tests.services import HANG_S, wait_until

_SMALL = dataclasses.replace(GOOD, width=640, height=480, video_kbps=1500)
_SILENT = dataclasses.replace(_SMALL, height=360, audio_codec="")
_TARGETS = choose_targets(Latency.LOW, fps=10)


class _Run:
    """A run in which a test writes what ffmpeg would: a tenth of a second a frame."""

    def __init__(self, folder: Path, *, source: Source = _SMALL, epoch: int = 1, targets: Targets = _TARGETS) -> None:
        self.published: list[tuple[str, str]] = []
        self.told: list[Path] = []
        playback = Playback(
            folder / "session",
            epoch,
            3600,
            lambda *told: self.published.append(told),
            told=self.told.append,
            preview_path=folder / "preview.webp",
        )
        self.output = RunOutput(build_ladder(source), playback, targets=targets, marks=None, clock_ms=lambda: 0.0)
        self._pipes = dict(zip(_slots(source), self.output.pipes, strict=True))
        for slot, pipe in self._pipes.items():
            os.write(pipe, audio_init() if slot == "a0" else video_init())

    def write(self, slot: str, *sizes: int, first: int = 0) -> None:
        """Write segments of so many bytes, 2 s each."""
        for segment, size in enumerate(sizes, start=first):
            frame = Sample(duration=100, size=size // 20, is_sync=False, composition=0)
            frames = [frame._replace(is_sync=True), *[frame] * 19]
            data = render_fragment(segment + 1, segment * 2000, frames) + bytes(size // 20 * 20)
            while data:
                data = data[os.write(self._pipes[slot], data) :]

    def end(self) -> None:
        self.output.finish(timeout_s=HANG_S)
        assert self.output.publish()

    def bandwidths(self) -> dict[str, tuple[int, int]]:
        """Return BANDWIDTH and AVERAGE-BANDWIDTH by slot, as last published."""
        text = dict(self.published)["index.m3u8"]
        found = re.findall(r":BANDWIDTH=(\d+),AVERAGE-BANDWIDTH=(\d+),.*\nsession/(.*)/index.m3u8", text)
        return {slot: (int(peak), int(average)) for peak, average, slot in found}


def _slots(source: Source) -> tuple[str, ...]:
    return ("v0", "v1", "a0") if source.audio_codec else ("v0",)


def _is_about(value: int, expected: int) -> bool:
    # What stands around the media counts too.
    return expected <= value < expected * 1.05 + 8000


class TestTargets:
    @pytest.mark.parametrize(("first", "then"), [(Latency.LOW, Latency.STANDARD), (Latency.STANDARD, Latency.LOW)])
    def test_are_those_that_players_know_whatever_was_chosen_since(
        self, tmp_path: Path, first: Latency, then: Latency
    ) -> None:
        """What ffmpeg hands over at once as well: parts would come in bursts."""
        kept = _Run(tmp_path, targets=choose_targets(first, fps=10)).output.targets

        following = _Run(tmp_path, epoch=2, targets=choose_targets(then, fps=10)).output.targets

        assert (following.part_s, following.fragment_s) == (kept.part_s, kept.fragment_s)


class TestPublish:
    def test_promises_the_peak_in_bits_per_second(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        run.write("v0", 1_000_000, 250_000)
        run.write("v1", 500_000, 500_000)
        run.write("a0", 50_000, 50_000)
        run.end()

        # 2 s of 1 MB are 4 Mbit/s, and the shared audio's 200 kbit/s come on top.
        for slot, (peak, mean) in {
            "v0": (4_200_000, 2_700_000),
            "v1": (2_200_000, 2_200_000),
            "a0": (200_000, 200_000),
        }.items():
            assert _is_about(run.bandwidths()[slot][0], peak)
            assert _is_about(run.bandwidths()[slot][1], mean)

    def test_promises_no_less_than_the_rate_it_was_made_for(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        for slot in ("v0", "v1", "a0"):
            run.write(slot, 2000)
        run.end()

        assert run.bandwidths()["v0"][0] == (1500 * 11 + 128 * 11) * 100

    def test_raises_the_promise_when_a_peak_grows(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        for slot in ("v0", "v1", "a0"):
            run.write(slot, 1_000_000)
        wait_until(run.output.publish, what="the first parts")
        before = len(run.published)
        run.write("v0", 2_000_000, first=1)
        run.end()

        assert _is_about(run.bandwidths()["v0"][0], 12_000_000)
        after = len(run.published)
        assert after > before
        run.output.publish()
        assert len(run.published) == after

    def test_promises_something_of_a_source_that_sent_next_to_nothing(self, tmp_path: Path) -> None:
        run = _Run(tmp_path, source=dataclasses.replace(_SILENT, video_kbps=0))
        run.write("v0", 20)
        run.end()

        assert run.bandwidths()["v0"][0] == 35_200

    def test_is_not_playable_before_every_slot_has_something(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        run.write("v0", 2000)
        run.write("v1", 2000)
        run.output.finish(timeout_s=HANG_S)

        assert not run.output.publish()
        assert run.published == []

    def test_names_the_live_edge_alone_in_a_playlist_of_its_own(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        for slot in ("v0", "v1", "a0"):
            run.write(slot, 2000)
        run.end()

        assert dict(run.published)["live.m3u8"].count("/index.m3u8?dvr=0") == 4

    def test_lists_first_pictures_of_what_is_seen_alone(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        for slot in ("v0", "v1", "a0"):
            run.write(slot, 2000)
        run.end()

        text = dict(run.published)["index.m3u8"]
        assert re.findall(r'I-FRAME-STREAM-INF:.*URI="(.*)"', text) == [
            f"session/{slot}/iframes.m3u8" for slot in ("v0", "v1")
        ]


class TestPromise:
    def test_of_the_first_run_holds_whatever_comes_later(self, tmp_path: Path) -> None:
        """Another frame rate or mode would have chosen other parts; players rely on those of the first."""
        for epoch, mode in enumerate((Latency.LOW, Latency.STANDARD), start=1):
            run = _Run(tmp_path, epoch=epoch, targets=choose_targets(mode, fps=1))
            for slot in ("v0", "v1", "a0"):
                run.write(slot, 2000, 2000, 2000)
            run.end()

        entries = Reader(tmp_path / "session").read()[1]
        opened = [entry.record.part_target_us for entry in entries if isinstance(entry.record, Opened)]
        parts = {(entry.epoch, entry.record.duration_us) for entry in entries if isinstance(entry.record, PartMade)}
        assert opened == [1_002_000, 1_002_000]
        assert {epoch for epoch, _ in parts} == {1, 2}
        assert {length_us for _, length_us in parts} == {1_000_000}


class TestFolder:
    def test_is_the_sessions_whoever_runs_it(self, tmp_path: Path) -> None:
        for epoch in (1, 2):
            run = _Run(tmp_path, epoch=epoch)
            for slot in ("v0", "v1", "a0"):
                run.write(slot, 2000)
            run.end()

        assert [path.name for path in tmp_path.iterdir()] == ["session"]
        assert set(run.told) == {tmp_path / "session"}

    def test_is_another_once_sound_has_gone_and_the_one_before_has_its_end(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        for slot in ("v0", "v1", "a0"):
            run.write(slot, 2000)
        run.end()

        for epoch in (2, 3):
            silent = _Run(tmp_path, source=_SILENT, epoch=epoch)
            silent.write("v0", 2000)
            silent.output.finish(timeout_s=HANG_S)
            assert silent.output.publish()

        assert sorted(path.name for path in tmp_path.iterdir()) == ["session", "session-2"]
        assert Reader(tmp_path / "session").read()[1][-1].record == Ended()
        assert "session-2/v0/index.m3u8" in dict(silent.published)["index.m3u8"]
