"""From the lines of an edge's log to views, what they watched in each minute, and who watches now."""

import sys
from collections import Counter as Tally
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import floor
from uuid import uuid4

from msgspec import MsgspecError

from analytics.counting.batch import Added, KeptView, LogBatch, Position, Watching
from analytics.counting.broadcasts import WatchedBroadcast, change_of
from analytics.counting.households import Household
from analytics.counting.identity import Salts, device_of, hash_viewer, household, identify, identify_player, is_bot
from analytics.counting.lines import MEDIA, LineError, LogLine, check_known, check_length, decode, parse
from analytics.counting.media import Extent, Medium, MediumAddress, medium_of, read_path
from analytics.counting.newcomers import Newcomers
from analytics.counting.quality import ReportedQuality
from analytics.counting.reporting import KnownSessions, Report, read_report
from analytics.counting.viewing import Stay

_MINUTE_MS, _DAY_MS = 60_000, 86_400_000
# A view is over when nothing was delivered for so long; one that has not begun, sooner.
_OVER_AFTER_MS, _UNBEGUN_OVER_AFTER_MS = 300_000, 60_000
# Lines of the future are of a clock that was set, or forged; those of the past may have waited for us.
_AHEAD_MS, _BEHIND_MS = 10_000, 2 * _DAY_MS
# Bounds of memory: objects, and viewers.
_MEDIA_KEPT, _STAYS_AT_MOST = 20_000, 100_000
# Of whom nothing is known but what they report, which costs nothing: they leave room for who is sent something.
_UNSEEN_AT_MOST = _STAYS_AT_MOST // 5
_DELIVERED = frozenset({200, 206})
# Nothing that is delivered is as large.
_UNKNOWN = Medium("", "", is_audio=False, msn=0, bit=0, duration_us=0, size=sys.maxsize, stay_ms=0)
_OF_CDN = replace(_UNKNOWN)
_REPORTED = "reported"


class ViewCounter:
    """All that one edge delivers.

    `measure` finds out how long an object is, None when nobody knows; `country_of` knows addresses; for `is_there` and
    `newest`, which know sessions before anything of them was delivered, see `KnownSessions`. `counts_reports`: behind a
    CDN, which fetches for all, nothing that is delivered counts, and what players report does.
    """

    def __init__(
        self,
        *,
        salts: Salts,
        measure: Callable[[MediumAddress], Extent | None],
        country_of: Callable[[str], str | None],
        is_there: Callable[[str, str], bool] = lambda _playback_id, _session: False,
        newest: Callable[[str], str] = lambda _playback_id: "",
        counts_reports: bool = False,
    ) -> None:
        self.salts = salts
        self._measure = measure
        self._country_of = country_of
        self._counts_reports = counts_reports
        self._sessions = KnownSessions(is_there, newest)
        self._broadcasts: dict[str, WatchedBroadcast] = {}
        self._media: dict[str, Medium] = {}
        self._newcomers = Newcomers()
        # Of those, unseen: as of the last look, and those that came since.
        self._count = self._unseen = 0
        # Since `written`.
        self._changed: dict[Stay, str] = {}
        self._added: dict[tuple[str, int, str, str, str], list[int]] = {}
        self._lines = 0
        self._rejected: Tally[str] = Tally()
        # When the line was written that was counted last.
        self.counted_until_ms = 0

    def __len__(self) -> int:
        """How many views go on."""
        return self._count

    @property
    def changes(self) -> int:
        """How many rows of views there are to write, and additions to their minutes."""
        return len(self._changed) + len(self._added)

    def restore(self, views: Iterable[KeptView]) -> None:
        """Go on with what was counted before a restart; what another version has left is left out."""
        for view in views:
            stay = Stay(view.id, view.viewer, view.identity, view.device, view.country, view.began_ms)
            try:
                stay.restore(view.state)
            except MsgspecError:
                continue
            broadcast = self._broadcast(view.session)
            broadcast.kept.setdefault(view.viewer, []).append(stay)
            broadcast.stays[stay.id] = stay
            self._count += 1

    def feed(self, lines: Iterable[bytes], *, now_ms: int) -> None:
        """Count these, each without its end; what makes no sense is counted as rejected."""
        media, broadcasts, changed, counted, at_ms = self._media, self._broadcasts, self._changed, 0, 0
        earliest_s, latest_s = (now_ms - _BEHIND_MS) / 1000, (now_ms + _AHEAD_MS) / 1000
        # The way of most lines is short: what they were sent with and what they name was met before.
        for raw in lines:
            try:
                try:
                    line = decode(raw)
                except (MsgspecError, UnicodeDecodeError):
                    line = parse(raw)
                if line.event != MEDIA:
                    check_known(raw, line)
                    self._hear(line, now_ms)
                    continue
                medium = media.get(line.path) or self._find_medium(line.path)
                at_s = line.at_s
                if line.size < medium.size or line.status not in _DELIVERED or not earliest_s < at_s < latest_s:
                    self._rejected[_reason(medium, is_timely=earliest_s < at_s < latest_s)] += 1
                    continue
                at_ms = floor(at_s * 1000 + 0.5)
                broadcast = broadcasts.get(medium.session) or self._broadcast(medium.session)
                stay = broadcast.by_name.get(line.viewer or line.cmcd or line.cmcd_query or line.playback_session)
                if stay is None or stay.is_over:
                    check_length(raw)
                    stay = self._find(broadcast, line, medium, at_ms)
            except LineError as error:
                self._rejected[error.reason] += 1
                continue
            counted += 1
            if stay is not None:
                had_begun = stay.has_begun
                more_ms = stay.deliver(medium, at_ms)
                changed[stay] = broadcast.id
                if stay.has_begun and (more_ms or not had_begun):
                    self._add_watched(broadcast, stay, at_ms, more_ms, is_new=not had_begun)
        self._lines += counted
        if counted:
            self.counted_until_ms = at_ms

    def reject(self, reason: str, lines: int = 1) -> None:
        """Have lines counted as rejected that never came here."""
        self._rejected[reason] += lines

    def expire(self, now_ms: int) -> None:
        """End views of whom nothing was heard for long."""
        self._unseen = 0
        for session, broadcast in list(self._broadcasts.items()):
            for stay in list(broadcast.stays.values()):
                patience_ms = _OVER_AFTER_MS if stay.has_begun else _UNBEGUN_OVER_AFTER_MS
                if stay.heard_of_ms + patience_ms < now_ms:
                    stay.is_over = True
                    del broadcast.stays[stay.id]
                    self._changed[stay] = broadcast.id
                    self._count -= 1
                elif not stay.first_ms:
                    self._unseen += 1
            if broadcast.stays:
                broadcast.forget()
            else:
                del self._broadcasts[session]

    def shift(self, ms: int) -> None:
        """Have all that was be so much later, or earlier: the clock was set by that."""
        for broadcast in self._broadcasts.values():
            for stay in broadcast.stays.values():
                stay.shift(ms)

    def watching(self, at_ms: int) -> list[Watching]:
        """Return who watched then, which lies back as long as lines take; broadcasts of nobody are left out."""
        found = []
        for broadcast in self._broadcasts.values():
            counted = estimated = 0
            for stay in broadcast.stays.values():
                if stay.is_there(at_ms):
                    if stay.identity == "address":
                        estimated += 1
                    else:
                        counted += 1
            if counted or estimated:
                found.append(Watching(broadcast.id, counted, estimated))
        return found

    def batch(self, *, edge: str, after: Position, until: Position) -> LogBatch:
        """Return what has come together; it stays until `written`."""
        views = [change_of(stay, session) for stay, session in self._changed.items()]
        added = [Added(*key, *values) for key, values in self._added.items()]
        return LogBatch(edge, after, until, self._lines, dict(self._rejected), views, added)

    def written(self) -> None:
        """Begin anew: all of that is written down."""
        self._changed.clear()
        self._added.clear()
        self._lines = 0
        self._rejected.clear()

    def _add_watched(self, broadcast: WatchedBroadcast, stay: Stay, at_ms: int, more_ms: int, *, is_new: bool) -> None:
        key = (broadcast.id, at_ms // _MINUTE_MS, stay.rendition, stay.device, stay.country or "")
        added = self._added.get(key)
        if added is None:
            added = self._added[key] = [0, 0]
        if is_new:
            # With what came before it was known to be a view.
            added[0] += stay.watched_ms
            added[1] += 1
        else:
            added[0] += more_ms

    def _find_medium(self, path: str) -> Medium:
        """Return what a path names, remembered; `_UNKNOWN` where nobody knows, `_OF_CDN` where it is not asked."""
        address = read_path(path)
        extent = self._measure(address) if address is not None else None
        medium = _UNKNOWN
        if address is not None and extent is not None and extent.duration_us > 0:
            medium = medium_of(address, extent)
            self._sessions.note(address.folder.partition("/")[0], address.session)
            if self._counts_reports:
                medium = _OF_CDN
        if len(self._media) >= _MEDIA_KEPT:
            # The older half.
            for known in list(self._media)[: _MEDIA_KEPT // 2]:
                del self._media[known]
        self._media[path] = medium
        return medium

    def _hear(self, line: LogLine, now_ms: int) -> None:
        """Take in what a player reports of itself: but for behind a CDN it makes no view, and no second of one."""
        try:
            report = read_report(line, now_ms=now_ms)
            self._check_agent(line, household(line.address), report.at_ms)
            problem = report.problem
            for event in report.events:
                player = identify_player(line, event.sid)
                session = self._session_of(report, player)
                stay = self._find_player(self._broadcast(session), line, player, report.at_ms)
                stay.reported = stay.reported or ReportedQuality()
                if stay.reported.take(event, report.at_ms):
                    self._changed[stay] = session
                    if self._counts_reports:
                        self._count_reported(self._broadcast(session), stay, report.at_ms)
                else:
                    problem = "sid"
        except LineError as error:
            problem = error.reason
        if problem:
            self._rejected[problem] += 1
        else:
            self._lines += 1

    def _session_of(self, report: Report, player: tuple[str, str]) -> str:
        """Return the name of the session that is reported: where it does not say, of which this player has fetched."""
        for session in () if report.session else self._sessions.delivered(report.playback_id):
            broadcast = self._broadcasts.get(session)
            if broadcast and self._known_by_id(broadcast, *player, report.at_ms):
                return session
        return self._sessions.find(report)

    def _find_player(self, broadcast: WatchedBroadcast, line: LogLine, player: tuple[str, str], at_ms: int) -> Stay:
        """Return whose report it is; players report before anything was delivered to them."""
        stay = self._known_by_id(broadcast, *player, at_ms)
        if stay is None:
            address = household(line.address)
            if player[0] != "token" and not self._newcomers.may_be_new(address, at_ms):
                raise LineError("too_many")
            if self._unseen >= _UNSEEN_AT_MOST and not self._counts_reports:
                raise LineError("too_many")
            stay = self._add(broadcast, line, *player, at_ms)
            if self._counts_reports:
                stay.identity = _REPORTED
            else:
                self._unseen += 1
        broadcast.by_identity[player] = stay
        return stay

    def _count_reported(self, broadcast: WatchedBroadcast, stay: Stay, at_ms: int) -> None:
        had_begun = stay.has_begun
        more_ms = stay.hear_played(at_ms)
        if stay.has_begun and (more_ms or not had_begun):
            self._add_watched(broadcast, stay, at_ms, more_ms, is_new=not had_begun)

    def _broadcast(self, session: str) -> WatchedBroadcast:
        found = self._broadcasts.get(session)
        if found is None:
            found = self._broadcasts[session] = WatchedBroadcast(session)
        return found

    def _find(self, broadcast: WatchedBroadcast, line: LogLine, medium: Medium, at_ms: int) -> Stay | None:
        """Return whose line it is, who may be new; None for what tells nothing new of anybody."""
        address = household(line.address)
        self._check_agent(line, address, at_ms)
        name, kind, said = identify(line)
        if kind != "address":
            stay = self._known_by_id(broadcast, kind, name, at_ms)
            if stay is None and (kind == "token" or self._newcomers.may_be_new(address, at_ms)):
                stay = self._add(broadcast, line, kind, name, at_ms)
            if stay is not None:
                broadcast.by_identity[kind, name] = stay
                # Where something stands before that which tells nobody, others may send the same.
                if said == (line.viewer or line.cmcd or line.cmcd_query or line.playback_session):
                    broadcast.note_name(said, stay)
                return stay
        named, found = self._household(broadcast, line, address, at_ms)
        return found.find(
            medium,
            at_ms,
            lambda number: self._add(broadcast, line, "address", named, at_ms, number=number),
        )

    def _known_by_id(self, broadcast: WatchedBroadcast, kind: str, name: str, at_ms: int) -> Stay | None:
        stay = broadcast.by_identity.get((kind, name))
        if stay is not None and not stay.is_over:
            return stay
        for hashed in self._hashes(broadcast, kind, name, at_ms) if broadcast.kept else ():
            for kept in broadcast.kept.pop(hashed, ()):
                if not kept.is_over:
                    return kept
        return None

    def _household(self, broadcast: WatchedBroadcast, line: LogLine, address: str, at_ms: int) -> tuple[str, Household]:
        """Return those whose line it may be, with what they are known by."""
        key = (address, line.agent)
        found = broadcast.households.get(key)
        if found is None and not self._newcomers.may_be_new(address, at_ms):
            # Whoever calls themselves another name each time is one household.
            key = (address, "")
            found = broadcast.households.get(key)
        name = "\0".join(key)
        if found is None:
            found = broadcast.households[key] = Household()
            for hashed in self._hashes(broadcast, "address", name, at_ms) if broadcast.kept else ():
                found.stays += [stay for stay in broadcast.kept.pop(hashed, ()) if not stay.is_over]
        return name, found

    def _check_agent(self, line: LogLine, address: str, at_ms: int) -> None:
        """:raises LineError: when it is nobody's player."""
        line.agent = self._newcomers.agent_of(line.agent, address, at_ms)
        if is_bot(line.agent):
            raise LineError("bot")

    def _hashes(self, broadcast: WatchedBroadcast, kind: str, name: str, at_ms: int) -> list[bytes]:
        salts = self.salts.newest(at_ms // _DAY_MS)
        return [hash_viewer(salt, broadcast.id, kind, name) for salt in salts]

    def _add(
        self, broadcast: WatchedBroadcast, line: LogLine, kind: str, name: str, at_ms: int, *, number: int = 0
    ) -> Stay:
        if self._count >= _STAYS_AT_MOST:
            raise LineError("too_many")
        viewer = hash_viewer(self.salts.of(at_ms // _DAY_MS), broadcast.id, kind, name)
        stay = Stay(uuid4(), viewer, kind, device_of(line.agent), self._country_of(line.address), at_ms, number=number)
        broadcast.stays[stay.id] = stay
        self._count += 1
        return stay


def _reason(medium: Medium, *, is_timely: bool) -> str:
    """Return why a line is not counted."""
    if medium is _UNKNOWN:
        return "unknown"
    if medium is _OF_CDN:
        return "cdn"
    return "partial" if is_timely else "time"
