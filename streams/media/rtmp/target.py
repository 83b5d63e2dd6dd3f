"""One target: it is connected to, gets the broadcast, and is tried again when it does not take it."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field

from streams.media.flv import TagType
from streams.media.rtmp import media
from streams.media.rtmp.addresses import parse_target
from streams.media.rtmp.backoff import Backoff
from streams.media.rtmp.chunks import MessageType
from streams.media.rtmp.connection import RtmpConnection, Ways, connected
from streams.media.rtmp.failures import PushError, PushReason, sentence_of
from streams.media.rtmp.feed import SentRendition
from streams.media.rtmp.media import Frame
from streams.media.rtmp.standing import PushState, TargetStanding

logger = logging.getLogger(__name__)

# What waits for a target that is slower than the broadcast: then it goes on with the next key frame.
QUEUE_BYTES = 3 << 20
# Nothing was taken for so long, though something waits. Named within 12 s, of which buffers on the way take some.
_STALLED_S = 9.0
_LOOK_S = 0.5
_RATE_S = 5.0
# Pictures were left out within this time: a queue takes some ten seconds until it is full again.
_SLOW_S = 30.0
_AWAIT_MEDIA_S = 0.1
_TYPES = {TagType.AUDIO: MessageType.AUDIO, TagType.VIDEO: MessageType.VIDEO}


@dataclass(frozen=True)
class WantedTarget:
    """Where to send what; `most_lines` is of the picture's height, 0 for the best there is."""

    url: str
    key: str = field(repr=False)
    most_lines: int = 0


class SimulcastTarget:
    """`find_rendition` returns what to send once there is something; `changed` hears of each change of the state."""

    def __init__(
        self,
        wanted: WantedTarget,
        ways: Ways,
        *,
        find_rendition: Callable[[int], SentRendition | None],
        changed: Callable[[], None],
        backoff: Backoff | None = None,
    ) -> None:
        self.wanted = wanted
        self.standing = TargetStanding()
        self._ways = ways
        self._find_rendition = find_rendition
        self._changed = changed
        self._backoff = backoff or Backoff()
        self._queue: deque[Frame] = deque()
        self._queued_bytes = 0
        self._awaits_key = False
        self._dropped_at_s: float | None = None
        self._wake = asyncio.Event()
        self._again = asyncio.Event()
        self._is_finishing = False
        # Of connections that are over.
        self._bytes_before = 0
        self._live_since_s: float | None = None

    async def run(self) -> None:
        """Send until the broadcast is over; cancel it to stop at once, with a goodbye."""
        while not self._is_finishing:
            self._again.clear()
            try:
                await self._try_once()
            except PushError as error:
                await self._wait_after(error)
            except Exception:  # Of one target: it is told, and the others go on.
                logger.exception("a target fails unforeseen")
                await self._wait_after(PushError(PushReason.FAULT))
        self._become(PushState.IDLE)

    def retry(self) -> None:
        """Try again at once, if it is being waited."""
        self._backoff.forgive()
        self._again.set()

    def finish(self) -> None:
        """Let `run` return when everything that came was sent."""
        self._is_finishing = True
        self._wake.set()
        self._again.set()

    async def _try_once(self) -> None:
        rendition = await self._await_rendition()
        if rendition is None:
            return
        wanted, standing = self.wanted, self.standing
        try:
            address = parse_target(wanted.url, wanted.key)
        except ValueError:
            raise PushError(PushReason.INVALID_ADDRESS) from None
        self._backoff.begin(now_s=time.monotonic())
        self._live_since_s = None
        standing.tries += 1
        async with connected(address, self._ways) as connection:
            try:
                await connection.publish()
                await self._broadcast(connection, rendition)
            finally:
                self._bytes_before += connection.taken_bytes
                standing.bytes, standing.rate = self._bytes_before, 0

    async def _await_rendition(self) -> SentRendition | None:
        """Return what to send as soon as there is something; None when the broadcast is over before."""
        while not self._is_finishing:
            rendition = self._find_rendition(self.wanted.most_lines)
            if rendition is not None and rendition.is_fresh:
                return rendition
            await asyncio.sleep(_AWAIT_MEDIA_S)
        return None

    async def _wait_after(self, error: PushError) -> None:
        now_s = time.monotonic()
        lived_s = now_s - self._live_since_s if self._live_since_s is not None else 0.0
        pause = self._backoff.failed(lived_s=lived_s, now_s=now_s)
        self._become(PushState.ERRORED if pause.is_given_up else PushState.RETRYING, error.reason, error.message)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause.length_s):
                await self._again.wait()

    async def _broadcast(self, connection: RtmpConnection, rendition: SentRendition) -> None:
        """Send until the broadcast is over.

        :raises PushError: when the target does not take it any more.
        """
        self._queue = deque(rendition.recent)
        self._queued_bytes = sum(len(frame.body) for frame in self._queue)
        self._awaits_key, self._dropped_at_s = not self._queue, None
        rendition.takers.add(self.put)
        try:
            await _first_to_end(self._send(connection), connection.listen(), self._watch(connection))
        finally:
            rendition.takers.discard(self.put)
            self._queue.clear()
            await connection.say_goodbye()

    def put(self, frames: list[Frame]) -> None:
        """Take what came; when too much of it waits, all of it goes, and the next key frame is what follows."""
        for frame in frames:
            if self._awaits_key and not (frame.is_picture and frame.is_key_frame):
                continue
            self._awaits_key = False
            self._queue.append(frame)
            self._queued_bytes += len(frame.body)
            if self._queued_bytes > QUEUE_BYTES:
                self._queue.clear()
                self._queued_bytes, self._awaits_key = 0, True
                self._dropped_at_s = time.monotonic()
        self._wake.set()

    async def _send(self, connection: RtmpConnection) -> None:
        heads: dict[int, bytes] = {}
        begins_at_ms: int | None = None
        while True:
            self._wake.clear()
            while self._queue:
                frame = self._queue.popleft()
                self._queued_bytes -= len(frame.body)
                begins_at_ms = frame.at_ms if begins_at_ms is None else begins_at_ms
                self._send_frame(connection, frame, heads, timestamp_ms=max(0, frame.at_ms - begins_at_ms))
                # Returns at once, as long as the target keeps up.
                await connection.drain()
            if self._is_finishing:
                while connection.has_unsent:
                    await asyncio.sleep(0.02)
                return
            await self._wake.wait()

    def _send_frame(
        self, connection: RtmpConnection, frame: Frame, heads: dict[int, bytes], *, timestamp_ms: int
    ) -> None:
        if heads.get(frame.type) != frame.head:
            heads[frame.type] = frame.head
            if TagType.VIDEO in heads:
                said = media.metadata(picture_head=heads[TagType.VIDEO], sound_head=heads.get(TagType.AUDIO))
                connection.send(MessageType.DATA, said, timestamp_ms=timestamp_ms)
            connection.send(_TYPES[TagType(frame.type)], frame.head, timestamp_ms=timestamp_ms)
        connection.send(_TYPES[TagType(frame.type)], frame.body, timestamp_ms=timestamp_ms)

    async def _watch(self, connection: RtmpConnection) -> None:
        """Look how much is really taken; returns never.

        :raises PushError: when nothing is, for long.
        """
        begun_at = connection.taken_bytes
        taken, moved_at_s = begun_at, time.monotonic()
        measured: deque[tuple[float, int]] = deque()
        while True:
            now_s, now_taken = time.monotonic(), connection.taken_bytes
            if now_taken > taken or not (self._queue or connection.has_unsent):
                taken, moved_at_s = now_taken, now_s
            elif now_s - moved_at_s > _STALLED_S:
                raise PushError(PushReason.STALLED)
            measured.append((now_s, now_taken))
            while now_s - measured[0][0] > _RATE_S:
                measured.popleft()
            self._measure(measured)
            if now_taken > begun_at:
                self._note_live(now_s)
            await asyncio.sleep(_LOOK_S if now_taken > begun_at else _LOOK_S / 5)

    def _measure(self, measured: deque[tuple[float, int]]) -> None:
        (from_s, from_bytes), (to_s, to_bytes) = measured[0], measured[-1]
        self.standing.bytes = self._bytes_before + to_bytes
        self.standing.rate = round((to_bytes - from_bytes) / (to_s - from_s)) if to_s > from_s else 0

    def _note_live(self, now_s: float) -> None:
        self._live_since_s = now_s if self._live_since_s is None else self._live_since_s
        is_slow = self._dropped_at_s is not None and now_s - self._dropped_at_s < _SLOW_S
        reason = PushReason.TOO_SLOW if is_slow else None
        self._become(PushState.BROADCASTING, reason or "", sentence_of(reason) if reason else "")

    def _become(self, state: PushState, reason: str = "", message: str = "") -> None:
        before = self.standing
        if (before.state, before.reason, before.message) != (state, str(reason), message):
            before.state, before.reason, before.message = state, str(reason), message
            self._changed()


async def _first_to_end(*deeds: Coroutine[None, None, None]) -> None:
    """Do all of them until one ends, and end the others then.

    :raises PushError: as the first one that ended.
    """
    tasks = [asyncio.ensure_future(deed) for deed in deeds]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
