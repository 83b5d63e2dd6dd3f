"""What came in two seconds, by the time at which it came; cheap for each tag: a broadcast has two hundred a second."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import sub

from streams.media.flv import Tag, TagType

WINDOW_MS = 2_000
# Ten times what encoders send; what is more is refused elsewhere.
_MOST_TAGS = 4_096
# A composition time beyond that is nonsense, and so is a picture that is shorter than its own header.
_LONGEST_COMPOSITION_MS = 10_000
_LEAST_PICTURE = 6
# What stands in front of the first unit of a picture, and of its length.
_UNIT_AT, _LENGTH_SIZE = 5, 4

# When it is decoded and how long after that it is shown, its size, whether it is a key frame, and when it came.
_Row = tuple[int, int, int, bool, float]


@dataclass(frozen=True)
class WindowTrack:
    """The pictures or sounds of a window, a list for each of their values; all in milliseconds, sizes in bytes.

    `lates_ms` is when each came, by our clock, less when it is decoded, by the encoder's.
    """

    decoded_ms: Sequence[int] = ()
    composition_ms: Sequence[int] = ()
    sizes: Sequence[int] = ()
    are_key_frames: Sequence[bool] = ()
    lates_ms: Sequence[float] = ()
    # How often each step from one to the next occurs; the first one counts from the window before.
    steps: Counter[int] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.decoded_ms)


_NOTHING = WindowTrack()


@dataclass(frozen=True)
class TagWindow:
    """Times of arrival are a steady clock's milliseconds."""

    began_ms: float
    ended_ms: float
    pictures: WindowTrack = _NOTHING
    sounds: WindowTrack = _NOTHING
    # Tags that make no sense.
    broken: int = 0
    # How often the encoder announced something else than before.
    changes: int = 0
    # We did not read in time, so when it came says nothing of the encoder.
    was_held_up: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.pictures and not self.sounds


class TagWindows:
    """Takes in every tag of one connection after the other, and hands out windows that are over."""

    def __init__(self) -> None:
        self._pictures: list[_Row] = []
        self._sounds: list[_Row] = []
        # The newest of each track.
        self._picture_ms: int | None = None
        self._sound_ms: int | None = None
        self._broken = self._changes = 0
        self._was_held_up = False
        # By type.
        self._announced: dict[int, bytes] = {}
        self._began_ms: float | None = None
        # The first tag begins the first window.
        self.ends_ms = 0.0

    def note(self, tag: Tag, arrived_ms: float) -> None:
        """Take in the next tag, whatever it is."""
        kind, at_ms, size, is_key_frame, announced, composition_ms, is_media, body = tag
        if announced:
            self._announce(tag)
        elif not is_media:
            return
        elif kind == TagType.VIDEO:
            first = int.from_bytes(body[_UNIT_AT : _UNIT_AT + _LENGTH_SIZE]) if is_key_frame and body else 1
            if size < _LEAST_PICTURE or not 0 < first < size or abs(composition_ms) > _LONGEST_COMPOSITION_MS:
                self._broken += 1
            else:
                self._pictures.append((at_ms, composition_ms, size, is_key_frame, arrived_ms))
        elif kind == TagType.AUDIO and size:
            self._sounds.append((at_ms, 0, size, False, arrived_ms))
        elif kind != TagType.SCRIPT:
            self._broken += 1

    @property
    def has_begun(self) -> bool:
        """A tag has come."""
        return self._began_ms is not None

    def hold_up(self) -> None:
        """Say that tags may have waited for us."""
        self._was_held_up = True

    def begin_connection(self) -> None:
        """Forget what was announced, and how far its clock was: another connection has its own."""
        self._announced.clear()
        self._picture_ms = self._sound_ms = None
        self._pictures, self._sounds = [], []

    def close(self, now_ms: float) -> TagWindow | None:
        """Return what came since the last window, and begin another one; None before the first tag."""
        began_ms, self._began_ms = self._began_ms, now_ms
        self.ends_ms = now_ms + WINDOW_MS if began_ms is None else max(self.ends_ms, now_ms - WINDOW_MS) + WINDOW_MS
        if began_ms is None:
            return None
        pictures = _track(self._pictures[:_MOST_TAGS], after_ms=self._picture_ms)
        sounds = _track(self._sounds[:_MOST_TAGS], after_ms=self._sound_ms)
        window = TagWindow(began_ms, now_ms, pictures, sounds, self._broken, self._changes, self._was_held_up)
        self._picture_ms = pictures.decoded_ms[-1] if pictures else self._picture_ms
        self._sound_ms = sounds.decoded_ms[-1] if sounds else self._sound_ms
        self._pictures, self._sounds, self._broken, self._changes, self._was_held_up = [], [], 0, 0, False
        return window

    def _announce(self, tag: Tag) -> None:
        before = self._announced.get(tag.type)
        self._announced[tag.type] = tag.announced
        self._changes += before is not None and before != tag.announced


def _track(rows: list[_Row], *, after_ms: int | None) -> WindowTrack:
    if not rows:
        return _NOTHING
    decoded_ms, composition_ms, sizes, are_key_frames, arrived_ms = zip(*rows, strict=True)
    before_ms = decoded_ms if after_ms is None else (after_ms, *decoded_ms)
    steps = Counter(map(sub, before_ms[1:], before_ms))
    return WindowTrack(decoded_ms, composition_ms, sizes, are_key_frames, list(map(sub, arrived_ms, decoded_ms)), steps)
