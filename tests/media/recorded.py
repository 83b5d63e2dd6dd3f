"""Is what is left of a broadcast what its journal and playlists say? Looked at from outside: files, ffprobe, m3u8.

It knows the journal's format, and nothing of how packagers work.
"""

import json
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path

import m3u8

from streams.media.journal import (
    Dropped,
    Opened,
    PartMade,
    Reader,
    RunBegan,
    SegmentClosed,
    SlotBegan,
    init_name,
    part_name,
    segment_name,
)
from streams.media.media_playlist import Form, render_key_frames, render_media
from streams.media.timeline import SessionTimeline
from tests.media.playlist_rules import check

# Of a picture's or a sound frame's own time.
_ROUNDING_MS = 2.0
_PROBE_S = 120
_LEAST_SHARE = 0.85


@dataclass
class _Segment:
    record: SegmentClosed
    epoch: int
    run: int
    parts: list[tuple[int, PartMade]] = field(default_factory=list)


@dataclass
class _Slot:
    name: str
    segments: list[_Segment] = field(default_factory=list)
    open_parts: list[tuple[int, PartMade]] = field(default_factory=list)
    first_msn: int = 0

    @property
    def kept(self) -> list[_Segment]:
        return [segment for segment in self.segments if segment.record.msn >= self.first_msn]


@dataclass(frozen=True)
class _Packet:
    """A frame as ffprobe reads it; `position` is its place in what was read."""

    position: int
    at_ms: float
    decoded_ms: float
    duration_ms: float
    is_key: bool


class Recorded:
    """A session's folder, read as a whole; `faults` are sentences, none when all is well."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: Opened | None = None
        self._slots: dict[str, _Slot] = {}
        self._run_epochs: dict[int, int] = {}
        self.timeline = SessionTimeline()
        self._read()

    def _read(self) -> None:
        _, entries = Reader(self._folder).read()
        self.timeline.feed(entries)
        run = 0
        runs: dict[str, int] = {}
        for entry in entries:
            record = entry.record
            if isinstance(record, Opened):
                self._opened = self._opened or record
            elif isinstance(record, RunBegan):
                run = record.number
                self._run_epochs[run] = entry.epoch
            elif isinstance(record, SlotBegan):
                runs[record.slot] = run
            elif isinstance(record, PartMade):
                self._slot(record.slot).open_parts.append((entry.epoch, record))
            elif isinstance(record, SegmentClosed):
                slot = self._slot(record.slot)
                slot.segments.append(_Segment(record, entry.epoch, runs[record.slot], slot.open_parts))
                slot.open_parts = []
            elif isinstance(record, Dropped):
                self._slot(record.slot).first_msn = record.first_msn

    def _slot(self, name: str) -> _Slot:
        return self._slots.setdefault(name, _Slot(name))

    @property
    def segment_count(self) -> int:
        return sum(len(slot.kept) for slot in self._slots.values())

    def media(self, slot: str, run: int) -> bytes:
        """Return all that is kept of a slot's run, as a player would read it."""
        found = self._slots[slot]
        return b"".join(self._pieces(found, run, [segment for segment in found.kept if segment.run == run]))

    def faults(self) -> list[str]:
        """Return all that is wrong."""
        return [
            *self._faults_of_playlists(),
            *self._faults_of_alignment(),
            *(fault for slot in self._slots.values() for fault in self._faults_of_slot(slot)),
        ]

    def _faults_of_slot(self, slot: _Slot) -> Iterator[str]:
        yield from self._faults_of_numbers(slot)
        for segment in slot.kept:
            yield from self._faults_of_targets(slot, segment)
            yield from self._faults_of_files(slot, segment)
        for run, segments in groupby(slot.kept, key=lambda segment: segment.run):
            yield from self._faults_of_media(slot, run, list(segments))

    def _faults_of_numbers(self, slot: _Slot) -> Iterator[str]:
        for before, after in pairwise(slot.segments):
            if after.record.msn != before.record.msn + 1:
                yield f"{slot.name}: {after.record.msn} follows {before.record.msn}"
            ends_ms = before.record.at_ms + before.record.duration_us / 1000
            if before.run == after.run and abs(after.record.at_ms - ends_ms) > _ROUNDING_MS:
                yield f"{slot.name}: {after.record.msn} is {after.record.at_ms - ends_ms:.0f} ms off its date"

    def _faults_of_targets(self, slot: _Slot, segment: _Segment) -> Iterator[str]:
        assert self._opened is not None
        record = segment.record
        name = f"{slot.name}/{record.msn}"
        if round(record.duration_us / 1_000_000) > self._opened.target_s:
            yield f"{name} lasts {record.duration_us} us"
        for _, part in segment.parts:
            if part.duration_us > self._opened.part_target_us:
                yield f"{name}.{part.part} lasts {part.duration_us} us"
        for _, part in segment.parts[:-1]:
            if part.duration_us < _LEAST_SHARE * self._opened.part_target_us:
                yield f"{name}.{part.part} lasts {part.duration_us} us only"

    def _faults_of_files(self, slot: _Slot, segment: _Segment) -> Iterator[str]:
        record, folder = segment.record, self._folder / slot.name
        path = folder / segment_name(epoch=segment.epoch, msn=record.msn)
        if not path.exists():
            yield f"{slot.name}: {path.name} is not there"
            return
        whole = path.read_bytes()
        if len(whole) != record.size:
            yield f"{slot.name}: {path.name} has {len(whole)} bytes instead of {record.size}"
        if slot.name.startswith("v") and not 0 < record.key_size <= record.size:
            yield f"{slot.name}: {path.name} shows nothing with {record.key_size} bytes"
        parts = [folder / part_name(epoch=epoch, msn=part.msn, part=part.part) for epoch, part in segment.parts]
        if parts and all(part.exists() for part in parts):
            joined = b"".join(part.read_bytes() for part in parts)
            covers = sum(part.duration_us for _, part in segment.parts) == record.duration_us
            if covers and joined != whole:
                yield f"{slot.name}: {path.name} is not what its parts are"

    def _faults_of_media(self, slot: _Slot, run: int, segments: list[_Segment]) -> Iterator[str]:
        """Have ffprobe read a run as a player would, and compare each frame with what was said of it."""
        packets = self._packets(slot, run, segments)
        name = f"{slot.name}, run {run}"
        flat = [packet for found in packets for packet in found]
        for before, after in pairwise(flat):
            apart_ms = after.decoded_ms - before.decoded_ms
            # Where streams were joined, sound is half a frame early or late, by a clock of whole milliseconds.
            if apart_ms <= 0 or abs(apart_ms - before.duration_ms) > before.duration_ms / 2 + _ROUNDING_MS:
                yield f"{name}: {apart_ms:.1f} ms between frames at {before.decoded_ms:.0f} ms"
        offsets_ms = []
        for place, (segment, found) in enumerate(zip(segments, packets, strict=True)):
            if not found:
                yield f"{name}: nothing in {segment.record.msn}"
                continue
            if slot.name.startswith("v") and not found[0].is_key:
                yield f"{name}: {segment.record.msn} begins with no key frame"
            following = next((later[0] for later in packets[place + 1 :] if later), None)
            # ffprobe takes frames of another encoder's rate to last as long as the first one's.
            ends_ms = following.decoded_ms if following else found[-1].decoded_ms + found[-1].duration_ms
            lasts_ms = ends_ms - found[0].decoded_ms
            if abs(lasts_ms - segment.record.duration_us / 1000) > found[0].duration_ms:
                yield f"{name}: {segment.record.msn} has {lasts_ms:.0f} ms instead of {segment.record.duration_us} us"
            offsets_ms.append(segment.record.at_ms - found[0].decoded_ms)
        if offsets_ms and max(offsets_ms) - min(offsets_ms) > _ROUNDING_MS:
            yield f"{name}: dates drift by {max(offsets_ms) - min(offsets_ms):.1f} ms"

    def _packets(self, slot: _Slot, run: int, segments: list[_Segment]) -> list[list[_Packet]]:
        """Return the frames of each segment."""
        pieces = self._pieces(slot, run, segments)
        ends, position = [], len(pieces[0])
        for piece in pieces[1:]:
            position += len(piece)
            ends.append(position)
        found: dict[int, list[_Packet]] = defaultdict(list)
        for packet in _probe(b"".join(pieces)):
            place = next((place for place, end in enumerate(ends) if packet.position < end), len(ends))
            found[place].append(packet)
        return [found[place] for place in range(len(segments))]

    def _pieces(self, slot: _Slot, run: int, segments: list[_Segment]) -> list[bytes]:
        folder = self._folder / slot.name
        paths = [folder / segment_name(epoch=segment.epoch, msn=segment.record.msn) for segment in segments]
        beginning = folder / init_name(epoch=self._run_epochs[run], run=run)
        return [path.read_bytes() for path in (beginning, *paths) if path == beginning or path.exists()]

    def _faults_of_alignment(self) -> Iterator[str]:
        """Compare where segments of pictures begin; sound has frames of its own."""
        videos = [slot for slot in self._slots.values() if slot.name.startswith("v")]
        for slot in videos[1:]:
            first = {segment.record.at_ms for segment in videos[0].segments}
            for segment in slot.kept:
                if min(abs(at_ms - segment.record.at_ms) for at_ms in first) > 1000 / 24:
                    yield f"{slot.name}: {segment.record.msn} begins where none of {videos[0].name} does"
        for run in self._run_epochs:
            begins = {
                slot.name: segments[0].record.at_ms for slot in self._slots.values() if (segments := _of(slot, run))
            }
            if begins and max(begins.values()) - min(begins.values()) > 100:
                yield f"run {run} does not begin together: {begins}"

    def _faults_of_playlists(self) -> Iterator[str]:
        for slot in self.timeline.slots.values():
            for form in (Form(), Form(is_edge=True), Form(is_delta=True)):
                text = render_media(self.timeline, slot, form)
                try:
                    listed = check(text)
                except AssertionError as error:
                    yield f"{slot.name}: {error}"
                    continue
                theirs = [segment.uri for segment in m3u8.loads(text).segments if segment.uri]
                if theirs != [segment.uri for segment in listed.closed]:
                    yield f"{slot.name}: others read it otherwise"
                yield from self._missing(slot.name, text)
            if slot.name.startswith("v"):
                yield from self._missing(slot.name, render_key_frames(self.timeline, slot))

    def _missing(self, slot: str, text: str) -> Iterator[str]:
        """Return what a playlist lists, and nobody could fetch."""
        found = m3u8.loads(text)
        names = [part.uri for segment in found.segments for part in segment.parts]
        names += [segment.uri for segment in found.segments if segment.uri] + [
            section.uri for section in found.segment_map
        ]
        for name in names:
            if not (self._folder / slot / name).exists():
                yield f"{slot}: {name} is listed, and not there"


def _of(slot: _Slot, run: int) -> list[_Segment]:
    return [segment for segment in slot.segments if segment.run == run]


def _probe(media: bytes) -> Iterator[_Packet]:
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(media)
        file.flush()
        argv = ["ffprobe", "-loglevel", "error", "-show_packets", "-of", "json", file.name]
        shown = subprocess.run(argv, capture_output=True, check=True, timeout=_PROBE_S)
    packets = json.loads(shown.stdout)["packets"]
    # It does not tell how long the first and the last one last in every file.
    usual = statistics.median(float(packet["duration_time"]) for packet in packets if "duration_time" in packet)
    for packet in packets:
        yield _Packet(
            int(packet["pos"]),
            float(packet["pts_time"]) * 1000,
            float(packet["dts_time"]) * 1000,
            float(packet.get("duration_time", 0)) * 1000 or usual * 1000,
            packet["flags"].startswith("K"),
        )
