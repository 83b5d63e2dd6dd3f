"""Reports as an edge logs them, and what is counted of them with all that was delivered."""

import json
from typing import Any

from analytics.counting.batch import KeptView, LogBatch, Position, ReportedFigures, ViewChange
from analytics.counting.counter import ViewCounter
from analytics.counting.identity import Salts
from analytics.counting.media import Extent, MediumAddress
from tests.analytics.crowds import BEGAN_S, SESSION, line, media_length_us

_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_SALTS = Salts({int(BEGAN_S // 86400): b"today", int(BEGAN_S // 86400) - 1: b"yesterday"})
VIEWER = "0123456789abcdef0123456789abcdef"
_PLACE = f"pb_crowd/{SESSION}"
# The player's clock is wrong by so much.
_OFF_S = 1234.5


def _measure(address: MediumAddress) -> Extent | None:
    return Extent(media_length_us(address.msn, address.part), 6000)


def event(at_s: float, kind: str, *, sid: str = "one", **members: object) -> str:
    """Return an event of so many seconds after the beginning, by the player's own clock."""
    said = {"e": kind, "sid": f'"{sid}"', "ts": round((BEGAN_S + _OFF_S + at_s) * 1000), **members}
    return ",".join(f"{key}={value}" for key, value in said.items())


def report(
    at_s: float, *events: str, place: str = _PLACE, address: str = "203.0.113.7", agent: str = _AGENT, viewer: str = ""
) -> bytes:
    fields = {
        "e": "report",
        "i": "0" * 32,
        "t": BEGAN_S + at_s,
        "u": f"/playback/{place}/events",
        "s": 204,
        "b": 0,
        "a": address,
        "g": agent,
        "v": viewer,
        "r": "\n".join(events),
    }
    return json.dumps(fields).encode()


def media(at_s: float, msn: int, *, sid: str = "one", viewer: str = "") -> bytes:
    return line(BEGAN_S + at_s, msn=msn, cmcd=f'sid="{sid}"', viewer=viewer)


class Counted:
    """A counter, and all that it has written."""

    def __init__(self, *lines: bytes, known: bool = True, newest: str = "") -> None:
        self.counter = self._new(known=known, newest=newest)
        self.rows: dict[str, ViewChange] = {}
        self.rejected: dict[str, int] = {}
        self.lines = self.watched_ms = 0
        self.now_s = BEGAN_S
        self.feed(*lines)

    @staticmethod
    def _new(*, known: bool = True, newest: str = "") -> ViewCounter:
        return ViewCounter(
            salts=_SALTS,
            measure=_measure,
            country_of=lambda _: None,
            is_there=lambda playback_id, session: known and (playback_id, session) == ("pb_crowd", SESSION),
            newest=lambda _: newest,
        )

    def feed(self, *lines: bytes) -> None:
        for raw in lines:
            self.now_s = max(self.now_s, json.loads(raw)["t"])
            self.counter.feed([raw], now_ms=round(self.now_s * 1000))
        self.write()

    def write(self) -> LogBatch:
        batch = self.counter.batch(edge="main", after=Position(), until=Position("f", 1))
        self.counter.written()
        for view in batch.views:
            self.rows[str(view.id)] = view
            if not view.is_kept:
                del self.rows[str(view.id)]
        for reason, count in batch.rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + count
        self.lines += batch.lines
        self.watched_ms += sum(added.watched_ms for added in batch.added)
        return batch

    def end(self, after_s: float = 301) -> None:
        self.now_s += after_s
        self.counter.expire(round(self.now_s * 1000))
        self.write()

    def restart(self) -> None:
        """Go on as another process, which knows nothing but the rows."""
        kept = [
            KeptView(row.id, row.session, row.viewer, row.identity, row.device, row.country, row.began_ms, row.state)
            for row in self.rows.values()
            if row.state is not None
        ]
        self.counter = self._new()
        self.counter.restore(kept)

    @property
    def row(self) -> ViewChange:
        (row,) = self.rows.values()
        return row

    @property
    def figures(self) -> ReportedFigures:
        assert self.row.reported is not None
        return self.row.reported


def watched(ms: int) -> dict[str, Any]:
    return {"com.livehub-wt": ms}


# Four tenths of a second to start, ten seconds of pictures, two of waiting, eight of pictures; as the player says.
OURS = [
    report(0.0, event(0.0, "ps", sn=0, sta="s", bsa="(0)", bsda="(0)", **watched(0))),
    report(0.5, event(0.4, "ps", sn=1, sta="p", msd=400, bsa="(0)", bsda="(0)", **watched(0))),
    report(10.0, event(10.0, "t", sn=2, sta="p", ltc=2000, bsa="(0)", bsda="(0)", dfa=1, **watched(9600))),
    report(10.5, event(10.4, "ps", sn=3, sta="r", bsa="(1)", bsda="(0)", dfa=1, **watched(10_000))),
    report(12.5, event(12.4, "ps", sn=4, sta="p", bsa="(1)", bsda="(2000)", dfa=2, **watched(10_000))),
    report(20.0, event(20.0, "t", sn=5, sta="p", ltc=4000, bsa="(1)", bsda="(2000)", dfa=2, **watched(17_600))),
    report(20.5, event(20.4, "ps", sn=6, sta="q", bsa="(1)", bsda="(2000)", dfa=7, **watched(18_000))),
]
TRUE = ReportedFigures(
    startup_ms=400,
    played_ms=18_000,
    stalled_ms=2000,
    stalls=1,
    # 2.0 s for 9.6 s, 4.0 s for 7.6 s.
    latency_ms=2884,
    latency_measured_ms=17_200,
    dropped_frames=7,
    failed=False,
    error_code=None,
    exited_before_start=False,
)
FETCHED = [media(0.3 + 2 * msn, msn) for msn in range(10)]


def in_order(*lines: bytes) -> list[bytes]:
    return sorted(lines, key=lambda raw: json.loads(raw)["t"])
