"""Who tries stream keys that nobody has."""

from datetime import timedelta

from livehub.core import clock
from streams.livestreams.models import UnknownKeyTries

UNKNOWN_KEYS_TOLD = timedelta(hours=1)
_SHOWN = 5


def list_unknown_key_tries() -> list[UnknownKeyTries]:
    """Return who tried within the last hour, the busiest first, the first few."""
    lately = UnknownKeyTries.objects.filter(last_at__gt=clock.now() - UNKNOWN_KEYS_TOLD)
    return list(lately.order_by("-tries", "-last_at")[:_SHOWN])
