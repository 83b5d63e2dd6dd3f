"""What can go wrong between an encoder and its viewers."""


class MediaError(Exception):
    """A broadcast cannot go on; the message is for the person at the encoder."""


class SourceRefusedError(MediaError):
    """What the encoder sends cannot be broadcast; the message says what to change."""


class SourceLostError(MediaError):
    """The encoder is gone: nothing is published under this name any more, or nothing ever came."""


class BrokenOffError(MediaError):
    """This run must end at once, because another one goes on with the broadcast: nothing may tell players of an end."""


class TranscoderFailedError(MediaError):
    """ffmpeg ended by itself, or hung; the message holds its last words."""


class PullFailedError(MediaError):
    """Nothing comes from the ingest server any more, although the encoder is there and sends."""


class IngestSilentError(MediaError):
    """The ingest server does not answer: whether the encoder is there is unknown, so this is not an end."""


class StorageFullError(MediaError):
    """There is no room left on the disk of the files."""
