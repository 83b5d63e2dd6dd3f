"""Counting who watches through this machine's edge, from what its nginx has delivered.

It may be killed anywhere: what was counted and how far the log is counted are written in one transaction, and what is
not is counted again.
"""

import logging
import re
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from analytics.books import BatchRefusedError, Books, BooksAwayError
from analytics.counting.batch import Position, Watching, WatchingNow
from analytics.counting.counter import ViewCounter
from analytics.counting.identity import Salts
from analytics.media_log import MediaLog
from analytics.object_lengths import ObjectLengths
from livehub.core import clock
from livehub.heartbeat import beat_once
from streams.livestreams.addresses import PLAYLIST_NAME

logger = logging.getLogger(__name__)

_TICK_S = 0.2
# nginx writes a line after a second at the latest, and it is read a tick later.
LAG_MS = 1500
# Who watches now is looked at so often, and told when it has changed, or nothing was told for a second.
_NOW_S, _NOW_TOLD_S = 0.4, 1.0
_EXPIRE_S, _FORGET_S = 5.0, 1.0
# A batch is written after a second; where that takes long, less often, so that a twentieth of the time goes there.
_BATCH_S, _BATCH_LATEST_S, _BATCH_SHARE = 1.0, 10.0, 20
# Of one tick: others have their turn, too.
_PIECES = 16
_AGAIN_S = 1.0
_CHANGES_AT_MOST = 20_000
# Clocks that are adjusted bit by bit go by less; a second or so may pass between two looks at one.
_CLOCK_SET_MS = 3000
# A rendition of a session, which has a folder of its own.
_LISTED = re.compile(rb"^([0-9a-f]{16})/", re.MULTILINE)


class Collector:
    """One edge's; `run` returns when `stop` was called.

    `country_of` knows addresses, None where it does not; `counts_reports`: see `ViewCounter`.
    """

    def __init__(
        self,
        books: Books,
        *,
        log_path: Path,
        pid_path: Path,
        playback_dir: Path,
        edge: str,
        country_of: Callable[[str], str | None],
        counts_reports: bool = False,
    ) -> None:
        self._books = books
        self._edge = edge
        self._country_of = country_of
        self._counts_reports = counts_reports
        self._log = MediaLog(log_path, pid_path=pid_path)
        self._lengths = ObjectLengths(playback_dir)
        self._playback_dir = playback_dir
        self._counter: ViewCounter | None = None
        self._written = Position()
        self._is_stopped = False
        # What could not be done the last time.
        self._away: set[str] = set()
        self._batch_s = _BATCH_S
        self._batch_due = self._now_due = self._expire_due = self._open_due = self._forget_due = 0.0
        self._told: list[Watching] = []
        self._told_s = 0.0
        self._salts_of: date | None = None
        self._torn = 0
        # By how much the clock is ahead of one that nobody sets.
        self._clock_ahead_ms = _now_ms() - _steady_ms()

    def stop(self) -> None:
        self._is_stopped = True

    def run(self) -> None:
        while not self._is_stopped:
            beat_once()
            self.turn()
            time.sleep(_TICK_S)
        if self._counter is not None:
            self._surely(self._write)
        if self._counter is not None:
            self._surely(self._leave)

    def turn(self) -> None:
        """Do what is due."""
        now_s = time.monotonic()
        self._log.rotate()
        if now_s >= self._forget_due:
            self._forget_due = now_s + _FORGET_S
            self._forget()
        if self._counter is None:
            if now_s < self._open_due:
                return
            self._open_due = now_s + _AGAIN_S
            self._surely(self._open)
            if self._counter is None:
                return
        self._follow_clock(self._counter)
        is_behind = self._read(self._counter)
        if now_s >= self._expire_due:
            self._expire_due = now_s + _EXPIRE_S
            # Of what still waits to be read, nobody is gone for having waited with it.
            self._counter.expire(min(_now_ms(), self._counter.counted_until_ms) if is_behind else _now_ms())
        if now_s >= self._batch_due:
            self._surely(self._renew_salts)
            self._surely(self._write)
            self._batch_due = time.monotonic() + self._batch_s
        if now_s >= self._now_due and not is_behind and self._counter is not None:
            self._surely(self._tell_now)
            self._now_due = now_s + _NOW_S

    def _read(self, counter: ViewCounter) -> bool:
        """Count what is there by now, and return whether there is more."""
        for _ in range(_PIECES):
            if counter.changes >= _CHANGES_AT_MOST:
                # What has come together is as much as one statement can write in its time, and a hub takes at once:
                # more would never be written. The rest waits in the log.
                if "write" not in self._away:
                    self._batch_due = 0.0
                return True
            lines = self._log.read()
            if not lines:
                break
            counter.feed(lines, now_ms=_now_ms())
            beat_once()
        if self._log.torn > self._torn:
            counter.reject("torn", self._log.torn - self._torn)
            self._torn = self._log.torn
        return bool(lines)

    def _follow_clock(self, counter: ViewCounter) -> None:
        """Have what was be as long ago as before, where the clock was set: nobody comes or goes by that."""
        ahead_ms = _now_ms() - _steady_ms()
        set_ms, self._clock_ahead_ms = ahead_ms - self._clock_ahead_ms, ahead_ms
        if abs(set_ms) >= _CLOCK_SET_MS:
            logger.warning("the clock was set by %.1f s", set_ms / 1000)
            counter.shift(set_ms)

    def _open(self) -> None:
        opened = self._books.open_log(self._edge)
        counter = ViewCounter(
            salts=Salts(opened.salts),
            measure=self._lengths.measure,
            country_of=self._country_of,
            is_there=self._has_session,
            newest=self._newest_session,
            counts_reports=self._counts_reports,
        )
        counter.restore(opened.views)
        if lost := len(opened.views) - len(counter):
            logger.warning("views that another version has counted begin anew: %d", lost)
        self._salts_of = clock.now().date()
        self._log.begin(opened.position)
        self._written, self._counter = opened.position, counter
        logger.info("counts edge=%s views=%d", self._edge, len(counter))

    def _has_session(self, playback_id: str, session: str) -> bool:
        return (self._playback_dir / playback_id / session).is_dir()

    def _newest_session(self, playback_id: str) -> str:
        """Return what the livestream's playlist lists; at an edge node, which keeps no playlists, nothing."""
        try:
            listed = _LISTED.search((self._playback_dir / playback_id / PLAYLIST_NAME).read_bytes())
        except FileNotFoundError:
            return ""
        return listed[1].decode() if listed else ""

    def _write(self) -> None:
        counter = self._counter
        if counter is None or (self._log.position == self._written and not counter.changes):
            return
        began = time.monotonic()
        batch = counter.batch(edge=self._edge, after=self._written, until=self._log.position)
        try:
            self._books.write_batch(batch)
        except BatchRefusedError as error:
            # It was written although nobody said so, or another collector has this edge's log.
            logger.warning("begins anew: %s", error)
            self._counter = None
            return
        counter.written()
        self._written = batch.until
        self._batch_s = min(max(_BATCH_S, (time.monotonic() - began) * _BATCH_SHARE), _BATCH_LATEST_S)

    def _renew_salts(self) -> None:
        """Forget that of the day before yesterday: also where nobody watches, and there is nothing to write."""
        if self._counter is not None and self._salts_of != (today := clock.now().date()):
            self._counter.salts = Salts(self._books.open_log(self._edge).salts)
            self._salts_of = today

    def _forget(self) -> None:
        """Remove what is written down of the log, also while nobody watches; and what is too much of it."""
        if gone := self._log.forget(self._written):
            logger.warning("the log of delivered media takes too much room: %d files are gone", gone)

    def _tell_now(self) -> None:
        if self._counter is None:
            return
        now_s, at_ms = time.monotonic(), _now_ms() - LAG_MS
        watching = self._counter.watching(at_ms)
        if watching == self._told and now_s - self._told_s < _NOW_TOLD_S:
            return
        self._books.write_now(WatchingNow(self._edge, at_ms, watching))
        self._told, self._told_s = watching, now_s

    def _leave(self) -> None:
        """Say that it ends: with a word nobody is missed, and what goes on elsewhere stays known."""
        self._books.write_now(WatchingNow(self._edge, _now_ms(), [], is_leaving=True))

    def _surely(self, work: Callable[[], None]) -> None:
        """Go on while nothing can be written: what was counted stays, and is written when that is possible again."""
        # A hub that does not answer takes as long as the supervisor is patient, when it is asked twice.
        beat_once()
        name = work.__name__.strip("_").replace("_", " ")
        try:
            work()
        except BooksAwayError as error:
            if name not in self._away:
                logger.warning("counts on, and cannot %s: %s", name, error)
            self._away.add(name)
        else:
            self._away.discard(name)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _steady_ms() -> int:
    return time.monotonic_ns() // 1_000_000
