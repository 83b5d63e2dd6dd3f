"""Who may play livestreams: what a node's origin is told, which checks by it whoever comes."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from uuid import UUID

from django.conf import settings

from livehub.core import clock
from streams.livestreams.models import Livestream, PlaybackKey, RevokedViewer
from streams.livestreams.playback_tokens import own_secret
from streams.livestreams.states import PlaybackPolicy
from streams.media.origin.rules import Rules
from streams.media.viewer_tokens import OWN_KEY_ID, TOKEN_LIFETIME_MAX
from streams.organizations.models import Member

_FACTS = ("playback_id", "playback_policy", "allowed_origins", "max_viewers")


def rules_of(playback_ids: Collection[str]) -> dict[str, Rules]:
    """Return what holds for their viewers, by playback id; those that are deleted or never were are left out.

    One query, and three more where some are signed.
    """
    rows = Livestream.objects.existing().filter(playback_id__in=playback_ids)
    livestreams = [*rows.only("app_id", *_FACTS)]
    signed = [livestream for livestream in livestreams if livestream.playback_policy == PlaybackPolicy.SIGNED]
    keys, revoked, members = _keys(signed), _revoked(signed), _members(signed)
    return {
        livestream.playback_id: Rules(
            is_signed=livestream.playback_policy == PlaybackPolicy.SIGNED,
            allowed_origins=tuple(livestream.allowed_origins),
            own_origin=settings.PUBLIC_URL,
            places=livestream.max_viewers,
            keys=keys.get(livestream.pk, {}),
            revoked=revoked.get(livestream.pk, {}),
            members=members.get(livestream.app_id, ()) if livestream in signed else (),
        )
        for livestream in livestreams
    }


def _keys(signed: Collection[Livestream]) -> dict[UUID, dict[str, str]]:
    """Return the secrets whose tokens play, by livestream and key."""
    if not signed:
        return {}
    of_apps: dict[UUID, dict[str, str]] = defaultdict(dict)
    for key in PlaybackKey.objects.valid().filter(app__in={livestream.app_id for livestream in signed}):
        of_apps[key.app_id][str(key.pk)] = key.secret
    return {livestream.pk: {OWN_KEY_ID: own_secret(), **of_apps[livestream.app_id]} for livestream in signed}


def _members(signed: Collection[Livestream]) -> dict[UUID, tuple[str, ...]]:
    """Return the people who may look at them in our own pages, by app."""
    if not signed:
        return {}
    found: dict[UUID, list[str]] = defaultdict(list)
    rows = Member.objects.filter(
        user__is_active=True, organization__apps__in={livestream.app_id for livestream in signed}
    )
    for app_id, member_id in rows.values_list("organization__apps", "pk"):
        found[app_id].append(str(member_id))
    return {app_id: tuple(members) for app_id, members in found.items()}


def _revoked(signed: Iterable[Livestream]) -> dict[UUID, dict[str, float]]:
    """Return the viewers who were sent away, by livestream; not those whose tokens have all expired since."""
    if not signed:
        return {}
    found: dict[UUID, dict[str, float]] = defaultdict(dict)
    rows = RevokedViewer.objects.filter(livestream__in=signed, revoked_at__gte=clock.now() - TOKEN_LIFETIME_MAX)
    for livestream_id, viewer_id, revoked_at in rows.values_list("livestream_id", "viewer_id", "revoked_at"):
        found[livestream_id][viewer_id] = revoked_at.timestamp()
    return found
