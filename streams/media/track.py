"""Cutting one rendition into parts and segments, sample by sample."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from streams.media.fragments import Fragment, Sample, offsets
from streams.media.marks import Cuts, Marks
from streams.media.targets import LONGEST_SEGMENT_S, Targets

# Of frames that are exactly at marks: what time scales make of milliseconds.
_ROUNDING_MS = 0.5


@dataclass(frozen=True)
class Chunk:
    """Samples that are handed out together: a part, where there are parts.

    `decode_time` and durations are in the track's time scale; `cuts` is how many came before it. One that is longer
    than a part may be is in its segment alone, which has no other and is not handed out in parts.
    """

    decode_time: int
    duration: int
    samples: tuple[Sample, ...]
    payloads: tuple[memoryview, ...]
    begins_segment: bool
    ends_segment: bool
    is_too_long: bool
    cuts: int = 0

    @property
    def is_independent(self) -> bool:
        return self.samples[0].is_sync


class Track:
    """One rendition's samples, as ffmpeg hands them over; what comes before `begins_at` is left out.

    `is_exact`: the frames that marks mean are there, or are the first behind them. Else they are the nearest: ffmpeg
    moves what it encodes to even times, by half a frame at most, and sound has times of its own.
    """

    def __init__(
        self,
        *,
        timescale: int,
        is_video: bool,
        is_exact: bool,
        targets: Targets,
        marks: Marks,
        begins_at_ms: float,
        cuts: Cuts | None = None,
    ) -> None:
        self._per_ms = timescale / 1000
        self._is_video = is_video
        self._is_exact = is_exact
        self._marks = marks
        self._cuts = cuts or Cuts()
        self._begins_at = begins_at_ms * self._per_ms
        self._least = targets.chunk_s * timescale
        self._most = targets.longest_chunk_s * timescale
        self._has_parts = targets.part_s > 0
        self._longest_segment = LONGEST_SEGMENT_S * timescale
        self._samples: list[Sample] = []
        self._payloads: list[memoryview] = []
        self._started_at = 0
        self._duration = 0
        self._begins_segment = True
        # Of the present segment, what has been handed out and what has not.
        self._segment_duration = 0
        # How long the present segment will be, going by the one before.
        self._expected = targets.segment_s * timescale
        self._next_mark = self._next_cut = 0

    def take(self, fragment: Fragment) -> Iterator[Chunk]:
        """Yield what is complete with it."""
        at = fragment.decode_time
        if self._samples and at != self._started_at + self._duration:
            yield self._cut()
        bounds = offsets(fragment.samples)
        for index, sample in enumerate(fragment.samples):
            # Encoders of sound put something in front of it, and times before 0 cannot be told.
            if at >= 0 and at + sample.duration / 2 >= self._begins_at:
                yield from self._take(sample, at, fragment.payload[bounds[index] : bounds[index + 1]])
            at += sample.duration

    def finish(self) -> Iterator[Chunk]:
        """Yield what is left."""
        if self._samples:
            yield self._cut(ends_segment=True)

    def _take(self, sample: Sample, at: int, payload: memoryview) -> Iterator[Chunk]:
        if sample.duration > self._longest_segment:
            # The encoder stood still: what is missing is no length of a picture that a playlist may have.
            sample = sample._replace(duration=int(self._longest_segment))
        is_long = sample.duration > self._most
        if self._passes_cuts(sample, at):
            yield from self.finish()
            self._end_segment()
            while self._passes_cuts(sample, at):
                self._next_cut += 1
        elif is_long or self._begins_new_segment(sample, at):
            yield from self.finish()
            self._end_segment()
        elif self._duration + sample.duration > self._most:
            yield self._cut()
        self._add(sample, at, payload)
        if is_long or self._is_at_mark(at + sample.duration, sample):
            yield self._cut(ends_segment=True)
        elif self._is_enough(sample):
            yield self._cut()

    def _is_enough(self, newest: Sample) -> bool:
        """Tell whether what there is makes a part: as long as its segment's others, so that none is left short."""
        if self._duration < self._least or not self._has_parts:
            return self._duration >= self._least
        length = self._expected / math.ceil(self._expected / self._most)
        begun_at = self._segment_duration - self._duration
        ends_at = (round(begun_at / length) + 1) * length
        is_full = self._duration + newest.duration > self._most
        return is_full or self._segment_duration + newest.duration / 2 >= ends_at

    def _begins_new_segment(self, sample: Sample, at: int) -> bool:
        if self._begins_segment:
            return False
        is_due = self._is_at_mark(at + sample.composition, sample) and (sample.is_sync or not self._is_video)
        return is_due or self._segment_duration + sample.duration > self._longest_segment

    def _passes_cuts(self, sample: Sample, at: int) -> bool:
        cut = self._cuts.at(self._next_cut)
        if cut is None or (self._is_video and not sample.is_sync):
            return False
        return self._is_at(cut.at_ms, at + sample.composition, sample)

    def _is_at_mark(self, at: int, sample: Sample) -> bool:
        """Tell whether a frame like that, there, is the one that the next mark means, or later."""
        mark_ms = self._marks.at(self._next_mark)
        return mark_ms is not None and self._is_at(mark_ms, at, sample)

    def _is_at(self, at_ms: float, at: int, sample: Sample) -> bool:
        # What is half a frame away was moved up.
        slack = _ROUNDING_MS * self._per_ms if self._is_exact else sample.duration / 2 - 1
        return at + slack >= at_ms * self._per_ms

    def _add(self, sample: Sample, at: int, payload: memoryview) -> None:
        if not self._samples:
            self._started_at = at
        if self._begins_segment and not self._samples:
            while self._is_at_mark(at + sample.composition, sample):
                self._next_mark += 1
        self._samples.append(sample)
        self._payloads.append(payload)
        self._duration += sample.duration
        self._segment_duration += sample.duration

    def _cut(self, *, ends_segment: bool = False) -> Chunk:
        chunk = Chunk(
            decode_time=self._started_at,
            duration=self._duration,
            samples=tuple(self._samples),
            payloads=tuple(self._payloads),
            begins_segment=self._begins_segment,
            ends_segment=ends_segment,
            is_too_long=self._has_parts and self._duration > self._most,
            cuts=self._next_cut,
        )
        self._samples, self._payloads, self._duration = [], [], 0
        self._begins_segment = False
        if ends_segment:
            self._end_segment()
        return chunk

    def _end_segment(self) -> None:
        if self._segment_duration:
            self._expected = self._segment_duration
        self._begins_segment, self._segment_duration = True, 0
