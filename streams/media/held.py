"""Holding the last picture: it is made into a slate as soon as it may be needed, so that viewers see nothing else."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from streams.media.feeds import FeedError, Slate, read_slate
from streams.media.flv import Tag
from streams.media.gop import KeptGop, Pictures
from streams.media.slates import NOT_MADE, Order, SlateForm, last_picture_argv
from streams.media.splice import Splicer

logger = logging.getLogger(__name__)

# Without media for so long it is begun, before anybody knows whether it is needed; not that often, in a network that
# stutters, and not between the frames of a source that has few.
_EARLY_MS = 300.0
_EARLY_FRAMES = 3
_EARLY_EVERY_MS = 10_000.0
# An encoder that comes and goes more often has viewers see the slate first.
_MOST_LATELY = 4
_LATELY_MS = 20_000.0
# A second usually. Where many broadcasts lose their encoders at once they take turns.
_TIMEOUT_S = 20.0
_AT_ONCE = threading.BoundedSemaphore(2)
_ASK_EVERY_S = 0.25
# Decoding takes several pictures at once, of up to 4K.
_MEMORY_MB = 1536


class HeldOrder(Order):
    """The last of some pictures as a slate, which is being made."""

    def __init__(self, pictures: Pictures, form: SlateForm, *, done: Callable[[], None]) -> None:
        super().__init__(form)
        # What it was read from, to be kept.
        self.clip = b""
        self._pictures = pictures
        self._done = done
        self._thread.start()

    def _run(self) -> None:
        try:
            self.slate = self._make()
        except NOT_MADE as error:
            if not self._is_cancelled:
                logger.warning("the last picture cannot be held: %s", error)
            self.has_failed = True
        self._done()

    def _make(self) -> Slate:
        argv = last_picture_argv(self._form, last_ms=self._pictures.last_ms)
        self._take_turn()
        try:
            self.clip = self._encode(argv, self._pictures.clip(), timeout_s=_TIMEOUT_S, memory_mb=_MEMORY_MB)
        finally:
            _AT_ONCE.release()
        return read_slate(self.clip, fps=self._form.fps)

    def _take_turn(self) -> None:
        waited_s = 0.0
        while not _AT_ONCE.acquire(timeout=_ASK_EVERY_S):
            waited_s += _ASK_EVERY_S
            if self._is_cancelled or waited_s > _TIMEOUT_S:
                raise FeedError("Too many others are being made.")


class HeldPicture:
    """Keeps the last pictures of a stream, and has the very last one at hand when it is to be shown.

    By the thread of the outlet, which is woken by `wake` when there is something to show; `order` may be read by any.
    """

    def __init__(self) -> None:
        self.order: HeldOrder | None = None
        self._gop = KeptGop()
        self._form: SlateForm | None = None
        self._wake: Callable[[], None] = lambda: None
        self._begun_at = deque[float](maxlen=_MOST_LATELY)

    @property
    def clip(self) -> bytes:
        """What the present last picture was made into, as FLV; empty while there is none."""
        order = self.order
        return order.clip if order is not None and order.slate is not None else b""

    @property
    def has_failed(self) -> bool:
        """The slate has to do, until another picture is the last one."""
        order = self.order
        return order is not None and order.has_failed

    def begin(self, form: SlateForm, *, wake: Callable[[], None]) -> None:
        """Be ready from now on."""
        self._form, self._wake = form, wake

    def note(self, tag: Tag, *, was_sent: bool) -> None:
        """Take in the next tag, and whether it was handed on."""
        self._gop.announce(tag)
        if was_sent:
            before = self._gop.count
            self._gop.note(tag)
            if self._gop.count > before and self.order is not None:
                # It is not the last any more.
                self.order.abandon()
                self.order = None

    def look(self, splicer: Splicer, *, now_ms: float) -> None:
        """Have the last picture made when it is time to, and shown when it is there."""
        if self._form is None:
            return
        if splicer.is_live:
            if self._early_in_ms(splicer, now_ms=now_ms) == 0.0:
                self._order(now_ms=now_ms)
        elif self.order is not None or self._order(now_ms=now_ms):
            self._show(splicer)
        else:
            splicer.show(None)

    def due_in_ms(self, splicer: Splicer, *, now_ms: float) -> float | None:
        """Return in how long `look` has something to do at the soonest by itself, None where that is not known."""
        return self._early_in_ms(splicer, now_ms=now_ms) if splicer.is_live else None

    def close(self) -> None:
        """Leave nothing behind."""
        if self.order is not None:
            self.order.cancel()

    def _early_in_ms(self, splicer: Splicer, *, now_ms: float) -> float | None:
        quiet_ms = splicer.quiet_ms(now_ms=now_ms)
        if self._form is None or self.order is not None or quiet_ms is None or self._gop.is_empty:
            return None
        if self._begun_at and now_ms - self._begun_at[-1] < _EARLY_EVERY_MS:
            return None
        return max(0.0, max(_EARLY_MS, _EARLY_FRAMES * 1000 / self._form.fps) - quiet_ms)

    def _order(self, *, now_ms: float) -> bool:
        """Tell whether it is being made."""
        begun_at = self._begun_at
        is_often = len(begun_at) == _MOST_LATELY and now_ms - begun_at[0] < _LATELY_MS
        if self._form is None or is_often or (pictures := self._gop.pictures) is None:
            return False
        begun_at.append(now_ms)
        self.order = HeldOrder(pictures, self._form, done=self._wake)
        return True

    def _show(self, splicer: Splicer) -> None:
        order = self.order
        if order is not None and (order.slate is not None or order.has_failed):
            splicer.show(order.slate)
