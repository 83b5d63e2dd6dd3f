"""A session's files as our packager writes them, of a clip that goes round and round, without any transcoder."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from streams.media.fmp4 import codec_strings
from streams.media.fragments import Fragment, FragmentReader, Init, Sample, offsets, render_fragment
from streams.media.journal import SlotBegan
from streams.media.shelf import Made, Shelf, end_session

PART_S = 0.2
_FRAGMENTS = "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets"


@dataclass(frozen=True)
class _Frame:
    at: int
    sample: Sample
    payload: bytes


class ShelvedTrack:
    """One track of a clip in FLV: its initialization section and its frames."""

    def __init__(self, clip: bytes, kind: str) -> None:
        argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "flv", "-i", "pipe:0", "-map", f"0:{kind}"]
        argv += ["-c", "copy", "-f", "mp4", "-video_track_timescale", "90000", "-movflags", _FRAGMENTS, "pipe:1"]
        made = subprocess.run(argv, input=clip, capture_output=True, check=True).stdout
        self.init = b""
        self.timescale = 0
        self.frames: list[_Frame] = []
        for found in FragmentReader().feed(made):
            if isinstance(found, Init):
                self.init, self.timescale = found.data, found.timescale
            else:
                self.frames += _frames(found)

    @property
    def length(self) -> int:
        return self.frames[-1].at + self.frames[-1].sample.duration - self.frames[0].at


def _frames(fragment: Fragment) -> Iterator[_Frame]:
    at, bounds = fragment.decode_time, offsets(fragment.samples)
    for index, sample in enumerate(fragment.samples):
        yield _Frame(at, sample, bytes(fragment.payload[bounds[index] : bounds[index + 1]]))
        at += sample.duration


class ShelvedClip:
    """A clip of a picture, and perhaps sound, to be put on a session's shelf again and again."""

    def __init__(self, clip: bytes, *, has_sound: bool = True) -> None:
        self.tracks = {"v0": ShelvedTrack(clip, "v")}
        if has_sound:
            self.tracks["a0"] = ShelvedTrack(clip, "a")

    @cached_property
    def length_s(self) -> float:
        """As long as its picture."""
        picture = self.tracks["v0"]
        return picture.length / picture.timescale


class ShelvedSession:
    """A session that is being made; one thread writes, or the test does by `add_part`."""

    def __init__(self, folder: Path, clip: ShelvedClip, *, begins_s: float = 0.0, has_parts: bool = True) -> None:
        """`begins_s` is where the media's clock is when it begins."""
        self.folder = folder
        self._has_parts = has_parts
        self._lock = threading.Lock()
        self._epoch = 0
        self._begin_s, self._parts = begins_s, 0
        self.run_epoch(clip)

    @property
    def _made_s(self) -> float:
        # Not added up part by part: rounding would move frames from one to the next.
        return self._begin_s + self._parts * PART_S

    def run_epoch(self, clip: ShelvedClip, *, later_s: float = 0.0) -> None:
        """Go on as another run of a worker does, perhaps with other media, or at another time."""
        with self._lock:
            self._begin_s += later_s
            self._begin(clip)

    def _begin(self, clip: ShelvedClip) -> None:
        self._clip = clip
        self._epoch += 1
        self._began_s = self._made_s
        self._shelf = Shelf(
            self.folder, epoch=self._epoch, part_target_s=PART_S, target_s=2, dvr_window_s=60, told=lambda: None
        )
        slots = {}
        for name, track in clip.tracks.items():
            size = (320, 180) if name == "v0" else (0, 0)
            slots[name] = SlotBegan(name, codec_strings(track.init)[0], *size, 30_000)
        self._shelf.begin_run(slots, {name: track.init for name, track in clip.tracks.items()}, zero_ms=0)

    def add_part(self) -> None:
        """Let every slot have another part; each key frame begins a segment."""
        with self._lock:
            until_s = self._begin_s + (self._parts + 1) * PART_S
            for name, track in self._clip.tracks.items():
                self._add(name, track, self._made_s - self._began_s, until_s - self._began_s)
            self._parts += 1

    def _add(self, name: str, track: ShelvedTrack, from_s: float, until_s: float) -> None:
        parts: list[list[tuple[int, _Frame]]] = []
        for at, frame in self._between(track, from_s, until_s):
            is_key = name != "a0" and frame.sample.is_sync
            if is_key or not parts:
                parts.append([])
            parts[-1].append((at, frame))
        for part in parts:
            if name == "a0" or part[0][1].sample.is_sync:
                self._shelf.close_segment(name)
            self._shelf.add(name, _made(track, part, is_hidden=not self._has_parts))

    def _between(self, track: ShelvedTrack, from_s: float, until_s: float) -> Iterator[tuple[int, _Frame]]:
        """Yield the frames of that time, and when they are decoded, in the track's time scale."""
        length_s = self._clip.length_s
        for times in range(int(from_s // length_s), int(until_s // length_s) + 1):
            for frame in track.frames:
                at_s = (frame.at - track.frames[0].at) / track.timescale
                if at_s < length_s and from_s <= at_s + times * length_s < until_s:
                    yield round((at_s + times * length_s + self._began_s) * track.timescale), frame

    @contextmanager
    def going_on(self, *, speed: float = 1.0) -> Iterator[None]:
        """Add parts in real time for as long as the block lasts."""
        stopping = threading.Event()
        thread = threading.Thread(target=self._go_on, args=(stopping, speed), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    def _go_on(self, stopping: threading.Event, speed: float) -> None:
        began_s, begun_s = time.monotonic(), self._made_s
        while not stopping.is_set():
            self.add_part()
            due_s = began_s + (self._made_s - begun_s) / speed
            stopping.wait(max(0.0, due_s - time.monotonic()))

    def end(self) -> None:
        self._shelf.close()
        end_session(self.folder)


def _made(track: ShelvedTrack, part: list[tuple[int, _Frame]], *, is_hidden: bool) -> Made:
    at = part[0][0]
    samples = [frame.sample for _, frame in part]
    head = render_fragment(1, at, samples)
    duration = sum(sample.duration for sample in samples)
    is_key = track.timescale == 90_000 and samples[0].is_sync
    return Made(
        at_ms=round(at * 1000 / track.timescale),
        duration_us=round(duration * 1_000_000 / track.timescale),
        is_independent=is_key,
        is_hidden=is_hidden,
        key_size=len(head) + samples[0].size if is_key else 0,
        content=head + b"".join(frame.payload for _, frame in part),
    )
