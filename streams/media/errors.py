"""What can go wrong between an encoder and its viewers."""


class MediaError(Exception):
    """A broadcast cannot go on; the message is for the person at the encoder."""


class SourceRefusedError(MediaError):
    """What the encoder sends cannot be broadcast; the message says what to change."""


class SourceLostError(MediaError):
    """Nothing is published under this name any more, or nothing ever came."""


class TranscoderFailedError(MediaError):
    """ffmpeg ended by itself; the message holds its last words."""


class BrokenOffError(MediaError):
    """This run must end at once, because another one goes on with the broadcast: nothing may tell players of an end."""
