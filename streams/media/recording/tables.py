"""Where in a file a track's samples are, and when they are decoded and shown: what `moov` says of it.

Source: ISO/IEC 14496-12, 8.6 and 8.7. Tables are arrays: of twelve hours there are millions of numbers.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from operator import add, sub

from streams.media.aac import SAMPLES, parse_aac_config
from streams.media.recording.index import SegmentIndex, TrackKind, words
from streams.media.recording.stored import TrackInit

# Of pictures, and by how many milliseconds they may be away from their times.
_RATES = (15, 20, 24_000 / 1001, 24, 25, 30_000 / 1001, 30, 48, 50, 60_000 / 1001, 60)
_PICTURE_SLACK_MS = 1.1
# A frame's length is a whole number of ticks, but for what floating point makes of it.
_EXACT = 1e-6
# By how much of a second sound may be away from its times: encoders tell those in milliseconds, and its frames are
# all of one length.
_SOUND_SLACK = 100


class TrackTables:
    """Takes in samples in the order of their time; times are in `timescale`, and may be below 0."""

    def __init__(self, init: TrackInit, timescale: int) -> None:
        self.init = init
        self.timescale = timescale
        # When the first sample is decoded, and how much later it is shown.
        self.first_at = 0
        self.first_composition = 0
        # Where the next sample is due.
        self.end = 0
        self.has_negative = False
        self.sizes = words(())
        # How many samples in a row, and what holds for each.
        self.durations = words(())
        self.compositions = array("i")
        # Counted from 1.
        self.key_frames = words(())
        self.chunk_offsets = array("Q")
        self.chunk_counts = words(())
        # Of segments that samples are in.
        self.box_offsets = array("Q")
        sound = parse_aac_config(init.sound)
        self._frame = SAMPLES if sound is not None and sound.rate == timescale else 0

    @property
    def is_empty(self) -> bool:
        return not self.sizes

    def add(self, index: SegmentIndex, *, at: int, offset: int) -> None:
        """Let samples follow of which the first is decoded at a time; their segment's box is at `offset` in the file.

        The sample before is held until then. What comes before that one has ended is left out.
        """
        if self.is_empty:
            self.first_at = self.end = at
        even = self._even_pictures(index, at) if self.init.kind is TrackKind.VIDEO else None
        if even is not None:
            index = even
            self._add_durations(index)
        elif self._is_even(index, at):
            self._count(self.durations, len(index.sizes), self._frame)
            self.end += self._frame * len(index.sizes)
        else:
            at, index = self._following(index, at)
            if not index.sizes:
                return
            self.hold(until=at)
            self._add_durations(index)
        self._add_samples(index, offset)

    def move(self, *, ranges_begin: Sequence[int], moved_to: Sequence[int]) -> None:
        """Tell of samples as they are where ranges of the file, ascending, have been put elsewhere."""
        for place, offset in enumerate(self.chunk_offsets):
            number = bisect_right(ranges_begin, offset) - 1
            self.chunk_offsets[place] = offset - ranges_begin[number] + moved_to[number]

    def hold(self, *, until: int) -> None:
        """Let the last sample last until a time."""
        if until <= self.end or self.is_empty:
            return
        longer, self.end = until - self.end, until
        duration = self.durations[-1]
        self._uncount()
        self._count(self.durations, 1, duration + longer)

    def _is_even(self, index: SegmentIndex, at: int) -> bool:
        """Tell whether frames of sound follow each other without a hole."""
        if not self._frame:
            return False
        slack = self.timescale // _SOUND_SLACK
        early = self.end - at
        return abs(early) <= slack and abs(early + self._frame * len(index.sizes) - sum(index.durations)) <= slack

    def _even_pictures(self, index: SegmentIndex, at: int) -> SegmentIndex | None:
        """Return pictures at an even rate as such, None where they are not.

        Encoders tell times in milliseconds: of thirty in a second no two in three last equally long, and the tables of
        twelve hours are a third larger.
        """
        count, early = len(index.sizes), at - self.end
        slack = self.timescale * _PICTURE_SLACK_MS / 1000
        likely = (self.timescale / rate for rate in _RATES)
        frame = min(likely, key=lambda each: abs(each * count - sum(index.durations)))
        if abs(early) > slack or abs(frame - round(frame)) > _EXACT:
            return None
        frame = round(frame)
        decoded = list(map(sub, index.times(), range(-early, count * frame - early + 1, frame)))
        shown = list(map(add, decoded, index.compositions))
        # Of milliseconds there are few different ones.
        even = {each: round(each / frame) * frame for each in set(shown)}
        if max(decoded) > slack or min(decoded) < -slack or any(abs(each - even[each]) > slack for each in even):
            return None
        compositions = array("i", map(even.__getitem__, shown))
        return replace(index, durations=words([frame] * count), compositions=compositions)

    def _following(self, index: SegmentIndex, at: int) -> tuple[int, SegmentIndex]:
        """Return the samples that do not begin before the end, and when the first of them does."""
        if at >= self.end:
            return at, index
        if self.init.kind is TrackKind.VIDEO:
            # Others need them. The one before lasts less instead, which milliseconds make of times.
            self._cut(until=at)
            return max(at, self.end), index
        times, early = index.times(), self.end - at
        first = next((place for place, time in enumerate(times[:-1]) if time >= early), len(index.sizes))
        return at + times[first], index.sliced(first, len(index.sizes))

    def _cut(self, *, until: int) -> None:
        duration = self.durations[-1]
        shorter = min(self.end - until, duration - 1)
        if shorter > 0:
            self.end -= duration
            self._uncount()
            self._count(self.durations, 1, duration - shorter)
            self.end += duration - shorter

    def _add_durations(self, index: SegmentIndex) -> None:
        for duration, same in groupby(index.durations):
            self._count(self.durations, sum(1 for _ in same), duration)
        self.end += sum(index.durations)

    def _add_samples(self, index: SegmentIndex, offset: int) -> None:
        if self.is_empty:
            self.first_composition = index.compositions[0]
        for composition, same in groupby(index.compositions):
            self._count(self.compositions, sum(1 for _ in same), composition)
        self.has_negative = self.has_negative or min(index.compositions) < 0
        self.box_offsets.append(offset)
        number = len(self.sizes) + 1
        self.key_frames.extend([number + place for place in index.key_frames])
        self.sizes.extend(index.sizes)
        self.chunk_offsets.extend([offset + each for each in index.chunks[::2]])
        self.chunk_counts.extend(index.chunks[1::2])

    def _uncount(self) -> None:
        """Take back what was said of how long the last sample lasts."""
        if self.durations[-2] == 1:
            del self.durations[-2:]
        else:
            self.durations[-2] -= 1

    @staticmethod
    def _count(runs: "array[int]", count: int, value: int) -> None:
        if runs and runs[-1] == value:
            runs[-2] += count
        else:
            runs.extend((count, value))
