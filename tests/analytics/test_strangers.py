"""What strangers may send as much of as they like costs a bounded amount, and takes nothing away from others."""

import tracemalloc
from typing import Any

import pytest

from analytics.counting.counter import ViewCounter
from analytics.counting.identity import is_bot
from tests.analytics.crowds import BEGAN_S, line
from tests.analytics.reported import Counted, event, media, report, watched


def _feed(counter: ViewCounter, lines: list[bytes]) -> None:
    counter.feed(lines, now_ms=round(BEGAN_S * 1000) + 1000)


def _network(number: int) -> str:
    """Return an address of one of somebody's many networks."""
    return f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"


class TestWhatIsReported:
    def test_never_takes_away_what_others_played(self) -> None:
        """Twenty seconds more by the player's clock each time, and at the end that there was nothing."""
        for state, total in (("p", "com.livehub-wt"), ("r", "bsda")):
            said = [event(0, "ps", sn=0, sta="p"), event(1, "ps", sn=1, sta=state)]
            said += [event(20 * number, "t", sn=number + 1, sta=state) for number in range(1, 40)]
            nothing: dict[str, Any] = {total: 0}
            counted = Counted(report(0, *said, event(800, "t", sn=50, sta="a", **nothing)))

            assert 0 <= counted.figures.played_ms <= 20_000
            assert 0 <= counted.figures.stalled_ms <= 20_000

    def test_never_takes_back_stalls_that_were_not_counted(self) -> None:
        said = [event(0, "ps", sn=0, sta="p", **watched(1))]
        said += [event(0, "ps", sn=number, sta="rp"[number % 2]) for number in range(1, 800)]
        counted = Counted(*(report(0, each) for each in said), report(0, event(0, "t", sn=900, sta="a", bsa=0)))

        assert counted.figures.stalls >= 0

    def test_is_of_one_player(self) -> None:
        counted = Counted(report(0, *(event(0, "ps", sn=0, sta="f", sid=f"made-up-{number}") for number in range(60))))

        assert (counted.rejected, len(counted.counter)) == ({"sid": 1}, 0)

    def test_leaves_room_for_who_is_sent_something(self) -> None:
        counted = Counted()
        flood = [
            report(
                0,
                *(event(0, "ps", sta="s", sid=f"{home}-{number}-{each}") for each in range(4)),
                address=_network(home),
            )
            for home in range(200)
            for number in range(30)
        ]
        _feed(counted.counter, flood)
        assert 5000 < len(counted.counter) <= 20_000
        believed = len(counted.counter)

        counted.feed(*(media(0.1 + msn, msn, sid="real") for msn in range(3)))

        assert len(counted.counter) == believed + 1
        assert [row.has_begun for row in counted.rows.values() if row.watched_ms] == [True]


class TestWhatIsSentWithRequests:
    def test_is_kept_only_as_far_as_players_send_it(self) -> None:
        counted = Counted()
        pad = "x" * 3500
        lines = [
            line(
                BEGAN_S, msn=1, cmcd=f'sid="one",nor="{number}{pad}"', agent=f"{number} {pad}", address=_network(number)
            )
            for number in range(2000)
        ]
        lines += [line(BEGAN_S, msn=1, agent=f"{number} {pad}", address=_network(number)) for number in range(2000)]
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            _feed(counted.counter, lines)
            kept = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()

        assert kept < 10_000_000

    @pytest.mark.parametrize(("homes", "most"), [(1, 60), (1000, 2000)])
    def test_is_looked_at_so_often_and_no_more(self, homes: int, most: int) -> None:
        counted = Counted()
        before = is_bot.cache_info().misses
        _feed(
            counted.counter,
            [
                line(BEGAN_S, msn=1, agent=f"{homes} {number}", address=_network(number % homes))
                for number in range(4000)
            ],
        )

        # One is that of all whom nobody knows any more.
        assert is_bot.cache_info().misses - before <= most + 1
        assert len(counted.counter) > most

    def test_of_one_network_is_of_one_household_and_of_one_address_however_it_is_written(self) -> None:
        ids = [f'sid="{number}"' for number in range(150)]
        for addresses, believed in (
            (["2001:db8:0:1::1", "2001:db8:0:1:ffff::2"], 120),
            (["::ffff:198.51.100.1", "198.51.100.1"], 120),
            (["::ffff:198.51.100.1", "::ffff:198.51.100.2"], 150),
        ):
            counted = Counted()
            _feed(
                counted.counter,
                [line(BEGAN_S, msn=1, cmcd=cmcd, address=addresses[number % 2]) for number, cmcd in enumerate(ids)],
            )
            told_apart = [view for view in counted.write().views if view.identity == "cmcd"]

            assert len(told_apart) == believed

    def test_makes_nobody_another_who_is_told_apart(self) -> None:
        """What stands before the id says nothing of who it is, and many may send the same."""
        counted = Counted(
            *(
                line(BEGAN_S + msn, msn=msn, cmcd='cid="one broadcast"', apple=name * 20)
                for msn in range(3)
                for name in "ABC"
            )
        )

        assert sorted(row.identity for row in counted.rows.values()) == ["apple"] * 3
