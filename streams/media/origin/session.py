"""One session in the origin's memory: its timeline, and who waits for what comes next."""

import asyncio
import logging
import math
from enum import Enum
from pathlib import Path
from typing import Protocol

from streams.media.journal import Reader, part_name
from streams.media.media_playlist import render_key_frames, render_media
from streams.media.origin import answers
from streams.media.origin.answers import PackedPlaylist, Reply
from streams.media.origin.requests import Request, Wanted
from streams.media.timeline import SessionTimeline, SlotTimeline

logger = logging.getLogger(__name__)

# Who asks for more than that ahead waits for nothing that anybody knows of. Source: RFC 8216bis 6.2.5.2.
_SEGMENTS_AHEAD = 2
_ADVANCE_PART_LIMIT_S = 3.0
# Source: RFC 8216bis 6.2.5.2.
_WAIT_TARGETS = 3
# An answer to a question for a given part is the same for everybody; what was asked for without one changes.
_BLOCKED_MAX_AGE_TARGETS = 1
_MAX_AGE_S = 1
_ENDED_MAX_AGE_S = 10
_US = 1_000_000


class Waiter(Protocol):
    """Who asked, and waits in one group at most."""

    group: "Group | None"

    def send(self, answer: Reply) -> None: ...


class Verdict(Enum):
    READY = 200
    TOO_FAR = 400
    NONE = 404
    WAIT = 0


class Group:
    """All who wait for the same answer. The first one's patience is everybody's: what is overdue is so for all."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.clients: dict[Waiter, None] = {}
        self.timer: asyncio.TimerHandle | None = None

    def leave(self, client: Waiter) -> None:
        self.clients.pop(client, None)

    def answer(self, answer: Reply) -> None:
        if self.timer is not None:
            self.timer.cancel()
        for client in self.clients:
            client.group = None
            client.send(answer)


class OriginSession:
    """What a session's journals say, read on as they grow."""

    def __init__(self, root: Path, folder: str) -> None:
        self.folder = folder
        self.timeline = SessionTimeline()
        # What everybody is told when its journals are gone, cannot be read, or make no sense.
        self.lost_with = 0
        self._reader = Reader(root / folder, leaves_old_parts_out=True)
        self._groups: dict[Request, Group] = {}
        self._pages: dict[tuple[Wanted, bool], PackedPlaylist] = {}

    @property
    def has_waiters(self) -> bool:
        return any(group.clients for group in self._groups.values())

    def load(self) -> None:
        """Read the journals for the first time; long ones take a while, so this is for a thread.

        :raises JournalError: when they make no sense.
        :raises OSError: when they cannot be read.
        """
        self._read()

    def refresh(self) -> None:
        """Read what came since, and answer who waits for it."""
        try:
            if self._read():
                self._pages.clear()
                self._answer_groups()
        except FileNotFoundError:
            self.lose(404)
        except Exception:  # Whatever a disk makes of one session's journals is nothing to the others'.
            self._give_up()

    def _give_up(self) -> None:
        logger.exception("the journals cannot be read folder=%s", self.folder)
        self.lose(503)

    def _read(self) -> bool:
        is_anew, entries = self._reader.read()
        if is_anew:
            self.timeline = SessionTimeline()
        self.timeline.feed(entries)
        return is_anew or bool(entries)

    def lose(self, status: int) -> None:
        """Reply everybody that there is nothing more to say."""
        self.lost_with = status
        for group in self._groups.values():
            group.answer(answers.failure(status))
        self._groups.clear()

    def ask(self, client: Waiter, request: Request) -> None:
        """Reply now, or as soon as there is something to answer with."""
        if self.lost_with:
            client.send(answers.failure(self.lost_with))
            return
        try:
            verdict = self.verdict(request.wanted)
            if verdict is Verdict.WAIT:
                self._wait(client, request)
                return
            answer = self._answer(request, verdict)
        except Exception:  # Who asks next is to be answered as well.
            self._give_up()
            answer = answers.failure(503)
        client.send(answer)

    def verdict(self, wanted: Wanted) -> Verdict:
        """Tell what can be said to a question now."""
        slot = self.timeline.slots.get(wanted.slot)
        if slot is None or slot.is_empty or not (self.timeline.is_ended or self.timeline.is_current(slot)):
            return Verdict.NONE
        if wanted.file_name:
            return self._verdict_on_part(slot, wanted)
        if wanted.msn is None or self.timeline.is_ended:
            return Verdict.READY
        return self._verdict_on_playlist(slot, msn=wanted.msn, part=wanted.part)

    def _verdict_on_part(self, slot: SlotTimeline, wanted: Wanted) -> Verdict:
        if slot.part(wanted.file_name) is not None:
            return Verdict.READY
        msn, part = slot.next_part
        is_next = wanted.file_name == part_name(epoch=self.timeline.epoch, msn=msn, part=part)
        return Verdict.WAIT if is_next and self.timeline.has_parts else Verdict.NONE

    def _verdict_on_playlist(self, slot: SlotTimeline, *, msn: int, part: int | None) -> Verdict:
        if part is not None and not self.timeline.has_parts:
            return Verdict.TOO_FAR
        if slot.has(msn=msn, part=part):
            return Verdict.READY
        is_far = msn > slot.next_msn - 1 + _SEGMENTS_AHEAD
        return Verdict.TOO_FAR if is_far or self._is_part_far(slot, msn=msn, part=part) else Verdict.WAIT

    def _is_part_far(self, slot: SlotTimeline, *, msn: int, part: int | None) -> bool:
        """Tell whether a part is further ahead than a few seconds. Source: RFC 8216bis 6.2.5.2."""
        # What lies behind a closed segment's end is the next one's first.
        if part is None or msn < slot.next_msn:
            return False
        there = slot.next_part[1] if msn == slot.next_msn else 0
        return part >= there + math.ceil(_ADVANCE_PART_LIMIT_S * _US / self.timeline.part_target_us)

    def _wait(self, client: Waiter, request: Request) -> None:
        group = self._groups.get(request)
        if group is None:
            group = self._groups[request] = Group(request)
            bound_s = _WAIT_TARGETS * self.timeline.target_s
            group.timer = asyncio.get_running_loop().call_later(bound_s, self._expire, group)
        group.clients[client] = None
        client.group = group

    def _expire(self, group: Group) -> None:
        del self._groups[group.request]
        group.answer(answers.failure(404 if group.request.wanted.file_name else 503))

    def _answer_groups(self) -> None:
        for request, group in list(self._groups.items()):
            verdict = self.verdict(request.wanted)
            if verdict is not Verdict.WAIT:
                answer = self._answer(request, verdict)
                del self._groups[request]
                group.answer(answer)

    def _answer(self, request: Request, verdict: Verdict) -> Reply:
        wanted = request.wanted
        if verdict is not Verdict.READY:
            return answers.failure(verdict.value)
        if wanted.file_name:
            return answers.file(f"{wanted.folder}/{wanted.slot}/{wanted.file_name}")
        return answers.playlist(self._page(wanted, is_zipped=request.takes_gzip), max_age_s=self._max_age_s(wanted))

    def _page(self, wanted: Wanted, *, is_zipped: bool) -> PackedPlaylist:
        # What somebody waited for does not matter to what the playlist says.
        wanted = Wanted(wanted.folder, wanted.slot, wanted.form, wanted.is_key_frames)
        found = self._pages.get((wanted, is_zipped))
        if found is None:
            found = self._pages[wanted, is_zipped] = answers.page(self._render(wanted), is_zipped=is_zipped)
        return found

    def _render(self, wanted: Wanted) -> str:
        slot = self.timeline.slots[wanted.slot]
        if wanted.is_key_frames:
            return render_key_frames(self.timeline, slot)
        return render_media(self.timeline, slot, wanted.form)

    def _max_age_s(self, wanted: Wanted) -> int:
        if self.timeline.is_ended:
            return _ENDED_MAX_AGE_S
        return _MAX_AGE_S if wanted.msn is None else _BLOCKED_MAX_AGE_TARGETS * self.timeline.target_s
