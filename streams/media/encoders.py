"""Following the encoders of a run: one that is there, none, and one that comes back."""

import logging

from streams.media.aac import aac_config
from streams.media.errors import (
    IngestSilentError,
    KeyFramesTooFarError,
    MediaError,
    PullFailedError,
    SourceLostError,
    SourceRefusedError,
)
from streams.media.feeds import FeedError, Slate, read_slate
from streams.media.flv import FlvError
from streams.media.held import HeldPicture
from streams.media.job import JobSpec, Observer, WhileAway
from streams.media.ladder import Ladder
from streams.media.meter import Measured
from streams.media.outlet import Outlet
from streams.media.progress import AwakeClock
from streams.media.pull import Pull
from streams.media.silences import SilenceEnded
from streams.media.slates import SlateForm, SlateOrder
from streams.media.source import Source
from streams.media.splice_rules import SpliceRules
from streams.media.writing import write_whole

logger = logging.getLogger(__name__)

_ASK_EVERY_S = 0.25
# For an encoder that is there: one that takes another one's place, or is pulled again.
_TAKE_OVER_S = 30.0


class Encoders:
    """The connections that feed an outlet, one at a time; `held` is the outlet's."""

    def __init__(
        self,
        spec: JobSpec,
        observer: Observer,
        outlet: Outlet,
        clock: AwakeClock,
        *,
        held: HeldPicture | None = None,
    ) -> None:
        self._spec = spec
        self._observer = observer
        self._outlet = outlet
        self._clock = clock
        self._pull: Pull | None = None
        self._ladder: Ladder | None = None
        self._rules: SpliceRules | None = None
        self._order: SlateOrder | None = None
        self._is_bridged = False
        # Of the sound, where a run begins without an encoder.
        self._expected_config = b""
        self._held = held
        self._form: SlateForm | None = None
        # What a run that begins without an encoder shows; there while one is away and its last picture is.
        self._kept_path = spec.playback.folder / "held.flv"
        self._kept = b""
        self._has_told_not_held = False
        # Until when an encoder is waited for, None while one is in the stream.
        self._until: float | None = None
        self._asked_at = -_ASK_EVERY_S
        # Whose pull failed, although it is there; and why, of one whose picture was in the stream.
        self._missed: str | None = None
        self._broken: MediaError | None = None
        self._last_measured = Measured()
        # For how long somebody else has to wait for an encoder, as there is nothing to show meanwhile.
        self.left_over_s = 0.0
        # Of connections before the present one.
        self._earlier_ms = self._earlier_bytes = 0

    @property
    def media_ms(self) -> int:
        """The media time that came in, of all encoders."""
        return self._earlier_ms + (self._pull.intake.media_ms if self._pull else 0)

    @property
    def received_bytes(self) -> int:
        return self._earlier_bytes + (self._pull.intake.received_bytes if self._pull else 0)

    @property
    def waits(self) -> bool:
        """No encoder is in the stream."""
        return self._until is not None

    def measure(self) -> Measured:
        """Return what comes now, or came last of all."""
        return self._pull.intake.measure() if self._pull and not self.waits else self._last_measured

    def begin(self) -> Pull:
        """Follow the first one, which is there."""
        self._pull = Pull(self._spec.server, self._spec.name, outlet=self._outlet, clock=self._clock)
        return self._pull

    def prepare(self, source: Source, ladder: Ladder) -> None:
        """Get ready to do without an encoder: make the slate."""
        self._ladder = ladder
        # Silence is known of AAC alone.
        if self._spec.while_away is not WhileAway.NOTHING and source.audio_codec in {"", "aac"}:
            self._rules = SpliceRules(ladder, self._spec.max_height)
            self._form = SlateForm.of(source)
            self._order = SlateOrder(self._spec.slate_picture, self._form, folder=self._spec.slates_path)
            if source.audio_channels in {1, 2}:
                self._expected_config = aac_config(rate=source.sample_rate, channels=source.audio_channels)

    def look(self) -> bool:
        """Go on with what is due; return whether the broadcast is over, as no encoder is there.

        :raises MediaError: as `run_broadcast` does.
        """
        self._outlet.check()
        self._bridge()
        self._tell_of_silence()
        if self._held is not None and self._is_bridged:
            self._look_at_held(self._held)
        if self._pull is None:
            return self._await_encoder()
        return self._look_at_newcomer(self._pull) if self.waits else self._look_at_present(self._pull)

    def look_for_another(self) -> None:
        """Follow another encoder if one is to take the place of the one that is there."""
        if self._is_bridged and not self.waits and (name := self._observer.find_encoder()):
            self._drop()
            self._until = self._clock.now_s + _TAKE_OVER_S
            self._follow(name)

    def leave(self) -> bool:
        """Do without an encoder from now on; return whether the broadcast is over."""
        measured = self.measure()
        self._drop()
        self._outlet.disconnect()
        wait_s = self._observer.left(media_ms=self.media_ms)
        self._until, self._broken = self._clock.now_s + wait_s, None
        self._last_measured = Measured() if wait_s > 0 else measured
        return wait_s <= 0 or (self._ladder is not None and not self._can_bridge() and self._give_up(wait_s=wait_s))

    def kill(self) -> None:
        """End what comes; what has come is still handed on."""
        if self._pull is not None:
            self._pull.kill()

    def close(self) -> None:
        """Leave no process behind."""
        self._drop()
        if self._order is not None:
            self._order.cancel()
        if self._held is not None:
            self._held.close()

    def _can_bridge(self) -> bool:
        return self._is_bridged or (self._order is not None and not self._order.has_failed)

    def _give_up(self, *, wait_s: float) -> bool:
        self.left_over_s = max(0.0, wait_s)
        return True

    def _bridge(self) -> None:
        if self._is_bridged or self._order is None or self._order.slate is None or self._rules is None:
            return
        self._is_bridged = True
        if self._held is not None and self._form is not None:
            self._outlet.hold_picture(self._form, still=self._read_kept(fps=self._form.fps))
        self._outlet.bridge(self._order.slate, rules=self._rules, config=self._expected_config)

    def _read_kept(self, *, fps: float) -> Slate | None:
        """Return what an earlier run showed last of all, if this one begins without an encoder."""
        if self._spec.name:
            self._kept_path.unlink(missing_ok=True)
            return None
        try:
            self._kept = self._kept_path.read_bytes()
            return read_slate(self._kept, fps=fps)
        except (FileNotFoundError, FeedError, FlvError) as error:
            logger.info("%s: no last picture was kept: %r", self._kept_path.parent.name, error)
            return None

    def _look_at_held(self, held: HeldPicture) -> None:
        """Keep the last picture for a run that may have to follow, as long as no encoder is there."""
        if held.has_failed and not self._outlet.is_live and not self._has_told_not_held:
            self._has_told_not_held = True
            self._observer.not_held()
        clip = held.clip if self.waits else b""
        if clip and clip != self._kept:
            self._kept = clip
            try:
                write_whole(self._kept_path, [clip])
            except OSError as error:
                # It is missed only if this worker dies before the encoder is back.
                logger.warning("%s: the last picture is not kept: %s", self._kept_path.parent.name, error)

    def _tell_of_silence(self) -> None:
        for news in self._outlet.take_silences():
            if isinstance(news, SilenceEnded):
                self._observer.sends_again(silent_s=news.silent_s, count=news.count)
            else:
                self._observer.silent()

    def _look_at_present(self, pull: Pull) -> bool:
        if self._ladder is not None and self._ladder.copies_video and (gop_s := pull.intake.far_gop_s):
            # It cannot be passed through any longer: segments begin with key frames.
            raise KeyFramesTooFarError(gop_s)
        try:
            _, has_left = pull.look()
        except SourceLostError:
            if not self._is_bridged:
                raise
            has_left = True
        except (PullFailedError, IngestSilentError) as error:
            if not self._is_bridged:
                raise
            self._observer.broke_off(error)
            self._broken, self._last_measured = error, Measured()
            self._miss(pull, error)
            return False
        return self.leave() if has_left else False

    def _await_encoder(self) -> bool:
        if not self._can_bridge():
            return self._give_up(wait_s=(self._until or 0.0) - self._clock.now_s)
        if self._clock.now_s - self._asked_at < _ASK_EVERY_S:
            return False
        self._asked_at = self._clock.now_s
        name = self._observer.find_encoder() or self._missed
        is_late = self._until is not None and self._clock.now_s > self._until
        if name is not None and (name != self._missed or not is_late):
            self._follow(name)
            return False
        if is_late and self._broken is not None:
            # Another run may have more luck with an encoder that is there.
            raise self._broken
        return is_late

    def _miss(self, pull: Pull, error: MediaError) -> None:
        """Have a stream pulled again whose encoder is there, as far as anybody knows; the slate goes on meanwhile."""
        logger.warning("%s: pulled again: %s", pull.name, error)
        self._missed = pull.name
        self._drop()
        # As long as the server is silent, a sweep judges whether the encoder is lost.
        if self._until is None or (self._broken is not None and isinstance(error, IngestSilentError)):
            self._until = self._clock.now_s + _TAKE_OVER_S

    def _follow(self, name: str) -> None:
        self._missed = None
        self._pull = Pull(self._spec.server, name, outlet=self._outlet, clock=self._clock)

    def _look_at_newcomer(self, pull: Pull) -> bool:
        """Wait for its first key frame; whatever is wrong with it is no end, as long as another one is waited for."""
        has_left = False
        try:
            has_left = pull.look()[1]
        except SourceRefusedError as error:
            logger.info("%s: refused: %s", pull.name, error)
            self._drop()
            self._broken = None
            self._observer.refused(error.told)
            return False
        except (PullFailedError, IngestSilentError) as error:
            self._miss(pull, error)
            return False
        except SourceLostError as error:
            logger.info("%s: %s", pull.name, error)
            has_left = True
        if has_left:
            # Another absence begins where it was to take over from one that was there.
            return self.leave()
        if self._outlet.is_live:
            self._until, self._broken = None, None
            self._kept = b""
            self._kept_path.unlink(missing_ok=True)
            self._observer.returned()
        return False

    def _drop(self) -> None:
        if self._pull is None:
            return
        self._earlier_ms, self._earlier_bytes = self.media_ms, self.received_bytes
        pull, self._pull = self._pull, None
        pull.close()
