"""What our packager leaves of ffmpeg's output holds before an independent eye, which sees what does not."""

import os
import subprocess
from pathlib import Path

import pytest

from streams.media.journal import write_end
from streams.media.ladder import Kind, Rendition
from streams.media.packager import Packager
from streams.media.shelf import Shelf
from streams.media.targets import TARGET_DURATION_S, Latency, choose_targets
from tests.media.recorded import Recorded
from tests.services import HANG_S

RENDITIONS = {
    "v0": Rendition("360p", Kind.TRANSCODE, 640, 360, 30, 800),
    "v1": Rendition("180p", Kind.TRANSCODE, 320, 180, 30, 300),
    "a0": Rendition("audio", Kind.AUDIO, audio_kbps=64),
}
CODECS = {
    "v0": ["-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-bf", "0"],
    "v1": ["-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-bf", "0", "-s", "320x180"],
    "a0": ["-map", "1:a", "-c:a", "aac", "-b:a", "64k"],
}
FRAGMENTS = "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+frag_discont"


def run(folder: Path, *, epoch: int, seconds: int) -> None:
    """Package what ffmpeg makes in a while."""
    targets = choose_targets(Latency.LOW, fps=30)
    shelf = Shelf(
        folder,
        epoch=epoch,
        part_target_s=targets.part_s,
        target_s=TARGET_DURATION_S,
        dvr_window_s=3600,
        told=lambda: None,
    )
    pipes = {slot: os.pipe() for slot in RENDITIONS}
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30"]
    argv += ["-f", "lavfi", "-i", "sine=r=48000"]
    for slot, (_, writing) in pipes.items():
        argv += [*CODECS[slot], "-t", str(seconds), "-f", "mp4", "-movflags", FRAGMENTS, "-frag_duration", "127500"]
        argv += ["-video_track_timescale", "90000", "-flush_packets", "1", f"pipe:{writing}"]
    descriptors = tuple(writing for _, writing in pipes.values())
    with subprocess.Popen(argv, pass_fds=descriptors) as ffmpeg:
        for descriptor in descriptors:
            os.close(descriptor)
        packager = Packager(
            shelf,
            {slot: (RENDITIONS[slot], reading) for slot, (reading, _) in pipes.items()},
            targets=targets,
            marks=None,
            clock_ms=lambda: 1_790_000_000_000 + epoch * 600_000,
        )
        assert ffmpeg.wait(timeout=HANG_S) == 0
        packager.stop(timeout_s=HANG_S)
        assert packager.failure is None


@pytest.fixture(scope="module")
def broadcast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("recorded") / "session"
    run(folder, epoch=1, seconds=9)
    run(folder, epoch=2, seconds=5)
    return folder


def copied(folder: Path, to: Path) -> Path:
    subprocess.run(["cp", "-r", str(folder), str(to / "copy")], check=True)
    return to / "copy"


class TestRecorded:
    def test_finds_nothing_wrong_with_what_we_make(self, broadcast: Path) -> None:
        recorded = Recorded(broadcast)

        assert recorded.faults() == []
        assert recorded.segment_count >= 3 * 7

    def test_nor_with_one_that_is_over(self, broadcast: Path, tmp_path: Path) -> None:
        folder = copied(broadcast, tmp_path)
        write_end(folder)

        recorded = Recorded(folder)

        assert recorded.timeline.is_ended
        assert recorded.faults() == []

    def test_sees_what_is_missing(self, broadcast: Path, tmp_path: Path) -> None:
        folder = copied(broadcast, tmp_path)
        (folder / "v1" / "1-2.m4s").unlink()

        assert any("1-2.m4s is listed, and not there" in fault for fault in Recorded(folder).faults())

    def test_sees_media_that_is_not_what_was_said(self, broadcast: Path, tmp_path: Path) -> None:
        folder = copied(broadcast, tmp_path)
        (folder / "v0" / "1-1.m4s").write_bytes((folder / "v0" / "1-2.m4s").read_bytes())

        faults = Recorded(folder).faults()

        assert any("bytes instead of" in fault for fault in faults)
        assert any("ms between frames" in fault for fault in faults)

    def test_sees_dates_that_drift(self, broadcast: Path, tmp_path: Path) -> None:
        folder = copied(broadcast, tmp_path)
        journal = folder / "1.journal"
        lines = journal.read_text().splitlines()
        place = next(place for place, line in enumerate(lines) if line.startswith("S v0 2 "))
        words = lines[place].split()
        words[3] = str(int(words[3]) + 40)
        lines[place] = " ".join(words)
        # The next epoch's journal says how many bytes of this one count.
        assert len(" ".join(words)) == len(lines[place])
        journal.write_text("\n".join(lines) + "\n")

        faults = Recorded(folder).faults()

        assert any("off its date" in fault for fault in faults)
        assert any("dates drift" in fault for fault in faults)
