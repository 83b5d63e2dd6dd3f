"""What keeps the one-box run from starting."""


class StartError(Exception):
    """The start is impossible; the message says why and what to do."""
