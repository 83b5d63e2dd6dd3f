"""Letting viewers of signed livestreams in, and sending them away."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from livehub.core import clock
from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.livestreams import addresses
from streams.livestreams.locks import lock_livestream
from streams.livestreams.models import Livestream, RevokedViewer
from streams.livestreams.playback_keys import ensure_key
from streams.livestreams.playback_settings import check_origin
from streams.livestreams.playback_tokens import sign
from streams.media.viewer_tokens import TOKEN_LIFETIME_MAX, VIEWER_ID, VIEWER_ID_MAX_LENGTH, ViewerToken
from streams.organizations.services import Actor, record

TOKEN_LIFETIME = timedelta(hours=12)
VIEWER_ID_RULE = f"Use 1 to {VIEWER_ID_MAX_LENGTH} letters, digits, and any of . _ : @ -"


@dataclass(frozen=True)
class ViewerPass:
    """A token, and the addresses that carry it: whoever has one of them may play."""

    livestream: Livestream
    token: str
    viewer_id: str
    expires_at: datetime

    @property
    def playback_url(self) -> str:
        return f"{settings.PUBLIC_URL}{addresses.multivariant_path(self.livestream.playback_id, token=self.token)}"

    @property
    def watch_url(self) -> str:
        return self._page(addresses.watch_path(self.livestream.playback_id))

    @property
    def embed_url(self) -> str:
        return self._page(addresses.embed_path(self.livestream.playback_id))

    def _page(self, path: str) -> str:
        # Where no log keeps it.
        return f"{settings.PUBLIC_URL}{path}?{urlencode({'token': self.token})}"


def let_in(
    *, livestream: Livestream, viewer_id: str = "", origin: str = "", expires_at: datetime | None = None
) -> ViewerPass:
    """Make a token for a viewer; one without an id gets one, and one who was sent away may come back with it.

    It lasts `TOKEN_LIFETIME` unless something else is said.

    :raises ValidationFailedError: when the id, the origin or the time cannot be used; names all that cannot.
    """
    now = clock.now()
    expires_at = (expires_at or now + TOKEN_LIFETIME).replace(microsecond=0)
    viewer_id = viewer_id or uuid4().hex
    origin = _check(viewer_id=viewer_id, origin=origin, lifetime=expires_at - now)
    token = ViewerToken(
        playback_id=livestream.playback_id,
        viewer_id=viewer_id,
        issued_at=now,
        expires_at=expires_at,
        origin=origin,
    )
    return ViewerPass(livestream, sign(token, ensure_key(livestream.app)), viewer_id, expires_at)


@transaction.atomic
def hand_out_link(*, livestream: Livestream, viewer_id: str, expires_at: datetime, actor: Actor) -> ViewerPass:
    """Do the same for somebody who hands the link out by hand, and write down who; programs make too many for that.

    :raises ValidationFailedError: when the id or the time cannot be used.
    """
    given = let_in(livestream=livestream, viewer_id=viewer_id, expires_at=expires_at)
    record(
        organization=livestream.app.organization,
        actor=actor,
        action="livestream.viewer_link_created",
        target=livestream,
        viewer_id=given.viewer_id,
    )
    return given


@transaction.atomic
def revoke_viewer(*, livestream: Livestream, viewer_id: str, actor: Actor) -> datetime:
    """Have all tokens that a viewer has by now play nothing any more, and return since when.

    They are cut within 10 s. Whether there is such a viewer nobody knows: others make tokens as well.

    :raises NotFoundError: when the livestream is deleted, or no viewer can be called so.
    """
    if not VIEWER_ID.fullmatch(viewer_id):
        raise NotFoundError(f"No viewer can be called so. {VIEWER_ID_RULE}.")
    livestream = lock_livestream(livestream.pk)
    now = clock.now()
    revoked = RevokedViewer.objects.filter(livestream=livestream)
    revoked.filter(revoked_at__lt=now - TOKEN_LIFETIME_MAX).delete()
    revoked.update_or_create(livestream=livestream, viewer_id=viewer_id, defaults={"revoked_at": now})
    record(
        organization=livestream.app.organization,
        actor=actor,
        action="livestream.viewer_revoked",
        target=livestream,
        viewer_id=viewer_id,
    )
    return now


def _check(*, viewer_id: str, origin: str, lifetime: timedelta) -> str:
    """Return the origin as browsers send it."""
    fields: dict[str, list[str]] = {}
    if not VIEWER_ID.fullmatch(viewer_id):
        fields["viewer_id"] = [VIEWER_ID_RULE]
    # A second of it is gone by the time that somebody looks.
    if not timedelta(0) < lifetime <= TOKEN_LIFETIME_MAX:
        fields["expires_at"] = [f"Choose a time that is to come, within {TOKEN_LIFETIME_MAX.days} days."]
    try:
        origin = check_origin(origin) if origin else ""
    except ValueError as error:
        fields["allowed_origin"] = [str(error)]
    if fields:
        raise ValidationFailedError("The token cannot be made.", fields=fields)
    return origin
