"""One viewer's stay: which intervals were delivered, how much of that was watched, and until when they are there."""

from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from analytics.counting.media import Medium
from analytics.counting.quality import ReportedQuality

# How far behind the newest segment delivered twice is known as such; further back somebody watches it again.
_WINDOW = 64
_MASK = (1 << _WINDOW) - 1
# Parts are remembered of so many segments.
_SEGMENTS_IN_PARTS = 8
# A view begins with so much media.
_BEGINS_US = 2_000_000
# Sound belongs to a picture that was delivered so shortly before.
_HEARD_ALONE_MS = 15_000
# What comes so soon after an interval's first delivery, and is the same one, goes with it: half of all lines are sound.
_ALONGSIDE_MS = 200
# Players report every ten seconds, and when something happens: 1.25 times that and a second.
_REPORTED_STAY_MS = 13_500
# No player says which rendition it plays.
_UNTOLD_RENDITION = "unknown"
# All but when it began, which names its row; 0 where there is none.
_TIMES = ("first_ms", "last_ms", "from_ms", "until_ms", "before_from_ms", "before_until_ms", "video_ms")
# While it is paused a view goes on for so long, if its player goes on reporting.
_REPORTS_ALONE_MS = 3_600_000


class _Kept(msgspec.Struct, array_like=True):
    """What counting goes on with after a restart; see `Stay`."""

    number: int
    rendition: str
    first_ms: int
    last_ms: int
    delivered_us: int
    played_us: int
    watched_ms: int
    objects: int
    has_begun: bool
    newest: int
    whole: bytes
    parts: dict[int, tuple[bytes, int]]
    from_ms: int
    until_ms: int
    before_from_ms: int
    before_until_ms: int
    video_ms: int
    reported: ReportedQuality | None = None


@dataclass(slots=True, eq=False)
class Stay:
    """Times in ms since 1970. `number` tells those apart who share an address: 0 for the first."""

    id: UUID
    viewer: bytes
    identity: str
    device: str
    country: str | None
    began_ms: int
    number: int = 0
    rendition: str = ""
    first_ms: int = 0
    last_ms: int = 0
    # Of distinct intervals.
    delivered_us: int = 0
    # Of those, what was played when something came last: as much as time has passed, if there was as much to play.
    played_us: int = 0
    watched_ms: int = 0
    objects: int = 0
    has_begun: bool = False
    # The newest segment, and which of the 64 up to it were delivered: the lowest bit is its own.
    newest: int = -1
    whole: int = 0
    # Its parts that were delivered, as a mask and in microseconds; and those of some segments before it.
    mask: int = 0
    mask_us: int = 0
    parts: dict[int, tuple[int, int]] = field(default_factory=dict)
    # When they were there: the present stretch, and the one before.
    from_ms: int = 0
    until_ms: int = 0
    before_from_ms: int = 0
    before_until_ms: int = 0
    # When a picture was delivered last.
    video_ms: int = 0
    # None where the player reports nothing.
    reported: ReportedQuality | None = None
    is_over: bool = False

    def deliver(self, medium: Medium, at_ms: int) -> int:  # noqa: C901  # Once for each line: calls cost as much.
        """Take in an object, and return by how many ms that is more watched."""
        if medium.bit & self.mask and medium.msn == self.newest and 0 <= at_ms - self.last_ms < _ALONGSIDE_MS:
            if not medium.is_audio:
                self.video_ms, self.rendition = at_ms, medium.slot
            return 0
        if not self.first_ms or (self.number and not self.has_begun and at_ms > self.until_ms):
            self._begin_anew(at_ms)
        if not medium.is_audio:
            self.video_ms, self.rendition = at_ms, medium.slot
        elif at_ms - self.video_ms > _HEARD_ALONE_MS:
            self.rendition = medium.slot
        if at_ms > self.until_ms:
            if self.until_ms:
                self.before_from_ms, self.before_until_ms = self.from_ms, self.until_ms
            self.from_ms = at_ms
        elif at_ms < self.from_ms:
            self.from_ms = at_ms
        if (until_ms := at_ms + medium.stay_ms) > self.until_ms:
            self.until_ms = until_ms
        ahead_us = self.delivered_us - self.played_us
        if (passed_ms := at_ms - self.last_ms) > 0:
            played_us = passed_ms * 1000
            if played_us > ahead_us:
                played_us = ahead_us
            self.played_us += played_us
            self.last_ms = at_ms
            ahead_us -= played_us
        if medium.msn == self.newest and medium.bit:
            # The short way of `_take`, which most go.
            gain_us = 0
            if not (self.mask & medium.bit or self.whole & 1):
                gain_us = medium.duration_us
                self.mask |= medium.bit
                self.mask_us += gain_us
        else:
            gain_us = self._take(medium)
        # Who leaves does so in the middle of what was delivered last, as far as anybody knows.
        unplayed_us = 0
        if gain_us:
            self.delivered_us += gain_us
            self.objects += 1
            if not self.has_begun:
                self.has_begun = self._begins()
            unplayed_us = min(ahead_us + gain_us, medium.duration_us // 2)
        more_ms = (self.played_us + unplayed_us) // 1000 - self.watched_ms
        if more_ms <= 0:
            return 0
        self.watched_ms += more_ms
        return more_ms

    def hear_played(self, at_ms: int) -> int:
        """Count what its player has reported, and return by how many ms that is more watched: as time has passed."""
        reported = self.reported
        if reported is None:
            return 0
        if not self.first_ms:
            self.first_ms, self.rendition = reported.first_ms, _UNTOLD_RENDITION
        if at_ms > self.until_ms:
            self.before_from_ms, self.before_until_ms = self.from_ms, self.until_ms
            self.from_ms = at_ms
        self.until_ms = at_ms + _REPORTED_STAY_MS if reported.is_watching else max(self.from_ms, at_ms)
        self.last_ms = max(self.last_ms, at_ms)
        more_ms = max(0, min(reported.played.sum, at_ms - self.first_ms) - self.watched_ms)
        self.watched_ms += more_ms
        self.has_begun = self.has_begun or self.watched_ms * 1000 >= _BEGINS_US
        return more_ms

    @property
    def heard_of_ms(self) -> int:
        """When something was delivered or reported last."""
        if self.reported is None:
            return self.last_ms
        if not self.has_begun:
            return max(self.last_ms, self.reported.heard_ms)
        return max(self.last_ms, min(self.reported.heard_ms, self.last_ms + _REPORTS_ALONE_MS))

    def _begin_anew(self, at_ms: int) -> None:
        """Count from now on: of one that has not begun, what was long before is nothing."""
        self.first_ms = self.last_ms = self.from_ms = at_ms
        self.delivered_us = self.played_us = self.watched_ms = self.objects = 0

    def _begins(self) -> bool:
        if self.delivered_us < _BEGINS_US or self.number == 0:
            return self.delivered_us >= _BEGINS_US
        # What one viewer behind an address fetches twice now and then, in another quality, makes no second one.
        return self.objects > 1 and self.delivered_us > (self.last_ms - self.first_ms) * 500

    def sees(self, at_ms: int) -> bool:
        """Whether a picture was delivered shortly before."""
        return at_ms - self.video_ms <= _HEARD_ALONE_MS

    def has(self, medium: Medium) -> bool:
        """Whether that interval was delivered, or lies further back than is known."""
        behind = self.newest - medium.msn
        if behind < 0:
            return False
        if behind >= _WINDOW or self.whole >> behind & 1:
            return True
        mask = self._parts_of(medium.msn)[0]
        return bool(mask & medium.bit if medium.bit else mask)

    def is_there(self, at_ms: int) -> bool:
        """Whether they watched at that time, which lies a few seconds back."""
        return self.has_begun and (
            self.from_ms <= at_ms < self.until_ms or self.before_from_ms <= at_ms < self.before_until_ms
        )

    def shift(self, ms: int) -> None:
        """Have what was be so much later, or earlier: the clock was set by that."""
        for name in _TIMES:
            if at_ms := getattr(self, name):
                setattr(self, name, at_ms + ms)
        if self.reported is not None:
            self.reported.shift(ms)

    def forget_intervals(self) -> None:
        """Take what comes now as another track's: who was heard is seen from now on."""
        self.newest, self.whole, self.mask, self.mask_us = -1, 0, 0, 0
        self.parts.clear()

    def keep(self) -> bytes:
        """Return all that `restore` needs beside the row."""
        parts = {msn: (_packed(mask), us) for msn, (mask, us) in self.parts.items()}
        if self.mask:
            parts[self.newest] = (_packed(self.mask), self.mask_us)
        return msgspec.msgpack.encode(
            _Kept(
                self.number,
                self.rendition,
                self.first_ms,
                self.last_ms,
                self.delivered_us,
                self.played_us,
                self.watched_ms,
                self.objects,
                self.has_begun,
                self.newest,
                _packed(self.whole),
                parts,
                self.from_ms,
                self.until_ms,
                self.before_from_ms,
                self.before_until_ms,
                self.video_ms,
                self.reported,
            )
        )

    def restore(self, kept: bytes) -> None:
        """Go on where another process was.

        :raises msgspec.MsgspecError: when that is not what `keep` returned.
        """
        state = msgspec.msgpack.decode(kept, type=_Kept)
        for name in _Kept.__struct_fields__:
            setattr(self, name, getattr(state, name))
        self.whole = int.from_bytes(state.whole)
        self.parts = {msn: (int.from_bytes(mask), us) for msn, (mask, us) in state.parts.items()}
        self.mask, self.mask_us = self.parts.pop(self.newest, (0, 0))

    def _take(self, medium: Medium) -> int:
        """Note the interval, and return how many microseconds of it are new."""
        behind = self.newest - medium.msn
        if behind < 0 or behind >= _WINDOW:
            self._turn_to(medium.msn)
            behind = 0
        elif self.whole >> behind & 1:
            return 0
        mask, counted_us = self._parts_of(medium.msn)
        if not medium.bit:
            self.whole |= 1 << behind
            self._note_parts(medium.msn, 0, 0)
            return max(0, medium.duration_us - counted_us)
        if mask & medium.bit:
            return 0
        self._note_parts(medium.msn, mask | medium.bit, counted_us + medium.duration_us)
        return medium.duration_us

    def _turn_to(self, msn: int) -> None:
        """Have that segment be the newest."""
        ahead = msn - self.newest
        if ahead < 0:
            self.forget_intervals()
        elif self.mask:
            self.parts[self.newest] = (self.mask, self.mask_us)
            self.mask = self.mask_us = 0
            if len(self.parts) > _SEGMENTS_IN_PARTS:
                self._forget_parts()
        self.whole = self.whole << ahead & _MASK if 0 < ahead < _WINDOW else 0
        self.newest = msn

    def _parts_of(self, msn: int) -> tuple[int, int]:
        """Return which of a segment's parts were delivered, and how long those are."""
        return (self.mask, self.mask_us) if msn == self.newest else self.parts.get(msn, (0, 0))

    def _note_parts(self, msn: int, mask: int, us: int) -> None:
        if msn == self.newest:
            self.mask, self.mask_us = mask, us
        elif mask:
            self.parts[msn] = (mask, us)
            if len(self.parts) > _SEGMENTS_IN_PARTS:
                self._forget_parts()
        else:
            self.parts.pop(msn, None)

    def _forget_parts(self) -> None:
        oldest = min(self.parts)
        del self.parts[oldest]
        behind = self.newest - oldest
        if behind < _WINDOW:
            # What is left of it is taken for delivered.
            self.whole |= 1 << behind


def _packed(mask: int) -> bytes:
    return mask.to_bytes(8)
