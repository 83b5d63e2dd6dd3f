"""Holding a broadcast to its organization's quota of bitrate."""

from collections import deque

from livehub.core.errors import DomainError

# As long as its mean is above so much of the quota for this long: a scene that is hard to encode is no reason.
_TOLERATED = 1.5
_PATIENCE_S = 30.0


class BitrateExceededError(DomainError):
    """The encoder sends far more than its organization may."""

    code = "bitrate_exceeded"
    http_status = 422


class BitrateWatch:
    """Takes in about every second how much has come in all, by our clock: an encoder's says what the encoder likes."""

    def __init__(self, quota_kbps: int) -> None:
        self._quota_kbps = quota_kbps
        self._readings: deque[tuple[float, int]] = deque()

    def note(self, *, now_s: float, received_bytes: int) -> None:
        """Take in a reading of a steady clock.

        :raises BitrateExceededError: when the mean has been far above the quota for too long.
        """
        self._readings.append((now_s, received_bytes))
        began_s, before_bytes = self._readings[0]
        if now_s - began_s < _PATIENCE_S:
            return
        self._readings.popleft()
        mean_kbps = (received_bytes - before_bytes) * 8 / 1000 / (now_s - began_s)
        if mean_kbps > self._quota_kbps * _TOLERATED:
            raise BitrateExceededError(
                f"The encoder sent {mean_kbps / 1000:.1f} Mbit/s, and your organization's limit is "
                f"{self._quota_kbps / 1000:g}. Set the encoder to a lower bitrate, then start it again."
            )
