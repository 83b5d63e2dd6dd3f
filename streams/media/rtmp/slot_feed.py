"""One rendition of a broadcast, read from the packager's files as its journal tells of them, and made into frames."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streams.media import journal
from streams.media.flv import TagType
from streams.media.fmp4 import Fmp4Error, find_decoder_config
from streams.media.fragments import Fragment, FragmentReader, Init, offsets
from streams.media.journal import Entry, PartMade, SegmentClosed, SegmentGrown, SlotBegan
from streams.media.rtmp import media
from streams.media.rtmp.media import Frame
from streams.media.shelved import ShelvedSegment

logger = logging.getLogger(__name__)

# Of what is not wanted, or not yet: some seconds of sound.
_MOST_WAITING = 64
_FRAME_MS = 40


@dataclass(frozen=True, slots=True)
class _Piece:
    """Bytes of a segment: in any of these files, first found, from there on; `run` is what it is decoded as."""

    files: tuple[tuple[str, int], ...]
    size: int
    run: tuple[int, int]
    begins_with_key: bool


class SlotFeed:
    """Frames of one slot, from the newest key frame that begins a segment; times only grow.

    `rebased_ms` is shared by all slots: what to add to the times of an epoch whose clock went back.
    """

    def __init__(self, folder: Path, *, rebased_ms: dict[int, int]) -> None:
        self._folder = folder
        self._is_video = folder.name.startswith("v")
        self._rebased_ms = rebased_ms
        self.height = 0
        # In the present run, this slot has something.
        self.is_present = False
        self._run = (0, 0)
        self._waiting: list[_Piece] = []
        # The segment that grows, and how much of it was told of.
        self._segment = (0, -1)
        self._told = 0
        self._heads: dict[tuple[int, int], tuple[int, bytes] | None] = {}
        self._last_ms: int | None = None
        self._last_epoch = 0
        self._last_at_ms = 0
        # How much sooner than the file says pictures are decoded: files say no picture is shown before it is decoded.
        self._ahead_ms = 0
        self._awaits_key = self._is_video

    def begin(self, epoch: int, run: int, began: SlotBegan) -> None:
        """Go on with another run's initialization section."""
        self._run, self.height, self.is_present = (epoch, run), began.height, True

    def forget(self) -> None:
        """Be ready to hear everything again, from the journals' beginning."""
        self._waiting.clear()
        self._segment, self._told = (0, -1), 0

    def take(self, entry: Entry, *, is_wanted: bool) -> None:
        """Take note of bytes that can be read."""
        record = entry.record
        if isinstance(record, PartMade | SegmentGrown):
            self._take_grown(entry.epoch, record, is_wanted=is_wanted)
        elif isinstance(record, SegmentClosed):
            if (missed := record.size - self._told_of(record.msn)) > 0:
                start = record.size - missed
                files = ((journal.segment_name(epoch=entry.epoch, msn=record.msn), start),)
                self._add(files, missed, begins_with_key=not start and record.key_size > 0, is_wanted=is_wanted)
            self._segment, self._told = (0, -1), 0

    def _take_grown(self, epoch: int, record: PartMade | SegmentGrown, *, is_wanted: bool) -> None:
        if self._segment != (epoch, record.msn):
            self._segment, self._told = (epoch, record.msn), 0
        segment = ShelvedSegment(epoch, record.msn)
        # Parts go before their segment does, and a segment grows under another name.
        if isinstance(record, PartMade):
            first = (journal.part_name(epoch=epoch, msn=record.msn, part=record.part), 0)
            is_key = bool(record.is_independent)
        else:
            first, is_key = (segment.growing_name, self._told), record.key_size > 0
        files = (first, (segment.name, self._told))
        self._add(files, record.size, begins_with_key=not self._told and is_key, is_wanted=is_wanted)
        self._told += record.size

    def _told_of(self, msn: int) -> int:
        # Of whatever epoch: one that goes on after a crash closes what the one before has left.
        return self._told if self._segment[1] == msn else 0

    def _add(self, files: tuple[tuple[str, int], ...], size: int, *, begins_with_key: bool, is_wanted: bool) -> None:
        if not is_wanted:
            if self._is_video and begins_with_key:
                self._waiting.clear()
            elif not self._is_video:
                del self._waiting[: -_MOST_WAITING + 1]
        self._waiting.append(_Piece(files, size, self._run, begins_with_key))

    def read(self) -> list[Frame]:
        """Return the frames of what came since the last time."""
        waiting, self._waiting = self._waiting, []
        return [frame for piece in waiting for frame in self._frames(piece)]

    def _frames(self, piece: _Piece) -> Iterator[Frame]:
        head, content = self._head(piece.run), self._content(piece)
        if head is None or content is None:
            self._awaits_key = self._is_video
            return
        timescale, announced = head
        try:
            for fragment in FragmentReader().feed(content):
                if isinstance(fragment, Fragment):
                    yield from self._frames_of(fragment, timescale / 1000, announced, epoch=piece.run[0])
        except Fmp4Error:
            logger.warning("a piece of %s cannot be read, and is left out", self._folder.name, exc_info=True)
            self._awaits_key = self._is_video

    def _frames_of(self, fragment: Fragment, per_ms: float, head: bytes, *, epoch: int) -> Iterator[Frame]:
        decoded, bounds = fragment.decode_time, offsets(fragment.samples)
        for index, sample in enumerate(fragment.samples):
            at_ms = self._place(round(decoded / per_ms), epoch=epoch)
            payload = fragment.payload[bounds[index] : bounds[index + 1]]
            decoded += sample.duration
            if at_ms is None or (self._awaits_key and not sample.is_sync):
                continue
            self._awaits_key = False
            if self._is_video:
                composition_ms = round(sample.composition / per_ms)
                yield self._picture(payload, at_ms, composition_ms, is_key_frame=sample.is_sync, head=head)
            else:
                yield Frame(TagType.AUDIO, at_ms, is_key_frame=False, body=media.sound(payload), head=head)

    def _picture(
        self, payload: memoryview, at_ms: int, composition_ms: int, *, is_key_frame: bool, head: bytes
    ) -> Frame:
        shown_ms = at_ms + composition_ms
        self._ahead_ms = max(self._ahead_ms, -composition_ms)
        at_ms = max(self._last_at_ms, min(at_ms - self._ahead_ms, shown_ms))
        self._last_at_ms = at_ms
        body = media.picture(payload, is_key_frame=is_key_frame, composition_ms=max(0, shown_ms - at_ms))
        return Frame(TagType.VIDEO, at_ms, is_key_frame, body, head)

    def _place(self, decoded_ms: int, *, epoch: int) -> int | None:
        """Return when a frame is decoded, None for one that was there already."""
        last_ms = self._last_ms
        if last_ms is not None and epoch > self._last_epoch and self._is_video and decoded_ms <= last_ms:
            # The machine's clock was set back.
            self._rebased_ms.setdefault(epoch, last_ms + _FRAME_MS - decoded_ms)
        at_ms = decoded_ms + self._rebased_ms.get(epoch, 0)
        if last_ms is not None and at_ms <= last_ms:
            return None
        self._last_ms, self._last_epoch = at_ms, epoch
        return at_ms

    def _head(self, run: tuple[int, int]) -> tuple[int, bytes] | None:
        """Return the time scale and what is announced of a run; None when its initialization section is gone."""
        if run not in self._heads:
            path = self._folder / journal.init_name(epoch=run[0], run=run[1])
            try:
                init = next(FragmentReader().feed(path.read_bytes()), None)
                found = self._announced(init) if isinstance(init, Init) else None
            except (OSError, Fmp4Error):
                logger.warning("no initialization section %s of %s", path.name, self._folder.name, exc_info=True)
                found = None
            # One is used until the next one begins.
            self._heads = {run: found}
        return self._heads[run]

    def _announced(self, init: Init) -> tuple[int, bytes]:
        config = find_decoder_config(init.data)
        return init.timescale, media.picture_head(config) if self._is_video else media.sound_head(config)

    def _content(self, piece: _Piece) -> bytes | None:
        for name, start in piece.files:
            try:
                with (self._folder / name).open("rb") as file:
                    file.seek(start)
                    content = file.read(piece.size)
            except FileNotFoundError:
                continue
            if len(content) == piece.size:
                return content
        return None
