"""Who may play a livestream: what an origin is told, and what follows from that."""

import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import jwt
import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings
from redis import Redis

from livehub.core import clock
from livehub.core.deadline import remaining_s
from livehub.core.errors import ValidationFailedError
from streams.livestreams import audience, permission_views, viewers
from streams.livestreams.permissions import rules_of
from streams.livestreams.playback_keys import ensure_key, rotate_key
from streams.livestreams.playback_tokens import own_token
from streams.livestreams.services import change_livestream, create_livestream, delete_livestream
from streams.media.origin.rules import PlaybackPermission
from streams.media.viewer_tokens import OWN_KEY_ID, TOKEN_LIFETIME_MAX, PlaybackRefusedError
from streams.models import Livestream, RevokedViewer, User
from streams.organizations.members import remove_member
from streams.organizations.models import Member, Role
from streams.organizations.services import SYSTEM, NewOrganization
from tests.playing import check_playback
from tests.services import HANG_S

_SHOP, _OTHER = "https://shop.example", "https://other.example"


@pytest.fixture
def signed(home: NewOrganization) -> Livestream:
    return create_livestream(app=home.app, name="Members only", actor=SYSTEM, playback_policy="signed")


@pytest.fixture
def member(home: NewOrganization) -> Member:
    return Member.objects.get(user=home.owner)


@pytest.fixture(autouse=True)
def _audience_of_ones_own() -> None:
    # Another process's pause is not this test's.
    audience.audience.cache_clear()


def play(livestream: Livestream, token: str = "", *, origin: str = "") -> PlaybackPermission:
    return check_playback(playback_id=livestream.playback_id, token=token, origin=origin)


def token_of(livestream: Livestream, viewer_id: str = "ann", *, origin: str = "") -> str:
    return viewers.let_in(livestream=livestream, viewer_id=viewer_id, origin=origin).token


def self_signed(livestream: Livestream, **changes: object) -> str:
    """Return a token as an integrator makes it; a claim that is None is left out."""
    key, now = ensure_key(livestream.app), int(clock.now().timestamp())
    claims = {"sub": "ann", "playback_id": livestream.playback_id, "iat": now, "exp": now + 60} | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key.secret, algorithm="HS256", headers={"kid": str(key.pk)})


class TestPublic:
    def test_is_played_by_whoever_comes(self, livestream: Livestream) -> None:
        assert play(livestream) == PlaybackPermission(None, depends_on_origin=False)
        assert play(livestream, origin=_OTHER) == PlaybackPermission(None, depends_on_origin=False)

    @pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
    def test_minds_no_token(self, livestream: Livestream, token: str) -> None:
        assert play(livestream, token).expires_at is None

    def test_costs_one_query(self, livestream: Livestream, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        with django_assert_num_queries(1):
            play(livestream)

    def test_can_be_for_some_origins_only(self, livestream: Livestream, settings: Settings) -> None:
        change_livestream(livestream=livestream, actor=SYSTEM, allowed_origins=[_SHOP])

        for origin in ("", _SHOP, settings.PUBLIC_URL):
            assert play(livestream, origin=origin).depends_on_origin
        for origin in (_OTHER, "null", f"{_SHOP}.evil.example"):
            with pytest.raises(PlaybackRefusedError):
                play(livestream, origin=origin)

    def test_is_gone_when_it_is_deleted(self, livestream: Livestream) -> None:
        delete_livestream(livestream=livestream, actor=SYSTEM)

        assert rules_of([livestream.playback_id, "pb_nothing"]) == {}


class TestSigned:
    def test_is_played_with_a_token_until_it_expires(self, signed: Livestream) -> None:
        given = viewers.let_in(livestream=signed, viewer_id="ann", expires_at=clock.now() + timedelta(hours=1))

        assert play(signed, given.token).expires_at == given.expires_at

    def test_costs_four_queries_with_all_others_that_are_asked_for(
        self, signed: Livestream, home: NewOrganization, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        another = create_livestream(app=home.app, name="Another", actor=SYSTEM, playback_policy="signed")

        with django_assert_num_queries(4):
            rules = rules_of([signed.playback_id, another.playback_id])

        assert rules.keys() == {signed.playback_id, another.playback_id}

    def test_has_keys_and_revoked_viewers_of_its_own_among_all_that_are_asked_for(
        self, signed: Livestream, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        another = create_livestream(app=home.app, name="Another", actor=SYSTEM, playback_policy="signed")
        foreign = create_livestream(app=abroad.app, name="Foreign", actor=SYSTEM, playback_policy="signed")
        key, foreign_key = ensure_key(home.app), ensure_key(abroad.app)
        viewers.revoke_viewer(livestream=signed, viewer_id="ann", actor=SYSTEM)

        rules = rules_of([signed.playback_id, another.playback_id, foreign.playback_id])

        assert {name: each.keys.keys() - {OWN_KEY_ID} for name, each in rules.items()} == {
            signed.playback_id: {str(key.pk)},
            another.playback_id: {str(key.pk)},
            foreign.playback_id: {str(foreign_key.pk)},
        }
        assert [name for name, each in rules.items() if each.revoked] == [signed.playback_id]

    def test_is_played_with_a_token_that_others_have_made(self, signed: Livestream) -> None:
        assert play(signed, self_signed(signed)).expires_at is not None

    def test_is_played_by_our_own_pages(self, signed: Livestream, member: Member) -> None:
        assert play(signed, own_token(signed.playback_id, member=member)).expires_at is not None
        # As long as it lasts it stays the same: what is shown again is not loaded again.
        assert own_token(signed.playback_id, member=member) == own_token(signed.playback_id, member=member)

    @pytest.mark.parametrize("how", ["dismissed", "deactivated"])
    def test_is_played_by_our_own_pages_for_members_only(self, signed: Livestream, member: Member, how: str) -> None:
        person = User.objects.create_user("ann@northwind.example", "correct horse battery")
        ann = Member.objects.create(organization=member.organization, user=person, role=Role.VIEWER)
        token = own_token(signed.playback_id, member=ann)
        assert play(signed, token)

        if how == "dismissed":
            remove_member(member=ann, actor=SYSTEM)
        else:
            User.objects.filter(pk=person.pk).update(is_active=False)

        with pytest.raises(PlaybackRefusedError):
            play(signed, token)
        assert play(signed, own_token(signed.playback_id, member=member))

    def test_is_not_played_by_another_organizations_pages(self, signed: Livestream, abroad: NewOrganization) -> None:
        with pytest.raises(PlaybackRefusedError):
            play(signed, own_token(signed.playback_id, member=Member.objects.get(user=abroad.owner)))

    @pytest.mark.parametrize(("hour", "lasts_h"), [(12, 24), (23, 13)])
    def test_is_played_by_a_page_of_ours_for_half_a_day_at_least(
        self, monkeypatch: pytest.MonkeyPatch, member: Member, hour: int, lasts_h: int
    ) -> None:
        now = datetime(2027, 1, 1, hour, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: now)

        claims = jwt.decode(own_token("pb_1", member=member), options={"verify_signature": False})

        assert datetime.fromtimestamp(claims["exp"], UTC) - now == timedelta(hours=lasts_h)

    @pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
    def test_is_not_played_without_one(self, signed: Livestream, token: str) -> None:
        with pytest.raises(PlaybackRefusedError):
            play(signed, token)

    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": 1},
            {"exp": None},
            {"iat": None},
            {"sub": None},
            {"sub": 4711},
            {"sub": ""},
            {"sub": "x" * 65},
            {"sub": "two words"},
            {"sub": "a\0b"},
            {"sub": "\ud800"},
            {"playback_id": None},
            {"playback_id": "pb_another"},
            {"playback_id": ["pb_another"]},
            {"origin": [_SHOP]},
            {"exp": "soon"},
            {"exp": 10**17},
            {"exp": 10**30},
            {"iat": 10**17},
            {"iat": 10**30},
            {"iat": int(datetime(2099, 1, 1, tzinfo=UTC).timestamp())},
            {"nbf": int(datetime(2099, 1, 1, tzinfo=UTC).timestamp())},
            {"exp": 4_102_444_800},
        ],
        ids=str,
    )
    def test_is_not_played_with_a_token_that_does_not_say_what_it_has_to(
        self, signed: Livestream, claims: dict[str, object]
    ) -> None:
        with pytest.raises(PlaybackRefusedError):
            play(signed, self_signed(signed, **claims))

    def test_is_not_played_with_what_somebody_else_has_signed(
        self, signed: Livestream, abroad: NewOrganization
    ) -> None:
        key, now = ensure_key(signed.app), int(clock.now().timestamp())
        foreign = ensure_key(abroad.app)
        claims = {"sub": "ann", "playback_id": signed.playback_id, "iat": now, "exp": now + 60}
        forged = [
            jwt.encode(claims, "x" * 40, algorithm="HS256", headers={"kid": str(key.pk)}),
            jwt.encode(claims, "x" * 40, algorithm="HS256", headers={"kid": "livehub"}),
            jwt.encode(claims, key.secret, algorithm="HS256", headers={"kid": str(uuid4())}),
            jwt.encode(claims, key.secret, algorithm="HS256"),
            jwt.encode(claims, key.secret, algorithm="HS384", headers={"kid": str(key.pk)}),
            jwt.encode(claims, "", algorithm="none", headers={"kid": str(key.pk)}),
            # A good one of another tenant's.
            jwt.encode(claims, foreign.secret, algorithm="HS256", headers={"kid": str(foreign.pk)}),
        ]

        for token in forged:
            with pytest.raises(PlaybackRefusedError):
                play(signed, token)

    def test_is_not_played_with_another_livestreams_token(
        self, signed: Livestream, home: NewOrganization, member: Member
    ) -> None:
        another = create_livestream(app=home.app, name="Another", actor=SYSTEM, playback_policy="signed")

        for token in (token_of(another), own_token(another.playback_id, member=member)):
            with pytest.raises(PlaybackRefusedError):
                play(signed, token)

    def test_is_played_on_the_page_only_that_the_token_is_for(self, signed: Livestream) -> None:
        token = token_of(signed, origin=_SHOP)

        assert play(signed, token, origin=_SHOP).depends_on_origin
        assert play(signed, token).depends_on_origin
        with pytest.raises(PlaybackRefusedError):
            play(signed, token, origin=_OTHER)


class TestRevokedViewer:
    def test_plays_nothing_any_more_and_others_do(self, signed: Livestream) -> None:
        tokens = {viewer: token_of(signed, viewer) for viewer in ("ann", "bob")}

        viewers.revoke_viewer(livestream=signed, viewer_id="ann", actor=SYSTEM)

        with pytest.raises(PlaybackRefusedError):
            play(signed, tokens["ann"])
        assert play(signed, tokens["bob"])

    def test_may_come_back_with_a_new_token(self, signed: Livestream) -> None:
        viewers.revoke_viewer(livestream=signed, viewer_id="ann", actor=SYSTEM)
        RevokedViewer.objects.update(revoked_at=clock.now() - timedelta(seconds=2))

        assert play(signed, token_of(signed))

    def test_is_forgotten_once_no_token_can_be_that_old(self, signed: Livestream) -> None:
        viewers.revoke_viewer(livestream=signed, viewer_id="ann", actor=SYSTEM)
        RevokedViewer.objects.update(revoked_at=clock.now() - TOKEN_LIFETIME_MAX - timedelta(hours=1))

        viewers.revoke_viewer(livestream=signed, viewer_id="bob", actor=SYSTEM)
        viewers.revoke_viewer(livestream=signed, viewer_id="bob", actor=SYSTEM)

        assert [*RevokedViewer.objects.values_list("viewer_id", flat=True)] == ["bob"]


class TestRotatedKey:
    def test_ends_what_the_old_one_has_signed(self, signed: Livestream) -> None:
        token = token_of(signed)

        rotate_key(app=signed.app, actor=SYSTEM)

        with pytest.raises(PlaybackRefusedError):
            play(signed, token)
        assert play(signed, token_of(signed))

    def test_lets_it_play_on_for_the_overlap_and_no_longer_after_another_rotation(self, signed: Livestream) -> None:
        token = token_of(signed)

        rotate_key(app=signed.app, actor=SYSTEM, overlap=timedelta(hours=1))
        assert play(signed, token)
        rotate_key(app=signed.app, actor=SYSTEM)

        with pytest.raises(PlaybackRefusedError):
            play(signed, token)


class TestMaxViewers:
    def test_are_so_many_at_once_each_counted_once(self, signed: Livestream, member: Member) -> None:
        change_livestream(livestream=signed, actor=SYSTEM, max_viewers=2)
        ann, bob, cid = (token_of(signed, viewer) for viewer in ("ann", "bob", "cid"))

        for token in (ann, bob, ann, token_of(signed, "ann"), bob):
            assert play(signed, token)
        with pytest.raises(PlaybackRefusedError):
            play(signed, cid)
        # Whoever looks after it takes no place.
        assert play(signed, own_token(signed.playback_id, member=member))

    def test_make_room_when_one_has_gone(self, signed: Livestream, monkeypatch: pytest.MonkeyPatch) -> None:
        change_livestream(livestream=signed, actor=SYSTEM, max_viewers=1)
        play(signed, token_of(signed, "ann"))

        monkeypatch.setattr(audience, "GONE_AFTER_S", 0)

        assert play(signed, token_of(signed, "bob"))

    def test_are_each_livestreams_own(self, signed: Livestream, home: NewOrganization) -> None:
        another = create_livestream(app=home.app, name="Another", actor=SYSTEM, playback_policy="signed")
        for livestream in (signed, another):
            change_livestream(livestream=livestream, actor=SYSTEM, max_viewers=1)

        assert play(signed, token_of(signed, "ann"))
        assert play(another, token_of(another, "bob"))

    def test_keep_their_places_by_asking_and_are_forgotten_when_all_have_gone(
        self, signed: Livestream, settings: Settings
    ) -> None:
        change_livestream(livestream=signed, actor=SYSTEM, max_viewers=1)
        play(signed, token_of(signed, "ann"))
        with closing(Redis.from_url(settings.CACHES["default"]["LOCATION"])) as redis:
            (key,) = redis.scan_iter(f"*{signed.playback_id}")
            before = float(str(redis.zscore(key, "ann")))
            redis.zadd(key, {"ann": before - audience.GONE_AFTER_S + 5})

            play(signed, token_of(signed, "ann"))

            assert float(str(redis.zscore(key, "ann"))) >= before
            assert audience.GONE_AFTER_S <= redis.ttl(key) <= 2 * audience.GONE_AFTER_S

    def test_are_not_kept_waiting_by_a_redis_that_hangs(
        self, signed: Livestream, settings: Settings, tmp_path: Path
    ) -> None:
        change_livestream(livestream=signed, actor=SYSTEM, max_viewers=1)
        with socket.socket(socket.AF_UNIX) as hanging:
            hanging.bind(str(tmp_path / "redis.sock"))
            hanging.listen()
            location = f"unix://{tmp_path}/redis.sock"
            settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": location}}
            for viewer in ("ann", "bob", "cid"):
                assert play(signed, token_of(signed, viewer))
            # The first one found out for all.
            hanging.setblocking(False)
            hanging.accept()[0].close()
            with pytest.raises(BlockingIOError):
                hanging.accept()

    def test_are_not_counted_while_redis_is_away(self, signed: Livestream, settings: Settings) -> None:
        change_livestream(livestream=signed, actor=SYSTEM, max_viewers=1)
        settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "unix:///nowhere/redis.sock"}}

        for viewer in ("ann", "bob", "cid"):
            assert play(signed, token_of(signed, viewer))

    @pytest.mark.parametrize("change", [{"max_viewers": 5}, {"max_viewers": 5, "playback_policy": "public"}])
    def test_need_tokens(self, livestream: Livestream, change: dict[str, object]) -> None:
        with pytest.raises(ValidationFailedError) as refused:
            change_livestream(livestream=livestream, actor=SYSTEM, **change)  # type: ignore[arg-type]  # As given.

        assert "cannot be told apart" in refused.value.fields["max_viewers"][0]

    def test_keep_it_from_becoming_public(self, signed: Livestream) -> None:
        change_livestream(livestream=signed, actor=SYSTEM, max_viewers=5)

        with pytest.raises(ValidationFailedError):
            change_livestream(livestream=signed, actor=SYSTEM, playback_policy="public")
        change_livestream(livestream=signed, actor=SYSTEM, playback_policy="public", max_viewers=None)


class TestAnswersToTheOrigin:
    @pytest.fixture
    def _slow_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(permission_views, "_TIMEOUT_S", HANG_S)

    @pytest.mark.usefixtures("_slow_machine")
    def test_say_what_holds(self, client: Client, signed: Livestream, livestream: Livestream) -> None:
        viewers.revoke_viewer(livestream=signed, viewer_id="ann", actor=SYSTEM)
        wanted = [signed.playback_id, livestream.playback_id, "pb_nothing"]

        answer = client.get("/internal/playback/rules", {"playback_id": wanted})
        said = answer.json()

        # In one piece.
        assert int(answer["Content-Length"]) == len(answer.content)
        assert said.keys() == {signed.playback_id, livestream.playback_id}
        assert said[signed.playback_id]["revoked"].keys() == {"ann"}
        # Nothing secret of what everybody may play.
        assert said[livestream.playback_id]["keys"] == {}

    def test_say_that_it_is_not_known_while_the_database_is_away(self, client: Client, signed: Livestream) -> None:
        waits_s = []

        def away(*_: object) -> None:
            waits_s.append(remaining_s(at_most=60))
            raise OperationalError("server closed the connection unexpectedly")

        with connection.execute_wrapper(away):
            answer = client.get("/internal/playback/rules", {"playback_id": signed.playback_id})

        # Not that there is no such livestream, which an origin would go by.
        assert answer.status_code == 503
        # Before the origin gives up.
        assert max(waits_s) < 1

    @pytest.mark.usefixtures("_slow_machine")
    def test_give_places_and_mind_no_token(self, client: Client, signed: Livestream) -> None:
        wanted = [(signed.playback_id, 1, "ann"), (signed.playback_id, 1, "bob"), (signed.playback_id, 1, "ann")]

        answer = client.post("/internal/playback/places", wanted, content_type="application/json")

        assert answer.json() == [True, False, True]
