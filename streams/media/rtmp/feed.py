"""A broadcast as it goes to other platforms: pictures and sound in the order of their times, from the packager's files.

Reading files keeps all of it out of the way that viewers' pictures take, and what is read is what viewers see: the
slate while an encoder is away, one stream over many connections and workers.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from streams.media.journal import Ended, Entry, JournalError, Opened, Reader, RunBegan, SlotBegan
from streams.media.rtmp.media import Frame
from streams.media.rtmp.slot_feed import SlotFeed

logger = logging.getLogger(__name__)

# How long one track waits for the other before it goes on alone.
_LONGEST_WAIT_MS = 3000
# A group of pictures that is larger is not kept for who comes: they wait for the next one.
_LARGEST_GROUP = 8 << 20
# Of sound, for a rendition that somebody wants later.
_HEARD_MS = 10_000
# Nobody has taken a rendition, nor asked for it, for so long.
_UNUSED_S = 30.0
# After so long without a frame nobody is connected to only to be shown the last group again.
_FRESH_S = 10.0
_SOUND = "a0"


class SentRendition:
    """What targets of one rendition get; `recent` is everything since the newest key frame."""

    def __init__(self, slot: str, heard: Iterable[Frame]) -> None:
        """`heard` is the sound of the last seconds."""
        self.slot = slot
        self.asked_at_s = 0.0
        self.recent: list[Frame] = []
        self.takers: set[Callable[[list[Frame]], None]] = set()
        self._recent_size = 0
        self._held: tuple[deque[Frame], deque[Frame]] = (deque(), deque(heard))
        self._put_at_s = 0.0

    @property
    def is_unused(self) -> bool:
        return not self.takers and time.monotonic() - self.asked_at_s > _UNUSED_S

    @property
    def is_fresh(self) -> bool:
        """Somebody who connects now has something to show."""
        return bool(self.recent) and time.monotonic() - self._put_at_s < _FRESH_S

    def take(self, pictures: Iterable[Frame], sounds: Iterable[Frame], *, has_sound: bool, is_over: bool) -> None:
        """Hand on what can be put in order by now."""
        for held, frames in zip(self._held, (pictures, sounds), strict=True):
            held.extend(frames)
        ready = self._ready(has_sound=has_sound, is_over=is_over)
        self._keep(ready)
        if ready and self.recent:
            self._put_at_s = time.monotonic()
            for taker in tuple(self.takers):
                taker(ready)

    def _ready(self, *, has_sound: bool, is_over: bool) -> list[Frame]:
        pictures, sounds = self._held
        newest = [held[-1].at_ms for held in self._held if held]
        if not newest:
            return []
        until_ms = max(newest)
        if has_sound and not is_over:
            until_ms = min(newest) if len(newest) == len(self._held) else until_ms - _LONGEST_WAIT_MS
            until_ms = max(until_ms, max(newest) - _LONGEST_WAIT_MS)
        ready = []
        while pictures or sounds:
            # Of the same time, the picture first: a group begins with it.
            first = pictures if pictures and (not sounds or pictures[0].at_ms <= sounds[0].at_ms) else sounds
            if first[0].at_ms > until_ms:
                break
            ready.append(first.popleft())
        return ready

    def _keep(self, frames: list[Frame]) -> None:
        for frame in frames:
            if frame.is_picture and frame.is_key_frame:
                self.recent, self._recent_size = [frame], len(frame.body)
            elif self.recent:
                self.recent.append(frame)
                self._recent_size += len(frame.body)
        if self._recent_size > _LARGEST_GROUP:
            self.recent, self._recent_size = [], 0


class Feed:
    """Reads a session's folder; `read` is called about every tenth of a second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reader = Reader(folder, leaves_old_parts_out=True)
        self._rebased_ms: dict[int, int] = {}
        self._slots: dict[str, SlotFeed] = {}
        self._renditions: dict[str, SentRendition] = {}
        self._heard: deque[Frame] = deque()
        # Of each epoch, the run that is told of.
        self._run = 0
        self.is_over = self._is_unreadable = False

    def rendition(self, *, most_lines: int) -> SentRendition | None:
        """Return the best rendition of at most so many lines, or else the smallest; 0 for the best there is.

        None while there is nothing to send.
        """
        heights = {name: slot.height for name, slot in self._slots.items() if name[0] == "v" and slot.is_present}
        if not heights:
            return None
        fitting = [name for name, height in heights.items() if not most_lines or height <= most_lines]
        best = max(fitting, key=heights.__getitem__) if fitting else min(heights, key=heights.__getitem__)
        if best not in self._renditions:
            self._renditions[best] = SentRendition(best, self._heard)
        rendition = self._renditions[best]
        rendition.asked_at_s = time.monotonic()
        return rendition

    def read(self) -> None:
        """Hand on everything that came since the last time."""
        if self.is_over:
            return
        try:
            is_anew, entries = self._reader.read()
        except (OSError, JournalError):
            if not self._is_unreadable:
                logger.warning("the journal cannot be read", exc_info=True)
            self._is_unreadable = True
            return
        self._is_unreadable = False
        if is_anew:
            for slot in self._slots.values():
                slot.forget()
        for entry in entries:
            self._take(entry, is_anew=is_anew)
        self._hand_on()

    def _take(self, entry: Entry, *, is_anew: bool) -> None:
        record = entry.record
        if isinstance(record, Opened):
            for slot in self._slots.values():
                slot.is_present = False
        elif isinstance(record, RunBegan):
            self._run = record.number
        elif isinstance(record, Ended):
            self.is_over = True
        elif isinstance(record, SlotBegan):
            self._slot(record.slot).begin(entry.epoch, self._run, record)
        elif (name := getattr(record, "slot", "")) in self._slots:
            self._slots[name].take(entry, is_wanted=self._is_wanted(name) and not is_anew)

    def _slot(self, name: str) -> SlotFeed:
        if name not in self._slots:
            self._slots[name] = SlotFeed(self._folder / name, rebased_ms=self._rebased_ms)
        return self._slots[name]

    def _is_wanted(self, name: str) -> bool:
        return bool(self._renditions) if name == _SOUND else name in self._renditions

    def _hand_on(self) -> None:
        self._renditions = {name: found for name, found in self._renditions.items() if not found.is_unused}
        if not self._renditions:
            self._heard.clear()
            return
        pictures = {name: self._slots[name].read() for name in self._renditions}
        sound = self._slots.get(_SOUND)
        sounds = sound.read() if sound is not None else []
        self._heard.extend(sounds)
        while self._heard and self._heard[-1].at_ms - self._heard[0].at_ms > _HEARD_MS:
            self._heard.popleft()
        has_sound = sound is not None and sound.is_present
        for name, rendition in self._renditions.items():
            rendition.take(pictures[name], sounds, has_sound=has_sound, is_over=self.is_over)
