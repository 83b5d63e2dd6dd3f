"""Viewers without an id behind one address: k deliveries of one interval are k viewers."""

from collections.abc import Callable

from analytics.counting.media import Medium
from analytics.counting.viewing import Stay

# Behind one address with one kind of software; more are not told apart.
_STAYS_AT_MOST = 200


class Household:
    """Those who share an address and a software: who comes n-th gets the n-th copy of each interval.

    Who of them that really was does not matter: what they do together is counted.
    """

    def __init__(self) -> None:
        self.stays: list[Stay] = []

    def find(self, medium: Medium, at_ms: int, add: Callable[[int], Stay]) -> Stay | None:
        """Return whose that is; None for sound that goes with a picture. `add` makes another one, by its number."""
        if medium.is_audio:
            if any(stay.sees(at_ms) for stay in self.stays):
                return None
        elif self.stays and not any(stay.video_ms for stay in self.stays):
            # Its sound came first.
            for stay in self.stays:
                stay.forget_intervals()
        for stay in self.stays:
            if not stay.has(medium):
                return stay
        if len(self.stays) < _STAYS_AT_MOST:
            self.stays.append(add(max((stay.number for stay in self.stays), default=-1) + 1))
        return self.stays[-1]
