"""What is wrong with pictures."""


class StillError(Exception):
    """What the transcoder made is no picture that can be put together with others."""
