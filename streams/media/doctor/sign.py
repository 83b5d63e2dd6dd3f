"""One thing that was measured, with what it is graded by."""

from typing import NamedTuple


class Sign(NamedTuple):
    """A value as people are told it, and what its rule grades; `detail` is for the sentence."""

    value: float
    graded: float
    detail: str = ""

    @classmethod
    def of(cls, value: float) -> "Sign":
        """Return a sign that is graded by its value."""
        return cls(value, value)
