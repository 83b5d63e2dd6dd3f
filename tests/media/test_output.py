"""What the multivariant playlist promises, against segments of known sizes."""

import dataclasses
import re
from pathlib import Path

from streams.media.ladder import build_ladder
from streams.media.output import Output
from tests.media.boxes import audio_init, video_init
from tests.media.test_source import GOOD

_SMALL = dataclasses.replace(GOOD, width=640, height=480, video_kbps=1500)


class _Run:
    """A run whose files a test writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.published: list[str] = []
        self.output = Output(build_ladder(_SMALL), folder, "run", self.published.append)
        self.output.prepare()

    def write(self, name: str, *sizes: int, first: int = 0) -> None:
        """Write segments of 2 s of these sizes in bytes."""
        init = audio_init() if name == "audio" else video_init()
        (self.folder / name / "init.mp4").write_bytes(init)
        lines = ["#EXTM3U", '#EXT-X-MAP:URI="init.mp4"']
        for number, size in enumerate(sizes, start=first):
            (self.folder / name / f"{number:06}.m4s").write_bytes(bytes(size))
            lines += ["#EXTINF:2.000000,", f"{number:06}.m4s"]
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

    def test_is_not_playable_before_every_rendition_has_a_segment(self, tmp_path: Path) -> None:
        run = _Run(tmp_path)
        assert not run.output.publish()
        run.write("480p", 1000)
        run.write("360p", 1000)
        run.write("audio")

        assert not run.output.publish()
        assert run.published == []
