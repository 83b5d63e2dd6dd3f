"""Letting encoders in: who may publish, and under which name."""

from django.db import transaction
from django.db.models import F

from livehub.core import clock, crypto, events
from livehub.core.errors import DomainError
from streams.livestreams import lifecycle
from streams.livestreams.events import PublishRefused
from streams.livestreams.lifecycle import AlreadyLiveError, Encoder
from streams.livestreams.models import Livestream


class StreamKeyRejectedError(DomainError):
    """No livestream has this key."""

    code = "stream_key_rejected"
    http_status = 403


class LivestreamDisabledError(DomainError):
    """The key is right, but an operator has disabled the livestream."""

    code = "livestream_disabled"
    http_status = 403


def admit_publisher(*, stream_key: str, encoder: Encoder) -> str:
    """Open a session for an encoder and return its stream name, in place of the secret key.

    Side effect of a refusal with a known key: it is counted on the livestream, with its reason.

    :raises StreamKeyRejectedError: when no livestream has the key.
    :raises LivestreamDisabledError: when an operator has disabled it.
    :raises AlreadyLiveError: when another encoder is publishing.
    """
    livestream = _find_by_key(stream_key)
    if livestream is None:
        raise StreamKeyRejectedError("No livestream has this stream key.")
    try:
        return _admit(livestream, encoder)
    except (LivestreamDisabledError, AlreadyLiveError) as refusal:
        _count_refusal(livestream, reason=refusal.message)
        raise


def note_publisher(*, stream_key: str, client_id: int) -> None:
    """Write down that an encoder is still there.

    :raises StreamKeyRejectedError: when it has no open session (any more): it has to be cut.
    """
    livestream = _find_by_key(stream_key)
    if livestream is None or not lifecycle.note_ingest(client_id=client_id, livestream=livestream):
        raise StreamKeyRejectedError("This encoder's session is over.")


def publisher_left(*, stream_key: str, client_id: int) -> None:
    """Take note that an encoder went away; one that was refused has no session, and changes nothing."""
    livestream = _find_by_key(stream_key)
    if livestream is not None:
        lifecycle.encoder_left(client_id=client_id, livestream=livestream)


@transaction.atomic
def _admit(livestream: Livestream, encoder: Encoder) -> str:
    # Locked and read again: a livestream that is being disabled, deleted or given a new key at this moment is either
    # refused here, or has its new session ended there.
    same = Livestream.objects.existing().filter(pk=livestream.pk, stream_key_digest=livestream.stream_key_digest)
    locked = same.select_for_update().first()
    if locked is None:
        raise StreamKeyRejectedError("No livestream has this stream key.")
    if locked.disabled:
        raise LivestreamDisabledError("The livestream is disabled. Enable it on its page, then start the encoder.")
    return lifecycle.start_session(livestream=locked, encoder=encoder).pk.hex


@transaction.atomic
def _count_refusal(livestream: Livestream, *, reason: str) -> None:
    Livestream.objects.filter(pk=livestream.pk).update(
        refused_publishes=F("refused_publishes") + 1, last_refusal=reason[:255], last_refused_at=clock.now()
    )
    events.publish(PublishRefused(livestream.pk))


def _find_by_key(stream_key: str) -> Livestream | None:
    return Livestream.objects.existing().filter(stream_key_digest=crypto.lookup_digest(stream_key)).first()
