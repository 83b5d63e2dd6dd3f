"""Whose secrets sign viewers' tokens: an app's key, or what follows from our own."""

import hmac
from datetime import UTC, datetime, timedelta

from django.conf import settings

from livehub.core import clock
from streams.livestreams.models import PlaybackKey
from streams.media.viewer_tokens import OWN_KEY_ID, ViewerToken
from streams.organizations.models import Member

# A page's addresses stay the same for so long, so that nothing is loaded again because the page was.
_OWN_TURN_S = 12 * 3600


def sign(token: ViewerToken, key: PlaybackKey) -> str:
    """Return a token as a viewer carries it."""
    return token.signed(key.secret, key_id=str(key.pk))


def own_token(playback_id: str, *, member: Member) -> str:
    """Return the token that our own pages play with, for as long as the person is a member.

    It is the same for half a day, and lasts as long again.
    """
    now_s = int(clock.now().timestamp())
    began_at = datetime.fromtimestamp(now_s - now_s % _OWN_TURN_S, UTC)
    token = ViewerToken(
        playback_id=playback_id,
        viewer_id=str(member.pk),
        issued_at=began_at,
        expires_at=began_at + timedelta(seconds=2 * _OWN_TURN_S),
    )
    return token.signed(own_secret(), key_id=OWN_KEY_ID)


def own_secret() -> str:
    """Return what signs our own pages' tokens: the same in every process, and never stored."""
    return hmac.digest(settings.SECRET_KEY.encode(), b"livehub.playback", "sha256").hex()
