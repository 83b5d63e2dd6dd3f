"""Simulated viewers are counted as they watched."""

from collections import defaultdict
from random import Random
from typing import Any

import pytest

from analytics.counting.batch import KeptView, LogBatch, Position
from analytics.counting.counter import ViewCounter
from analytics.counting.identity import Salts
from analytics.counting.media import Extent, MediumAddress
from tests.analytics.crowds import BEGAN_S, PARTS, Person, crowd, line, media_length_us, previews_and_liars

_SECONDS = 240.0
_LAG_MS = 2000
_SALTS = Salts({int(BEGAN_S // 86400): b"today", int(BEGAN_S // 86400) - 1: b"yesterday"})


def _measure(address: MediumAddress) -> Extent | None:
    return Extent(media_length_us(address.msn, address.part), 6000)


def counter() -> ViewCounter:
    return ViewCounter(salts=_SALTS, measure=_measure, country_of=lambda _: None)


def _batch(counting: ViewCounter) -> LogBatch:
    return counting.batch(edge="main", after=Position(), until=Position("f", 1))


def _restarted(counting: ViewCounter) -> ViewCounter:
    """Return another one, which goes on with what the first has written."""
    kept = [
        KeptView(
            view.id, view.session, view.viewer, view.identity, view.device, view.country, view.began_ms, view.state
        )
        for view in _batch(counting).views
        if view.state is not None
    ]
    successor = counter()
    successor.restore(kept)
    return successor


class Run:
    """What was counted of a log, by the second."""

    def __init__(self, lines: list[tuple[float, bytes]]) -> None:
        self.counting = counter()
        self.now: dict[int, tuple[int, int]] = {}
        self.watched_ms = self.views = 0
        by_second: dict[int, list[tuple[float, bytes]]] = defaultdict(list)
        for at_s, raw in lines:
            by_second[int(at_s)].append((at_s, raw))
        random = Random(7)  # noqa: S311  # The same each time.
        for second in range(min(by_second), max(by_second) + 400):
            # Workers of nginx write their lines in any order within a second.
            told = by_second.get(second, [])
            random.shuffle(told)
            now_ms = (second + 1) * 1000
            self.counting.feed((raw for _, raw in told), now_ms=now_ms)
            at_ms = now_ms - _LAG_MS
            found = self.counting.watching(at_ms)
            self.now[at_ms // 1000] = (found[0].counted, found[0].estimated) if found else (0, 0)
            if second % 20 == 0:
                self.counting.expire(now_ms)
        batch = _batch(self.counting)
        self.batch = batch
        self.watched_ms = sum(added.watched_ms for added in batch.added)
        self.views = sum(added.views for added in batch.added)


def _lines(people: list[Person], seed: int) -> list[tuple[float, bytes]]:
    random = Random(seed)  # noqa: S311  # The same each time.
    return [told for person in people for told in person.lines(random)]


class TestACrowd:
    @pytest.mark.parametrize(("seed", "is_low"), [(1, True), (2, False), (3, True)])
    def test_is_counted_to_one_percent(self, seed: int, is_low: bool) -> None:
        people = crowd(seed, people=300, seconds=_SECONDS, is_low=is_low)
        lines = _lines(people, seed)
        lines += previews_and_liars(seed, seconds=_SECONDS, previews=30, forged=300)

        run = Run(lines)

        true_s = sum(person.played_s for person in people)
        assert run.watched_ms / 1000 == pytest.approx(true_s, rel=0.01)
        errors = []
        for second in range(int(BEGAN_S) + 140, int(BEGAN_S + 120 + _SECONDS)):
            truth = sum(person.is_watching(second) for person in people)
            if truth >= 100:
                errors.append(abs(sum(run.now[second]) / truth - 1))
        assert len(errors) > 100
        assert sum(errors) / len(errors) <= 0.01
        assert max(errors) <= 0.05
        # All have gone.
        assert run.now[max(run.now)] == (0, 0)
        assert (len(run.counting), run.batch.rejected) == (0, {"bot": 30})


_NOW_MS = int(BEGAN_S * 1000) + 60_000
_LATER_S = BEGAN_S + 60


def _fed(*lines: bytes) -> ViewCounter:
    counting = counter()
    counting.feed(lines, now_ms=_NOW_MS)
    return counting


def _watched(counting: ViewCounter) -> tuple[int, int]:
    """Return how many views have begun, and what they watched."""
    added = _batch(counting).added
    return sum(each.views for each in added), sum(each.watched_ms for each in added)


def _hls(sid: str) -> str:
    return f'cid="pb_crowd",sid="{sid}",v=1'


class TestAnInterval:
    def test_counts_once_whatever_its_quality(self) -> None:
        counting = counter()
        for number in range(3):
            for slot in ("v0", "a0", "v1"):
                told = line(_LATER_S - 20 + number * 2, msn=number, slot=slot, cmcd=_hls("one"))
                counting.feed([told], now_ms=_NOW_MS)

        # Two segments' time has passed, and half of the last is taken to be played.
        assert _watched(counting) == (1, 5000)

    def test_counts_once_as_a_segment_after_its_parts(self) -> None:
        parts = [line(_LATER_S - 20 + part / 3, msn=7, part=part, cmcd=_hls("one")) for part in range(PARTS)]
        after = [line(_LATER_S - 17.9 + number, msn=7, cmcd=_hls("one")) for number in range(4)]

        _, watched_ms = _watched(_fed(*parts, *after))

        assert watched_ms == 2000

    def test_that_is_watched_again_much_later_counts_again(self) -> None:
        counting = counter()
        lines = [line(_LATER_S - 100 + 2 * number, msn=100 + number, cmcd=_hls("one")) for number in range(10)]
        lines += [line(_LATER_S - 80 + 2 * number, msn=20 + number, cmcd=_hls("one")) for number in range(10)]
        counting.feed(lines, now_ms=_NOW_MS)

        assert _watched(counting) == (1, 39_000)

    @pytest.mark.parametrize("prefix", ["/playback", "/playback-files", ""])
    def test_counts_whichever_way_nginx_has_served_it(self, prefix: str) -> None:
        told = line(_LATER_S - 20, msn=1, cmcd=_hls("one")).replace(b'"/playback/', f'"{prefix}/'.encode())

        assert _watched(_fed(told)) == (1, 1000)


class TestAView:
    def test_that_begins_with_many_parts_at_once_counts_with_all_of_them(self) -> None:
        burst = [line(_LATER_S - 20, msn=msn, part=part, cmcd=_hls("one")) for msn in (1, 2) for part in range(PARTS)]
        later = line(_LATER_S - 17, msn=3, cmcd=_hls("one"))

        # Three seconds of four, and half of the last segment's two.
        assert _watched(_fed(*burst, later)) == (1, 4000)

    def test_begins_with_two_seconds(self) -> None:
        parts = [line(_LATER_S - 20 + part / 3, msn=1, part=part, cmcd=_hls("one")) for part in range(PARTS)]

        assert _watched(_fed(*parts[:-1]))[0] == 0
        assert _watched(_fed(*parts))[0] == 1


class TestWhoIsWho:
    def test_is_told_by_the_best_that_there_is(self) -> None:
        viewer = "0123456789abcdef" * 2
        sent: list[dict[str, Any]] = [
            {"viewer": viewer, "cmcd": _hls("a"), "apple": "A" * 20},
            {"viewer": viewer, "cmcd": _hls("b")},
            {"cmcd": _hls("c"), "apple": "B" * 20},
            {"apple": "C" * 20},
            {},
        ]
        lines = [line(_LATER_S - 9 + msn, msn=msn, **headers) for headers in sent for msn in range(3)]

        views = _batch(_fed(*lines)).views

        assert sorted(view.identity for view in views) == ["address", "apple", "cmcd", "token"]
        assert len({view.viewer for view in views}) == 4
        assert all(len(view.viewer) == 16 for view in views)

    def test_k_copies_of_one_interval_are_k_viewers(self) -> None:
        lines = [line(_LATER_S - 20 + 2 * msn, msn=msn) for msn in range(5) for _ in range(3)]

        counting = _fed(*lines)

        assert _watched(counting) == (3, 3 * 9000)
        (now,) = counting.watching(_NOW_MS - 11_000)
        assert (now.counted, now.estimated) == (0, 3)

    def test_who_changes_quality_is_no_second_viewer(self) -> None:
        lines = [line(_LATER_S - 40 + 2 * msn, msn=msn) for msn in range(20)]
        again = [line(_LATER_S - 40 + 2 * msn, msn=msn, slot="v1") for msn in (3, 10, 17)]

        views, _ = _watched(_fed(*sorted(lines + again, key=lambda told: told.partition(b'"t": ')[2][:14])))

        assert views == 1

    def test_who_calls_himself_another_each_time_is_nobody(self) -> None:
        lines = [line(_LATER_S - 20, msn=9, part=1, cmcd=_hls(f"forged{number}")) for number in range(2000)]

        counting = _fed(*lines)

        assert _watched(counting) == (0, 0)
        # Beyond what one address may call itself they are told apart by that.
        assert len(counting) <= 120 + 200


class TestARestart:
    @pytest.mark.parametrize("at", range(1, 60, 7))
    def test_changes_nothing(self, at: int) -> None:
        people = crowd(5, people=12, seconds=60, is_low=True)
        told = [raw for _, raw in sorted(_lines(people, 5), key=lambda pair: pair[0])]
        now_ms = int((BEGAN_S + 200) * 1000)
        whole = counter()
        whole.feed(told, now_ms=now_ms)
        first = counter()
        cut = len(told) * at // 60
        first.feed(told[:cut], now_ms=now_ms)

        second = _restarted(first)
        second.feed(told[cut:], now_ms=now_ms)

        together = [one + other for one, other in zip(_watched(first), _watched(second), strict=True)]
        assert tuple(together) == _watched(whole)
        assert len(second) == len(whole)


class TestBadLines:
    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"", "torn"),
            (line(_LATER_S, msn=1)[:-7], "torn"),
            (b"\x00" * 500, "torn"),
            (line(_LATER_S, msn=1).replace(b'"t": 1794000060.0', b'"t": NaN'), "torn"),
            (line(_LATER_S, msn=1).replace(b'"t": 1794000060.0', b'"t": "soon"'), "torn"),
            (line(_LATER_S, msn=1).replace(b'"t": 1794000060.0', b'"t": 1e300'), "time"),
            (line(-5, msn=1), "time"),
            (line(_LATER_S + 3600, msn=1), "time"),
            (line(_LATER_S - 86400 * 30, msn=1), "time"),
            (line(_LATER_S, msn=1, agent="x" * 9000), "long"),
            (line(_LATER_S, msn=1, size=5999, status=206), "partial"),
            (line(_LATER_S, msn=1, status=404), "partial"),
            (line(_LATER_S, msn=1, slot="../v0"), "unknown"),
            (line(_LATER_S, msn=1, part=64), "unknown"),
            (line(_LATER_S, msn=1, session="F" * 16), "unknown"),
            (line(_LATER_S, msn=1)[:-1] + b', "e": "cmcd"}', "event"),
        ],
    )
    def test_are_counted_as_rejected(self, raw: bytes, reason: str) -> None:
        batch = _batch(_fed(raw))

        assert (batch.lines, batch.rejected, batch.views) == (0, {reason: 1}, [])

    def test_of_a_client_that_sends_no_utf8_are_read(self) -> None:
        raw = line(_LATER_S, msn=1, agent="MARK").replace(b"MARK", b"\xff\xfe player")

        assert (_batch(_fed(raw)).lines, _batch(_fed(raw)).rejected) == (1, {})

    def test_never_break_the_counter(self) -> None:
        random = Random(11)  # noqa: S311  # The same each time.
        good = line(_LATER_S, msn=1, cmcd=_hls("one"))
        lines = []
        for _ in range(3000):
            bad = bytearray(good)
            for _ in range(random.randrange(1, 6)):
                bad[random.randrange(len(bad))] = random.randrange(256)
            lines.append(bytes(bad[: random.randrange(len(bad) + 1)] if random.random() < 0.3 else bad))

        batch = _batch(_fed(*lines))

        assert batch.lines + sum(batch.rejected.values()) == 3000
        assert len(batch.views) < 400

    def test_after_a_clock_was_set_back_count_from_then_on(self) -> None:
        counting = counter()
        for msn in range(5):
            counting.feed([line(_LATER_S + 2 * msn, msn=msn, cmcd=_hls("one"))], now_ms=_NOW_MS + 2000 * msn)
        before = _watched(counting)[1]
        for msn in range(5, 10):
            at_s = _LATER_S - 100 + 2 * msn
            counting.feed([line(at_s, msn=msn, cmcd=_hls("one"))], now_ms=int(at_s * 1000))

        # Never less; and no more than was delivered.
        assert before <= _watched(counting)[1] <= 20_000
