"""What follows from a livestream's rules for one viewer."""

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from streams.media.origin.rules import PlaybackPermission, Rules, Viewer
from streams.media.viewer_tokens import OWN_KEY_ID, PlaybackRefusedError, ViewerToken

_ID, _OWN, _SHOP, _OTHER = "pb_1", "https://live.example", "https://shop.example", "https://other.example"
_SECRET, _OWN_SECRET = "psk_" + "x" * 44, "o" * 64
_NOW = datetime.fromtimestamp(int(time.time()), UTC)
_UNTIL = _NOW + timedelta(hours=1)
_PUBLIC = Rules(is_signed=False, allowed_origins=(), own_origin=_OWN)
_SIGNED = Rules(
    is_signed=True,
    allowed_origins=(),
    own_origin=_OWN,
    keys={"key": _SECRET, OWN_KEY_ID: _OWN_SECRET},
    places=None,
    members=("7",),
)


def _viewer(
    *,
    key_id: str = "key",
    secret: str = _SECRET,
    playback_id: str = _ID,
    viewer_id: str = "ann",
    token_origin: str = "",
    origin: str = "",
) -> Viewer:
    token = ViewerToken(
        playback_id=playback_id, viewer_id=viewer_id, issued_at=_NOW, expires_at=_UNTIL, origin=token_origin
    )
    return Viewer(_ID, token.signed(secret, key_id=key_id), origin)


def _own(member: str = "7") -> Viewer:
    return _viewer(key_id=OWN_KEY_ID, secret=_OWN_SECRET, viewer_id=member)


def _is_let_in(rules: Rules, viewer: Viewer) -> bool:
    try:
        rules.check(viewer)
    except PlaybackRefusedError:
        return False
    return True


class TestOrigins:
    @pytest.mark.parametrize(
        ("allowed", "origin", "is_let_in"),
        [
            ((), _OTHER, True),
            ((), "null", True),
            ((_SHOP,), _SHOP, True),
            ((_SHOP,), "", True),
            ((_SHOP,), _OWN, True),
            ((_SHOP,), _OTHER, False),
            ((_SHOP,), "null", False),
            ((_SHOP, _OTHER), _OTHER, True),
        ],
    )
    @pytest.mark.parametrize("rules", [_PUBLIC, _SIGNED], ids=["public", "signed"])
    def test_are_those_that_the_livestream_allows(
        self, rules: Rules, allowed: tuple[str, ...], origin: str, is_let_in: bool
    ) -> None:
        rules = replace(rules, allowed_origins=allowed)

        assert _is_let_in(rules, _viewer(origin=origin)) is is_let_in

    @pytest.mark.parametrize(("origin", "is_let_in"), [(_SHOP, True), ("", True), (_OWN, True), (_OTHER, False)])
    def test_are_those_that_the_token_allows(self, origin: str, is_let_in: bool) -> None:
        assert _is_let_in(_SIGNED, _viewer(token_origin=_SHOP, origin=origin)) is is_let_in

    def test_are_those_that_both_allow(self) -> None:
        rules = replace(_SIGNED, allowed_origins=(_SHOP,))

        assert not _is_let_in(rules, _viewer(token_origin=_OTHER, origin=_OTHER))
        assert not _is_let_in(rules, _viewer(token_origin=_OTHER, origin=_SHOP))

    @pytest.mark.parametrize(
        ("rules", "viewer", "depends"),
        [
            (_PUBLIC, Viewer(_ID), False),
            (replace(_PUBLIC, allowed_origins=(_SHOP,)), Viewer(_ID), True),
            (_SIGNED, _viewer(), False),
            (replace(_SIGNED, allowed_origins=(_SHOP,)), _viewer(), True),
            (_SIGNED, _viewer(token_origin=_SHOP), True),
        ],
    )
    def test_are_told_apart_where_they_get_another_answer(self, rules: Rules, viewer: Viewer, depends: bool) -> None:
        assert rules.check(viewer).depends_on_origin is depends


class TestTokens:
    def test_tell_viewers_apart_and_nobody_who_they_are(self) -> None:
        one, again = (_SIGNED.check(_viewer()).pseudonym for _ in range(2))
        other = _SIGNED.check(_viewer(viewer_id="somebody-else")).pseudonym

        assert one == again != other
        assert re.fullmatch("[0-9a-f]{32}", one)
        assert _PUBLIC.check(_viewer()).pseudonym == ""

    def test_play_until_they_expire(self) -> None:
        permission = _SIGNED.check(_viewer())
        assert replace(permission, pseudonym="") == PlaybackPermission(_UNTIL, depends_on_origin=False)
        assert _PUBLIC.check(_viewer()) == PlaybackPermission(None, depends_on_origin=False)

    @pytest.mark.parametrize(
        "viewer",
        [
            Viewer(_ID),
            Viewer(_ID, "a.b.c"),
            _viewer(key_id="another"),
            _viewer(key_id=OWN_KEY_ID),
            _viewer(secret=_OWN_SECRET),
            _viewer(playback_id="pb_2"),
            replace(_own(), playback_id="pb_2"),
        ],
    )
    def test_of_anything_else_do_not(self, viewer: Viewer) -> None:
        assert not _is_let_in(_SIGNED, viewer)


class TestRevoked:
    @pytest.mark.parametrize(("after_s", "is_let_in"), [(-0.5, True), (0, False), (0.7, False), (3600, False)])
    def test_are_those_whose_tokens_are_older(self, after_s: float, is_let_in: bool) -> None:
        at_s = _NOW.timestamp() + after_s
        rules = replace(_SIGNED, revoked={"ann": at_s, "7": at_s})

        assert _is_let_in(rules, _viewer()) is is_let_in
        # Our own pages' is a member's, who is no viewer of that name.
        assert _is_let_in(rules, _own())

    def test_members_are_who_is_no_member(self) -> None:
        assert not _is_let_in(_SIGNED, _own("8"))

    def test_are_nobody_else(self) -> None:
        assert _is_let_in(replace(_SIGNED, revoked={"bob": time.time() + 60}), _viewer())


class TestPlaces:
    def test_are_for_who_can_be_counted(self) -> None:
        counted = replace(_SIGNED, places=2)

        assert counted.check(_viewer()).viewer_id == "ann"
        assert counted.check(_own()).viewer_id == ""
        assert _SIGNED.check(_viewer()).viewer_id == ""


def test_are_the_same_when_they_were_sent() -> None:
    rules = replace(_SIGNED, allowed_origins=(_SHOP, _OTHER), places=7, revoked={"ann": 1.5})

    assert Rules.of_json(json.loads(json.dumps(rules.as_json()))) == rules


@pytest.mark.parametrize("secret", [_SECRET, _viewer().token])
def test_tell_no_secret_when_they_are_written_down(secret: str) -> None:
    assert secret not in f"{_SIGNED} {_viewer()}"
