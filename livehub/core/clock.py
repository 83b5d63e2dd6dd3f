"""The one place that tells the time, so that tests can."""

import time
from datetime import UTC, datetime, timedelta

from django.utils import timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEGAN_AT, _BEGAN_S = datetime.now(UTC), time.monotonic()


def now() -> datetime:
    """Return the aware UTC time."""
    return timezone.now().astimezone(UTC)


def steady() -> datetime:
    """Return the time as it would be if nobody had set this machine's clock since the process began."""
    return _BEGAN_AT + timedelta(seconds=time.monotonic() - _BEGAN_S)


def isoformat(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds and Z, as every dialect but Cloudinary writes times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_ms(moment: datetime) -> int:
    """Return whole milliseconds since 1970, as Cloudinary writes times; cut off, as `isoformat` does."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)
