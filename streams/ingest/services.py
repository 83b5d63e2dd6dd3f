"""Letting encoders in: who may publish, and under which name."""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil

from django.db import transaction
from django.db.models import F

from livehub.core import clock, events, tracing
from livehub.core.errors import NotFoundError
from streams.livestreams import arrivals, connections, refusals
from streams.livestreams.arrivals import AlreadyLiveError, Encoder
from streams.livestreams.events import PublishRefused
from streams.livestreams.lifecycle import (
    HeldOffError,
    LivestreamDisabledError,
    LivestreamStoppedError,
)
from streams.livestreams.locks import lock_livestream
from streams.livestreams.models import Connection, Livestream, StreamKey
from streams.livestreams.stream_keys import StreamKeyPasswordError, StreamKeyRejectedError, resolve_key
from streams.media.pulling.puller import PULL_NAME
from streams.media.test_picture import ENCODER_NAME
from streams.organizations.quotas import QuotaExceededError
from streams.organizations.services import SYSTEM


def admit_encoder(*, name: str, args: Mapping[str, str], encoder: Encoder) -> str:
    """Let an encoder into a session, a new one or its own, and return its stream name, in place of the secret key.

    Side effect of a refusal with a known key: it is counted on the livestream, with its reason; with an unknown
    one, on its address. Only one that is held off counts nowhere: it does what encoders do, as the one who ended the
    broadcast wanted, and the livestream's page tells for how long.

    :raises StreamKeyRejectedError: when no livestream has the key, or its password is wrong.
    :raises LivestreamDisabledError: when an operator has disabled it.
    :raises HeldOffError: when the broadcast has just been ended on purpose.
    :raises LivestreamStoppedError: when it was a meeting's, and is stopped.
    :raises AlreadyLiveError: when another encoder is publishing.
    :raises QuotaExceededError: when its organization has as many broadcasts on air as it may.
    """
    came_at, began_ns = clock.now(), tracing.now_ns()
    try:
        stream_key = resolve_key(name, args)
    except StreamKeyPasswordError as refusal:
        _count_refusal(refusal.livestream, reason=refusal.message)
        raise
    except StreamKeyRejectedError:
        if encoder.address is not None:
            refusals.note_unknown_key(encoder.address)
        raise
    try:
        connection = _admit(stream_key, encoder)
    except (
        LivestreamDisabledError,
        LivestreamStoppedError,
        AlreadyLiveError,
        QuotaExceededError,
    ) as refusal:
        _count_refusal(stream_key.livestream, reason=refusal.message)
        raise
    tracing.note_step(
        connection.session_id,
        "broadcast.admit_encoder",
        began_ns=began_ns,
        # Else it has come back to a session that there was.
        is_first=connection.session.created_at >= came_at,
        attributes={"livehub.livestream.id": str(stream_key.livestream_id), "livehub.node": encoder.node},
    )
    return connection.pk.hex


def note_encoder(*, name: str, node: str, client_id: int) -> None:
    """Write down that an encoder is still there.

    :raises StreamKeyRejectedError: when it has no open session (any more): it has to be cut.
    """
    if not connections.note_encoder(key=name, node=node, client_id=client_id):
        raise StreamKeyRejectedError("This encoder's session is over.")


def encoder_left(*, name: str, node: str, client_id: int) -> None:
    """Take note that an encoder went away; one that was refused has no session, and changes nothing."""
    connections.encoder_left(key=name, node=node, client_id=client_id)


@transaction.atomic
def _admit(stream_key: StreamKey, encoder: Encoder) -> Connection:
    # Locked and read again: a livestream that is being disabled, deleted or given a new key at this moment is either
    # refused here, or has its new session ended there.
    try:
        livestream = lock_livestream(stream_key.livestream_id)
    except NotFoundError as error:
        raise StreamKeyRejectedError("No livestream has this stream key.") from error
    if not StreamKey.objects.valid().filter(pk=stream_key.pk).exists():
        raise StreamKeyRejectedError("No livestream has this stream key.")
    if livestream.disabled:
        raise LivestreamDisabledError("The livestream is disabled. Enable it on its page, then start the encoder.")
    if livestream.stopped_at is not None:
        raise LivestreamStoppedError(
            "The meeting's livestream was stopped. Start the meeting's livestream again, and publish with its new key."
        )
    if stream_key.is_for_test_picture:
        encoder = replace(encoder, software=ENCODER_NAME, address=None)
    elif stream_key.is_for_pull:
        encoder = replace(encoder, software=PULL_NAME, address=None)
        _check_hold(livestream)
    else:
        _check_hold(livestream)
    return arrivals.admit(livestream=livestream, stream_key=stream_key, encoder=encoder)


def _check_hold(livestream: Livestream) -> None:
    now = clock.now()
    if livestream.held_until is not None and now < livestream.held_until:
        wait_s = ceil((livestream.held_until - now).total_seconds())
        raise HeldOffError(f"The broadcast was ended on purpose. Start the encoder again in {wait_s} s.")


@transaction.atomic
def _count_refusal(livestream: Livestream, *, reason: str) -> None:
    now = clock.now()
    Livestream.objects.filter(pk=livestream.pk).update(
        refused_publishes=F("refused_publishes") + 1, last_refusal=reason[:255], last_refused_at=now
    )
    events.publish(PublishRefused.of(livestream, at=now, actor=SYSTEM, reason=reason))
