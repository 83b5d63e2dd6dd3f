"""Sessions as a packager could have journalled them, made up by chance from a seed."""

from collections.abc import Iterator
from random import Random

from streams.media.journal import (
    Dropped,
    Ended,
    Entry,
    Opened,
    PartMade,
    Record,
    RunBegan,
    SegmentClosed,
    SlotBegan,
)

PART_TARGET_US = 300_000
TARGET_S = 4
SLOTS = ("v0", "v1", "a0")


class History:
    """One session: each step is what its packager writes at once."""

    def __init__(
        self, seed: int, *, has_parts: bool = True, dvr_window_s: int = 60, changes_epochs: bool = True
    ) -> None:
        self._random = Random(seed)  # noqa: S311  # Repeatable.
        self._part_target_us = PART_TARGET_US if has_parts else 0
        self._dvr_window_s = dvr_window_s
        self._changes_epochs = changes_epochs
        self._epoch = 1
        self._run = 0
        self._at_us = 1_790_000_000_000_000
        self._msn = {slot: self._random.randrange(3) for slot in SLOTS}
        self._parts: dict[str, list[PartMade]] = {slot: [] for slot in SLOTS}
        self._kept = {slot: list[SegmentClosed]() for slot in SLOTS}

    def steps(self, count: int, *, ends: bool = True) -> Iterator[list[Entry]]:
        """Return them, from the beginning."""
        yield self._entries([self._opened(after_epoch=0), *self._run_began()])
        for _ in range(count):
            yield from self._one()
        if ends:
            yield self._entries([*self._closed_all(), Ended()])

    def _one(self) -> Iterator[list[Entry]]:
        chance = self._random.random()
        if chance < 0.01:
            closed = self._closed_all()
            self._run += 1
            yield self._entries([*closed, *self._run_began()])
        elif chance < 0.02 and self._changes_epochs:
            yield self._other_epoch()
        duration_us = self._random.randrange(255_000, PART_TARGET_US + 1)
        closes = self._random.random() < 0.15
        for slot in SLOTS:
            yield self._entries(self._step(slot, duration_us=duration_us, closes=closes))
        self._at_us += duration_us

    def _other_epoch(self) -> list[Entry]:
        """Somebody else goes on: with all segments closed, or after a death without."""
        lives = self._random.random() < 0.5
        self._epoch += 1
        self._run += 1
        closed: list[Record] = self._closed_all() if lives else []
        for slot in SLOTS:
            # What has been seen of a segment has its number.
            self._msn[slot] += bool(self._parts[slot] and self._part_target_us)
            self._parts[slot] = []
        return self._entries([self._opened(after_epoch=self._epoch - 1), *closed, *self._run_began()])

    def _step(self, slot: str, *, duration_us: int, closes: bool) -> list[Record]:
        written: list[Record] = []
        parts = self._parts[slot]
        length_us = sum(part.duration_us for part in parts)
        if parts and (closes or length_us + duration_us > (TARGET_S + 0.4) * 1_000_000):
            written += [self._closed(slot), *self._dropped(slot)]
            parts = self._parts[slot]
        independent = int(not parts or slot == "a0")
        part = PartMade(
            slot, self._msn[slot], len(parts), self._at_us // 1000, duration_us, independent, duration_us // 10
        )
        parts.append(part)
        return [*written, part] if self._part_target_us else written

    def _closed(self, slot: str) -> SegmentClosed:
        parts, self._parts[slot] = self._parts[slot], []
        duration_us, size = sum(part.duration_us for part in parts), sum(part.size for part in parts)
        key_size = 0 if slot == "a0" else size // 10
        closed = SegmentClosed(slot, self._msn[slot], parts[0].at_ms, duration_us, size, key_size)
        self._kept[slot].append(closed)
        self._msn[slot] += 1
        return closed

    def _closed_all(self) -> list[Record]:
        return [self._closed(slot) for slot in SLOTS if self._parts[slot]]

    def _dropped(self, slot: str) -> list[Record]:
        """As the packager does: twice as long as it is listed."""
        kept, window_us = self._kept[slot], 2 * max(self._dvr_window_s, 6 * TARGET_S) * 1_000_000
        while sum(segment.duration_us for segment in kept[1:]) > window_us:
            kept.pop(0)
        return [Dropped(slot, kept[0].msn)] if self._random.random() < 0.3 else []

    def _opened(self, *, after_epoch: int) -> Opened:
        return Opened(self._epoch, self._part_target_us, TARGET_S, self._dvr_window_s, after_epoch, 0)

    def _run_began(self) -> list[Record]:
        """A run is written down with a part of each slot; playlists are looked at between, so not all of it is."""
        slots = [SlotBegan(slot, "avc1.64001f", 1280, 720, 30_000) for slot in SLOTS if slot != "a0"]
        return [RunBegan(self._run, 0), *slots, SlotBegan("a0", "mp4a.40.2", 0, 0, 0)]

    def _entries(self, records: list[Record]) -> list[Entry]:
        return [Entry(self._epoch, record) for record in records]
