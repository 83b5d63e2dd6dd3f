"""The tokens that viewers of signed livestreams show: JSON Web Tokens, made by us or by whoever has the app's key.

A token is for one livestream and one viewer. What it says counts only once its signature is checked, except for the
name of the key that has to be looked up for that.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
from django.conf import settings
from jwt.types import Options

from livehub.core import clock
from livehub.core.errors import DomainError
from streams.livestreams.models import PlaybackKey
from streams.livestreams.models.playback import VIEWER_ID_MAX_LENGTH

# How long one may last at most: what is known of viewers who were sent away may be forgotten after that.
TOKEN_LIFETIME_MAX = timedelta(days=30)
# By it viewers are counted and sent away.
VIEWER_ID = re.compile(rf"[A-Za-z0-9._:@-]{{1,{VIEWER_ID_MAX_LENGTH}}}")
_ALGORITHM = "HS256"
_REQUIRED: Options = {"require": ["sub", "playback_id", "iat", "exp"], "verify_iat": False}
# How far ahead of ours the clock of whoever makes tokens may be.
_CLOCK_AHEAD = timedelta(seconds=10)
# What our own pages' tokens name instead of a key of the app's: neither its rotation nor a revoked viewer ends them.
_OWN_KEY = "livehub"
_OWN_VIEWER = "dashboard"
# A page's addresses stay the same for so long, so that nothing is loaded again because the page was.
_OWN_TURN_S = 12 * 3600


class PlaybackRefusedError(DomainError):
    """No token, a forged, expired or revoked one, another livestream's, or another page's: it is not told which."""

    code = "playback_refused"
    http_status = 403

    def __init__(self) -> None:
        super().__init__("This cannot be played with that.")


@dataclass(frozen=True, kw_only=True)
class ViewerToken:
    """What a token says."""

    playback_id: str
    viewer_id: str
    issued_at: datetime
    expires_at: datetime
    # Whose pages alone may fetch with it; empty for everybody's.
    origin: str = ""

    def signed(self, key: PlaybackKey) -> str:
        """Return it as a viewer carries it."""
        return self._encoded(key.secret, key_id=str(key.pk))

    def _encoded(self, secret: str, *, key_id: str) -> str:
        claims: dict[str, object] = {
            "sub": self.viewer_id,
            "playback_id": self.playback_id,
            "iat": int(self.issued_at.timestamp()),
            "exp": int(self.expires_at.timestamp()),
        }
        if self.origin:
            claims["origin"] = self.origin
        return jwt.encode(claims, secret, algorithm=_ALGORITHM, headers={"kid": key_id})


@dataclass(frozen=True)
class UncheckedToken:
    """A token whose signature nobody has looked at: it says which key that takes, and of whom it speaks."""

    text: str
    # None for our own.
    key_id: UUID | None
    viewer_id: str
    origin: str

    @property
    def is_own(self) -> bool:
        return self.key_id is None

    def read(self, secret: str) -> ViewerToken:
        """Return what it says.

        :raises PlaybackRefusedError: when it was not signed with this secret, or is not of use now.
        """
        try:
            claims = jwt.decode(self.text, secret, algorithms=[_ALGORITHM], options=_REQUIRED)
            token = _token_of(claims)
        # What is no time at all is an OSError, for the years between.
        except (jwt.InvalidTokenError, TypeError, ValueError, OverflowError, OSError) as error:
            raise PlaybackRefusedError from error
        if token.issued_at > clock.now() + _CLOCK_AHEAD or token.expires_at - token.issued_at > TOKEN_LIFETIME_MAX:
            raise PlaybackRefusedError
        return token


def open_token(text: str) -> UncheckedToken:
    """Return what a token says before it is checked.

    :raises PlaybackRefusedError: when it says nothing, or names nobody who could be sent away.
    """
    try:
        unchecked = jwt.decode_complete(text, options={"verify_signature": False})
        key_id = unchecked["header"]["kid"]
        viewer_id, origin = str(unchecked["payload"]["sub"]), str(unchecked["payload"].get("origin", ""))
        # Anybody may write anything there, also what a database cannot be asked about.
        if not VIEWER_ID.fullmatch(viewer_id):
            raise PlaybackRefusedError
        return UncheckedToken(text, None if key_id == _OWN_KEY else UUID(key_id), viewer_id, origin)
    except (jwt.InvalidTokenError, KeyError, ValueError) as error:
        raise PlaybackRefusedError from error


def own_token(playback_id: str) -> str:
    """Return the token that our own pages play with; it is the same for half a day, and lasts as long again."""
    now_s = int(clock.now().timestamp())
    began_at = datetime.fromtimestamp(now_s - now_s % _OWN_TURN_S, UTC)
    token = ViewerToken(
        playback_id=playback_id,
        viewer_id=_OWN_VIEWER,
        issued_at=began_at,
        expires_at=began_at + timedelta(seconds=2 * _OWN_TURN_S),
    )
    return token._encoded(own_secret(), key_id=_OWN_KEY)


def own_secret() -> str:
    """Return what signs our own pages' tokens: the same in every process, and never stored."""
    return hmac.digest(settings.SECRET_KEY.encode(), b"livehub.playback", "sha256").hex()


def _token_of(claims: Mapping[str, object]) -> ViewerToken:
    texts = {name: claims.get(name, "") for name in ("playback_id", "sub", "origin")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("A claim is no text.")
    return ViewerToken(
        playback_id=str(texts["playback_id"]),
        viewer_id=str(texts["sub"]),
        origin=str(texts["origin"]),
        issued_at=datetime.fromtimestamp(float(str(claims["iat"])), UTC),
        expires_at=datetime.fromtimestamp(float(str(claims["exp"])), UTC),
    )
