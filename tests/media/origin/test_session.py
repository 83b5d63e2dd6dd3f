"""Who asks the origin gets exactly the state that he asked for, as soon as it is there."""

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from streams.media.journal import (
    Ended,
    Opened,
    PartMade,
    Record,
    RunBegan,
    SegmentClosed,
    SlotBegan,
    Writer,
    journal_path,
    part_name,
)
from streams.media.origin import session as origin_session
from streams.media.origin.answers import Reply
from streams.media.origin.requests import Request, Wanted
from streams.media.origin.session import Group, OriginSession
from tests.media.histories import History
from tests.media.playlist_rules import Playlist, check

FOLDER = "pb_1/0123456789abcdef"
_NO_DATE = b"S v0 4 99999999999999999 2000000 9 9 ;\n"


class Viewer:
    def __init__(self) -> None:
        self.group: Group | None = None
        self.answer: Reply | None = None

    def send(self, answer: Reply) -> None:
        assert self.answer is None
        self.answer = answer

    @property
    def status(self) -> int:
        return int(self.answer.head.split()[1]) if self.answer else 0

    @property
    def playlist(self) -> Playlist:
        assert self.answer is not None
        return check(self.answer.body.decode())


class Broadcast:
    """A session that a packager writes, step by step."""

    def __init__(self, root: Path, *, seed: int = 1, steps: int = 150, ends: bool = True) -> None:
        self.folder = root / FOLDER
        self.folder.mkdir(parents=True)
        self._steps = History(seed, changes_epochs=False).steps(steps, ends=ends)
        opened, *rest = [entry.record for entry in next(self._steps)]
        assert isinstance(opened, Opened)
        self._writer = Writer(self.folder, opened)
        self._writer.write(*rest)

    def go_on(self) -> bool:
        entries = next(self._steps, None)
        if entries:
            self._writer.write(*(entry.record for entry in entries))
        return entries is not None

    def go_on_to(self, session: OriginSession, *, msn: int) -> None:
        while not session.timeline.slots or session.timeline.slots["v0"].next_msn <= msn:
            assert self.go_on()
            session.refresh()


def asked(session: OriginSession, **wanted: object) -> Viewer:
    viewer = Viewer()
    session.ask(viewer, Request(Wanted(FOLDER, "v0", **wanted)))  # type: ignore[arg-type]
    return viewer


def holds(playlist: Playlist, *, msn: int, part: int | None) -> bool:
    """Tell whether a playlist is one that a question for that segment or part may be answered with."""
    closed = [segment.msn for segment in playlist.closed]
    if closed and closed[-1] >= msn:
        last = playlist.closed[-1]
        is_behind = last.msn == msn and part is not None and part >= len(last.parts)
        return not is_behind or not playlist.listed[-1].uri
    newest = playlist.listed[-1]
    return part is not None and not newest.uri and newest.msn == msn and len(newest.parts) > part


class TestWaiting:
    async def _run(self, root: Path, seed: int) -> int:
        broadcast, random = Broadcast(root, seed=seed), Random(seed)  # noqa: S311
        session = OriginSession(root, FOLDER)
        waiting: list[tuple[int, int | None, Viewer]] = []
        answered = 0
        state: Playlist | None = None
        while broadcast.go_on():
            session.refresh()
            now = asked(session)
            before, state = state, now.playlist if now.status == 200 else None
            for msn, part, viewer in list(waiting):
                if viewer.answer is None:
                    assert state is None or not holds(state, msn=msn, part=part)
                    continue
                waiting.remove((msn, part, viewer))
                answered += 1
                assert state is not None
                assert viewer.playlist == state
                assert state.is_ended or holds(state, msn=msn, part=part)
                assert before is None or not holds(before, msn=msn, part=part)
            if state is not None and not state.is_ended:
                msn = session.timeline.slots["v0"].next_msn + random.randrange(2)
                part = random.choice([None, random.randrange(6)])
                viewer = asked(session, msn=msn, part=part)
                if viewer.answer is None:
                    waiting.append((msn, part, viewer))
        assert not waiting, "the end answers everybody"
        return answered

    @pytest.mark.parametrize("seed", range(4))
    def test_ends_with_exactly_the_state_that_was_asked_for(self, tmp_path: Path, seed: int) -> None:
        assert asyncio.run(self._run(tmp_path, seed)) > 50

    def test_is_for_one_rendering_of_each_state(self, tmp_path: Path) -> None:
        async def run() -> None:
            broadcast, session = Broadcast(tmp_path), OriginSession(tmp_path, FOLDER)
            broadcast.go_on_to(session, msn=3)
            msn = session.timeline.slots["v0"].next_msn
            viewers = [asked(session, msn=msn) for _ in range(10)]
            broadcast.go_on_to(session, msn=msn)
            assert len({id(viewer.answer) for viewer in viewers}) == 1
            assert viewers[0].status == 200

        asyncio.run(run())

    def test_is_over_when_who_waits_leaves(self, tmp_path: Path) -> None:
        async def run() -> None:
            broadcast, session = Broadcast(tmp_path), OriginSession(tmp_path, FOLDER)
            broadcast.go_on_to(session, msn=3)
            viewer = asked(session, msn=session.timeline.slots["v0"].next_msn)
            assert session.has_waiters
            assert viewer.group is not None
            viewer.group.leave(viewer)
            assert not session.has_waiters

        asyncio.run(run())


class TestRefusing:
    @pytest.mark.parametrize(
        ("ahead", "part", "status"),
        [(0, None, 0), (1, None, 0), (2, None, 400), (0, 40, 400), (1, 9, 0), (1, 10, 400), (10**11, None, 400)],
    )
    def test_is_for_what_is_too_far_ahead(self, tmp_path: Path, ahead: int, part: int | None, status: int) -> None:
        async def run() -> None:
            broadcast, session = Broadcast(tmp_path), OriginSession(tmp_path, FOLDER)
            broadcast.go_on_to(session, msn=5)
            # The segment that is being made is the one behind the last whole one.
            msn = session.timeline.slots["v0"].next_msn + ahead
            assert asked(session, msn=msn, part=part).status == status

        asyncio.run(run())

    def test_is_for_slots_that_are_not_there(self, tmp_path: Path) -> None:
        async def run() -> None:
            broadcast, session = Broadcast(tmp_path), OriginSession(tmp_path, FOLDER)
            broadcast.go_on_to(session, msn=1)
            viewer = Viewer()
            session.ask(viewer, Request(Wanted(FOLDER, "v7")))
            assert viewer.status == 404

        asyncio.run(run())


class Journalled:
    """A session whose packager has written just this."""

    def __init__(self, root: Path, *records: Record, part_target_us: int = 300_000) -> None:
        folder = root / FOLDER
        folder.mkdir(parents=True)
        self._folder, self._part_target_us = folder, part_target_us
        self._writer = Writer(folder, Opened(1, part_target_us, 4, 60, 0, 0))
        self._writer.write(RunBegan(0, 0), *(_began(slot) for slot in ("v0", "v1", "a0")), *records)
        self.session = OriginSession(root, FOLDER)
        self.session.load()

    def begin(self, *, epoch: int) -> None:
        """Let another packager go on from all that there is."""
        end = journal_path(self._folder, epoch=epoch - 1).stat().st_size
        self._writer = Writer(self._folder, Opened(epoch, self._part_target_us, 4, 60, epoch - 1, end))

    def write(self, *records: Record) -> None:
        self._writer.write(*records)
        self.session.refresh()

    def asked(self, slot: str = "v0", **wanted: object) -> Viewer:
        viewer = Viewer()
        self.session.ask(viewer, Request(Wanted(FOLDER, slot, **wanted)))  # type: ignore[arg-type]
        return viewer


def _began(slot: str) -> SlotBegan:
    return SlotBegan(slot, "avc1.64001f", 1280, 720, 30_000)


def _part(msn: int, number: int, *, slot: str = "v0") -> PartMade:
    return PartMade(slot, msn, number, 1_790_000_000_000 + msn * 600 + number * 300, 300_000, int(not number), 1000)


def _closed(msn: int, *, slot: str = "v0") -> SegmentClosed:
    return SegmentClosed(slot, msn, 1_790_000_000_000 + msn * 600, 600_000, 2000, 500)


class TestRenditions:
    def test_are_there_with_their_first_part(self, tmp_path: Path) -> None:
        async def run() -> None:
            journalled = Journalled(tmp_path)
            assert journalled.asked().status == 404
            journalled.write(_part(0, 0))
            assert journalled.asked().status == 200
            assert journalled.asked("v1").status == 404

        asyncio.run(run())

    def test_that_a_later_run_has_not_are_back_when_it_is_over(self, tmp_path: Path) -> None:
        async def run() -> None:
            journalled = Journalled(tmp_path, _part(0, 0), _closed(0), _part(0, 0, slot="v1"), _closed(0, slot="v1"))
            assert journalled.asked("v1").status == 200
            journalled.begin(epoch=2)
            journalled.write(RunBegan(1, 0), _began("v0"), _part(1, 0))
            assert [journalled.asked(slot).status for slot in ("v0", "v1")] == [200, 404]
            journalled.write(_closed(1), Ended())
            assert [journalled.asked(slot).status for slot in ("v0", "v1")] == [200, 200]

        asyncio.run(run())

    def test_are_what_the_newest_epoch_goes_on_from(self, tmp_path: Path) -> None:
        async def run() -> None:
            journalled = Journalled(tmp_path, _part(0, 0), _part(0, 1), _closed(0), _part(1, 0))
            # It counts nothing of what came after the first segment.
            kept = (tmp_path / FOLDER / "1.journal").read_bytes().index(b"P v0 1 ")
            Writer(tmp_path / FOLDER, Opened(2, 300_000, 4, 60, 1, kept)).write(
                RunBegan(1, 0), _began("v0"), _part(1, 0)
            )
            journalled.session.refresh()
            assert [segment.init for segment in journalled.asked().playlist.listed] == ["1-0.init.mp4", "2-1.init.mp4"]

        asyncio.run(run())


class TestQuestions:
    @pytest.mark.parametrize(
        ("msn", "part", "status"),
        [(1, 1, 0), (1, 10, 0), (1, 11, 400), (2, 9, 0), (2, 10, 400), (2, None, 0), (3, None, 400), (0, 99, 200)],
    )
    def test_are_for_no_more_than_three_seconds_ahead(
        self, tmp_path: Path, msn: int, part: int | None, status: int
    ) -> None:
        async def run() -> None:
            journalled = Journalled(tmp_path, _part(0, 0), _part(0, 1), _closed(0), _part(1, 0))
            assert journalled.asked(msn=msn, part=part).status == status

        asyncio.run(run())

    def test_are_for_no_parts_where_there_are_none(self, tmp_path: Path) -> None:
        async def run() -> None:
            journalled = Journalled(tmp_path, _closed(0), part_target_us=0)
            assert journalled.asked(msn=0, part=0).status == 400
            assert journalled.asked(file_name="1-1.0.m4s").status == 404
            assert journalled.asked(msn=0).status == 200
            waits = journalled.asked(msn=1)
            assert waits.status == 0
            journalled.write(_closed(1))
            assert waits.playlist.end == (2, 0)

        asyncio.run(run())

    def test_that_are_answered_are_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(origin_session, "_WAIT_TARGETS", 0.02)

        async def run() -> None:
            troubles: list[object] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, trouble: troubles.append(trouble))
            journalled = Journalled(tmp_path, _part(0, 0))
            waits = journalled.asked(msn=0, part=1)
            journalled.write(_part(0, 1))
            assert waits.status == 200
            overdue = journalled.asked(msn=0, part=2)
            await asyncio.sleep(0.2)
            assert overdue.status == 503
            assert troubles == []

        asyncio.run(run())

    def test_say_for_how_long_their_answers_hold(self, tmp_path: Path) -> None:
        async def run() -> None:
            journalled = Journalled(tmp_path, _part(0, 0), _closed(0), _part(1, 0))
            # What was asked for without a number changes; by number everybody gets the same.
            for wanted, age_s in (({}, 1), ({"msn": 0}, 4), ({"is_key_frames": True}, 1)):
                answer = journalled.asked(**wanted).answer
                assert answer is not None
                assert f"Cache-Control: max-age={age_s}\r\n".encode() in answer.head
                assert (b"#EXT-X-I-FRAMES-ONLY" in answer.body) is ("is_key_frames" in wanted)
            journalled.write(_closed(1), Ended())
            answer = journalled.asked(msn=0).answer
            assert answer is not None
            assert b"Cache-Control: max-age=10\r\n" in answer.head

        asyncio.run(run())

    def test_are_answered_packed_to_who_takes_it_where_that_is_worth_it(self, tmp_path: Path) -> None:
        async def run() -> None:
            journalled = Journalled(tmp_path, _part(0, 0))
            for is_worth_it in (False, True):
                plain = journalled.asked().answer
                viewer = Viewer()
                journalled.session.ask(viewer, Request(Wanted(FOLDER, "v0"), takes_gzip=True))
                assert plain is not None
                assert viewer.answer is not None
                assert (b"Content-Encoding: gzip\r\n" in viewer.answer.head) is is_worth_it
                assert b"Content-Encoding" not in plain.head
                for answer in (plain, viewer.answer):
                    assert b"Vary: Accept-Encoding\r\n" in answer.head
                    assert f"Content-Length: {len(answer.body)}\r\n".encode() in answer.head
                assert (gzip.decompress(viewer.answer.body) if is_worth_it else viewer.answer.body) == plain.body
                journalled.write(*(_closed(msn) for msn in range(12)))

        asyncio.run(run())

    def test_are_answered_with_what_was_written_down_before(self, tmp_path: Path) -> None:
        async def run() -> None:
            journalled = Journalled(tmp_path, _part(0, 0))
            answers = []
            for _ in range(2):
                answers.append(journalled.asked().answer)
                journalled.session.refresh()
            first, second = answers
            assert first is not None
            assert second is not None
            assert first.body is second.body

        asyncio.run(run())


class TestParts:
    def test_that_come_next_are_waited_for(self, tmp_path: Path) -> None:
        async def run() -> None:
            broadcast, session = Broadcast(tmp_path), OriginSession(tmp_path, FOLDER)
            broadcast.go_on_to(session, msn=3)
            msn, part = session.timeline.slots["v0"].next_part
            name = part_name(epoch=1, msn=msn, part=part)
            viewer = asked(session, file_name=name)
            assert viewer.answer is None
            while session.timeline.slots["v0"].part(name) is None:
                assert broadcast.go_on()
                session.refresh()
            assert viewer.answer is not None
            assert f"X-Accel-Redirect: /playback-files/{FOLDER}/v0/{name}".encode() in viewer.answer.head

        asyncio.run(run())

    @pytest.mark.parametrize(("segments", "parts"), [(0, 1), (1, 0), (0, 40), (10**9, 0)])
    def test_that_come_later_are_not(self, tmp_path: Path, segments: int, parts: int) -> None:
        async def run() -> None:
            broadcast, session = Broadcast(tmp_path), OriginSession(tmp_path, FOLDER)
            broadcast.go_on_to(session, msn=3)
            msn, part = session.timeline.slots["v0"].next_part
            name = part_name(epoch=1, msn=msn + segments, part=part + parts)
            assert asked(session, file_name=name).status == 404

        asyncio.run(run())

    def test_that_never_come_are_not_there(self, tmp_path: Path) -> None:
        async def run() -> None:
            broadcast, session = Broadcast(tmp_path), OriginSession(tmp_path, FOLDER)
            broadcast.go_on_to(session, msn=3)
            viewers: dict[tuple[int, int], Viewer] = {}
            while not [viewer for viewer in viewers.values() if viewer.status == 404]:
                msn, part = session.timeline.slots["v0"].next_part
                viewers.setdefault((msn, part), asked(session, file_name=part_name(epoch=1, msn=msn, part=part)))
                assert broadcast.go_on()
                session.refresh()
            msn, part = next(number for number, viewer in viewers.items() if viewer.status == 404)
            # A segment closed before it.
            assert part > 0
            assert session.timeline.slots["v0"].next_msn > msn

        asyncio.run(run())


class TestJournals:
    def test_that_are_gone_end_everything(self, tmp_path: Path) -> None:
        async def run() -> None:
            broadcast, session = Broadcast(tmp_path), OriginSession(tmp_path, FOLDER)
            broadcast.go_on_to(session, msn=3)
            viewer = asked(session, msn=session.timeline.slots["v0"].next_msn)
            (broadcast.folder / "1.journal").unlink()
            session.refresh()
            assert viewer.status == 404
            assert asked(session).status == 404

        asyncio.run(run())

    def test_that_make_no_sense_are_nobodys_answer(self, tmp_path: Path) -> None:
        async def run() -> None:
            broadcast, session = Broadcast(tmp_path), OriginSession(tmp_path, FOLDER)
            broadcast.go_on_to(session, msn=3)
            with (broadcast.folder / "1.journal").open("a") as journal:
                journal.write("S v0 nonsense ;\n")
            session.refresh()
            assert asked(session).status == 503

        asyncio.run(run())

    @pytest.mark.parametrize(
        "spoiled",
        [
            pytest.param(lambda journal: journal[:-100], id="shorter"),
            pytest.param(lambda journal: journal[: len(journal) // 2], id="half"),
            pytest.param(lambda journal: journal + _NO_DATE, id="no date"),
        ],
    )
    def test_that_a_disk_has_spoiled_fail_alone(self, tmp_path: Path, spoiled: Callable[[bytes], bytes]) -> None:
        async def run() -> None:
            broadcast, session = Broadcast(tmp_path), OriginSession(tmp_path, FOLDER)
            broadcast.go_on_to(session, msn=3)
            viewer = asked(session, msn=session.timeline.slots["v0"].next_msn)
            journal = broadcast.folder / "1.journal"
            journal.write_bytes(spoiled(journal.read_bytes()))
            session.refresh()
            assert viewer.status == 503
            assert asked(session).status == 503

        asyncio.run(run())

    def test_that_can_be_read_and_not_told_of_are_nobodys_answer(self, tmp_path: Path) -> None:
        broadcast, session = Broadcast(tmp_path), OriginSession(tmp_path, FOLDER)
        broadcast.go_on_to(session, msn=3)
        with (broadcast.folder / "1.journal").open("ab") as journal:
            journal.write(_NO_DATE)
        anew = OriginSession(tmp_path, FOLDER)
        anew.load()

        assert [asked(anew).status for _ in range(2)] == [503, 503]
