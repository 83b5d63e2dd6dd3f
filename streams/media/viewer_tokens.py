"""The tokens that viewers of signed livestreams show: JSON Web Tokens, made by us or by whoever has the app's key.

A token is for one livestream and one viewer. What it says counts only once its signature is checked, except for the
name of the key that it takes for that.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from jwt.types import Options

# How long one may last at most: what is known of viewers who were sent away may be forgotten after that.
TOKEN_LIFETIME_MAX = timedelta(days=30)
VIEWER_ID_MAX_LENGTH = 64
# By it viewers are counted and sent away.
VIEWER_ID = re.compile(rf"[A-Za-z0-9._:@-]{{1,{VIEWER_ID_MAX_LENGTH}}}")
# What our own pages' tokens name instead of a key of the app's: its rotation does not end them, nor a revoked viewer.
# Their viewers are members.
OWN_KEY_ID = "livehub"
_ALGORITHM = "HS256"
_REQUIRED: Options = {"require": ["sub", "playback_id", "iat", "exp"], "verify_iat": False}
# How far ahead of ours the clock of whoever makes tokens may be.
_CLOCK_AHEAD = timedelta(seconds=10)


class PlaybackRefusedError(Exception):
    """No token, a forged, expired or revoked one, another livestream's, or another page's: it is not told which."""


@dataclass(frozen=True, kw_only=True)
class ViewerToken:
    """What a token says."""

    playback_id: str
    viewer_id: str
    issued_at: datetime
    expires_at: datetime
    # Whose pages alone may fetch with it; empty for everybody's.
    origin: str = ""

    def signed(self, secret: str, *, key_id: str) -> str:
        """Return it as a viewer carries it."""
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
    """A token whose signature nobody has looked at: it says which key that takes."""

    text: str
    key_id: str
    origin: str

    @property
    def is_own(self) -> bool:
        return self.key_id == OWN_KEY_ID

    def read(self, secret: str) -> ViewerToken:
        """Return what it says.

        :raises PlaybackRefusedError: when it was not signed with this secret, is not of use now, or names
            nobody who could be sent away.
        """
        try:
            claims = jwt.decode(self.text, secret, algorithms=[_ALGORITHM], options=_REQUIRED)
            token = _token_of(claims)
        # What is no time at all is an OSError, for the years between.
        except (jwt.InvalidTokenError, TypeError, ValueError, OverflowError, OSError) as error:
            raise PlaybackRefusedError from error
        now = datetime.now(UTC)
        if token.issued_at > now + _CLOCK_AHEAD or token.expires_at - token.issued_at > TOKEN_LIFETIME_MAX:
            raise PlaybackRefusedError
        return token


def open_token(text: str) -> UncheckedToken:
    """Return what a token says before it is checked.

    :raises PlaybackRefusedError: when it says nothing.
    """
    try:
        unchecked = jwt.decode_complete(text, options={"verify_signature": False})
        key_id, origin = unchecked["header"]["kid"], unchecked["payload"].get("origin", "")
    except (jwt.InvalidTokenError, KeyError) as error:
        raise PlaybackRefusedError from error
    return UncheckedToken(text, str(key_id), str(origin))


def has_run_out(text: str) -> bool:
    """Tell whether a token's time is over, going by what it says; whether it is to be believed, nobody has looked."""
    try:
        jwt.decode(text, options={"verify_signature": False, "verify_exp": True})
    except (jwt.InvalidTokenError, RecursionError) as error:
        return isinstance(error, jwt.ExpiredSignatureError)
    return False


def _token_of(claims: Mapping[str, object]) -> ViewerToken:
    texts = {name: claims.get(name, "") for name in ("playback_id", "sub", "origin")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("A claim is no text.")
    if not VIEWER_ID.fullmatch(str(texts["sub"])):
        raise ValueError("It names nobody who could be sent away.")
    return ViewerToken(
        playback_id=str(texts["playback_id"]),
        viewer_id=str(texts["sub"]),
        origin=str(texts["origin"]),
        issued_at=datetime.fromtimestamp(float(str(claims["iat"])), UTC),
        expires_at=datetime.fromtimestamp(float(str(claims["exp"])), UTC),
    )
