"""An encoder's stay, as its ingest node reports it."""

from django.db.models import QuerySet

from livehub.core import clock, crypto
from streams.livestreams import lifecycle
from streams.livestreams.models import Connection, Session, StreamKey
from streams.livestreams.models.livestream import StreamKeyQuerySet
from streams.livestreams.states import EndReason


def note_encoder(*, key: str, node: str, client_id: int) -> bool:
    """Write down that an encoder is still there; tell whether it may stay: an open session, and a valid key."""
    valid = StreamKey.objects.valid()
    connections = _open_connections(valid, key=key, node=node, client_id=client_id)
    return bool(connections.update(last_seen_at=clock.now()))


def encoder_left(*, key: str, node: str, client_id: int) -> None:
    """Take note that an encoder went away, and close its session unless a worker runs it.

    A worker reads to the end of the stream and then closes the session itself.
    """
    connections = _open_connections(StreamKey.objects.all(), key=key, node=node, client_id=client_id)
    session = Session.objects.filter(connections__in=connections).open().first()
    connections.update(disconnected_at=clock.now())
    if session is not None:
        lifecycle.end_abandoned(session, reason=EndReason.ENCODER_STOPPED)


def _open_connections(keys: StreamKeyQuerySet, *, key: str, node: str, client_id: int) -> QuerySet[Connection]:
    # By a subquery and not by a join, so that an update of them looks at the row itself: after it has waited for
    # whoever is closing the connection it is closed, and not to be written any more.
    publishing = keys.filter(digest=crypto.lookup_digest(key))
    return Connection.objects.filter(stream_key__in=publishing, node=node, client_id=client_id, disconnected_at=None)
