"""Behind a CDN, which fetches for all, players count that say of themselves that they play."""

import json

from analytics.counting.batch import KeptView, Position, ViewChange
from analytics.counting.counter import ViewCounter
from analytics.counting.identity import Salts
from analytics.counting.media import Extent
from tests.analytics.crowds import BEGAN_S, SESSION, line

_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_NOW_MS = int(BEGAN_S * 1000) + 120_000


def _counter() -> ViewCounter:
    return ViewCounter(
        salts=Salts({int(BEGAN_S // 86400): b"salt"}),
        measure=lambda _: Extent(2_000_000, 6000),
        country_of=lambda _: None,
        is_there=lambda _playback_id, session: session == SESSION,
        counts_reports=True,
    )


def _report(after_s: float, *, number: int, state: str, played_s: float, sid: str = "one") -> bytes:
    """Return the line of an event so long after the beginning, by a player whose clock is right."""
    at_s = BEGAN_S + after_s
    event = f'e=t,sid="{sid}",sn={number},sta={state},ts={round(at_s * 1000)},com.livehub-wt={round(played_s * 1000)}'
    told = {"e": "report", "i": f"{number:032x}", "t": at_s, "u": f"/playback/pb_crowd/{SESSION}/events", "s": 204}
    return json.dumps({**told, "b": 0, "a": "203.0.113.7", "g": _AGENT, "v": "", "r": event}).encode()


_STAY = [
    _report(0, number=0, state="s", played_s=0),
    _report(1, number=1, state="p", played_s=0),
    *(_report(1 + 10 * each, number=1 + each, state="p", played_s=10 * each) for each in (1, 2)),
    # They wait for two seconds, and leave.
    _report(31, number=4, state="q", played_s=28),
]


def _watched(counting: ViewCounter) -> tuple[int, int, set[str]]:
    added = counting.batch(edge="main", after=Position(), until=Position()).added
    return sum(each.views for each in added), sum(each.watched_ms for each in added), {each.rendition for each in added}


def _views(counting: ViewCounter) -> list[ViewChange]:
    return counting.batch(edge="main", after=Position(), until=Position()).views


def test_who_reports_is_counted_as_they_have_played() -> None:
    counting = _counter()

    counting.feed(_STAY, now_ms=_NOW_MS)

    assert _watched(counting) == (1, 28_000, {"unknown"})
    (view,) = _views(counting)
    assert (view.identity, view.watched_ms, view.has_begun) == ("reported", 28_000, True)


def test_who_plays_is_there_until_they_leave_or_are_silent() -> None:
    counting = _counter()
    began_ms = int(BEGAN_S * 1000)

    counting.feed(_STAY[:4], now_ms=_NOW_MS)
    assert [each.counted for each in counting.watching(began_ms + 25_000)] == [1]
    assert counting.watching(began_ms + 36_000) == []
    counting.feed(_STAY[4:], now_ms=_NOW_MS)

    assert [each.counted for each in counting.watching(began_ms + 30_000)] == [1]
    assert counting.watching(began_ms + 32_000) == []


def test_nobody_has_played_longer_than_they_are_there() -> None:
    counting = _counter()

    counting.feed(
        [_report(10 * each, number=each, state="p", played_s=3600 * (each + 1)) for each in range(3)], now_ms=_NOW_MS
    )

    assert _watched(counting)[:2] == (1, 20_000)


def test_what_is_delivered_to_the_cdn_is_no_viewers() -> None:
    counting = _counter()

    counting.feed([line(BEGAN_S + msn, msn=msn, cmcd='sid="one"') for msn in range(5)], now_ms=_NOW_MS)

    batch = counting.batch(edge="main", after=Position(), until=Position())
    assert (batch.lines, batch.rejected, batch.views) == (0, {"cdn": 5}, [])


def test_a_restart_changes_nothing() -> None:
    first, second = _counter(), _counter()
    first.feed(_STAY[:3], now_ms=_NOW_MS)
    told = _watched(first)
    (view,) = _views(first)
    assert view.state is not None

    second.restore(
        [KeptView(view.id, SESSION, view.viewer, view.identity, view.device, view.country, view.began_ms, view.state)]
    )
    second.feed(_STAY[3:], now_ms=_NOW_MS)

    assert told[:2] == (1, 10_000)
    assert _watched(second)[:2] == (0, 18_000)
    assert [view.id for view in _views(second)] == [view.id]
