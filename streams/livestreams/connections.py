"""An encoder's stay, as its ingest node reports it."""

from django.db import transaction
from django.db.models import QuerySet

from livehub.core import clock, crypto
from streams.livestreams import absences
from streams.livestreams.locks import lock_open_session
from streams.livestreams.models import Connection, Session, StreamKey
from streams.livestreams.models.livestream import StreamKeyQuerySet
from streams.livestreams.states import EndReason


def note_encoder(*, key: str, node: str, client_id: int) -> bool:
    """Write down that an encoder is still there; tell whether it may stay: an open session, and a valid key."""
    valid = StreamKey.objects.valid()
    connections = _open_connections(valid, key=key, node=node, client_id=client_id)
    return bool(connections.update(last_seen_at=clock.now()))


@transaction.atomic
def encoder_left(*, key: str, node: str, client_id: int) -> None:
    """Take note that an encoder went away: its session waits for it, or ends unless a worker runs it."""
    connections = _open_connections(StreamKey.objects.all(), key=key, node=node, client_id=client_id)
    found = Session.objects.filter(connections__in=connections).open().first()
    session = lock_open_session(found.pk) if found is not None else None
    if session is not None:
        absences.note_departure(session, left=connections, reason=EndReason.ENCODER_STOPPED)


def _open_connections(keys: StreamKeyQuerySet, *, key: str, node: str, client_id: int) -> QuerySet[Connection]:
    # By a subquery and not by a join, so that an update of them looks at the row itself: after it has waited for
    # whoever is closing the connection it is closed, and not to be written any more.
    publishing = keys.filter(digest=crypto.lookup_digest(key))
    return Connection.objects.filter(stream_key__in=publishing, node=node, client_id=client_id, disconnected_at=None)
