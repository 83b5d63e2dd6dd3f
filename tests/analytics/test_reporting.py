"""Reports are counted for whom they are of, and those that are of nobody as rejected."""

import pytest

from analytics.counting.lines import LineError
from analytics.counting.reporting import KnownSessions, Report
from tests.analytics.crowds import BEGAN_S, SESSION, line
from tests.analytics.reported import VIEWER, Counted, event, media, report, watched


class TestWhoseItIs:
    def test_is_found_among_the_sessions_of_a_livestream(self) -> None:
        """As players of others report, which know of a livestream, but of no session."""
        elsewhere = "f" * 16
        counted = Counted(media(0.1, 0), line(BEGAN_S + 0.2, msn=0, session=elsewhere, cmcd='sid="two"'), known=False)
        events = {sid: event(1, "ps", sn=0, sta="s", sid=sid) for sid in ("one", "two", "three")}
        counted.feed(*(report(1, each, place="pb_crowd") for each in events.values()))

        sessions = [row.session for row in counted.rows.values() if row.reported]
        # Of one who has fetched nothing it is taken for what is on.
        assert sessions == [SESSION, elsewhere, elsewhere]

    def test_is_what_is_on_before_anything_of_it_was_delivered(self) -> None:
        said = report(1, event(1, "ps", sn=0, sta="s"), place="pb_crowd")
        for before in ((), (line(BEGAN_S, msn=0, session="f" * 16, cmcd='sid="two"'),)):
            counted = Counted(*before, said, newest=SESSION)

            assert [row.session for row in counted.rows.values() if row.reported] == [SESSION]
            assert counted.rejected == {}

    def test_is_rejected_where_nobody_knows_the_livestream(self) -> None:
        counted = Counted(media(0.1, 0), known=False)
        said = event(1, "ps", sn=0, sta="s")
        for place in ("pb_other", f"pb_other/{SESSION}", "pb_crowd/0123456789abcdef", "elsewhere/x"):
            counted.feed(report(1, said, place=place))

        assert counted.rejected == {"foreign": 3, "unknown": 1}
        assert counted.row.reported is None

    def test_is_by_viewer_id_where_playback_is_signed(self) -> None:
        counted = Counted(
            report(0.0, event(0, "ps", sn=0, sta="s", sid="tab"), viewer=VIEWER),
            media(0.4, 0, sid="other", viewer=VIEWER),
            report(0.5, event(0.4, "ps", sn=1, sta="p", msd=400, sid="tab"), viewer=VIEWER),
            # Another page of the same viewer: one of them is listened to.
            report(0.6, event(0.5, "ps", sn=0, sta="s", sid="second"), viewer=VIEWER),
            report(5.0, event(5, "t", sn=1, sta="p", sid="second", **watched(9000)), viewer=VIEWER),
            report(10.4, event(10.4, "ps", sn=2, sta="a", sid="tab", **watched(10_000)), viewer=VIEWER),
        )

        assert (counted.row.identity, counted.figures.played_ms, counted.figures.startup_ms) == ("token", 10_000, 400)
        assert counted.rejected == {"sid": 2}
        # One that begins when the other has long been silent is who watches now.
        counted.feed(
            report(100, event(100, "ps", sn=0, sta="s", sid="new"), viewer=VIEWER),
            report(110, event(110, "t", sn=1, sta="p", sid="new", **watched(7000)), viewer=VIEWER),
        )
        assert counted.figures.played_ms == 17_000

    def test_goes_on_with_the_page_that_was_loaded_anew(self) -> None:
        counted = Counted(
            report(0, event(0, "ps", sn=0, sta="s", sid="tab"), viewer=VIEWER),
            report(1, event(1, "ps", sn=1, sta="p", msd=400, sid="tab"), viewer=VIEWER),
            report(5, event(5, "ps", sn=2, sta="q", sid="tab", **watched(4000)), viewer=VIEWER),
            report(6, event(6, "ps", sn=0, sta="s", sid="anew"), viewer=VIEWER),
            report(16, event(16, "t", sn=2, sta="p", msd=700, sid="anew", **watched(9000)), viewer=VIEWER),
            # What was on its way.
            report(17, event(5, "ps", sn=3, sta="q", sid="tab", **watched(4000)), viewer=VIEWER),
        )

        assert (counted.figures.played_ms, counted.figures.startup_ms) == (13_000, 400)
        assert counted.rejected == {"sid": 1}


class TestBadInput:
    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (report(1, ""), "report"),
            (report(1, "nonsense"), "report"),
            (report(1, event(1, "t", sta="p", ltc="NaN")), "report"),
            (report(1, event(1, "t", sta="p", ltc=-1)), "report"),
            (report(1, event(1 + 90_000, "t", sta="p")), "time"),
            (report(1, event(1 - 90_000, "t", sta="p")), "time"),
            (report(1, event(1, "t", sta="p"), agent="Twitterbot/1.0"), "bot"),
            (report(1, event(1, "t", sta="p")).replace(b'"report"', b'"rumour"'), "event"),
            (report(1, event(1, "t", sta="p") + "," + "x" * 60_000), "long"),
        ],
    )
    def test_is_counted_as_such_and_nothing_else(self, raw: bytes, reason: str) -> None:
        counted = Counted(raw)

        assert (counted.rejected, counted.lines, counted.rows) == ({reason: 1}, 0, {})

    def test_beside_good_events_harms_none_of_them(self) -> None:
        counted = Counted(report(1, event(0, "ps", sn=0, sta="s"), "nonsense", event(1, "ps", sn=1, sta="p")))

        assert counted.rejected == {"report": 1}
        assert counted.figures.startup_ms == 1000

    def test_of_the_future_or_long_ago_is_none(self) -> None:
        counted = Counted()
        for off_s in (20, -200_000):
            counted.counter.feed([report(off_s, event(off_s, "t", sta="p"))], now_ms=round(BEGAN_S * 1000))
        counted.write()

        assert (counted.rejected, counted.rows) == ({"time": 2}, {})

    def test_new_names_without_end_are_bounded(self) -> None:
        counted = Counted(*(report(1, event(1, "ps", sn=0, sta="s", sid=f"sid-{number}")) for number in range(1000)))

        assert (len(counted.counter), counted.rejected) == (120, {"too_many": 880})
        # Who is behind another address is heard.
        counted.feed(report(1, event(1, "ps", sn=0, sta="s", sid="honest"), address="198.51.100.1"))
        assert len(counted.counter) == 121

    def test_viewers_without_end_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("analytics.counting.counter._STAYS_AT_MOST", 5)
        crowd = [event(1, "ps", sn=0, sta="s", sid=f"sid-{number}") for number in range(9)]
        counted = Counted(*(report(1, said, address=f"198.51.100.{place}") for place, said in enumerate(crowd)))

        assert (len(counted.counter), counted.rejected) == (5, {"too_many": 4})

    def test_no_more_is_known_than_is_needed(self) -> None:
        known = KnownSessions(lambda _playback_id, _session: False, lambda _playback_id: "")
        for number in range(20_001):
            known.note(f"pb_{number}", SESSION)
        for number in range(9):
            known.note("pb_crowd", f"{number:016x}")

        # The oldest of livestreams, and of one's sessions.
        for place in (f"pb_0/{SESSION}", f"pb_crowd/{0:016x}"):
            playback_id, session = place.split("/")
            with pytest.raises(LineError, match="foreign"):
                known.find(Report(playback_id, session, 0, [], ""))
        assert known.delivered("pb_crowd")[:2] == [f"{8:016x}", f"{7:016x}"]
