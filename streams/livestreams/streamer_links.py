"""Letting somebody without an account see how their livestream does: made, withdrawn, opened."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from livehub.api.throttling import RateLimitedError, throttle
from livehub.core import clock
from livehub.core.links import LinkUnusableError, read_token, token_for
from streams.livestreams import addresses
from streams.livestreams.locks import lock_livestream
from streams.livestreams.models import Livestream, StreamerLink
from streams.organizations.services import Actor, record

LINK_PURPOSE = "streamer"
# In five minutes: ten pages that ask every two seconds.
_REQUESTS = 1500


class AskedTooOftenError(RateLimitedError):
    """More pages look with one link than a streamer has."""

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(retry_after_s=retry_after_s)
        self.message = f"This link is open in too many places. It goes on in {retry_after_s} s."


def find_link(livestream: Livestream) -> StreamerLink | None:
    """Return the link that opens the livestream's page, with who has made it; None where there is none."""
    return StreamerLink.objects.open().select_related("made_by").filter(livestream=livestream).first()


def address_of(link: StreamerLink) -> str:
    """Return the whole address."""
    return f"{settings.PUBLIC_URL}{addresses.streamer_path(token_for(link.pk, purpose=LINK_PURPOSE))}"


@transaction.atomic
def make_link(*, livestream: Livestream, shows_key: bool, actor: Actor, lasts: timedelta | None = None) -> StreamerLink:
    """Make a link, which works for so long, None for until it is withdrawn; the one before it opens nothing any more.

    :raises NotFoundError: when the livestream is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    _revoke(livestream)
    expires_at = None if lasts is None else clock.now() + lasts
    link = StreamerLink.objects.create(
        livestream=livestream, shows_key=shows_key, made_by=actor.user, expires_at=expires_at
    )
    record(
        organization=livestream.app.organization,
        actor=actor,
        action="livestream.streamer_link_created",
        target=livestream,
        shows_key=shows_key,
        **({"expires_at": clock.isoformat(expires_at)} if expires_at else {}),
    )
    return link


@transaction.atomic
def withdraw_link(*, livestream: Livestream, actor: Actor) -> None:
    """Have the link open nothing any more; pages that are open say so within seconds. Doing it again changes nothing.

    :raises NotFoundError: when the livestream is deleted.
    """
    livestream = lock_livestream(livestream.pk)
    if _revoke(livestream):
        record(
            organization=livestream.app.organization,
            actor=actor,
            action="livestream.streamer_link_withdrawn",
            target=livestream,
        )


def open_link(token: str) -> StreamerLink:
    """Return what a link opens, with its livestream.

    :raises LinkUnusableError: when it opens nothing (any more).
    :raises AskedTooOftenError: when it is asked for more often than a streamer's pages do.
    """
    link_id = read_token(token, purpose=LINK_PURPOSE)
    _count(link_id)
    link = StreamerLink.objects.open().select_related("livestream").filter(pk=link_id).first()
    if link is None:
        raise LinkUnusableError("This link does not work any more. Ask for a new one where you got it.")
    return link


def _count(link_id: UUID) -> None:
    allowance = throttle().take(f"streamer:{link_id}", limit=_REQUESTS)
    if allowance.remaining < 0:
        raise AskedTooOftenError(retry_after_s=allowance.reset_s)


def _revoke(livestream: Livestream) -> int:
    return StreamerLink.objects.filter(livestream=livestream, revoked_at=None).update(revoked_at=clock.now())
