"""What came in two seconds, by the time at which it came; cheap for each tag: a broadcast has two hundred a second."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import sub

from streams.media.avc import find_picture_size
from streams.media.flv import Tag, TagType

WINDOW_MS = 2_000
# Ten times what encoders send; what is more is refused elsewhere.
_MOST_TAGS = 4_096
# A composition time beyond that is nonsense, and so is a picture that is shorter than its own header.
_LONGEST_COMPOSITION_MS = 10_000
_LEAST_PICTURE = 6
# What stands in front of the first unit of a picture, and of its length.
_UNIT_AT, _LENGTH_SIZE = 5, 4
# Members of an enumeration are looked up slowly, and there is one to look up for every tag.
_VIDEO, _AUDIO, _SCRIPT = map(int, (TagType.VIDEO, TagType.AUDIO, TagType.SCRIPT))

# When it is decoded and when it came; of a picture also how long after that it is shown, its size, and whether it is a
# key frame.
_Sound = tuple[int, float]
_Picture = tuple[int, float, int, int, bool]


@dataclass(frozen=True)
class WindowTrack:
    """The pictures or sounds of a window, a list for each of their values; all in milliseconds, sizes in bytes.

    `lates_ms` is when each came, by our clock, less when it is decoded, by the encoder's.
    """

    decoded_ms: Sequence[int] = ()
    lates_ms: Sequence[float] = ()
    # How often each step from one to the next occurs; the first one counts from the window before.
    steps: Counter[int] = field(default_factory=Counter)
    # Of pictures alone; `key_steps` are those to key frames.
    key_steps: Counter[int] = field(default_factory=Counter)
    composition_ms: Sequence[int] = ()
    sizes: Sequence[int] = ()
    are_key_frames: Sequence[bool] = ()

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
    # The short side of the picture that is announced, in pixels; 0 while that is not known.
    lines: int = 0
    # We did not read in time, so when it came says nothing of the encoder.
    was_held_up: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.pictures and not self.sounds


class TagWindows:
    """Takes in every tag of one connection after the other, and hands out windows that are over."""

    def __init__(self) -> None:
        self._pictures: list[_Picture] = []
        self._sounds: list[_Sound] = []
        # The newest of each track.
        self._picture_ms: int | None = None
        self._sound_ms: int | None = None
        self._broken = self._changes = 0
        self._was_held_up = False
        # By type.
        self._announced: dict[int, bytes] = {}
        self._lines = 0
        self._began_ms: float | None = None
        # The first tag begins the first window.
        self.ends_ms = 0.0

    def note(self, tags: Iterable[Tag], arrived_ms: float) -> None:
        """Take in the next tags, whatever they are; all came at once."""
        for tag in tags:
            kind, at_ms, size, is_key_frame, announced, composition_ms, is_media, _ = tag
            if not is_media:
                if announced:
                    self._announce(tag)
            elif kind == _AUDIO and size:
                self._sounds.append((at_ms, arrived_ms))
            elif (
                kind == _VIDEO
                and size >= _LEAST_PICTURE
                and -_LONGEST_COMPOSITION_MS <= composition_ms <= _LONGEST_COMPOSITION_MS
                and not (is_key_frame and _is_cut_off(tag))
            ):
                self._pictures.append((at_ms, arrived_ms, composition_ms, size, is_key_frame))
            elif kind != _SCRIPT:
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
        window = TagWindow(
            began_ms, now_ms, pictures, sounds, self._broken, self._changes, self._lines, self._was_held_up
        )
        self._picture_ms = pictures.decoded_ms[-1] if pictures else self._picture_ms
        self._sound_ms = sounds.decoded_ms[-1] if sounds else self._sound_ms
        self._pictures, self._sounds, self._broken, self._changes, self._was_held_up = [], [], 0, 0, False
        return window

    def _announce(self, tag: Tag) -> None:
        before = self._announced.get(tag.type)
        self._announced[tag.type] = tag.announced
        self._changes += before is not None and before != tag.announced
        if tag.type == TagType.VIDEO and before != tag.announced:
            size = find_picture_size(tag.record)
            self._lines = min(size.width, size.height) if size is not None else 0


def _is_cut_off(tag: Tag) -> bool:
    """Say of a key frame that its first unit is longer than itself; of one without a body nothing is known."""
    first = int.from_bytes(tag.body[_UNIT_AT : _UNIT_AT + _LENGTH_SIZE])
    return bool(tag.body) and not 0 < first < tag.size


def _track(rows: Sequence[_Sound] | Sequence[_Picture], *, after_ms: int | None) -> WindowTrack:
    if not rows:
        return _NOTHING
    decoded_ms, arrived_ms, *rest = zip(*rows, strict=True)
    before_ms = decoded_ms if after_ms is None else (after_ms, *decoded_ms)
    steps = list(map(sub, before_ms[1:], before_ms))
    lates_ms = list(map(sub, arrived_ms, decoded_ms))
    if not rest:
        return WindowTrack(decoded_ms, lates_ms, Counter(steps))
    are_key_frames = rest[-1]
    key_steps = Counter(compress(steps, are_key_frames[-len(steps) :])) if steps else Counter[int]()
    return WindowTrack(decoded_ms, lates_ms, Counter(steps), key_steps, *rest)
