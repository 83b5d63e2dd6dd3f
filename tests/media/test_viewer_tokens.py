"""What a viewer's token says, and whose word counts."""

import base64
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from streams.media.viewer_tokens import (
    OWN_KEY_ID,
    TOKEN_LIFETIME_MAX,
    PlaybackRefusedError,
    ViewerToken,
    open_token,
)

_SECRET = "psk_" + "x" * 44
_LIFETIME_S = TOKEN_LIFETIME_MAX // timedelta(seconds=1)


@dataclass(frozen=True)
class _After:
    """A time, so many seconds from the moment in which a token is made."""

    seconds: float


def _token(*, origin: str = "") -> ViewerToken:
    now = datetime.fromtimestamp(int(time.time()), UTC)
    return ViewerToken(
        playback_id="pb_1", viewer_id="ann", issued_at=now, expires_at=now + timedelta(seconds=60), origin=origin
    )


def _signed(*, key_id: object = "key", **changes: object) -> str:
    """Return a token as somebody else makes it; a claim that is None is left out."""
    now_s = int(time.time())
    claims = {"sub": "ann", "playback_id": "pb_1", "iat": _After(0), "exp": _After(60)} | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    for name, value in claims.items():
        claims[name] = now_s + value.seconds if isinstance(value, _After) else value
    return jwt.encode(claims, _SECRET, algorithm="HS256", headers={"kid": key_id} if key_id else {})


class TestSigned:
    @pytest.mark.parametrize("named", [{}, {"origin": "https://shop.example"}])
    def test_is_a_json_web_token_of_these_claims(self, named: dict[str, str]) -> None:
        token = _token(**named)
        head, claims = (
            json.loads(base64.urlsafe_b64decode(f"{piece}=="))
            for piece in token.signed(_SECRET, key_id="key").split(".")[:2]
        )

        assert (head["alg"], head["kid"]) == ("HS256", "key")
        issued_s = int(token.issued_at.timestamp())
        assert claims == {"sub": "ann", "playback_id": "pb_1", "iat": issued_s, "exp": issued_s + 60, **named}

    @pytest.mark.parametrize("origin", ["", "https://shop.example"])
    def test_says_to_who_reads_it_what_it_was_made_of(self, origin: str) -> None:
        token = _token(origin=origin)
        opened = open_token(token.signed(_SECRET, key_id="key"))

        assert (opened.key_id, opened.origin, opened.is_own) == ("key", origin, False)
        assert opened.read(_SECRET) == token

    def test_is_our_own_by_the_name_of_its_key(self) -> None:
        assert open_token(_token().signed(_SECRET, key_id=OWN_KEY_ID)).is_own


class TestOpenToken:
    @pytest.mark.parametrize("text", ["", "nonsense", "a.b.c", _signed(key_id=None)])
    def test_refuses_what_names_no_key(self, text: str) -> None:
        with pytest.raises(PlaybackRefusedError):
            open_token(text)


class TestRead:
    @pytest.mark.parametrize(
        "claims",
        [
            {},
            {"iat": _After(60 - _LIFETIME_S)},
            # Clocks of those who make them are a little ahead.
            {"iat": _After(5)},
            {"iat": _After(-0.5), "exp": _After(60.5)},
            {"sub": "A9._:@-" + "x" * 57},
        ],
        ids=str,
    )
    def test_takes_what_may_be(self, claims: dict[str, object]) -> None:
        assert open_token(_signed(**claims)).read(_SECRET).viewer_id == claims.get("sub", "ann")

    @pytest.mark.parametrize(
        "claims",
        [
            *({name: None} for name in ("sub", "playback_id", "iat", "exp")),
            {"exp": _After(-1)},
            {"iat": _After(-_LIFETIME_S)},
            {"iat": _After(60), "exp": _After(120)},
            {"iat": "early"},
            {"iat": 10**17},
            {"iat": 10**30},
            {"iat": [1]},
            {"exp": 10**30},
            {"sub": ""},
            {"sub": "x" * 65},
            {"sub": "two words"},
            {"sub": "ann\n"},
            {"sub": 4711},
            {"playback_id": ["pb_1"]},
            {"origin": ["https://shop.example"]},
        ],
        ids=str,
    )
    def test_refuses_what_may_not_be(self, claims: dict[str, object]) -> None:
        opened = open_token(_signed(**claims))

        with pytest.raises(PlaybackRefusedError):
            opened.read(_SECRET)

    def test_refuses_what_another_secret_has_signed(self) -> None:
        with pytest.raises(PlaybackRefusedError):
            open_token(_signed()).read("psk_" + "y" * 44)

    @pytest.mark.parametrize("algorithm", ["HS384", "none"])
    def test_refuses_any_other_algorithm(self, algorithm: str) -> None:
        now_s = int(time.time())
        claims = {"sub": "ann", "playback_id": "pb_1", "iat": now_s, "exp": now_s + 60}
        text = jwt.encode(claims, "" if algorithm == "none" else _SECRET, algorithm=algorithm, headers={"kid": "key"})

        with pytest.raises(PlaybackRefusedError):
            open_token(text).read(_SECRET)
