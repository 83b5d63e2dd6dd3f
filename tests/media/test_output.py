"""What the multivariant playlist promises, against segments of known sizes."""

import dataclasses
import re
from pathlib import Path

from streams.media.ladder import build_ladder
from streams.media.output import RunOutput
from streams.media.source import Source
from tests.media.boxes import audio_init, video_init
from tests.media.test_source import GOOD

_SMALL = dataclasses.replace(GOOD, width=640, height=480, video_kbps=1500)


class _Run:
    """A run whose files a test writes."""

    def __init__(self, folder: Path, *, source: Source = _SMALL) -> None:
        self.folder = folder
        self.published: list[str] = []
        self.output = RunOutput(build_ladder(source), folder, "run", self.published.append)
        self.output.prepare()

    def write(self, name: str, *sizes: int, first: int = 0, duration_s: float = 2) -> None:
        """Write segments of these sizes in bytes."""
        init = audio_init() if name == "audio" else video_init()
        (self.folder / name / "init.mp4").write_bytes(init)
        lines = ["#EXTM3U", '#EXT-X-MAP:URI="init.mp4"']
        for number, size in enumerate(sizes, start=first):
            (self.folder / name / f"{number:06}.m4s").write_bytes(bytes(size))
            lines += [f"#EXTINF:{duration_s:.6f},", f"{number:06}.m4s"]
        (self.folder / name / "index.m3u8").write_text("\n".join(lines) + "\n")

    def bandwidths(self) -> dict[str, tuple[int, int]]:
        """Return BANDWIDTH and AVERAGE-BANDWIDTH by rendition, as last published."""
        found = re.findall(r":BANDWIDTH=(\d+),AVERAGE-BANDWIDTH=(\d+),.*\nrun/(.*)/index.m3u8", self.published[-1])
        return {name: (int(peak), int(average)) for peak, average, name in found}


class TestOutput:
    def test_promises_the_peak_in_bits_per_second(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        run.write("480p", 1_000_000, 250_000)
        run.write("360p", 500_000, 500_000)
        run.write("audio", 50_000, 50_000)

        assert run.output.publish()

        # 2 s of 1 MB are 4 Mbit/s, and the shared audio's 200 kbit/s come on top.
        assert run.bandwidths() == {
            "480p": (4_200_000, 2_700_000),
            "360p": (2_200_000, 2_200_000),
            "audio": (200_000, 200_000),
        }

    def test_promises_no_less_than_the_rate_it_was_made_for(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        for name in ("480p", "360p", "audio"):
            run.write(name, 100)

        run.output.publish()

        assert run.bandwidths()["480p"][0] == (1500 * 11 + 128 * 11) * 100

    def test_raises_the_promise_when_a_peak_grows(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        for name in ("480p", "360p", "audio"):
            run.write(name, 1_000_000)
        run.output.publish()
        run.output.publish()
        assert len(run.published) == 1

        run.write("480p", 2_000_000, first=1)
        run.output.publish()

        assert run.bandwidths()["480p"][0] == 12_000_000
        assert len(run.published) == 2

    def test_counts_each_segment_once(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        for name in ("480p", "360p", "audio"):
            run.write(name, 1_000_000, 200_000)
        run.output.publish()

        # The window moves on, with one of the old segments in it.
        run.write("480p", 200_000, 3_000_000, first=1)
        run.output.publish()

        assert run.bandwidths()["480p"] == (12_000_000 + 4_000_000, 5_600_000 + 2_400_000)

    def test_measures_no_segment_that_lasts_no_time(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        for name in ("480p", "360p", "audio"):
            run.write(name, 1_000_000, duration_s=0)

        assert not run.output.publish()

    def test_measures_a_short_segment(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        for name in ("480p", "360p"):
            run.write(name, 1_000_000, duration_s=0.5)
        run.write("audio", 50_000)

        assert run.output.publish()
        assert run.bandwidths()["480p"][0] == 16_200_000

    def test_promises_something_of_a_source_that_sent_next_to_nothing(self, tmp_path: Path) -> None:
        silent = dataclasses.replace(_SMALL, video_kbps=0, height=360, audio_codec="")
        run = _Run(tmp_path, source=silent)
        run.write("360p", 1, duration_s=1)

        run.output.publish()

        assert run.bandwidths() == {"360p": (35_200, 8)}

    def test_reads_the_codecs_once(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        for name in ("480p", "360p", "audio"):
            run.write(name, 1_000_000)
        run.output.publish()
        (tmp_path / "480p" / "init.mp4").write_bytes(b"")

        assert run.output.publish()

    def test_makes_folders_that_may_be_there_already(self, tmp_path: Path) -> None:
        run = _Run(tmp_path / "a" / "run")

        run.output.prepare()

        assert {path.name for path in run.folder.iterdir()} == {"480p", "360p", "audio"}

    def test_is_not_playable_before_every_rendition_has_a_segment(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        assert not run.output.publish()
        run.write("480p", 1000)
        run.write("360p", 1000)
        run.write("audio")

        assert not run.output.publish()
        assert run.published == []
