"""What can go wrong between an encoder and its viewers."""

from typing import ClassVar


class MediaError(Exception):
    """A broadcast cannot go on.

    `told` is for people, and so knows no path of the server and no program's words. The message is the same, unless
    the class has a sentence of its own: then it is for the log alone.
    """

    _SENTENCE: ClassVar[str] = ""

    @property
    def told(self) -> str:
        return self._SENTENCE or str(self)


class SourceRefusedError(MediaError):
    """What the encoder sends cannot be broadcast; the message says what to change."""


class NoPictureError(SourceRefusedError):
    """The encoder is there and sends no picture; one that has sent some before may have turned its video off."""


class SourceChangedError(MediaError):
    """The encoder sends something else than what was checked, so it has to be checked again; the message says what."""


class KeyFramesTooFarError(SourceChangedError):
    """What the encoder sends cannot be passed through, other than it seemed at first; `gop_s` is why."""

    def __init__(self, gop_s: float) -> None:
        super().__init__("The encoder's key frames are too far apart, so its picture is encoded anew.")
        self.gop_s = gop_s


class SourceLostError(MediaError):
    """The encoder is gone: nothing is published under this name any more, or nothing ever came."""


class BrokenOffError(MediaError):
    """This run must end at once, because another one goes on with the broadcast: nothing may tell players of an end."""


class EncoderAwayError(BrokenOffError):
    """The encoder has left, and whoever runs the broadcast waits for one, for `wait_s` seconds."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"The encoder has left, and is waited for {wait_s:g} s.")
        self.wait_s = wait_s


class TranscoderFailedError(MediaError):
    """ffmpeg ended by itself, or hung; the message holds its last words."""

    _SENTENCE = "Processing the video stopped. The server's log says why."


class FeedFailedError(MediaError):
    """What feeds the transcoder stopped of a fault of its own; the message names it."""

    _SENTENCE = "Processing the video stopped. The server's log says why."


class PullFailedError(MediaError):
    """Nothing comes from the ingest server any more, although the encoder is there and sends."""

    _SENTENCE = "The stream broke off inside LiveHub, not at the encoder."


class IngestSilentError(MediaError):
    """The ingest server does not answer: whether the encoder is there is unknown, so this is not an end."""

    _SENTENCE = "The part of LiveHub that takes streams in does not answer."


class StorageFullError(MediaError):
    """There is no room left on the disk of the files."""

    _SENTENCE = "The server's disk is full. Whoever looks after the server has to make room on it."
