"""Making livestreams and changing them; how a session lives is in `lifecycle.py`."""

from django.db import transaction

from livehub.core import clock, crypto, events, jobs
from livehub.core.names import check_name
from streams.livestreams import lifecycle
from streams.livestreams.events import LivestreamChanged, LivestreamCreated, LivestreamDeleted
from streams.livestreams.models import Livestream
from streams.livestreams.states import EndReason
from streams.organizations.models import App
from streams.organizations.services import Actor, record

_KEY_LENGTH = 40
_PLAYBACK_ID_LENGTH = 20


@transaction.atomic
def create_livestream(*, app: App, name: str, actor: Actor) -> Livestream:
    """Create an idle livestream with a stream key and a playback id of its own.

    :raises ValidationFailedError: when the name cannot be used.
    """
    livestream = Livestream(
        app=app, name=check_name(name), playback_id=f"pb_{crypto.random_token(_PLAYBACK_ID_LENGTH)}"
    )
    _give_new_key(livestream)
    livestream.save()
    record(
        organization=app.organization,
        actor=actor,
        action="livestream.created",
        target=livestream,
        name=livestream.name,
    )
    events.publish(LivestreamCreated(livestream.pk))
    return livestream


@transaction.atomic
def rename_livestream(*, livestream: Livestream, name: str, actor: Actor) -> None:
    """Call a livestream something else.

    :raises ValidationFailedError: when the name cannot be used.
    """
    livestream.name = check_name(name)
    _save(livestream, "name", action="livestream.renamed", actor=actor, name=livestream.name)


@transaction.atomic
def disable_livestream(*, livestream: Livestream, actor: Actor) -> None:
    """Refuse encoders from now on, and cut the one that is publishing; doing it again changes nothing."""
    if not livestream.disabled:
        livestream.disabled = True
        _save(livestream, "disabled", action="livestream.disabled", actor=actor)
    lifecycle.end_open_session(livestream=livestream, reason=EndReason.DISABLED)


@transaction.atomic
def enable_livestream(*, livestream: Livestream, actor: Actor) -> None:
    """Accept encoders again; doing it again changes nothing."""
    if livestream.disabled:
        livestream.disabled = False
        _save(livestream, "disabled", action="livestream.enabled", actor=actor)


@transaction.atomic
def reset_stream_key(*, livestream: Livestream, actor: Actor) -> None:
    """Give the livestream a new key; the old one opens nothing any more, and its encoder is cut."""
    _give_new_key(livestream)
    _save(
        livestream,
        "stream_key_digest",
        "stream_key_encrypted",
        action="livestream.stream_key_reset",
        actor=actor,
    )
    lifecycle.end_open_session(livestream=livestream, reason=EndReason.KEY_RESET)


@transaction.atomic
def end_broadcast(*, livestream: Livestream, actor: Actor) -> None:
    """End the session that is going on, if one is; the encoder may publish again."""
    if lifecycle.end_open_session(livestream=livestream, reason=EndReason.ENDED_BY_OPERATOR):
        organization = livestream.app.organization
        record(organization=organization, actor=actor, action="livestream.broadcast_ended", target=livestream)


@transaction.atomic
def delete_livestream(*, livestream: Livestream, actor: Actor) -> None:
    """Take a livestream away from every interface and its files from viewers, and cut its encoder."""
    livestream.deleted_at = clock.now()
    livestream.save(update_fields=["deleted_at", "updated_at"])
    record(
        organization=livestream.app.organization,
        actor=actor,
        action="livestream.deleted",
        target=livestream,
        name=livestream.name,
    )
    lifecycle.end_open_session(livestream=livestream, reason=EndReason.DELETED)
    jobs.enqueue("streams.remove_playback", livestream_id=livestream.pk)
    events.publish(LivestreamDeleted(livestream.pk))


def _give_new_key(livestream: Livestream) -> None:
    key = f"sk_{crypto.random_token(_KEY_LENGTH)}"
    livestream.stream_key_digest = crypto.lookup_digest(key)
    livestream.stream_key_encrypted = crypto.encrypt(key)


def _save(livestream: Livestream, *fields: str, action: str, actor: Actor, **detail: object) -> None:
    livestream.save(update_fields=[*fields, "updated_at"])
    record(organization=livestream.app.organization, actor=actor, action=action, target=livestream, **detail)
    events.publish(LivestreamChanged(livestream.pk))
