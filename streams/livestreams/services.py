"""Making livestreams and changing them; how a session lives is in `lifecycle.py`.

Each locks its livestream and reads it again first: what the caller holds may be stale, or deleted meanwhile.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import Sum

from livehub.core import clock, crypto, events
from livehub.core.names import check_name
from streams.livestreams import lifecycle, node_jobs
from streams.livestreams.events import LivestreamChanged, LivestreamCreated, LivestreamDeleted, LivestreamEvent
from streams.livestreams.locks import lock_livestream
from streams.livestreams.models import Livestream, LivestreamCount
from streams.livestreams.states import EndReason
from streams.livestreams.stream_keys import give_key
from streams.organizations.models import App
from streams.organizations.quotas import QuotaExceededError, lock_quotas
from streams.organizations.services import Actor, record

_PLAYBACK_ID_LENGTH = 20


@transaction.atomic
def create_livestream(*, app: App, name: str, actor: Actor) -> Livestream:
    """Create an idle livestream with a stream key and a playback id of its own.

    :raises ValidationFailedError: when the name cannot be used.
    :raises QuotaExceededError: when the organization has as many livestreams as it may.
    """
    _check_quota(app)
    livestream = Livestream.objects.create(
        app=app, name=check_name(name), playback_id=f"pb_{crypto.random_token(_PLAYBACK_ID_LENGTH)}"
    )
    give_key(livestream)
    _tell(livestream, LivestreamCreated, action="livestream.created", actor=actor, name=livestream.name)
    return livestream


@transaction.atomic
def rename_livestream(*, livestream: Livestream, name: str, actor: Actor) -> Livestream:
    """Call a livestream something else, and return it.

    :raises NotFoundError: when it is deleted.
    :raises ValidationFailedError: when the name cannot be used.
    """
    livestream = lock_livestream(livestream.pk)
    livestream.name = check_name(name)
    livestream.save(update_fields=["name", "updated_at"])
    _tell(livestream, LivestreamChanged, action="livestream.renamed", actor=actor, name=livestream.name)
    return livestream


@transaction.atomic
def disable_livestream(*, livestream: Livestream, actor: Actor) -> Livestream:
    """Refuse encoders from now on, and cut the one that is publishing; doing it again changes nothing.

    :raises NotFoundError: when it is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    _switch(livestream, disabled=True, action="livestream.disabled", actor=actor)
    lifecycle.end_open_session(livestream=livestream, reason=EndReason.DISABLED, actor=actor)
    return livestream


@transaction.atomic
def enable_livestream(*, livestream: Livestream, actor: Actor) -> Livestream:
    """Accept encoders again; doing it again changes nothing.

    :raises NotFoundError: when it is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    _switch(livestream, disabled=False, action="livestream.enabled", actor=actor)
    return livestream


@transaction.atomic
def reset_stream_key(*, livestream: Livestream, actor: Actor, overlap: timedelta = timedelta(0)) -> Livestream:
    """Give the livestream a new key.

    Without an overlap the old one opens nothing any more, and its encoder is cut; with one it runs out after that time.

    :raises NotFoundError: when the livestream is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    give_key(livestream, overlap=overlap)
    livestream.save(update_fields=["updated_at"])
    detail = {"overlap_s": int(overlap.total_seconds())} if overlap else {}
    _tell(livestream, LivestreamChanged, action="livestream.stream_key_reset", actor=actor, **detail)
    if not overlap:
        lifecycle.end_open_session(livestream=livestream, reason=EndReason.KEY_RESET, actor=actor)
    return livestream


def show_stream_key(*, livestream: Livestream, actor: Actor) -> str:
    """Return the key, and write down who looked."""
    organization = livestream.app.organization
    record(organization=organization, actor=actor, action="livestream.stream_key_shown", target=livestream)
    return livestream.stream_key


@transaction.atomic
def end_broadcast(*, livestream: Livestream, actor: Actor) -> bool:
    """End the session that is going on, and tell whether one was; the encoder may publish again.

    :raises NotFoundError: when the livestream is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    had_one = lifecycle.end_open_session(livestream=livestream, reason=EndReason.ENDED_BY_OPERATOR, actor=actor)
    if had_one:
        record(
            organization=livestream.app.organization,
            actor=actor,
            action="livestream.broadcast_ended",
            target=livestream,
        )
    return had_one


@transaction.atomic
def delete_livestream(*, livestream: Livestream, actor: Actor) -> None:
    """Take a livestream away from every interface and its files from viewers, and cut its encoder.

    :raises NotFoundError: when it is deleted already.
    """
    livestream = lock_livestream(livestream.pk)
    livestream.deleted_at = clock.now()
    livestream.save(update_fields=["deleted_at", "updated_at"])
    lifecycle.end_open_session(livestream=livestream, reason=EndReason.DELETED, actor=actor)
    node_jobs.remove_playback(livestream.pk)
    _tell(livestream, LivestreamDeleted, action="livestream.deleted", actor=actor, name=livestream.name)


def _check_quota(app: App) -> None:
    quota = lock_quotas(app.organization).livestreams
    totals = LivestreamCount.objects.filter(app__organization=app.organization_id)
    total = totals.aggregate(total=Sum("total"))["total"] or 0
    if total >= quota:
        raise QuotaExceededError(
            f"Your organization has {total} livestreams, and its limit is {quota}. Delete {total - quota + 1} first."
        )


def _switch(livestream: Livestream, *, disabled: bool, action: str, actor: Actor) -> None:
    if livestream.disabled != disabled:
        livestream.disabled = disabled
        livestream.save(update_fields=["disabled", "updated_at"])
        _tell(livestream, LivestreamChanged, action=action, actor=actor)


def _tell(livestream: Livestream, event: type[LivestreamEvent], *, action: str, actor: Actor, **detail: object) -> None:
    """Write the change into the audit log, and publish its event."""
    record(organization=livestream.app.organization, actor=actor, action=action, target=livestream, **detail)
    events.publish(event.of(livestream, at=clock.now(), actor=actor))
