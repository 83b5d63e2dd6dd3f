"""Whether our own encoder sends a test picture; its key and what connected with it tell."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, TextChoices

from livehub.core import clock
from streams.livestreams.models import Connection, Livestream, StreamKey
from streams.livestreams.models.livestream import StreamKeyQuerySet

# It connects within a second or two; after this long it does not come any more.
TEST_PICTURE_START_S = 10.0
_START = timedelta(seconds=TEST_PICTURE_START_S)
# How long a page tells that it did not come.
_TOLD = timedelta(minutes=2)


class PictureState(TextChoices):
    STARTING = "starting"
    ON = "on"
    FAILED = "failed"


def find_test_picture(livestream: Livestream) -> PictureState | None:
    """Return how far the livestream's test picture is, None when there is none, or none any more."""
    key = _keys().filter(livestream=livestream).order_by("-created_at").first()
    if key is None or key.revoked_at is None:
        return None
    if vars(key)["is_connected"]:
        return PictureState.ON
    age = clock.now() - key.created_at
    # A stopped one is no failure: its key ended before it could connect.
    if vars(key)["has_connected"] or key.revoked_at < key.created_at + _START or age > _TOLD:
        return None
    return PictureState.STARTING if age < _START else PictureState.FAILED


def count_test_pictures() -> int:
    """Return how many are on or starting, of all organizations."""
    is_young = Q(created_at__gt=clock.now() - _START, has_connected=False)
    return _keys().valid().filter(Q(is_connected=True) | is_young).count()


def _keys() -> StreamKeyQuerySet:
    connections = Connection.objects.filter(stream_key=OuterRef("pk"))
    return StreamKey.objects.filter(is_for_test_picture=True).annotate(
        has_connected=Exists(connections), is_connected=Exists(connections.filter(disconnected_at=None))
    )
