"""Making one stream of those of several connections, with a slate in between: times and rules, and no processes.

Times are milliseconds: those of tags by the encoder's clock, `now_ms` by the monotonic one, all others by the clock of
the stream that comes out, which goes on as wall time does, whatever encoders do.
"""

from streams.media.avc import find_parameter_sets, with_parameter_sets
from streams.media.errors import SourceChangedError
from streams.media.feeds import Silence, Slate, announce_picture, silence_like
from streams.media.flv import AVC_HEADER_SIZE, Tag, TagType, render_tag
from streams.media.marks import Cut, Cuts, KeyFrameMarks
from streams.media.media_time import Anchor
from streams.media.silences import Silences

# Of a source that does not tell: 30 frames a second.
_USUAL_FRAME_MS = 1000 / 30
# Sound alone: it is missed by nobody as long as a picture comes.
_LONGEST_QUIET_MS = 1_000.0
# What was held up comes all at once, and after that as it is made.
_BURST_MS = 1_000.0
_SLIGHTLY_LATE_MS = 250.0
_LATEST_MS = (1 << 32) - 1


class Splicer:
    """Takes in the tags of one connection after the other, and returns those of one stream, as bytes.

    After `longest_pause_s` without media a slate is shown; for a still that is to be shown instead it waits until
    nothing came for `longest_gap_s`, which is 0 where there is none. Key frames and splices are noted in `marks` and
    `cuts` before what is behind them is returned, and `silences` that are shown.
    """

    def __init__(self, *, marks: KeyFrameMarks, cuts: Cuts, longest_pause_s: float, longest_gap_s: float = 0.0) -> None:
        self._longest_pause_ms = longest_pause_s * 1000
        self._longest_gap_ms = longest_gap_s * 1000
        self.silences = Silences()
        self._marks = marks
        self._cuts = cuts
        self._anchor = Anchor()
        # What the encoder's milliseconds lack of the stream's, None before another connection's first key frame.
        self._offset: float | None = 0.0
        self._is_live = True
        self._slate: Slate | None = None
        # Shown instead of it, until an encoder's picture is.
        self._still: Slate | None = None
        self._awaits_still = False
        self._has_sound = False
        self._next_body = 0
        self._frame_ms = _USUAL_FRAME_MS
        # Where the next frame may begin.
        self._picture_end: float | None = None
        self._sound_end: float | None = None
        # What the present connection has announced, and what decoders go by.
        self._record = self._config = b""
        self._used_record = self._used_config = self._told_config = b""
        self._silence = silence_like(b"")
        # When something came, and sound, and something after a pause.
        self._media_at: float | None = None
        # The same of what was handed on.
        self._sent_at: float | None = None
        self._sound_at: float | None = None
        self._resumed_at: float | None = None
        self._is_quiet = False

    @property
    def is_live(self) -> bool:
        """What the encoder sends goes through."""
        return self._is_live

    def clock_ms(self, *, now_ms: float) -> float:
        """Return what to add to the stream's milliseconds for those of the monotonic clock."""
        return now_ms - self._due(now_ms)

    def quiet_ms(self, *, now_ms: float) -> float | None:
        """Return how long nothing has come, None where nothing ever did."""
        return None if self._media_at is None else now_ms - self._media_at

    def bridge(self, slate: Slate, *, has_sound: bool, config: bytes = b"") -> None:
        """From now on show a slate where an encoder sends nothing, and send silence where it sends no sound.

        `config` is of the sound, where no encoder has told it yet.
        """
        self._slate, self._has_sound, self._frame_ms = slate, has_sound, slate.frame_ms
        if not self._told_config and config:
            self._silence = silence_like(config)

    def show(self, still: Slate | None) -> None:
        """Show a still of the last picture instead of the slate until an encoder's is in the stream again.

        None for that there is none: the slate is shown at once. Nothing while an encoder's picture is in the stream.
        """
        if self._is_live:
            return
        self._awaits_still = False
        if still is not None and still is not self._still:
            self._still, self._next_body = still, 0

    def leave(self) -> None:
        """Expect nothing more of this connection: what is taken in next is another one's."""
        self.jump()
        self.silences.leave()
        self._record, self._config, self._sound_at = b"", b"", None

    def jump(self) -> None:
        """Expect other times of this connection: it goes on with its next key frame."""
        # A slate that is shown goes on.
        if self._is_live:
            self._lose_picture()
        self._offset = None

    def take(self, tag: Tag, *, now_ms: float) -> list[bytes]:
        """Return what to send of a tag that came."""
        if tag.type not in {TagType.VIDEO, TagType.AUDIO}:
            is_first = self._picture_end is None and self._sound_end is None
            return [render_tag(tag.type, 0, tag.body)] if is_first else []
        self._media_at = now_ms
        if tag.announced:
            self._note_announcement(tag)
            return []
        if not tag.is_media:
            return []
        return self._take_picture(tag, now_ms) if tag.type == TagType.VIDEO else self._take_sound(tag, now_ms)

    def fill(self, *, now_ms: float) -> list[bytes]:
        """Return what to send of slate and silence by now."""
        if self._slate is None:
            return []
        if self._is_live and self._media_at is not None and now_ms - self._media_at >= self._longest_pause_ms:
            self._resumed_at = None
            self._lose_picture()
            self.silences.begin(at_ms=self._media_at)
        if self._is_live:
            return self._fill_sound(until=self._picture_end or 0.0) if self._is_sound_missing(now_ms) else []
        return [] if self._still_in_ms(now_ms) else self._fill_with_slate(self._still or self._slate, now_ms)

    def _fill_with_slate(self, slate: Slate, now_ms: float) -> list[bytes]:
        due = self._due(now_ms)
        made: list[bytes] = []
        # In turns, so that neither waits for the other behind it.
        while (at := self._picture_end or 0.0) <= due:
            made += self._fill_sound(until=at)
            made += self._next_of_slate(slate, at)
        return made + self._fill_sound(until=due)

    def due_in_ms(self, *, now_ms: float) -> float | None:
        """Return in how long `fill` has something at the soonest, None where it never has."""
        if self._slate is None:
            return None
        if self._is_live:
            return self._longest_pause_ms - (now_ms - self._media_at) if self._media_at is not None else None
        if wait_ms := self._still_in_ms(now_ms):
            return wait_ms
        ends = [self._picture_end or 0.0, *([self._sound_end or 0.0] if self._has_sound else [])]
        return max(0.0, min(ends) - self._due(now_ms))

    def _lose_picture(self) -> None:
        self._is_live, self._next_body = False, 0
        self._still, self._awaits_still = None, self._longest_gap_ms > 0

    def _still_in_ms(self, now_ms: float) -> float:
        """Return for how long a still is waited for at most."""
        if not self._awaits_still or self._sent_at is None:
            return 0.0
        return max(0.0, self._longest_gap_ms - (now_ms - self._sent_at))

    def _due(self, now_ms: float) -> float:
        """Return how far the stream is by now."""
        if self._anchor.value is None:
            self._anchor.note(now_ms - (self._picture_end or 0.0), now_ms=now_ms)
        return now_ms - (self._anchor.value or 0.0)

    def _note_announcement(self, tag: Tag) -> None:
        if tag.type == TagType.VIDEO:
            self._record = tag.record
        else:
            self._config = tag.announced

    def _take_picture(self, tag: Tag, now_ms: float) -> list[bytes]:
        made: list[bytes] = []
        if not self._is_live:
            if not (tag.is_key_frame and tag.is_avc and self._record):
                return []
            # With that, nothing is missing before it.
            if self._slate is not None:
                made += self._fill_with_slate(self._still or self._slate, now_ms)
            if not self._goes_live(tag, now_ms):
                return made
            self._is_live = True
            self.silences.end(at_ms=now_ms)
            self._is_quiet = self._has_sound
            made += self._begin(tag, is_splice=True)
        elif tag.is_key_frame:
            made += self._begin(tag, is_splice=self._is_changed())
        at = tag.timestamp_ms + (self._offset or 0.0)
        self._anchor.note(now_ms - at, now_ms=now_ms)
        end = at + max(0, tag.composition_ms) + self._frame_ms
        self._picture_end = max(self._picture_end or 0.0, end)
        self._sent_at = now_ms
        made.append(_rendered(TagType.VIDEO, at, self._decodable(tag)))
        return made

    def _goes_live(self, tag: Tag, now_ms: float) -> bool:
        """Tell whether the stream goes on with this key frame; find out where that is."""
        if self._resumed_at is None:
            self._resumed_at = now_ms
        if self._offset is not None:
            # The connection is the same: what was held up on its way is over for viewers.
            late_ms = (self._picture_end or 0.0) - tag.timestamp_ms - self._offset
            if late_ms <= _SLIGHTLY_LATE_MS:
                # Less than a frame makes no hole that way.
                self._offset += max(0.0, late_ms) if late_ms < -self._frame_ms else late_ms
                return True
            if now_ms - self._resumed_at < _BURST_MS:
                return False
        self._offset = max(self._picture_end or 0.0, self._due(now_ms)) - tag.timestamp_ms
        return True

    def _is_changed(self) -> bool:
        is_other_sound = bool(self._used_config) and self._config not in {b"", self._used_config}
        return (self._used_record not in {b"", self._record}) or is_other_sound

    def _begin(self, tag: Tag, *, is_splice: bool) -> list[bytes]:
        """Note a key frame; return what to send before it."""
        at = round(tag.timestamp_ms + (self._offset or 0.0)) + tag.composition_ms
        made: list[bytes] = []
        if self._record and not self._used_record:
            made.append(_rendered(TagType.VIDEO, at, announce_picture(self._record)))
        self._used_record = self._record
        if is_splice:
            is_other_sound = self._config not in {b"", self._used_config}
            self._cut(Cut(at, picture=self._record, sound=self._config if is_other_sound else b""))
        else:
            self._marks.note(at)
        self._used_config = self._config or self._used_config
        return made

    def _cut(self, cut: Cut) -> None:
        self._cuts.note(cut)
        self._marks.restart(cut.at_ms)

    def _decodable(self, tag: Tag) -> bytes:
        """Return a key frame with all that it is decoded with: of what is announced, decoders know the first alone."""
        if not (tag.is_key_frame and tag.is_avc):
            return tag.body
        sets = find_parameter_sets(self._record)
        return tag.body[:AVC_HEADER_SIZE] + with_parameter_sets(tag.body[AVC_HEADER_SIZE:], sets)

    def _take_sound(self, tag: Tag, now_ms: float) -> list[bytes]:
        if not self._is_live:
            return []
        self._sound_at = self._sent_at = now_ms
        at = tag.timestamp_ms + (self._offset or 0.0)
        if not tag.is_aac:
            self._sound_end = at
            return [_rendered(TagType.AUDIO, at, tag.body)]
        if self._used_config and self._config != self._used_config:
            # It is decoded otherwise than what players were told: the next key frame begins with telling them.
            return []
        made: list[bytes] = []
        if self._is_quiet:
            if self._sound_end is not None and at < self._sound_end - self._silence.frame_ms / 2:
                return []
            made += self._fill_sound(until=at + self._silence.frame_ms / 2)
            self._is_quiet = False
        self._used_config = self._used_config or self._config
        if self._told_config != self._config:
            self._told_config = self._config
            self._silence = silence_like(self._config)
            made.append(_rendered(TagType.AUDIO, at, b"\xaf\x00" + self._config))
        self._sound_end = at + self._silence.frame_ms
        made.append(_rendered(TagType.AUDIO, at, tag.body))
        return made

    def _is_sound_missing(self, now_ms: float) -> bool:
        if not self._has_sound:
            return False
        return self._sound_at is None or now_ms - self._sound_at >= _LONGEST_QUIET_MS

    def _fill_sound(self, *, until: float) -> list[bytes]:
        """Return the silence from where the sound ends."""
        if not self._has_sound:
            return []
        made: list[bytes] = []
        at = self._sound_end if self._sound_end is not None else until
        silence: Silence = self._silence
        while at + silence.frame_ms <= until:
            if self._told_config != silence.config:
                self._told_config = silence.config
                made.append(_rendered(TagType.AUDIO, at, silence.announcement))
            made.append(_rendered(TagType.AUDIO, at, silence.frame))
            at += silence.frame_ms
            self._is_quiet = True
        self._sound_end = at
        return made

    def _next_of_slate(self, slate: Slate, at: float) -> list[bytes]:
        number = self._next_body % len(slate.bodies)
        made: list[bytes] = []
        if self._next_body == 0 and self._used_record:
            self._cut(Cut(round(at), picture=slate.record, shows_slate=True))
        elif number == 0:
            self._marks.note(round(at))
            if not self._used_record:
                self._cuts.begins_with_slate = True
                made.append(_rendered(TagType.VIDEO, at, announce_picture(slate.record)))
        self._used_record = slate.record
        self._next_body += 1
        self._picture_end = at + slate.frame_ms
        return [*made, _rendered(TagType.VIDEO, at, slate.bodies[number])]


def _rendered(kind: TagType, at: float, body: bytes) -> bytes:
    if at > _LATEST_MS:
        raise SourceChangedError("The encoder's clock jumped.")
    return render_tag(kind, max(0, round(at)), body)
