"""Of which broadcast a report is, and whether anything of it counts."""

from collections.abc import Callable
from dataclasses import dataclass

from analytics.counting.lines import REPORT, LineError, LogLine
from analytics.counting.reports import PlayerEvent, read_events, read_events_path

# Players' clocks are wrong by some time; more than that, and whatever they say of times is worth nothing.
_CLOCK_OFF_MS = 86_400_000
# Lines of the future are of a clock that was set, or forged; those of the past may have waited for us.
_AHEAD_MS, _BEHIND_MS = 10_000, 2 * 86_400_000
# A player has one session at a time, and begins anew now and then; whoever tells of more makes them up.
_SIDS_AT_MOST = 4
# Sessions of one livestream; livestreams.
_SESSIONS_KEPT, _PLAYBACK_IDS_KEPT = 8, 20_000


@dataclass(frozen=True, slots=True)
class Report:
    """`session` is a name that the player has given, empty where it has not; `problem` is why not all counts."""

    playback_id: str
    session: str
    at_ms: int
    events: list[PlayerEvent]
    problem: str


def read_report(line: LogLine, *, now_ms: int) -> Report:
    """Return what a line reports.

    :raises LineError: when nothing of it counts.
    """
    if line.event != REPORT:
        raise LineError("event")
    place = read_events_path(line.path)
    if place is None:
        raise LineError("unknown")
    at_ms = int(line.at_s * 1000 + 0.5)
    if not now_ms - _BEHIND_MS < at_ms < now_ms + _AHEAD_MS:
        raise LineError("time")
    events, wrong = read_events(line.report)
    timely = [event for event in events if abs(event.at_ms - at_ms) < _CLOCK_OFF_MS]
    problem = "report" if wrong or not events else "" if len(timely) == len(events) else "time"
    if not timely:
        raise LineError(problem)
    if len({event.sid for event in timely}) > _SIDS_AT_MOST:
        raise LineError("sid")
    return Report(*place, at_ms, timely, problem)


class KnownSessions:
    """Which sessions each playback id has, as far as anything of them was delivered or is there.

    `is_there` says whether a playback id has a session; `newest` names what its playlist lists, empty where none does.
    """

    def __init__(self, is_there: Callable[[str, str], bool], newest: Callable[[str], str]) -> None:
        self._is_there = is_there
        self._newest = newest
        # The one that was delivered from last stands at the end.
        self._known: dict[str, list[str]] = {}

    def note(self, playback_id: str, session: str) -> None:
        known = self._known.pop(playback_id, [])
        self._known[playback_id] = [*(each for each in known if each != session), session][-_SESSIONS_KEPT:]
        if len(self._known) > _PLAYBACK_IDS_KEPT:
            del self._known[next(iter(self._known))]

    def delivered(self, playback_id: str) -> list[str]:
        """Return those of which something was delivered, the last one first."""
        return self._known.get(playback_id, [])[::-1]

    def find(self, report: Report) -> str:
        """Return the session that a report names; of a player that names none, and has fetched nothing, what is on.

        :raises LineError: when it is none that this playback id has.
        """
        delivered = self.delivered(report.playback_id)
        if not report.session:
            found = self._newest(report.playback_id) or next(iter(delivered), "")
        else:
            is_known = report.session in delivered or self._is_there(report.playback_id, report.session)
            found = report.session if is_known else ""
        if not found:
            raise LineError("foreign")
        return found
