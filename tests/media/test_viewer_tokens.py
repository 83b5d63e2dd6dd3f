"""What a viewer's token says, and whose word counts."""

import base64
import json
import time
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
_NOW_S = int(datetime.now(UTC).timestamp())


def _token(*, origin: str = "") -> ViewerToken:
    return ViewerToken(
        playback_id="pb_1",
        viewer_id="ann",
        issued_at=datetime.fromtimestamp(_NOW_S, UTC),
        expires_at=datetime.fromtimestamp(_NOW_S + 60, UTC),
        origin=origin,
    )


def _signed(*, key_id: object = "key", **changes: object) -> str:
    """Return a token as somebody else makes it; a claim that is None is left out."""
    claims = {"sub": "ann", "playback_id": "pb_1", "iat": _NOW_S, "exp": _NOW_S + 60} | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, _SECRET, algorithm="HS256", headers={"kid": key_id} if key_id else {})


class TestSigned:
    @pytest.mark.parametrize("named", [{}, {"origin": "https://shop.example"}])
    def test_is_a_json_web_token_of_these_claims(self, named: dict[str, str]) -> None:
        head, claims = (
            json.loads(base64.urlsafe_b64decode(f"{piece}=="))
            for piece in _token(**named).signed(_SECRET, key_id="key").split(".")[:2]
        )

        assert (head["alg"], head["kid"]) == ("HS256", "key")
        assert claims == {
            "sub": "ann",
            "playback_id": "pb_1",
            "iat": _NOW_S,
            "exp": _NOW_S + 60,
            **named,
        }

    @pytest.mark.parametrize("origin", ["", "https://shop.example"])
    def test_says_to_who_reads_it_what_it_was_made_of(self, origin: str) -> None:
        opened = open_token(_token(origin=origin).signed(_SECRET, key_id="key"))

        assert (opened.key_id, opened.origin, opened.is_own) == ("key", origin, False)
        assert opened.read(_SECRET) == _token(origin=origin)

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
            {"iat": _NOW_S - TOKEN_LIFETIME_MAX // timedelta(seconds=1) + 60},
            # Clocks of those who make them are a little ahead.
            {"iat": _NOW_S + 5},
            {"iat": _NOW_S - 0.5, "exp": _NOW_S + 60.5},
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
            {"exp": _NOW_S - 1},
            {"iat": _NOW_S - TOKEN_LIFETIME_MAX // timedelta(seconds=1), "exp": _NOW_S + 60},
            {"iat": _NOW_S + 60, "exp": _NOW_S + 120},
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

    def test_takes_what_was_made_this_moment(self) -> None:
        now_s = int(time.time())

        assert open_token(_signed(iat=now_s, exp=now_s + 60)).read(_SECRET).expires_at.timestamp() == now_s + 60

    def test_refuses_what_another_secret_has_signed(self) -> None:
        with pytest.raises(PlaybackRefusedError):
            open_token(_signed()).read("psk_" + "y" * 44)

    @pytest.mark.parametrize("algorithm", ["HS384", "none"])
    def test_refuses_any_other_algorithm(self, algorithm: str) -> None:
        claims = {"sub": "ann", "playback_id": "pb_1", "iat": _NOW_S, "exp": _NOW_S + 60}
        text = jwt.encode(claims, "" if algorithm == "none" else _SECRET, algorithm=algorithm, headers={"kid": "key"})

        with pytest.raises(PlaybackRefusedError):
            open_token(text).read(_SECRET)
