"""From ffmpeg's pipes to parts and segments: one thread for all renditions of a run."""

import math
import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from streams.media.aac import parse_aac_config
from streams.media.avc import find_picture_size
from streams.media.errors import TranscoderFailedError
from streams.media.fmp4 import Fmp4Error, codec_strings, with_aac_config, with_avc_record
from streams.media.fragments import Fragment, FragmentReader, Init, render_fragment
from streams.media.journal import SlotBegan
from streams.media.ladder import Kind, Ladder, Rendition
from streams.media.marks import Cuts, EvenMarks, Marks
from streams.media.process import widen
from streams.media.shelf import Made, Shelf
from streams.media.targets import Targets
from streams.media.track import Chunk, Track

# Memory for more than this the C library fetches from the kernel anew for each read, which costs more than the rest.
_READ_SIZE = 1 << 16
_NOTICE_S = 0.25
# Of the time that a part lasts, for how long after one nothing can be due: what comes meanwhile waits in its pipe, and
# is taken at once, which costs a fraction of taking it bit by bit.
_REST_SHARE = 0.7
# Parts that follow sooner, by the same measure, were late: what is late is not left waiting.
_STEADY_SHARE = 0.75
# How much of a new value the mean takes in.
_SMOOTHING = 0.1


@dataclass
class _Pipe:
    """One rendition's way through the packager."""

    slot: str
    rendition: Rendition
    descriptor: int
    reader: FragmentReader = field(default_factory=FragmentReader)
    init: Init | None = None
    # Until all renditions have something.
    early: list[Fragment] = field(default_factory=list)
    held: list[Chunk] = field(default_factory=list)
    track: Track | None = None
    sequence: int = 0
    cuts: int = 0
    # Of the present segment's first picture: how much later than decoded.
    shown_after_ms: float = 0.0
    # By the monotonic clock: when the newest part was made, and when something is expected again.
    put_at: float = math.inf
    due_at: float = 0.0

    @property
    def per_ms(self) -> float:
        assert self.init is not None  # noqa: S101  # There is no fragment without one.
        return self.init.timescale / 1000

    def rest(self, duration_s: float) -> None:
        """Expect nothing for a while after a part of that duration, unless it was the first one or late."""
        now_s = time.monotonic()
        is_steady = now_s - self.put_at > duration_s * _STEADY_SHARE
        self.put_at = now_s
        self.due_at = now_s + duration_s * _REST_SHARE if is_steady else 0.0


class Packager:
    """Reads what ffmpeg writes for each slot until it ends, and puts it on the shelf.

    `clock_ms` is what to add to the stream's own milliseconds for those since 1970. All dates go by what it says of the
    first picture; it is asked again with each segment, for how late pictures are. Nothing is told before every slot has
    something: players would find one rendition without the others.
    """

    def __init__(
        self,
        shelf: Shelf,
        pipes: Mapping[str, tuple[Rendition, int]],
        *,
        targets: Targets,
        marks: Marks | None,
        clock_ms: Callable[[], float],
        cuts: Cuts | None = None,
        copies_audio: bool = False,
    ) -> None:
        self._shelf = shelf
        self._targets = targets
        self._marks = marks
        self._cuts = cuts or Cuts()
        self._copies_audio = copies_audio
        self._read_clock_ms = clock_ms
        self._begins_at_ms: float | None = None
        # What `clock_ms` has told.
        self.offset_ms = 0.0
        # What to add to the monotonic clock's milliseconds for those since 1970, as they were then: the machine's clock
        # may be set while a run lasts.
        self._monotonic_zero_ms = 0.0
        # How far the stream has got ahead of its first picture's clock: each return of an encoder adds some tenths of a
        # second, which are no haste of ours.
        self._ahead_ms = 0.0
        # What to add for those of the session: some players follow no clock that begins anew.
        self._shift_ms = 0
        self._pipes = [_Pipe(slot, rendition, descriptor) for slot, (rendition, descriptor) in pipes.items()]
        self._has_begun = False
        self.codecs: dict[str, str] = {}
        # Mean time from when a part's last picture was taken until it can be fetched; None before the first.
        self.latency_ms: float | None = None
        self.parts_made = 0
        self.failure: Exception | None = None
        self._is_stopping = False
        for pipe in self._pipes:
            widen(pipe.descriptor)
        self._thread = threading.Thread(target=self._run, name="packager", daemon=True)
        self._thread.start()

    @property
    def has_begun(self) -> bool:
        """Every slot has something that can be fetched."""
        return self._has_begun

    def stop(self, *, timeout_s: float) -> None:
        """Return when all that came has been put on the shelf, or after the time; ffmpeg has to be gone by then."""
        self._thread.join(timeout_s)
        self._is_stopping = True

    def _run(self) -> None:
        try:
            self._read_all()
            for pipe in self._pipes:
                if pipe.track is not None:
                    self._take(pipe, pipe.track.finish())
                self._shelf.close_segment(pipe.slot)
        except Fmp4Error as error:
            self.failure = TranscoderFailedError(f"ffmpeg's output cannot be packaged: {error}")
        except Exception as error:  # The run that watches us ends of it, with the right words.
            self.failure = error
        finally:
            self._shelf.close()
            for pipe in self._pipes:
                os.close(pipe.descriptor)

    def _read_all(self) -> None:
        poll = select.poll()
        open_pipes = {pipe.descriptor: pipe for pipe in self._pipes}
        while open_pipes and not self._is_stopping:
            for descriptor in _await_due(poll, open_pipes.values()):
                piece = os.read(descriptor, _READ_SIZE)
                if piece:
                    self._feed(open_pipes[descriptor], piece)
                else:
                    poll.unregister(descriptor)
                    del open_pipes[descriptor]

    def _feed(self, pipe: _Pipe, piece: bytes) -> None:
        for found in pipe.reader.feed(piece):
            if isinstance(found, Init):
                pipe.init = found
            elif pipe.track is not None:
                self._take(pipe, pipe.track.take(found))
            else:
                pipe.early.append(found)
                self._begin_tracks()

    def _begin_tracks(self) -> None:
        """Begin tracks with the first picture: sound that came before it would be heard without one."""
        first = self._pipes[0]
        if self._begins_at_ms is None:
            if not first.early:
                return
            self._begins_at_ms = first.early[0].decode_time / first.per_ms
            self.offset_ms = self._read_clock_ms()
            self._monotonic_zero_ms = _monotonic_zero_ms()
        for pipe in self._pipes:
            if pipe.track is None and pipe.init is not None and pipe.early:
                pipe.track = self._track(pipe, pipe.init.timescale, begins_at_ms=self._begins_at_ms)
                early, pipe.early = pipe.early, []
                for fragment in early:
                    self._take(pipe, pipe.track.take(fragment))

    def _track(self, pipe: _Pipe, timescale: int, *, begins_at_ms: float) -> Track:
        marks = self._marks or EvenMarks(segment_s=self._targets.segment_s, first_at_ms=begins_at_ms)
        return Track(
            timescale=timescale,
            is_video=pipe.rendition.is_video,
            is_exact=pipe.rendition.is_video and (self._marks is None or pipe.rendition.kind is Kind.COPY),
            targets=self._targets,
            marks=marks,
            begins_at_ms=begins_at_ms,
            cuts=self._cuts,
        )

    def _take(self, pipe: _Pipe, chunks: Iterator[Chunk]) -> None:
        for chunk in chunks:
            if self._has_begun:
                self._put(pipe, chunk)
            else:
                pipe.held.append(chunk)
                self._begin()

    def _begin(self) -> None:
        if not all(pipe.held for pipe in self._pipes):
            return
        inits = {pipe.slot: pipe.init.data for pipe in self._pipes if pipe.init is not None}
        # Each rendition is one track.
        self.codecs = {slot: codec_strings(init)[0] for slot, init in inits.items()}
        slots = {pipe.slot: _slot_began(pipe, self.codecs[pipe.slot]) for pipe in self._pipes}
        self._shift_ms = self._shelf.begin_run(
            slots, inits, zero_ms=round(self.offset_ms), shows_slate=self._cuts.begins_with_slate
        )
        for pipe in self._pipes:
            held, pipe.held = pipe.held, []
            for chunk in held:
                self._put(pipe, chunk)
        self._has_begun = True

    def _put(self, pipe: _Pipe, chunk: Chunk) -> None:
        if chunk.begins_segment:
            self._shelf.close_segment(pipe.slot)
            pipe.shown_after_ms = chunk.samples[0].composition / pipe.per_ms
            self._ahead_ms = max(0.0, self.offset_ms - self._monotonic_zero_ms - self._read_monotonic_ms())
        while pipe.cuts < chunk.cuts:
            self._cut(pipe)
        pipe.sequence += 1
        at_ms = chunk.decode_time / pipe.per_ms + pipe.shown_after_ms + self.offset_ms
        duration_ms = chunk.duration / pipe.per_ms
        head = render_fragment(pipe.sequence, chunk.decode_time + round(self._shift_ms * pipe.per_ms), chunk.samples)
        made = Made(
            at_ms=round(at_ms),
            duration_us=round(duration_ms * 1000),
            is_independent=chunk.is_independent,
            is_hidden=chunk.is_too_long or not self._targets.part_s,
            key_size=len(head) + chunk.samples[0].size if chunk.is_independent and pipe.rendition.is_video else 0,
            content=b"".join((head, *chunk.payloads)),
        )
        self._shelf.add(pipe.slot, made)
        if chunk.ends_segment:
            self._shelf.close_segment(pipe.slot)
        self._note_latency(time.monotonic() * 1000 + self._monotonic_zero_ms - at_ms - duration_ms + self._ahead_ms)
        pipe.rest(duration_ms / 1000)

    def _cut(self, pipe: _Pipe) -> None:
        """Let what follows have its own initialization section, in which what is decoded otherwise is put right."""
        cut = self._cuts.at(pipe.cuts)
        assert cut is not None and pipe.init is not None  # noqa: S101, PT018  # A track has passed it.
        pipe.cuts += 1
        began, init = _slot_began(pipe, self.codecs[pipe.slot]), pipe.init.data
        if pipe.rendition.kind is Kind.COPY and cut.picture:
            size = find_picture_size(cut.picture)
            width, height = (size.width, size.height) if size else (began.width, began.height)
            init = with_avc_record(init, cut.picture, width=width, height=height)
            began = replace(began, codecs=codec_strings(init)[0], width=width, height=height)
        elif self._copies_audio and not pipe.rendition.is_video and (config := parse_aac_config(cut.sound)):
            init = with_aac_config(init, cut.sound, channels=config.channels, rate=config.rate)
        pipe.init = Init(init, pipe.init.timescale)
        self._shelf.cut(began, init, number=pipe.cuts, shows_slate=cut.shows_slate)

    def _read_monotonic_ms(self) -> float:
        """Return what to add to the stream's milliseconds for those of the monotonic clock, as it is by now."""
        return self._read_clock_ms() - _monotonic_zero_ms()

    def _note_latency(self, latency_ms: float) -> None:
        self.parts_made += 1
        mean = latency_ms if self.latency_ms is None else self.latency_ms
        self.latency_ms = mean + (latency_ms - mean) * _SMOOTHING


def _monotonic_zero_ms() -> float:
    return (time.time() - time.monotonic()) * 1000


def _await_due(poll: select.poll, pipes: Iterable[_Pipe]) -> list[int]:
    """Return which pipes have something that is wanted now, or have ended; none after a while."""
    now_s = time.monotonic()
    longest_s = _NOTICE_S
    for pipe in pipes:
        rest_s = pipe.due_at - now_s
        poll.register(pipe.descriptor, 0 if rest_s > 0 else select.POLLIN)
        if rest_s > 0:
            longest_s = min(longest_s, rest_s)
    return [descriptor for descriptor, _ in poll.poll(longest_s * 1000)]


def _slot_began(pipe: _Pipe, codecs: str) -> SlotBegan:
    rendition = pipe.rendition
    return SlotBegan(pipe.slot, codecs, rendition.width, rendition.height, round(rendition.fps * 1000))


def slots_of(ladder: Ladder) -> dict[str, Rendition]:
    """Return the slots that renditions are shown in: `v0` the best picture, `a0` the sound.

    Those of renditions that are left out stay free: whoever plays another one goes on with it.
    """
    counts = {"v": 0, "a": 0}
    found = {}
    for rendition in ladder.whole:
        kind = "v" if rendition.is_video else "a"
        if rendition not in ladder.left_out:
            found[f"{kind}{counts[kind]}"] = rendition
        counts[kind] += 1
    return found
