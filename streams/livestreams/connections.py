"""An encoder's stay, as its ingest node reports it."""

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from livehub.core import clock, crypto
from streams.livestreams import lifecycle
from streams.livestreams.models import Connection, Session
from streams.livestreams.states import EndReason


def note_encoder(*, key: str, node: str, client_id: int) -> bool:
    """Write down that an encoder is still there; tell whether it may stay: an open session, and a valid key."""
    valid = Q(stream_key__revoked_at=None) | Q(stream_key__revoked_at__gt=Now())
    connections = _open_connections(key=key, node=node, client_id=client_id).filter(valid)
    return bool(connections.update(last_seen_at=clock.now()))


def encoder_left(*, key: str, node: str, client_id: int) -> None:
    """Take note that an encoder went away, and close its session unless a worker runs it.

    A worker reads to the end of the stream and then closes the session itself.
    """
    connections = _open_connections(key=key, node=node, client_id=client_id)
    session = Session.objects.filter(connections__in=connections).open().first()
    connections.update(disconnected_at=clock.now())
    if session is not None:
        lifecycle.end_abandoned(session, reason=EndReason.ENCODER_STOPPED)


def _open_connections(*, key: str, node: str, client_id: int) -> QuerySet[Connection]:
    return Connection.objects.filter(
        stream_key__digest=crypto.lookup_digest(key), node=node, client_id=client_id, disconnected_at=None
    )
