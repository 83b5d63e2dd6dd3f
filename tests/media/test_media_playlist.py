"""Whatever a session's history is, each playlist of it is a valid one, and follows on the one before."""

from collections.abc import Iterator

import m3u8
import pytest

from streams.media.journal import Ended, Entry, Opened, PartMade, Record, RunBegan, SegmentClosed, SlotBegan
from streams.media.media_playlist import Form, render_key_frames, render_media
from streams.media.timeline import Passage, SessionTimeline, SlotTimeline
from tests.media.histories import SLOTS, History
from tests.media.playlist_rules import Playlist, check, joined, read

SEEDS = range(6)
STEPS = 180
FULL, EDGE, DELTA = Form(), Form(is_edge=True), Form(is_delta=True)


def _states(history: History, *, ends: bool = True) -> Iterator[tuple[SessionTimeline, SlotTimeline]]:
    """Feed a timeline step by step; return it each time, with its slots in turn."""
    timeline = SessionTimeline()
    for step, entries in enumerate(history.steps(STEPS, ends=ends)):
        timeline.feed(entries)
        slot = timeline.slots[SLOTS[step % len(SLOTS)]]
        if not slot.is_empty:
            yield timeline, slot


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("has_parts", [True, False])
class TestEveryPlaylistOfARandomHistory:
    def test_breaks_no_rule(self, seed: int, has_parts: bool) -> None:
        for timeline, slot in _states(History(seed, has_parts=has_parts)):
            for form in (FULL, EDGE, DELTA):
                playlist = check(render_media(timeline, slot, form))
                assert playlist.is_ended is timeline.is_ended

    def test_never_goes_back(self, seed: int, has_parts: bool) -> None:
        before: dict[tuple[str, Form], Playlist] = {}
        for timeline, slot in _states(History(seed, has_parts=has_parts)):
            for form in (FULL, EDGE):
                playlist = read(render_media(timeline, slot, form))
                if (slot.name, form) in before:
                    _check_follows(before[slot.name, form], playlist)
                before[slot.name, form] = playlist

    def test_is_what_a_player_makes_of_a_delta_update(self, seed: int, has_parts: bool) -> None:
        earlier, skipped = dict[str, str](), 0
        for timeline, slot in _states(History(seed, has_parts=has_parts), ends=False):
            full, delta = render_media(timeline, slot, FULL), render_media(timeline, slot, DELTA)
            skipped += read(delta).skipped
            if slot.name in earlier:
                assert joined(earlier[slot.name], delta) == full
            earlier[slot.name] = full
        assert skipped

    def test_is_the_same_for_whoever_has_read_it_before(self, seed: int, has_parts: bool) -> None:
        for timeline, slot in _states(History(seed, has_parts=has_parts)):
            again = render_media(timeline, slot, FULL), render_key_frames(timeline, slot)
            slot.passages.clear()
            assert again == (render_media(timeline, slot, FULL), render_key_frames(timeline, slot))

    def test_counts_discontinuities_alike_in_all_renditions(self, seed: int, has_parts: bool) -> None:
        timeline = SessionTimeline()
        for entries in History(seed, has_parts=has_parts).steps(STEPS):
            timeline.feed(entries)
        inits = [
            {segment.discontinuity: segment.init for segment in check(render_media(timeline, slot, FULL)).listed}
            for slot in timeline.slots.values()
        ]
        for number in set(inits[0]) & set(inits[1]) & set(inits[2]):
            assert inits[0][number] == inits[1][number] == inits[2][number]

    def test_is_read_by_others(self, seed: int, has_parts: bool) -> None:
        timeline = SessionTimeline()
        for entries in History(seed, has_parts=has_parts).steps(STEPS, ends=False):
            timeline.feed(entries)
        text = render_media(timeline, timeline.slots["v0"], FULL)

        theirs, ours = m3u8.loads(text), read(text)

        assert theirs.media_sequence == ours.first_msn
        assert [segment.uri for segment in theirs.segments if segment.uri] == [segment.uri for segment in ours.closed]
        assert sum(len(segment.parts) for segment in theirs.segments) == sum(len(s.parts) for s in ours.listed)
        assert bool(theirs.preload_hint) is has_parts
        assert len(theirs.rendition_reports) == len(SLOTS) - 1


def _check_follows(before: Playlist, after: Playlist) -> None:
    assert after.first_msn >= before.first_msn
    assert int(after.tags["#EXT-X-DISCONTINUITY-SEQUENCE"]) >= int(before.tags["#EXT-X-DISCONTINUITY-SEQUENCE"])
    for tag in ("#EXT-X-TARGETDURATION", "#EXT-X-PART-INF", "#EXT-X-SERVER-CONTROL"):
        if after.is_ended and tag != "#EXT-X-TARGETDURATION":
            continue
        assert after.tags.get(tag) == before.tags.get(tag), "6.2.1: it may not change"
    if after.listed and before.listed:
        assert after.end >= before.end
    now = {segment.msn: segment for segment in after.closed}
    for segment in before.closed:
        if segment.msn in now:
            found = now[segment.msn]
            assert (found.uri, found.duration_s, found.at, found.init) == (
                segment.uri,
                segment.duration_s,
                segment.at,
                segment.init,
            )
            assert found.discontinuity == segment.discontinuity


class TestAnEnd:
    def test_is_something_to_go_back_to(self) -> None:
        timeline = _ended(History(1))

        playlist = check(render_media(timeline, timeline.slots["v0"], FULL))

        assert playlist.tags["#EXT-X-PLAYLIST-TYPE"] == "VOD"
        assert playlist.listed[-1].msn == timeline.slots["v0"].segments[-1].msn

    def test_lets_the_short_playlist_stay_short(self) -> None:
        timeline = _ended(History(1))

        assert len(check(render_media(timeline, timeline.slots["v0"], EDGE)).listed) < 20


class TestKeyFrames:
    def test_are_ranges_of_the_segments_that_are_listed(self) -> None:
        timeline = SessionTimeline()
        for entries in History(3).steps(STEPS, ends=False):
            timeline.feed(entries)

        text = render_key_frames(timeline, timeline.slots["v0"])

        theirs = m3u8.loads(text)
        whole = read(render_media(timeline, timeline.slots["v0"], FULL))
        assert theirs.is_i_frames_only
        assert [segment.uri for segment in theirs.segments] == [segment.uri for segment in whole.closed]
        first = timeline.slots["v0"].segments[-1]
        assert theirs.segments[-1].byterange == f"{first.key_size}@0"


class TestThePast:
    def test_is_not_written_again_for_a_part(self) -> None:
        written, again = dict[object, Passage](), 0
        for timeline, slot in _states(History(2)):
            render_media(timeline, slot, FULL)
            render_key_frames(timeline, slot)
            for name, passage in slot.passages.items():
                again += (slot.name, name, passage.msns) in written
                assert written.setdefault((slot.name, name, passage.msns), passage) is passage
        assert again > len(written)


class TestTheWindow:
    @pytest.mark.parametrize("form", [FULL, EDGE])
    def test_leaves_players_enough(self, form: Form) -> None:
        timeline = SessionTimeline()
        for entries in History(5, dvr_window_s=0).steps(STEPS, ends=False):
            timeline.feed(entries)

        listed = check(render_media(timeline, timeline.slots["v0"], form)).closed

        assert sum(segment.duration_s for segment in listed) >= 12
        assert len(listed) >= 6

    def test_goes_back_as_far_as_is_wanted(self) -> None:
        timeline = SessionTimeline()
        for entries in History(5, dvr_window_s=60).steps(STEPS * 3, ends=False):
            timeline.feed(entries)

        listed = check(render_media(timeline, timeline.slots["v0"], FULL)).closed

        assert 54 < sum(segment.duration_s for segment in listed) <= 60


_AT_MS = 1_790_000_000_000
_AS_IT_IS_WRITTEN = """\
#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24.0,HOLD-BACK=12.0,PART-HOLD-BACK=0.900000
#EXT-X-PART-INF:PART-TARGET=0.300000
#EXT-X-MAP:URI="1-0.init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.000Z
#EXTINF:0.550001,
1-0.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.550Z
#EXTINF:0.550001,
1-1.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:21.100Z
#EXT-X-PART:DURATION=0.300000,URI="1-2.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.250001,URI="1-2.1.m4s"
#EXTINF:0.550001,
1-2.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:21.650Z
#EXT-X-GAP
#EXTINF:0.550001,
1-3.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="2-1.init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:14:20.007Z
#EXT-X-PART:DURATION=0.300000,URI="2-4.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="2-4.1.m4s"
#EXT-X-RENDITION-REPORT:URI="../a0/index.m3u8",LAST-MSN=3,LAST-PART=1
"""
_FIRST_PICTURES = """\
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-I-FRAMES-ONLY
#EXT-X-MAP:URI="1-0.init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.000Z
#EXTINF:0.550001,
#EXT-X-BYTERANGE:500@0
1-0.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.550Z
#EXTINF:0.550001,
#EXT-X-BYTERANGE:500@0
1-1.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:21.100Z
#EXTINF:0.550001,
#EXT-X-BYTERANGE:500@0
1-2.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:21.650Z
#EXT-X-GAP
#EXTINF:0.550001,
1-3.m4s
"""
_ITS_END = """\
#EXT-X-MAP:URI="2-1.init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:14:20.007Z
#EXTINF:0.300000,
2-4.m4s
#EXT-X-ENDLIST
"""


class TestText:
    """Word for word: what rules leave open is what players were tried with."""

    def test_is_what_it_is(self) -> None:
        timeline = self._session()
        picture, sound = timeline.slots["v0"], timeline.slots["a0"]

        assert render_media(timeline, picture, FULL) == _AS_IT_IS_WRITTEN
        assert render_media(timeline, sound, EDGE).splitlines()[-1] == (
            '#EXT-X-RENDITION-REPORT:URI="../v0/index.m3u8?dvr=0",LAST-MSN=4,LAST-PART=0'
        )
        assert render_key_frames(timeline, picture).endswith(_FIRST_PICTURES)
        _feed(timeline, 2, SegmentClosed("v0", 4, _AT_MS + 60_007, 300_000, 1000, 400), Ended())
        assert render_media(timeline, picture, FULL).endswith(_ITS_END)
        assert render_key_frames(timeline, picture).endswith("\n#EXT-X-ENDLIST\n")

    def test_reports_of_what_is_closed_all_of_its_parts(self) -> None:
        timeline = SessionTimeline()
        _feed(timeline, 1, Opened(1, 300_000, 4, 60, 0, 0), RunBegan(0, 0), *_began())
        for slot in ("v0", "a0"):
            _feed(timeline, 1, *_parts(slot, 0), _closed(slot, 0))

        report = '#EXT-X-RENDITION-REPORT:URI="../a0/index.m3u8"'
        assert f"{report},LAST-MSN=0,LAST-PART=1\n" in render_media(timeline, timeline.slots["v0"], FULL)
        # One that is too long to be told of part by part.
        _feed(timeline, 1, _closed("a0", 1))
        assert f"{report},LAST-MSN=1\n" in render_media(timeline, timeline.slots["v0"], FULL)

    def test_reports_no_slot_that_the_present_run_does_not_go_on_with(self) -> None:
        timeline = self._session()
        _feed(timeline, 3, RunBegan(2, _AT_MS), _began()[0], *_parts("v0", 5))

        assert "RENDITION-REPORT" not in render_media(timeline, timeline.slots["v0"], FULL)

    def _session(self) -> SessionTimeline:
        """One whose second epoch has begun with a picture; nobody lived to close the fourth segment."""
        timeline = SessionTimeline()
        _feed(timeline, 1, Opened(1, 300_000, 4, 3600, 0, 0), RunBegan(0, _AT_MS), *_began())
        for msn in range(4):
            for slot in ("v0", "a0"):
                _feed(timeline, 1, *_parts(slot, msn), *([_closed(slot, msn)] if msn < 3 else []))
        _feed(timeline, 2, Opened(2, 300_000, 4, 3600, 1, 99), RunBegan(1, _AT_MS), *_began())
        _feed(timeline, 2, PartMade("v0", 4, 0, _AT_MS + 60_007, 300_000, 1, 1000))
        return timeline


class TestCounts:
    """How far playlists go back, to the segment."""

    @pytest.mark.parametrize(
        ("segment_s", "dvr_window_s", "full", "edge"),
        [(2, 60, 30, 6), (2, 61, 30, 6), (2, 0, 6, 6), (4, 60, 15, 6), (1, 0, 12, 12), (4.4, 20, 6, 6), (1, 5, 12, 12)],
    )
    def test_are_of_the_window_and_never_less_than_players_need(
        self, segment_s: float, dvr_window_s: int, full: int, edge: int
    ) -> None:
        timeline = _long(segment_s=segment_s, dvr_window_s=dvr_window_s)
        slot = timeline.slots["v0"]

        assert [len(read(render_media(timeline, slot, form)).closed) for form in (FULL, EDGE)] == [full, edge]
        assert len(timeline.slots["v0"].segments) == 100

    @pytest.mark.parametrize(("more_us", "skipped"), [(0, 93), (300_000, 94)])
    def test_of_what_a_delta_update_leaves_out_are_six_targets(self, more_us: int, skipped: int) -> None:
        timeline = _long(segment_s=4, dvr_window_s=3600)
        if more_us:
            _feed(timeline, 1, PartMade("v0", 100, 0, _AT_MS + 400_000, more_us, 1, 1000))

        delta = read(render_media(timeline, timeline.slots["v0"], DELTA))

        assert delta.skipped == skipped
        assert delta.closed[0].msn == skipped

    def test_of_what_is_over_are_all(self) -> None:
        timeline = _long(segment_s=4, dvr_window_s=3600)
        _feed(timeline, 1, Ended())

        assert read(render_media(timeline, timeline.slots["v0"], DELTA)).skipped == 0


def _long(*, segment_s: float, dvr_window_s: int) -> SessionTimeline:
    timeline = SessionTimeline()
    _feed(timeline, 1, Opened(1, 300_000, 4, dvr_window_s, 0, 0), RunBegan(0, _AT_MS), _began()[0])
    for msn in range(100):
        at_ms = _AT_MS + round(msn * segment_s * 1000)
        _feed(timeline, 1, SegmentClosed("v0", msn, at_ms, round(segment_s * 1_000_000), 2000, 500))
    return timeline


def _feed(timeline: SessionTimeline, epoch: int, *records: Record) -> None:
    timeline.feed([Entry(epoch, record) for record in records])


def _began() -> list[SlotBegan]:
    return [SlotBegan("v0", "avc1.64001f", 1280, 720, 30_000), SlotBegan("a0", "mp4a.40.2", 0, 0, 0)]


def _parts(slot: str, msn: int) -> list[PartMade]:
    at_ms = _AT_MS + msn * 550
    return [PartMade(slot, msn, 0, at_ms, 300_000, 1, 1000), PartMade(slot, msn, 1, at_ms + 300, 250_001, 0, 1000)]


def _closed(slot: str, msn: int) -> SegmentClosed:
    return SegmentClosed(slot, msn, _AT_MS + msn * 550, 550_001, 2000, 500)


def _ended(history: History) -> SessionTimeline:
    timeline = SessionTimeline()
    for entries in history.steps(STEPS):
        timeline.feed(entries)
    return timeline
