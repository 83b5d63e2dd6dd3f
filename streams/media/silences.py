"""When an encoder is connected and sends nothing, and how often that is told: a network may flap for hours.

Times are milliseconds of any clock that does not jump.
"""

from dataclasses import dataclass

# One beginning and one end at most in so long; what comes in between is counted.
_TOLD_EVERY_MS = 10_000


@dataclass(frozen=True)
class SilenceBegan:
    """Nothing comes, so viewers see something else."""


@dataclass(frozen=True)
class SilenceEnded:
    """The picture is in the stream again: after how long, in how many silences since the last that was told."""

    silent_s: float
    count: int


class Silences:
    """Notes the silences of one connection after the other."""

    def __init__(self) -> None:
        self._began_at: float | None = None
        # How long those were that are over and have not been told of.
        self._over_ms: list[float] = []
        self._is_told = False
        self._told_at: float | None = None

    def begin(self, *, at_ms: float) -> None:
        """Note when something came for the last time."""
        self._began_at = at_ms

    def end(self, *, at_ms: float) -> None:
        """Note that the picture is there; nothing where there was no silence."""
        if self._began_at is not None:
            self._over_ms.append(at_ms - self._began_at)
            self._began_at = None

    def leave(self) -> None:
        """Forget what has no end: the encoder is gone."""
        self._began_at, self._over_ms, self._is_told = None, [], False

    def take_news(self, *, now_ms: float) -> list[SilenceBegan | SilenceEnded]:
        """Return what is to be told now; an end follows each beginning, unless the encoder leaves."""
        news: list[SilenceBegan | SilenceEnded] = []
        is_time = self._told_at is None or now_ms - self._told_at >= _TOLD_EVERY_MS
        if not self._is_told and is_time and (self._began_at is not None or self._over_ms):
            self._is_told, self._told_at = True, now_ms
            news.append(SilenceBegan())
        if self._is_told and self._began_at is None:
            news.append(SilenceEnded(sum(self._over_ms) / 1000, len(self._over_ms)))
            self._is_told, self._over_ms = False, []
        return news
