"""What players report is counted beside their views: once, within bounds, and never as a view."""

import pytest

from tests.analytics.crowds import BEGAN_S
from tests.analytics.reported import FETCHED, OURS, TRUE, Counted, event, in_order, media, report, watched


def test_a_view_has_what_its_player_says() -> None:
    counted = Counted(*in_order(*OURS, *FETCHED))

    assert counted.figures == TRUE
    assert (counted.row.identity, counted.row.has_begun, counted.lines, counted.rejected) == ("cmcd", True, 17, {})
    # What is delivered is what is watched, whatever is said.
    silent = Counted(*FETCHED)
    assert counted.watched_ms == silent.watched_ms == counted.row.watched_ms > 0
    assert silent.row.reported is None


def test_states_tell_it_where_a_player_says_no_more() -> None:
    """As hls.js reports by itself; its clock is what times are taken from."""
    counted = Counted(
        report(0.1, event(0.0, "ps", sn=0, sta="s")),
        report(0.9, event(0.45, "ps", sn=1, sta="p")),
        report(10.6, event(10.45, "ps", sn=2, sta="r")),
        report(19.9, event(17.52, "ps", sn=3, sta="p")),
        report(27.6, event(27.52, "t", sn=4, sta="p", ltc=3000)),
        report(28.0, event(27.62, "ps", sn=5, sta="a")),
        report(90.0, event(89.0, "ps", sn=6, sta="p")),
        media(91, 0),
    )

    figures = counted.figures
    assert (figures.startup_ms, figures.played_ms, figures.stalled_ms, figures.stalls) == (450, 20_100, 7070, 1)
    assert (figures.latency_ms, figures.latency_measured_ms, figures.dropped_frames) == (3000, 10_000, None)


@pytest.mark.parametrize(
    ("states", "startup_ms", "has_exited"),
    [
        # Numbers of events as they came: the second one is of when it was asked for.
        ({0: "d", 2: "p", 1: "s"}, 450, False),
        ({0: "d", 2: "q", 1: "s"}, None, True),
        ({0: "s", 2: "a", 1: "s"}, None, False),
        ({2: "p", 1: "s", 0: "d"}, 450, False),
    ],
)
def test_an_event_that_is_overtaken_still_says_when_a_picture_was_asked_for(
    states: dict[int, str], startup_ms: int | None, has_exited: bool
) -> None:
    """Players of others post several at a time, on connections of which one is faster."""
    counted = Counted(*(report(1, event(0.45 * sn, "ps", sn=sn, sta=sta)) for sn, sta in states.items()))

    assert (counted.figures.startup_ms, counted.figures.exited_before_start) == (startup_ms, has_exited)


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_clock_that_is_set_changes_nothing(step_s: int) -> None:
    """Ours, by which lines are dated; the player's goes on."""
    counted = Counted(
        report(0, event(0, "ps", sn=0, sta="s")),
        media(0.5, 0),
        report(1, event(1, "ps", sn=1, sta="p", msd=1000, **watched(0))),
        *(media(0.5 + 2 * msn, msn) for msn in range(1, 20)),
        report(40, event(40, "t", sn=2, sta="p", **watched(39_000))),
    )

    counted.counter.shift(step_s * 1000)
    counted.feed(
        *(media(step_s + 0.5 + 2 * msn, msn) for msn in range(20, 30)),
        report(step_s + 60, event(60, "t", sn=3, sta="p", **watched(59_000))),
    )

    assert (counted.figures.played_ms, counted.row.watched_ms) == (59_000, 59_000)


def test_what_comes_twice_or_late_counts_once() -> None:
    doubled = [raw for raw in OURS for _ in range(2)]
    overtaken = [OURS[index] for index in (0, 1, 3, 2, 5, 4, 6)]

    assert Counted(*doubled).figures == TRUE
    late = Counted(*overtaken).figures
    assert (late.played_ms, late.stalled_ms, late.stalls, late.startup_ms) == (18_000, 2000, 1, 400)


def test_a_restart_changes_nothing() -> None:
    counted = Counted()
    for raw in in_order(*OURS, *FETCHED):
        counted.feed(raw)
        counted.restart()

    assert counted.figures == TRUE
    assert len(counted.rows) == 1


def test_of_who_is_heard_of_late_what_was_before_is_nothing() -> None:
    counted = Counted(
        report(0, event(0, "t", sn=360, sta="p", bsa="(50)", bsda="(90000)", dfa=9, **watched(3_600_000))),
        report(10, event(10, "t", sn=361, sta="p", bsa="(51)", bsda="(91500)", dfa=10, **watched(3_608_500))),
    )

    figures = counted.figures
    assert (figures.played_ms, figures.stalled_ms, figures.stalls, figures.dropped_frames) == (8500, 1500, 1, 1)
    assert (figures.startup_ms, figures.exited_before_start) == (None, False)


def test_of_who_comes_back_to_what_was_over_the_first_view_is_not_told_again() -> None:
    """Who has paused for long is another view, of the same player."""
    paused = report(20.5, event(20.4, "ps", sn=6, sta="a", msd=400, bsa="(1)", bsda="(2000)", **watched(18_000)))
    counted = Counted(*in_order(*OURS[:-1], paused, *FETCHED))
    counted.end()
    first = counted.row.id
    back = [
        report(800, event(800, "ps", sn=7, sta="p", msd=400, bsa="(1)", bsda="(2000)", **watched(18_000))),
        report(810, event(810, "t", sn=8, sta="p", msd=400, bsa="(1)", bsda="(2000)", **watched(28_000))),
    ]
    counted.feed(*in_order(*back, *(media(800 + 2 * msn, 400 + msn) for msn in range(5))))

    (second,) = (row.reported for row in counted.rows.values() if row.id != first)
    assert second is not None
    assert (second.startup_ms, second.played_ms, second.stalled_ms, second.stalls) == (None, 10_000, 0, 0)


def test_nobody_plays_longer_than_they_are_there() -> None:
    huge = 10**14
    counted = Counted(
        report(0, event(0, "ps", sn=0, sta="s")),
        report(1, event(0.5, "ps", sn=1, sta="p", msd=huge)),
        report(
            10, event(10, "t", sn=2, sta="p", ltc=huge, bsa=f"({huge})", bsda=f"({huge})", dfa=huge, **watched(huge))
        ),
        media(11, 0),
        media(12, 1),
    )

    figures = counted.figures
    # What may have been before the first report that came.
    assert min(figures.played_ms, figures.stalled_ms) >= 0
    assert figures.played_ms + figures.stalled_ms <= 30_000
    assert figures.stalls <= 300
    assert (figures.dropped_frames or 0) <= 30_000
    assert (figures.startup_ms, figures.latency_ms) == (500, None)
    assert counted.row.watched_ms <= 2000


@pytest.mark.parametrize(
    ("at_s", "said_s", "played_ms"),
    [
        # A machine that slept; one whose clock was set ahead, and back.
        (400, 400, 70_000),
        (11, 300, 31_000),
        (11, 5, 10_000),
    ],
)
def test_what_states_tell_is_no_longer_than_it_took(at_s: float, said_s: float, played_ms: int) -> None:
    counted = Counted(
        report(0, event(0, "ps", sn=0, sta="p")),
        report(10, event(10, "t", sn=1, sta="p")),
        report(at_s, event(said_s, "t", sn=2, sta="p")),
    )

    assert counted.figures.played_ms == played_ms


@pytest.mark.parametrize("said_s", [-5, 700])
def test_no_start_takes_less_than_no_time_or_longer_than_anybody_waits(said_s: float) -> None:
    counted = Counted(report(0, event(0, "ps", sn=0, sta="s")), report(1, event(said_s, "ps", sn=1, sta="p")))

    assert counted.figures.startup_ms is None


def test_totals_that_shrink_take_nothing_away_and_never_come_to_more_than_the_time_that_passed() -> None:
    late = [(0, 4000), (1, 1000)]
    counted = Counted(*(report(at_s, event(at_s, "t", sn=100 + at_s, sta="p", **watched(ms))) for at_s, ms in late))
    assert counted.figures.played_ms == 0

    to_and_fro = [(at_s, at_s % 2 * 9000) for at_s in range(9)]
    counted = Counted(*(report(at_s, event(at_s, "t", sn=at_s, sta="p", **watched(ms))) for at_s, ms in to_and_fro))
    # Seven seconds when it grew last, and what may have been before.
    assert counted.figures.played_ms == 27_000


class TestWithoutView:
    def test_reports_alone_make_none(self) -> None:
        counted = Counted(*OURS)

        assert not counted.row.has_begun
        assert (counted.row.watched_ms, counted.watched_ms) == (0, 0)
        assert counted.counter.watching(round(BEGAN_S * 1000) + 5000) == []
        # How it went stays: else those who saw something would be left out, and those who did not would be all.
        counted.end()
        assert (counted.row.has_begun, counted.row.watched_ms, counted.row.state) == (False, 0, None)
        assert counted.figures == TRUE

    def test_who_leaves_before_the_first_picture_is_known(self) -> None:
        counted = Counted(report(0, event(0, "ps", sn=0, sta="s")), report(4, event(4, "ps", sn=1, sta="q")))
        counted.end()

        assert (counted.row.has_begun, counted.row.state, counted.watched_ms) == (False, None, 0)
        assert (counted.figures.exited_before_start, counted.figures.failed) == (True, False)
        assert (counted.figures.startup_ms, counted.figures.played_ms) == (None, 0)

    def test_also_where_the_last_word_never_came(self) -> None:
        counted = Counted(report(0, event(0, "ps", sn=0, sta="s")))
        assert not counted.figures.exited_before_start
        counted.end()

        assert counted.figures.exited_before_start

    @pytest.mark.parametrize("first", ["d", "s"])
    def test_who_never_asked_for_one_has_not_left(self, first: str) -> None:
        """A page that waits for a click; or a browser that plays nothing by itself."""
        counted = Counted(
            report(0, event(0, "ps", sn=0, sta=first)),
            report(1, event(1, "ps", sn=1, sta="d")),
            report(9, event(9, "ps", sn=2, sta="q")),
        )
        counted.end()

        assert counted.rows == {}

    def test_a_failure_is_none_of_those_who_left(self) -> None:
        counted = Counted(
            report(0, event(0, "ps", sn=0, sta="s")),
            report(2, event(2, "e", sn=1, sta="s", ec='("manifestLoadError")')),
            report(9, event(9, "ps", sn=2, sta="f", ec='("manifestLoadError")')),
        )
        counted.end()

        assert (counted.figures.failed, counted.figures.error_code) == (True, "manifestLoadError")
        assert not counted.figures.exited_before_start


def test_a_failure_that_is_overcome_is_none() -> None:
    counted = Counted(
        *OURS[:-1],
        report(20.2, event(20.2, "e", sn=6, sta="f", ec='("bufferStalledError")')),
        report(20.6, event(20.6, "ps", sn=7, sta="p")),
    )

    assert (counted.figures.failed, counted.figures.error_code) == (False, None)


def test_reports_keep_a_view_that_is_paused_together() -> None:
    counted = Counted(*in_order(*OURS[:-1], *FETCHED))
    for minute in range(1, 10):
        at_s = 20 + 60 * minute
        counted.feed(report(at_s, event(at_s, "t", sn=100 + minute, sta="a", **watched(18_000))))
        counted.end(after_s=0)
    assert counted.row.state is not None
    counted.feed(media(600, 300))

    assert len(counted.rows) == 1
    counted.end()
    assert counted.row.state is None


def test_reports_alone_keep_no_view_for_longer_than_an_hour() -> None:
    counted = Counted(*in_order(*OURS[:-1], *FETCHED))
    view = counted.row.id
    for minute in range(1, 67):
        at_s = 20 + 60 * minute
        counted.feed(report(at_s, event(at_s, "t", sn=100 + minute, sta="a", **watched(18_000))))
        counted.end(after_s=0)

    assert counted.rows[str(view)].state is None
