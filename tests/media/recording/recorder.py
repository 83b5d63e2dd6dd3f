"""Recordings without a broadcast: clips, cut as the packager cuts, in a file as a recorder writes it."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from streams.media.fragments import Fragment, FragmentReader, Init, Sample, offsets, render_fragment
from streams.media.journal import Reader
from streams.media.recording.closed import ClosedSegments
from streams.media.recording.index import TrackKind
from streams.media.recording.movie import Movie, RecordedInit, RecordedPiece
from streams.media.recording.stored import TrackInit, file_head, read_init, store_segment, stored_init

BEGAN_MS = 1_790_000_000_000
# As our transcoder is told to write.
_FRAGMENTED = "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+frag_discont"
_PART_SAMPLES = 15
# Of sound, whose every frame could begin one.
_SOUND_SEGMENT = 90


@dataclass(frozen=True)
class _Frame:
    at: int
    sample: Sample
    content: bytes


@dataclass
class Recorder:
    """Writes one clip after the other into a file's bytes; `at_ms` is where each begins by the session's clock."""

    content: bytearray = field(default_factory=lambda: bytearray(file_head()))
    inits: dict[int, RecordedInit] = field(default_factory=dict)
    pieces: list[RecordedPiece] = field(default_factory=list)
    run: int = -1

    def add(
        self, clip: bytes, *, at_ms: int, kinds: str = "va", left_out: str = "", gap_before: str = "", ends_ms: int = 0
    ) -> None:
        """Let a clip follow, in FLV or MP4; nothing of it that begins after `ends_ms`, if given."""
        self.run += 1
        tracks = [_demuxed(clip, kind) for kind in kinds]
        for number, (init, frames) in enumerate(tracks):
            per_ms = init.timescale / 1000
            kept = [frame for frame in frames if not ends_ms or frame.at < ends_ms * per_ms]
            key = 2 * self.run + number
            self.inits[key] = RecordedInit(len(self.content), init)
            self.content += stored_init(init)
            for group in _segments(init, kept):
                self._store(init, key, group, round(at_ms * per_ms), left_out, gap_before)
                gap_before = ""

    def _store(self, init: TrackInit, key: int, group: list[_Frame], shift: int, left_out: str, gap: str) -> None:
        made = bytearray()
        for begin in range(0, len(group), _PART_SAMPLES):
            part = group[begin : begin + _PART_SAMPLES]
            made += render_fragment(begin + 1, part[0].at + shift, [frame.sample for frame in part])
            made += b"".join(frame.content for frame in part)
        stored, index = store_segment(bytes(made), init)
        at_ms = BEGAN_MS + (group[0].at + shift) * 1000 // init.timescale
        piece = RecordedPiece(
            init.kind, len(self.content), len(stored), index.packed(), key, self.run, at_ms, left_out, gap
        )
        self.pieces.append(piece)
        self.content += stored

    def take(self, session: Path) -> None:
        """Take the best picture and the sound of a broadcast that is over, but for slates, from what it has left."""
        keys: dict[tuple[str, str], int] = {}
        for closed in ClosedSegments().feed(Reader(session).read()[1]):
            if closed.slot not in {"v0", "a0"}:
                continue
            name = (closed.slot, closed.init_name)
            if name not in keys:
                keys[name] = len(keys)
                init = read_init((session / closed.slot / closed.init_name).read_bytes())
                self.inits[keys[name]] = RecordedInit(len(self.content), init)
                self.content += stored_init(init)
            init = self.inits[keys[name]].init
            stored, index = store_segment((session / closed.slot / closed.name).read_bytes(), init)
            left_out = "slate" if closed.shows_slate else ""
            self.pieces.append(
                RecordedPiece(
                    *(init.kind, len(self.content), len(stored), index.packed(), keys[name]),
                    *(closed.run, closed.at_ms, left_out),
                )
            )
            self.content += stored

    def movie(self) -> Movie:
        return Movie(self.inits, self.pieces)

    def write(self, path: Path, *, has_one_box: bool = True) -> Movie:
        """Write the whole file; as stores have it that let nothing be overwritten if it has not one box."""
        movie = self.movie()
        head = file_head(media_end=len(self.content) if has_one_box else None)
        path.write_bytes(head + self.content[len(head) :] + movie.moov())
        return movie


def _demuxed(clip: bytes, kind: str) -> tuple[TrackInit, list[_Frame]]:
    argv = [
        "ffmpeg", "-nostdin", "-v", "error", "-i", "pipe:0", "-map", f"0:{kind}:0", "-c", "copy",
        "-f", "mp4", "-movflags", _FRAGMENTED, "-frag_duration", "300000",
        "-video_track_timescale", "90000", "-avoid_negative_ts", "disabled", "pipe:1",
    ]  # fmt: skip
    written = subprocess.run(argv, input=clip, capture_output=True, check=True).stdout
    init, frames = None, list[_Frame]()
    for found in FragmentReader().feed(written):
        if isinstance(found, Init):
            init = read_init(found.data)
        elif isinstance(found, Fragment):
            at, bounds = found.decode_time, offsets(found.samples)
            for place, sample in enumerate(found.samples):
                frames.append(_Frame(at, sample, bytes(found.payload[bounds[place] : bounds[place + 1]])))
                at += sample.duration
    assert init is not None
    return init, frames


def _segments(init: TrackInit, frames: list[_Frame]) -> list[list[_Frame]]:
    groups: list[list[_Frame]] = []
    for frame in frames:
        is_first = not groups or (
            frame.sample.is_sync if init.kind is TrackKind.VIDEO else len(groups[-1]) >= _SOUND_SEGMENT
        )
        if is_first:
            groups.append([])
        groups[-1].append(frame)
    return groups
