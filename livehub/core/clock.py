"""The one place that tells the time, so that tests can."""

from datetime import UTC, datetime

from django.utils import timezone


def now() -> datetime:
    """Return the aware UTC time."""
    return timezone.now().astimezone(UTC)


def isoformat(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds and Z, as every dialect but Cloudinary writes times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
