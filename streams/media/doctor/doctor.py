"""The doctor of one run: takes in what its encoders send, and says what is wrong with it."""

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.media.doctor.judgement import IngestFault, Judgement
from streams.media.doctor.kinds import FindingKind
from streams.media.doctor.lines import FilterLines, Heard
from streams.media.doctor.signs import Signs
from streams.media.doctor.windows import TagWindows
from streams.media.flv import Tag

logger = logging.getLogger(__name__)


class Reading(NamedTuple):
    """A value that was measured, and when, by the clock of arrivals."""

    value: float
    at_ms: float


@dataclass(frozen=True)
class Diagnosis:
    """What holds now, the worst first, and what was measured last of each kind; `at_ms` is when that was looked at."""

    at_ms: float
    findings: tuple[IngestFault, ...] = ()
    readings: Mapping[FindingKind, Reading] = field(default_factory=dict)


class Doctor:
    """Times are milliseconds of a steady clock. Tags come from one thread, lines from another, a third one asks."""

    def __init__(self, *, is_low: bool, known: tuple[IngestFault, ...] = ()) -> None:
        """`known` is what an earlier run has found, and this one has to see mended."""
        self._lock = threading.Lock()
        self._collector = TagWindows()
        self._signs = Signs()
        self._judgement = Judgement(is_low=is_low, known=known)
        self._picture, self._sound = FilterLines(), FilterLines()
        self._readings: dict[FindingKind, Reading] = {}

    def note(self, tags: Iterable[Tag], arrived_ms: float) -> None:
        """Take in the next tags of the present connection, which came at once."""
        with self._lock:
            if arrived_ms >= self._collector.ends_ms:
                self._close(arrived_ms)
            self._collector.note(tags, arrived_ms)

    def hold_up(self) -> None:
        """Say that we did not read for a while, so that nobody is blamed for it."""
        with self._lock:
            self._collector.hold_up()

    def begin_connection(self) -> None:
        """Say that another connection follows."""
        with self._lock:
            self._collector.begin_connection()
            self._signs.begin_connection()

    def hear_picture(self, piece: bytes) -> None:
        """Take in what the filters of the picture print."""
        with self._lock:
            self._picture.feed(piece)

    def hear_sound(self, piece: bytes) -> None:
        """Take in what the filters of the sound print."""
        with self._lock:
            self._sound.feed(piece)

    def cover_ears(self) -> None:
        """Say that what the filters saw until now was not the encoder's: a slate, or its last picture."""
        with self._lock:
            self._picture.forget()
            self._sound.forget()

    def examine(self, *, now_ms: float, is_last: bool = False) -> Diagnosis:
        """Return what holds by now; `is_last` judges by what came since the last window, too."""
        with self._lock:
            if self._collector.has_begun and (is_last or now_ms >= self._collector.ends_ms):
                self._close(now_ms)
            return Diagnosis(now_ms, self._judgement.findings, dict(self._readings))

    def _close(self, now_ms: float) -> None:
        window = self._collector.close(now_ms)
        if window is None:
            return
        try:
            signs = self._signs.read(window, self.heard())
        except Exception:
            # Whatever it is that comes: a broadcast is no worse for not being looked at.
            logger.exception("what came could not be looked at")
            self._signs = Signs()
            return
        for kind, sign in signs.items():
            self._readings[kind] = Reading(sign.value, window.ended_ms)
        self._judgement.take(signs, began_ms=window.began_ms)

    def heard(self) -> Heard:
        """Return what the filters say now; the peak is that since the last time."""
        return Heard(
            black_s=self._picture.lasted_s("black"),
            frozen_s=self._picture.lasted_s("frozen"),
            silent_s=self._sound.lasted_s("silent"),
            peak_dbfs=self._sound.take_peak(),
            loudness_lufs=self._sound.loudness_lufs,
        )
