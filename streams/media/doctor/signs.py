"""What windows say of each kind of fault: a value, or nothing where that cannot be known."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean

from streams.media.doctor.beat import Beat, find_beat
from streams.media.doctor.key_frames import KeyFrames
from streams.media.doctor.kinds import FindingKind
from streams.media.doctor.lines import Heard
from streams.media.doctor.sign import Sign
from streams.media.doctor.sizes import usual_range
from streams.media.doctor.timing import Timing
from streams.media.doctor.windows import TagWindow

# Five windows: ten seconds.
_LATELY = 5
_LEAST_PER_WINDOW, _LEAST_WINDOWS = 5, 3
# For so many windows bitrates hold what came of a screen that stood still: thirty seconds.
_REMEMBERED = 15
_OF_WHAT_CHANGES = frozenset({FindingKind.BITRATE_LOW, FindingKind.BITRATE_SWINGS})
# What the rule of missing sound grades: none since the beginning, and none any more.
_NEVER, _STOPPED = 1.0, 2.0
_SILENCE_S = 2.0
_QUIET_LUFS, _LOUD_LUFS = -30.0, -9.0


class Signs:
    """Reads one window after the other."""

    def __init__(self) -> None:
        self._has_sound = False
        self.begin_connection()

    def begin_connection(self) -> None:
        """Forget what only holds within one connection of an encoder."""
        self._lately: deque[TagWindow] = deque(maxlen=_LATELY)
        self._key_frames = KeyFrames()
        self._timing = Timing()
        self._has_begun = False
        # For so many windows more a bitrate says how much changes in the picture, and nothing of the encoder.
        self._as_needed = 0
        # Arrivals of the newest picture and sound.
        self._picture_ms = self._sound_ms = 0.0

    def read(self, window: TagWindow, heard: Heard) -> dict[FindingKind, Sign]:
        """Return the signs that can be known after a window; one in which nothing came says nothing."""
        if window.is_empty and not (window.broken or window.changes):
            self._timing.break_off()
            return {}
        self._note(window)
        picture = find_beat(
            _together(each.pictures.steps for each in self._lately),
            key_steps=_together(each.pictures.key_steps for each in self._lately),
        )
        sound = find_beat(_together(each.sounds.steps for each in self._lately))
        self._as_needed = _REMEMBERED if picture.is_as_needed else max(0, self._as_needed - 1)
        found = (
            self._of_events(picture.back + sound.back),
            self._of_picture(picture),
            self._of_sound(sound),
            self._timing.signs(),
            _of_filters(heard),
        )
        left_out = _OF_WHAT_CHANGES if self._as_needed else frozenset[FindingKind]()
        return {kind: sign for signs in found for kind, sign in signs if kind not in left_out}

    def _note(self, window: TagWindow) -> None:
        self._lately.append(window)
        if not self._has_begun:
            self._has_begun = True
            self._picture_ms = self._sound_ms = window.began_ms
        if window.pictures:
            self._picture_ms = window.ended_ms
        if window.sounds:
            self._sound_ms, self._has_sound = window.ended_ms, True
        self._key_frames.note(window.pictures)
        self._timing.note(window)

    def _of_events(self, back: int) -> Iterator[tuple[FindingKind, Sign]]:
        yield FindingKind.PARAMETERS_CHANGED, Sign.of(self._lately[-1].changes)
        yield FindingKind.BROKEN_MEDIA, Sign.of(sum(window.broken for window in self._lately))
        yield FindingKind.TIMESTAMPS_BACK, Sign.of(back)

    def _of_picture(self, beat: Beat) -> Iterator[tuple[FindingKind, Sign]]:
        window = self._lately[-1]
        yield FindingKind.NO_VIDEO, Sign.of((window.ended_ms - self._picture_ms) / 1000)
        if not window.pictures:
            return
        yield from self._key_frames.signs()
        waits_ms = window.pictures.composition_ms
        yield FindingKind.B_FRAMES, Sign.of(max(waits_ms) - min(waits_ms))
        if beat.expected:
            yield FindingKind.FRAMES_MISSING, Sign.of(round(beat.missing * 100 / beat.expected, 2))
        yield from self._of_bitrate(lines=window.lines, fps=1000 / beat.frame_ms if beat.frame_ms else 0.0)

    def _of_bitrate(self, *, lines: int, fps: float) -> Iterator[tuple[FindingKind, Sign]]:
        usual = usual_range(lines=lines, fps=fps)
        # Of fewer windows a key frame more or less makes too much.
        if usual is None or len(self._lately) < _LEAST_WINDOWS:
            return
        span_ms = self._lately[-1].ended_ms - self._lately[0].began_ms
        kbps = round(sum(sum(window.pictures.sizes) for window in self._lately) * 8 / span_ms)
        yield FindingKind.BITRATE_HIGH, Sign(kbps, kbps / usual.most, str(usual))
        yield FindingKind.BITRATE_LOW, Sign(kbps, usual.least / max(kbps, 1), str(usual))

    def _of_sound(self, beat: Beat) -> Iterator[tuple[FindingKind, Sign]]:
        window = self._lately[-1]
        missing_s = (window.ended_ms - self._sound_ms) / 1000
        if not window.sounds:
            if missing_s >= _SILENCE_S and window.pictures:
                yield FindingKind.AUDIO_MISSING, Sign(missing_s, _STOPPED if self._has_sound else _NEVER)
            return
        yield FindingKind.AUDIO_MISSING, Sign(0.0, 0.0)
        if beat.expected:
            yield FindingKind.AUDIO_GAPS, Sign.of(beat.missing)
        if min(len(window.sounds), len(window.pictures)) >= _LEAST_PER_WINDOW:
            skew_ms = round(fmean(window.sounds.lates_ms) - fmean(window.pictures.lates_ms))
            yield FindingKind.AV_SKEW, Sign(skew_ms, abs(skew_ms))


def _together(counted: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Return how often each occurs in all of them; a sum of `Counter`s says the same and takes three times as long."""
    total: dict[int, int] = {}
    for counts in counted:
        for each, count in counts.items():
            total[each] = total.get(each, 0) + count
    return total


def _of_filters(heard: Heard) -> Iterator[tuple[FindingKind, Sign]]:
    for kind, lasted_s in (
        (FindingKind.BLACK, heard.black_s),
        (FindingKind.FROZEN, heard.frozen_s),
        (FindingKind.AUDIO_SILENT, heard.silent_s),
    ):
        if lasted_s is not None:
            yield kind, Sign.of(lasted_s)
    if heard.peak_dbfs is not None:
        yield FindingKind.AUDIO_CLIPPING, Sign.of(heard.peak_dbfs)
    if heard.loudness_lufs is not None:
        lufs = heard.loudness_lufs
        outside = max(_QUIET_LUFS - lufs, lufs - _LOUD_LUFS)
        # The edge itself is still good, and any step beyond it is the first one.
        yield FindingKind.LOUDNESS, Sign(lufs, outside + 1 if outside > 0 else 0.0)
