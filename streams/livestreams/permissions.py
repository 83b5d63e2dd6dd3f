"""Whether somebody may play a livestream: what the edge asks about every few seconds for each who does."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, Subquery

from livehub.core import crypto
from livehub.core.errors import NotFoundError
from streams.livestreams.audience import audience
from streams.livestreams.models import Livestream, PlaybackKey, RevokedViewer
from streams.livestreams.playback_tokens import (
    PlaybackRefusedError,
    UncheckedToken,
    ViewerToken,
    open_token,
    own_secret,
)
from streams.livestreams.states import PlaybackPolicy

# Of a livestream that is asked for without a token.
_FACTS = ("id", "playback_policy", "allowed_origins", "max_viewers")


@dataclass(frozen=True)
class PlaybackPermission:
    """Somebody may play."""

    # None for whoever comes.
    expires_at: datetime | None
    # Whether pages of other origins may get another answer.
    depends_on_origin: bool


@dataclass(frozen=True)
class _Asked:
    """What there is to know of a livestream, and of the key and the viewer that a token names."""

    id: UUID
    playback_policy: str
    allowed_origins: list[str]
    max_viewers: int | None
    key_encrypted: str | None = None
    viewer_revoked_at: datetime | None = None


def check_playback(*, playback_id: str, token: str, origin: str) -> PlaybackPermission:
    """Return the permission to play; `token` and `origin` are empty where none was sent.

    One query. Takes one of the places of a livestream that has so many.

    :raises PlaybackRefusedError: when it may not be played with that.
    :raises NotFoundError: when there is no such livestream, or it is deleted.
    """
    unchecked = _open(token)
    asked = _find(playback_id, unchecked)
    if asked is None:
        raise NotFoundError("Nothing is played there.")
    _check_origin(origin, asked.allowed_origins)
    if asked.playback_policy == PlaybackPolicy.PUBLIC:
        return PlaybackPermission(None, depends_on_origin=bool(asked.allowed_origins))
    if unchecked is None:
        raise PlaybackRefusedError
    shown = _read(unchecked, asked)
    if shown.playback_id != playback_id:
        raise PlaybackRefusedError
    _check_origin(origin, [shown.origin] if shown.origin else [])
    if not unchecked.is_own:
        _check_viewer(shown, asked)
    return PlaybackPermission(shown.expires_at, depends_on_origin=bool(asked.allowed_origins or shown.origin))


def _open(token: str) -> UncheckedToken | None:
    try:
        return open_token(token) if token else None
    except PlaybackRefusedError:
        # Whoever has a public livestream's address may have anything in front of it.
        return None


def _find(playback_id: str, token: UncheckedToken | None) -> _Asked | None:
    rows = Livestream.objects.existing().filter(playback_id=playback_id)
    if token is None or token.key_id is None:
        found = rows.values_list(*_FACTS)[:1]
    else:
        key = PlaybackKey.objects.valid().filter(pk=token.key_id, app=OuterRef("app"))
        revoked = RevokedViewer.objects.filter(livestream=OuterRef("pk"), viewer_id=token.viewer_id)
        found = rows.values_list(*_FACTS, Subquery(key.values("encrypted")), Subquery(revoked.values("revoked_at")))[:1]
    return next((_Asked(*row) for row in found), None)


def _read(token: UncheckedToken, asked: _Asked) -> ViewerToken:
    if token.is_own:
        return token.read(own_secret())
    if asked.key_encrypted is None:
        raise PlaybackRefusedError
    return token.read(crypto.decrypt(asked.key_encrypted))


def _check_origin(origin: str, allowed: list[str]) -> None:
    """Refuse what another page's script asks for. Our own pages' players, and those that are no browser, send none."""
    if origin and allowed and origin not in allowed and origin != settings.PUBLIC_URL:
        raise PlaybackRefusedError


def _check_viewer(shown: ViewerToken, asked: _Asked) -> None:
    # A token says whole seconds: one of the same second may be from before.
    if asked.viewer_revoked_at is not None and shown.issued_at <= asked.viewer_revoked_at.astimezone(UTC):
        raise PlaybackRefusedError
    if asked.max_viewers is not None and not audience().take_place(
        livestream_id=asked.id, viewer_id=shown.viewer_id, places=asked.max_viewers
    ):
        raise PlaybackRefusedError
