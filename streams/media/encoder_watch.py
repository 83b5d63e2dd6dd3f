"""Finding out why nothing comes: has the encoder left, is the pull broken, or does the ingest server not answer?"""

from streams.media.errors import (
    IngestSilentError,
    NoPictureError,
    PullFailedError,
    SourceLostError,
    SourceRefusedError,
)
from streams.media.nginx_rtmp import IngestServer, IngestUnavailableError, Publisher
from streams.media.progress import AwakeClock

# Asking costs a millisecond, and a network that stutters makes pauses too.
_ASK_AFTER_S = 1.0
_ASK_EVERY_S = 0.75
# An answer takes 2 s at most, and some for an overloaded machine.
_LONGEST_ANSWER_S = 2.5
# From here on a pause is not the network's any more.
_STALE_S = 2.5
# What came since the last answer may be on its way to us, or half a frame; not so twice.
_ENOUGH_GROWTHS = 2
# nginx's drop_idle_publisher cuts an encoder that stands still after 5 s; if it does not, we do.
_LONGEST_PAUSE_S = 30.0
# A restarted server answers after one or two.
_LONGEST_SILENCE_S = 15.0
# The same once the pull has ended: what is left to find out is only whether viewers are to be told of an end.
_LONGEST_SILENCE_AT_END_S = 5.0
# How long nginx may take to register an encoder whose hook it is still waiting for.
_REGISTRATION_S = 3.0
# By then an encoder that sends H.264 has announced it.
_ANNOUNCEMENT_S = 4.0
# A pull joins within a second; its machine may be busy.
_JOIN_S = 6.0
# The pull's ffmpeg probes up to 5 s of media before it hands anything on.
_PULL_PROBE_S = 7.0
# An encoder set to "automatic" key frames may send one in 10 s, and we join in between.
LONGEST_START_S = 30.0


class EncoderWatch:
    """Asks the ingest server about one stream, as long as nothing comes of it."""

    def __init__(self, server: IngestServer, name: str, clock: AwakeClock) -> None:
        self._server = server
        self._name = name
        self._clock = clock
        self._began_at = self._input_at = self._asked_at = clock.now_s
        self._has_begun = False
        self._silent_since: float | None = None
        self._bytes_in: int | None = None
        self._growths = 0
        self._first_bytes_out: int | None = None
        self._served_since: float | None = None
        self._picture_at: float | None = None

    def look(self, *, has_input: bool, has_picture: bool, is_over: bool) -> bool:
        """Note what was seen since the last look; return whether the encoder has left.

        `has_picture`: the input holds one, not only sound; `is_over`: the pull has ended.

        :raises PullFailedError: when it is there and sends, and nothing reaches us.
        :raises IngestSilentError: when the server has not answered for too long.
        :raises SourceLostError: when nothing was ever published, or the encoder stands still for too long.
        :raises NoPictureError: when it is there and sends, and no picture came for too long.
        :raises SourceRefusedError: when the server knows that the picture is not usable.
        """
        now_s = self._clock.now_s
        if has_input:
            self._has_begun = True
            self._input_at, self._silent_since, self._bytes_in, self._growths = now_s, None, None, 0
            self._judge_input(has_picture=has_picture)
            return False
        if now_s - self._asked_at < _ASK_EVERY_S or (now_s - self._input_at < _ASK_AFTER_S and not is_over):
            return False
        publisher = self._ask(is_over=is_over)
        if self._silent_since is not None:
            return False
        if publisher is None:
            return self._is_gone(is_over=is_over)
        if is_over:
            raise PullFailedError("The pull from the ingest server broke off, but the encoder is there.")
        if self._has_begun:
            self._judge_pause(publisher)
        else:
            self._judge_start(publisher)
        return False

    def _ask(self, *, is_over: bool) -> Publisher | None:
        """Return who publishes; `_silent_since` tells whether None means nobody or no answer."""
        asked_at = self._clock.now_s
        try:
            publisher = self._server.find_publisher(self._name)
        except IngestUnavailableError as error:
            self._silent_since = asked_at if self._silent_since is None else self._silent_since
            self._clock.tick(at_most_s=_LONGEST_ANSWER_S)
            longest_s = _LONGEST_SILENCE_AT_END_S if is_over else _LONGEST_SILENCE_S
            if self._clock.now_s - self._silent_since > longest_s:
                raise IngestSilentError(
                    "The ingest server does not answer, so the encoder may still be there."
                ) from error
            return None
        else:
            self._silent_since = None
            return publisher
        finally:
            self._asked_at = self._clock.now_s

    def _is_gone(self, *, is_over: bool) -> bool:
        if self._has_begun or is_over:
            return True
        if self._clock.now_s - self._began_at > _REGISTRATION_S:
            raise left_early()
        return False

    def _judge_input(self, *, has_picture: bool) -> None:
        """Sound without a picture is a pause that the encoder makes, and no fault of the pull."""
        if has_picture:
            self._picture_at = self._input_at
            return
        if self._picture_at is None:
            return
        pause_s = self._input_at - self._picture_at
        if pause_s > _LONGEST_PAUSE_S:
            raise NoPictureError("The encoder sends no picture any more. Turn its video on again.")
        if pause_s > _ANNOUNCEMENT_S and self._input_at - self._asked_at > _ANNOUNCEMENT_S:
            publisher = self._ask(is_over=False)
            if publisher is not None:
                _check_codec(publisher)

    def _judge_start(self, publisher: Publisher) -> None:
        """Tell a pull that hangs from a key frame that has not come: until then the server sends nothing to anybody."""
        waited_s = self._clock.now_s - self._began_at
        if waited_s > _ANNOUNCEMENT_S:
            _check_announcement(publisher)
        if waited_s > _JOIN_S and not publisher.subscribers:
            raise PullFailedError("The encoder is there, but the pull has not reached the ingest server.")
        if self._is_served_in_vain(publisher):
            raise PullFailedError("The ingest server sends, but the pull from it hangs.")
        if waited_s > LONGEST_START_S:
            raise no_key_frame()

    def _is_served_in_vain(self, publisher: Publisher) -> bool:
        # Earlier runs have had their share of what was sent.
        if self._first_bytes_out is None:
            self._first_bytes_out = publisher.bytes_out
        # Not whether it still grows: a pull that takes nothing is sent nothing after a while.
        if self._served_since is None and publisher.bytes_out > self._first_bytes_out:
            self._served_since = self._clock.now_s
        return self._served_since is not None and self._clock.now_s - self._served_since > _PULL_PROBE_S

    def _judge_pause(self, publisher: Publisher) -> None:
        _check_codec(publisher)
        if self._bytes_in is not None and publisher.bytes_in > self._bytes_in:
            self._growths += 1
        self._bytes_in = publisher.bytes_in
        pause_s = self._clock.now_s - self._input_at
        if self._growths >= _ENOUGH_GROWTHS and pause_s > _STALE_S:
            raise PullFailedError("The encoder sends, but the pull from the ingest server hangs.")
        if pause_s > _LONGEST_PAUSE_S:
            raise SourceLostError("The encoder was connected, but sent nothing for 30 seconds. Check its network.")


def left_early() -> SourceLostError:
    """Return what to tell of an encoder that left before a run had anything to show."""
    return SourceLostError("The encoder left while LiveHub waited for its picture.")


def no_key_frame() -> NoPictureError:
    """Return what to tell the person at an encoder whose key frames are too far apart."""
    return NoPictureError("No key frame came for 30 seconds. Set the encoder's key-frame interval to 2 s.")


def _check_announcement(publisher: Publisher) -> None:
    if not publisher.video_codec:
        raise NoPictureError("No video arrives. Add a video source to the encoder, in H.264.")
    _check_codec(publisher)


def _check_codec(publisher: Publisher) -> None:
    """Accept one that is H.264 or not known yet; of another one than before the pull hands nothing on."""
    if publisher.video_codec not in {"", "H264"}:
        # nginx-rtmp misnames the codecs of enhanced RTMP, so a name of ours would be a guess.
        raise SourceRefusedError(
            "The video is not H.264 (perhaps HEVC or AV1). Set the encoder's video codec to H.264."
        )
