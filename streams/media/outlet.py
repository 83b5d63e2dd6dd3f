"""What feeds the transcoder: one FLV stream, whichever connections it comes from, and a slate where none sends.

It holds the stream until the source is known, so that nothing that was received is lost to probing. A transcoder whose
owner stalls or dies gets no more input, so it cannot go on as a second one.
"""

import logging
import os
import select
import threading
import time
from contextlib import suppress
from typing import IO

from streams.media.doctor.doctor import Doctor
from streams.media.errors import FeedFailedError, MediaError, PullFailedError, SourceChangedError, SourceRefusedError
from streams.media.feeds import Slate
from streams.media.flv import FlvError, Tag, TagType, file_header
from streams.media.held import HeldPicture
from streams.media.intake import READ_SIZE, Intake
from streams.media.marks import Cuts, KeyFrameMarks
from streams.media.silences import SilenceBegan, SilenceEnded
from streams.media.slates import SlateForm
from streams.media.splice import Splicer
from streams.media.splice_rules import SpliceRules
from streams.media.targets import Latency

logger = logging.getLogger(__name__)

# As long as there is no transcoder; with one, nothing is read that it has not taken.
_MOST_HELD_BYTES = 64 << 20
# From then on what comes next has waited for us, and not for its encoder.
_HELD_UP_MS = 100.0
# How soon the thread sees that it is to end.
_NOTICE_MS = 250.0
# Slate comes by the clock; more often than that nobody looks at it.
_SHORTEST_WAIT_MS = 5.0
# A picture that is ready by then is shown, and the slate is not.
_SHORTEST_HOLD_S = 0.15


class Outlet:
    """Reads one connection after the other, in a thread of its own; the numbers may be read from any thread.

    Whatever reader and writer do, the thread ends soon after `stop`. `held` is for the last picture to be shown where
    an encoder sends nothing; `slate_after_s` is how long, where there are parts; `doctor` looks at what encoders send.
    """

    def __init__(
        self,
        *,
        mode: Latency,
        held: HeldPicture | None = None,
        slate_after_s: float = Latency.LOW.longest_pause_s,
        doctor: Doctor | None = None,
    ) -> None:
        self._doctor = doctor
        self._gathered_s = mode.gathered_s
        # Where the transcoder's output is to be cut, if it keeps the source's key frames.
        self.marks = KeyFrameMarks(segment_s=mode.segment_s)
        self.cuts = Cuts()
        pause_s = slate_after_s if mode is Latency.LOW else mode.longest_pause_s
        gap_s = 0.0 if held is None else max(mode.longest_gap_s, pause_s + _SHORTEST_HOLD_S)
        self._splicer = Splicer(marks=self.marks, cuts=self.cuts, longest_pause_s=pause_s, longest_gap_s=gap_s)
        self._held_picture = held
        self._rules: SpliceRules | None = None
        self._intake: Intake | None = None
        # Begins with the file header of the first connection, or of the slate.
        self._held: list[bytes] = []
        self._has_header = False
        self._held_size = 0
        self._sink: IO[bytes] | None = None
        self._may_close = False
        self._is_stopping = False
        self._changed = threading.Condition()
        self._waking, wakes = os.pipe()
        self._wakes: int | None = wakes
        os.set_blocking(self._waking, False)
        # Tags of the picture that were handed on, of encoders and slates alike.
        self.pictures = 0
        self.taken_bytes = 0
        # The sink has not taken yet what it was offered.
        self.is_pushing = False
        # Why the thread has ended before its time.
        self._failure: MediaError | None = None
        self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
        self._thread.start()

    @property
    def is_live(self) -> bool:
        """What the encoder sends goes through."""
        return self._splicer.is_live

    def check(self) -> None:
        """Accept that the thread goes on.

        :raises SourceChangedError: when the stream has come to the end of what can be counted.
        :raises FeedFailedError: when it has ended of anything else.
        """
        if self._failure is not None:
            raise self._failure

    def clock_ms(self) -> float:
        """Return what to add to the stream's milliseconds for those since 1970, going by what came soonest."""
        with self._changed:
            return self._splicer.clock_ms(now_ms=_now_ms()) + time.time() * 1000 - _now_ms()

    def held(self) -> bytes:
        """Return what has been received and not yet handed on."""
        with self._changed:
            return b"".join(self._held)

    def wait(self, *, timeout_s: float) -> None:
        """Return when something was received, or after the time."""
        with self._changed:
            self._changed.wait(timeout_s)

    def connect(self, intake: Intake) -> None:
        """Take in an encoder's connection from now on."""
        with self._changed:
            self._intake = intake
            if self._doctor is not None:
                self._doctor.begin_connection()
        self._wake()

    def disconnect(self) -> None:
        """Read no more of the connection that there is, if any: the slate follows."""
        with self._changed:
            if self._intake is None or not self._intake.is_over:
                self._splicer.leave()
            self._intake = None
        self._wake()

    def bridge(self, slate: Slate, *, rules: SpliceRules, config: bytes = b"") -> None:
        """Show a slate from now on where an encoder sends nothing, and splice in what others send, or it sends anew.

        `config` is of the sound, where no encoder has told it yet.
        """
        with self._changed:
            self._rules = rules
            self._splicer.bridge(slate, has_sound=rules.ladder.audio is not None, config=config)
        self._wake()

    def hold_picture(self, form: SlateForm, *, still: Slate | None) -> None:
        """Have the last picture made into a slate of this form from now on; begin with a still that was kept."""
        with self._changed:
            if self._held_picture is not None:
                self._held_picture.begin(form, wake=self._wake)
            # Without one, that of an encoder that has left already is still to come.
            if still is not None:
                self._splicer.show(still)
        self._wake()

    def take_silences(self) -> list[SilenceBegan | SilenceEnded]:
        """Return what is to be told of an encoder that is connected and sends nothing; see `Silences`."""
        with self._changed:
            return self._splicer.silences.take_news(now_ms=_now_ms())

    def attach(self, sink: IO[bytes]) -> None:
        """Hand everything held, and all that follows, to a pipe."""
        os.set_blocking(sink.fileno(), False)
        with self._changed:
            self._sink = sink
        self._wake()

    def finish(self) -> None:
        """Let the sink be closed once it has everything; until then its reader does not see an end."""
        with self._changed:
            self._may_close = True
        self._wake()

    def stop(self, *, timeout_s: float) -> None:
        """End the thread, whatever has not been handed on."""
        self._is_stopping = True
        self._wake()
        self._thread.join(timeout_s)

    def _wake(self) -> None:
        with self._changed:
            # Its number may be another's once the thread has ended.
            if self._wakes is not None:
                os.write(self._wakes, b"\0")

    def _run(self) -> None:
        try:
            while not self._is_stopping and not self._is_done():
                self._turn()
            if not self._is_stopping:
                self._flow()
                self._close()
        except SourceChangedError as error:
            self._failure = error
        except Exception as error:
            # Nobody else would hear of it: nothing comes any more, as of an encoder that is silent.
            logger.exception("the transcoder is fed no more")
            self._failure = FeedFailedError(f"The transcoder is fed no more: {error!r}")
            self._failure.__cause__ = error
        finally:
            with self._changed:
                self._changed.notify_all()
                os.close(self._waking)
                if self._wakes is not None:
                    os.close(self._wakes)
                self._wakes = None

    def _is_done(self) -> bool:
        return self._may_close and self._sink is not None and (self._intake is None or self._intake.is_over)

    def _turn(self) -> None:
        """Wait for what comes, and hand it on, or what is due of the slate."""
        intake, poll = self._intake, select.poll()
        poll.register(self._waking, select.POLLIN)
        if intake is not None and not intake.is_over:
            poll.register(intake.descriptor, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll(self._longest_wait_ms())]
        if self._waking in ready:
            os.read(self._waking, READ_SIZE)
        size = 0
        with self._changed:
            if intake is not None and intake is self._intake and intake.descriptor in ready:
                size = self._read(intake)
            if not self._may_close:
                self._fill()
                if self._held_picture is not None:
                    self._held_picture.look(self._splicer, now_ms=_now_ms())
            self._changed.notify_all()
        self._flow()
        if 0 < size < READ_SIZE:
            time.sleep(self._gathered_s)

    def _fill(self) -> None:
        made = self._splicer.fill(now_ms=_now_ms())
        if made and self._rules is not None:
            self._begin(file_header(has_sound=self._rules.ladder.audio is not None))
        self._hold(made)

    def _begin(self, header: bytes) -> None:
        if not self._has_header:
            self._has_header = True
            self._held.append(header)

    def _longest_wait_ms(self) -> float:
        now_ms = _now_ms()
        dues_ms = [self._splicer.due_in_ms(now_ms=now_ms)]
        if self._held_picture is not None:
            dues_ms.append(self._held_picture.due_in_ms(self._splicer, now_ms=now_ms))
        return min([_NOTICE_MS, *(max(due_ms, _SHORTEST_WAIT_MS) for due_ms in dues_ms if due_ms is not None)])

    def _read(self, intake: Intake) -> int:
        """Take in some of what is there; return how much. Whatever is wrong with it ends the connection."""
        piece = b""
        try:
            piece = intake.read()
            now_ms = _now_ms()
            tags = intake.tags(piece)
            if self._doctor is not None:
                self._doctor.note(tags, now_ms)
            for tag in tags:
                self._begin(intake.header)
                self._take(intake, tag)
            if piece:
                intake.check_pace()
        except FlvError as error:
            intake.failure = PullFailedError(f"The pull from the ingest server is broken: {error}")
        except (SourceChangedError, SourceRefusedError) as error:
            intake.failure = error
        except OSError as error:
            intake.failure = PullFailedError(f"The pull from the ingest server cannot be read: {error}")
        if not piece or intake.failure is not None:
            intake.is_over = True
            self._splicer.leave()
        return len(piece)

    def _take(self, intake: Intake, tag: Tag) -> None:
        intake.check(tag)
        has_jumped = intake.has_jumped(tag)
        # What was taken in with a change is not handed on: the transcoder cannot make anything of it.
        if self._rules is None:
            if has_jumped:
                raise SourceChangedError("The encoder's clock jumped.")
            intake.announced.check(tag)
        else:
            self._rules.check(tag)
            if has_jumped:
                self._splicer.jump()
        intake.note(tag)
        self._hold(self._splicer.take(tag, now_ms=_now_ms()))
        if self._held_picture is not None:
            self._held_picture.note(tag, was_sent=self._splicer.is_live)

    def _hold(self, made: list[bytes]) -> None:
        size = sum(map(len, made))
        self._held += made
        self._held_size += size
        self.taken_bytes += size
        self.pictures += sum(piece[0] == TagType.VIDEO for piece in made)
        if self._held_size > _MOST_HELD_BYTES:
            raise SourceRefusedError("The bitrate is too high. Set the encoder to 20 Mbit/s or less.")

    def _flow(self) -> None:
        if self._sink is None:
            return
        with self._changed:
            pieces, self._held, self._held_size = self._held, [], 0
        self.is_pushing = bool(pieces)
        # The transcoder may be gone; its owner sees that. Reading goes on: the ingest server is not held up.
        with suppress(BrokenPipeError):
            self._push(self._sink, b"".join(pieces))
        self.is_pushing = False

    def _push(self, sink: IO[bytes], piece: bytes) -> None:
        rest, began_ms = memoryview(piece), _now_ms()
        while rest and not self._is_stopping:
            try:
                rest = rest[os.write(sink.fileno(), rest) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(sink, select.POLLOUT)
                poll.poll(_NOTICE_MS)
        # Nothing was read meanwhile.
        if self._doctor is not None and _now_ms() - began_ms > _HELD_UP_MS:
            self._doctor.hold_up()

    def _close(self) -> None:
        if self._sink is not None:
            with suppress(BrokenPipeError):  # The transcoder was first to go.
                self._sink.close()


def _now_ms() -> float:
    return time.monotonic() * 1000
