"""Making livestreams and changing them; how a session lives is in `lifecycle.py`.

Each locks its livestream and reads it again first: what the caller holds may be stale, or deleted meanwhile.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Unpack, cast
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from livehub.core import clock, crypto, events
from livehub.core.names import check_name
from streams.livestreams import lifecycle, node_jobs, standby
from streams.livestreams.broadcast_settings import BROADCAST_SETTINGS, BroadcastSettings, set_broadcast
from streams.livestreams.events import LivestreamChanged, LivestreamCreated, LivestreamDeleted
from streams.livestreams.lifecycle import LivestreamDisabledError, LivestreamStoppedError
from streams.livestreams.locks import lock_livestream
from streams.livestreams.models import Livestream, LivestreamCount, Output, PullSource, SlatePicture
from streams.livestreams.playback_settings import PLAYBACK_SETTINGS, PlaybackSettings, set_playback
from streams.livestreams.pulls import PullChange, set_pull
from streams.livestreams.states import EndReason
from streams.livestreams.stream_keys import make_first_key, renew_key
from streams.organizations.models import App
from streams.organizations.quotas import QuotaExceededError, lock_livestream_quota
from streams.organizations.services import Actor, record

_PLAYBACK_ID_LENGTH = 20


class LivestreamSettings(BroadcastSettings, PlaybackSettings, total=False):
    """What may be said of a new one beside its name; whatever is left out is as it comes."""


class LivestreamChanges(LivestreamSettings, total=False):
    """What can be changed at once; whatever is left out stays."""

    name: str
    disabled: bool
    pull: PullChange


@transaction.atomic
def create_livestream(
    *,
    app: App,
    name: str,
    actor: Actor,
    disabled: bool = False,
    has_password: bool = False,
    meeting_id: UUID | None = None,
    video_config: Mapping[str, object] = MappingProxyType({}),
    pull: PullChange | None = None,
    **settings: Unpack[LivestreamSettings],
) -> Livestream:
    """Create an idle livestream with a stream key, a playback id and outputs of its own.

    With a password the key opens nothing alone; a `pull` begins at once.

    That of a meeting is started by the meeting (`streams.meetings.broadcasts`), which has to be locked.

    :raises ValidationFailedError: when the name or a setting cannot be used.
    :raises QuotaExceededError: when the organization has as many livestreams as it may.
    """
    _check_quota(app)
    playback_id = f"pb_{crypto.random_token(_PLAYBACK_ID_LENGTH)}"
    livestream = Livestream(
        app=app,
        name=check_name(name),
        playback_id=playback_id,
        disabled=disabled,
        meeting_id=meeting_id,
        video_config=dict(video_config),
    )
    set_broadcast(livestream, _broadcast_of(settings))
    set_playback(livestream, _playback_of(settings))
    livestream.save(force_insert=True)
    # Whoever answers with it need not read its key again.
    livestream.stream_key_encrypted = make_first_key(livestream, has_password=has_password).encrypted
    Output.objects.bulk_create(Output.defaults_of(livestream))
    _record(livestream, action="livestream.created", actor=actor, name=livestream.name)
    PullSource.note_none(livestream)
    if pull:
        _set_pull(livestream, pull, actor=actor)
    events.publish(LivestreamCreated.of(livestream, at=livestream.created_at, actor=actor))
    return livestream


@transaction.atomic
def rename_livestream(*, livestream: Livestream, name: str, actor: Actor) -> Livestream:
    """Call a livestream something else, and return it.

    :raises NotFoundError: when it is deleted.
    :raises ValidationFailedError: when the name cannot be used.
    """
    return change_livestream(livestream=livestream, actor=actor, name=name)


@transaction.atomic
def change_livestream(*, livestream: Livestream, actor: Actor, **changes: Unpack[LivestreamChanges]) -> Livestream:
    """Change all of this or nothing, and return the livestream; one that is disabled has its encoder cut.

    :raises NotFoundError: when it is deleted.
    :raises ValidationFailedError: when the name or a setting cannot be used.
    """
    livestream = lock_livestream(livestream.pk)
    before = {name: getattr(livestream, name) for name in changes if name != "pull"}
    if "name" in changes:
        _rename(livestream, name=changes["name"], actor=actor)
    _set_broadcast(livestream, _broadcast_of(changes), actor=actor)
    _set_playback(livestream, _playback_of(changes), actor=actor)
    has_new_pull = "pull" in changes and _set_pull(livestream, changes["pull"], actor=actor)
    if "disabled" in changes:
        _switch(livestream, disabled=changes["disabled"], actor=actor)
    changed = [name for name, value in before.items() if getattr(livestream, name) != value]
    _publish_changed(livestream, *changed, *(["pull"] if has_new_pull else []), actor=actor)
    if livestream.disabled and "disabled" in changes:
        lifecycle.end_open_session(livestream=livestream, reason=EndReason.DISABLED, actor=actor)
    return livestream


@transaction.atomic
def disable_livestream(*, livestream: Livestream, actor: Actor) -> Livestream:
    """Refuse encoders from now on, and cut the one that is publishing; doing it again changes nothing.

    :raises NotFoundError: when it is deleted.
    """
    return change_livestream(livestream=livestream, actor=actor, disabled=True)


@transaction.atomic
def enable_livestream(*, livestream: Livestream, actor: Actor) -> Livestream:
    """Accept encoders again; doing it again changes nothing.

    :raises NotFoundError: when it is deleted.
    """
    return change_livestream(livestream=livestream, actor=actor, disabled=False)


@transaction.atomic
def activate_livestream(*, livestream: Livestream, actor: Actor) -> Livestream:
    """Let the livestream be active before its encoder comes, and let an encoder in that was held off.

    Viewers see the slate from now on, if the livestream shows one. Without an encoder it becomes idle again by itself:
    after `STANDBY_S` or its reconnect window, whichever is longer; without a slate after the window. One that is on air
    stays as it is.

    :raises NotFoundError: when it is deleted.
    :raises LivestreamDisabledError: when it refuses encoders.
    :raises LivestreamStoppedError: when the meeting that it was for has stopped it.
    :raises AlreadyLiveError: when a test picture is on.
    :raises QuotaExceededError: when its organization has as many broadcasts on air as it may.
    """
    livestream = lock_livestream(livestream.pk)
    if livestream.disabled:
        raise LivestreamDisabledError("The livestream is disabled. Enable it first.")
    if livestream.stopped_at is not None:
        raise LivestreamStoppedError("The meeting's livestream was stopped. Start the meeting's livestream again.")
    changed = ["held_until"] if livestream.is_held else []
    if not livestream.shows_slate:
        livestream.activated_at = clock.now()
        changed = ["activated_at", "held_until"]
    livestream.held_until = None
    livestream.save(update_fields=["activated_at", "held_until", "updated_at"])
    has_begun = livestream.shows_slate and standby.begin(livestream, actor=actor)
    if has_begun or changed:
        _record(livestream, action="livestream.activated", actor=actor)
        _publish_changed(livestream, *changed, actor=actor)
    return livestream


@transaction.atomic
def let_encoder_in(*, livestream: Livestream, actor: Actor) -> Livestream:
    """Turn encoders away no longer that a broadcast's end holds off, and return the livestream.

    :raises NotFoundError: when it is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    if livestream.is_held:
        livestream.held_until = None
        livestream.save(update_fields=["held_until", "updated_at"])
        _record(livestream, action="livestream.encoder_let_in", actor=actor)
        _publish_changed(livestream, "held_until", actor=actor)
    return livestream


@transaction.atomic
def stop_livestream(*, livestream: Livestream, actor: Actor) -> Livestream:
    """Take no encoder any more, for good, cut the one that publishes, and return the livestream.

    For those of meetings: the meeting's next one is another. Doing it again changes nothing.

    :raises NotFoundError: when it is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    if livestream.stopped_at is None:
        livestream.stopped_at = clock.now()
        livestream.save(update_fields=["stopped_at", "updated_at"])
        _record(livestream, action="livestream.stopped", actor=actor)
        _publish_changed(livestream, "stopped_at", actor=actor)
        lifecycle.end_open_session(livestream=livestream, reason=EndReason.STOPPED, actor=actor)
    return livestream


@transaction.atomic
def reset_stream_key(*, livestream: Livestream, actor: Actor, overlap: timedelta = timedelta(0)) -> Livestream:
    """Give the livestream a new key.

    Without an overlap the old one opens nothing any more, and its encoder is cut; with one it runs out after that time.

    :raises NotFoundError: when the livestream is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    renew_key(livestream, overlap=overlap)
    livestream.save(update_fields=["updated_at"])
    detail = {"overlap_s": int(overlap.total_seconds())} if overlap else {}
    _record(livestream, action="livestream.stream_key_reset", actor=actor, **detail)
    _publish_changed(livestream, "stream_key", actor=actor)
    if not overlap:
        lifecycle.end_open_session(livestream=livestream, reason=EndReason.KEY_RESET, actor=actor)
    return livestream


def show_stream_key(*, livestream: Livestream, actor: Actor) -> str:
    """Return the key, and write down who looked."""
    organization = livestream.app.organization
    record(organization=organization, actor=actor, action="livestream.stream_key_shown", target=livestream)
    return livestream.stream_key


@transaction.atomic
def end_broadcast(*, livestream: Livestream, actor: Actor, hold: timedelta | None = timedelta(0)) -> bool:
    """End the session that is going on, or the wait for one, and tell whether there was a session.

    Encoders are turned away for the time of the hold, None for as long as the livestream says; without one they may
    publish again at once.

    :raises NotFoundError: when the livestream is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    hold = timedelta(seconds=livestream.end_hold_s) if hold is None else hold
    had_one = lifecycle.end_open_session(livestream=livestream, reason=EndReason.ENDED_BY_OPERATOR, actor=actor)
    was_activated = livestream.activated_at is not None
    if was_activated or hold:
        lifecycle.hold_off(livestream, hold=hold)
    if had_one or was_activated or hold:
        detail = {"hold_s": int(hold.total_seconds())} if hold else {}
        _record(livestream, action="livestream.broadcast_ended", actor=actor, **detail)
        _publish_changed(livestream, *(("activated_at", "held_until") if was_activated or hold else ()), actor=actor)
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
    SlatePicture.objects.filter(livestream=livestream).delete()
    PullSource.objects.filter(livestream=livestream).delete()
    _record(livestream, action="livestream.deleted", actor=actor, name=livestream.name)
    events.publish(LivestreamDeleted.of(livestream, at=clock.now(), actor=actor))


def _check_quota(app: App) -> None:
    quota = lock_livestream_quota(app.organization)
    totals = LivestreamCount.objects.filter(app__organization=app.organization_id)
    total = totals.aggregate(total=Sum("total"))["total"] or 0
    if total >= quota:
        raise QuotaExceededError(
            f"Your organization has {total} livestreams, and its limit is {quota}. Delete {total - quota + 1} first."
        )


def _rename(livestream: Livestream, *, name: str, actor: Actor) -> None:
    livestream.name = check_name(name)
    livestream.save(update_fields=["name", "updated_at"])
    _record(livestream, action="livestream.renamed", actor=actor, name=livestream.name)


def _set_broadcast(livestream: Livestream, changes: BroadcastSettings, *, actor: Actor) -> None:
    changed = set_broadcast(livestream, changes)
    if changed:
        livestream.save(update_fields=[*changed, "updated_at"])
        detail = {name: getattr(livestream, name) for name in changed}
        _record(livestream, action="livestream.limits_changed", actor=actor, **detail)


def _set_playback(livestream: Livestream, changes: PlaybackSettings, *, actor: Actor) -> None:
    changed = set_playback(livestream, changes)
    if changed:
        livestream.save(update_fields=[*changed, "updated_at"])
        detail = {name: getattr(livestream, name) for name in changed}
        _record(livestream, action="livestream.playback_changed", actor=actor, **detail)


def _set_pull(livestream: Livestream, change: PullChange, *, actor: Actor) -> bool:
    """Change where it is fetched from; tell whether that is something new."""
    detail = set_pull(livestream, change)
    if detail:
        _record(livestream, action="livestream.pull_changed", actor=actor, **detail)
    return bool(detail)


def _broadcast_of(settings: Mapping[str, object]) -> BroadcastSettings:
    return cast(BroadcastSettings, {name: value for name, value in settings.items() if name in BROADCAST_SETTINGS})


def _playback_of(settings: Mapping[str, object]) -> PlaybackSettings:
    return cast(PlaybackSettings, {name: value for name, value in settings.items() if name in PLAYBACK_SETTINGS})


def _switch(livestream: Livestream, *, disabled: bool, actor: Actor) -> None:
    if livestream.disabled != disabled:
        livestream.disabled = disabled
        livestream.save(update_fields=["disabled", "updated_at"])
        action = "livestream.disabled" if disabled else "livestream.enabled"
        _record(livestream, action=action, actor=actor)


def _record(livestream: Livestream, *, action: str, actor: Actor, **detail: object) -> None:
    record(organization=livestream.app.organization, actor=actor, action=action, target=livestream, **detail)


def _publish_changed(livestream: Livestream, *changed: str, actor: Actor) -> None:
    events.publish(LivestreamChanged.of(livestream, at=clock.now(), actor=actor, changed=changed))
