"""Whatever a session's history is, each playlist of it is a valid one, and follows on the one before."""

from collections.abc import Iterator

import m3u8
import pytest

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


def _ended(history: History) -> SessionTimeline:
    timeline = SessionTimeline()
    for entries in history.steps(STEPS):
        timeline.feed(entries)
    return timeline
