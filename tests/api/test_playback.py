"""How a livestream is played and by whom, as `/v2` has it."""

from datetime import timedelta

import pytest

from livehub.core import clock
from streams.media.viewer_tokens import PlaybackRefusedError
from streams.models import ApiKey, AuditEntry, Livestream, PlaybackKey
from streams.organizations.services import SYSTEM, NewOrganization, create_api_key
from tests.api.clients import ApiClient, basic, read
from tests.playing import check_playback

_SHOP = "https://shop.example"
_SETTINGS = {
    "latency_mode": "standard",
    "dvr_window_s": 0,
    "playback_policy": "signed",
    "allowed_origins": ["HTTPS://Shop.Example:443/", "http://[::1]:8080", _SHOP],
    "max_viewers": 500,
}
_KEPT = {**_SETTINGS, "allowed_origins": [_SHOP, "http://[::1]:8080"]}


@pytest.fixture
def there(dyte: ApiClient, livestream: Livestream) -> str:
    dyte.patch(f"/livestreams/{livestream.pk}", {"playback_policy": "signed"})
    return f"/livestreams/{livestream.pk}"


def plays(livestream: Livestream, token: str) -> bool:
    try:
        check_playback(playback_id=livestream.playback_id, token=token, origin="")
    except PlaybackRefusedError:
        return False
    return True


class TestSettings:
    def test_are_as_they_come_when_nothing_is_said(self, dyte: ApiClient) -> None:
        made = read(dyte.post("/livestreams"))["data"]

        told = {name: made[name] for name in _SETTINGS}
        assert told == {
            "latency_mode": "low",
            "dvr_window_s": 3600,
            "playback_policy": "public",
            "allowed_origins": [],
            "max_viewers": None,
        }

    def test_are_taken_at_the_beginning_and_changed_later(self, dyte: ApiClient, livestream: Livestream) -> None:
        made = read(dyte.post("/livestreams", _SETTINGS))["data"]
        one = f"/livestreams/{livestream.pk}"

        changed = read(dyte.patch(one, _SETTINGS))["data"]
        named = read(dyte.patch(one, {"name": "Else"}))["data"]

        for told in (made, changed, named, read(dyte.get(one))["data"], read(dyte.get("/livestreams"))["data"][0]):
            assert {name: told[name] for name in _KEPT} == _KEPT
        entry = AuditEntry.objects.get(action="livestream.playback_changed")
        assert entry.detail == _KEPT

    def test_are_nothing_to_other_vendors(self, realtimekit: ApiClient) -> None:
        made = read(realtimekit.post("/livestreams", _SETTINGS))["data"]

        assert not made.keys() & _SETTINGS.keys()
        assert Livestream.objects.get().playback_policy == "public"

    @pytest.mark.parametrize(
        ("said", "complaint"),
        [
            ({"latency_mode": "ultra"}, "latency_mode"),
            ({"latency_mode": None}, "latency_mode"),
            ({"dvr_window_s": -1}, "dvr_window_s"),
            ({"dvr_window_s": 43_201}, "dvr_window_s"),
            ({"playback_policy": "private"}, "playback_policy"),
            ({"allowed_origins": ["https://shop.example/path"]}, "allowed_origins"),
            ({"allowed_origins": ["shop.example"]}, "allowed_origins"),
            ({"allowed_origins": ["*"]}, "allowed_origins"),
            ({"allowed_origins": ["https://shop.example; script-src *"]}, "allowed_origins"),
            ({"allowed_origins": [f"https://{number}.example" for number in range(51)]}, "allowed_origins"),
            ({"allowed_origins": None}, "allowed_origins"),
            ({"max_viewers": 0, "playback_policy": "signed"}, "max_viewers"),
            ({"max_viewers": 5}, "max_viewers"),
        ],
        ids=str,
    )
    def test_that_cannot_be_are_refused_and_change_nothing(
        self, dyte: ApiClient, livestream: Livestream, said: dict[str, object], complaint: str
    ) -> None:
        before = read(dyte.get(f"/livestreams/{livestream.pk}"))["data"]

        for refused in (dyte.patch(f"/livestreams/{livestream.pk}", said), dyte.post("/livestreams", said)):
            assert (refused.status_code, [*read(refused)["error"]["fields"]]) == (422, [complaint])
        assert read(dyte.get(f"/livestreams/{livestream.pk}"))["data"] == before
        assert Livestream.objects.count() == 1


class TestToken:
    def test_opens_the_livestream_and_stands_in_every_address(
        self, dyte: ApiClient, livestream: Livestream, there: str
    ) -> None:
        asked = {"viewer_id": "customer-4711", "expires_in_s": 60, "allowed_origin": _SHOP}
        answer = dyte.post(f"{there}/playback-tokens", asked)

        given = read(answer)["data"]
        assert answer.status_code == 201
        assert given["viewer_id"] == "customer-4711"
        token = given["token"]
        assert given["playback_url"] == livestream.playback_url.replace("/playback/", f"/playback/t/{token}/")
        assert given["watch_url"].endswith(f"/watch/{livestream.playback_id}?token={token}")
        assert given["embed_url"] == f"{livestream.embed_url}?token={token}"
        assert plays(livestream, token)

    def test_is_for_somebody_for_half_a_day_when_nothing_is_said(
        self, dyte: ApiClient, livestream: Livestream, there: str
    ) -> None:
        first, second = (read(dyte.post(f"{there}/playback-tokens"))["data"] for _ in range(2))

        assert first["viewer_id"] != second["viewer_id"]
        left = clock.now() + timedelta(hours=12)
        assert clock.isoformat(left - timedelta(minutes=1)) < first["expires_at"] <= clock.isoformat(left)

    @pytest.mark.parametrize(
        ("said", "complaint"),
        [
            ({"viewer_id": "a b"}, "viewer_id"),
            ({"viewer_id": "x" * 65}, "viewer_id"),
            ({"expires_in_s": 0}, "expires_in_s"),
            ({"expires_in_s": 2_592_001}, "expires_in_s"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
            ({"expires_at": "2099-01-01T00:00:00Z"}, "expires_at"),
            ({"expires_in_s": 60, "expires_at": "2099-01-01T00:00:00Z"}, "expires_at"),
            ({"allowed_origin": "shop.example"}, "allowed_origin"),
        ],
        ids=str,
    )
    def test_is_not_made_of_anything(
        self, dyte: ApiClient, there: str, said: dict[str, object], complaint: str
    ) -> None:
        refused = dyte.post(f"{there}/playback-tokens", said)

        assert (refused.status_code, [*read(refused)["error"]["fields"]]) == (422, [complaint])

    def test_is_worth_nothing_once_its_viewer_is_sent_away(
        self, dyte: ApiClient, livestream: Livestream, there: str
    ) -> None:
        given = read(dyte.post(f"{there}/playback-tokens", {"viewer_id": "ann"}))["data"]

        answer = read(dyte.delete(f"{there}/viewers/ann"))["data"]

        assert (answer["viewer_id"], plays(livestream, given["token"])) == ("ann", False)
        assert AuditEntry.objects.get(action="livestream.viewer_revoked").detail == {"viewer_id": "ann"}
        assert dyte.delete(f"{there}/viewers/a%20b").status_code == 404


class TestKey:
    def test_is_there_with_the_first_signed_livestream(self, dyte: ApiClient, livestream: Livestream) -> None:
        assert read(dyte.get("/playback-keys"))["data"] == []

        dyte.patch(f"/livestreams/{livestream.pk}", {"playback_policy": "signed"})

        (key,) = read(dyte.get("/playback-keys"))["data"]
        assert (key["secret"][:4], key["expires_at"]) == ("psk_", None)
        assert key["secret"] not in PlaybackKey.objects.get().encrypted

    def test_is_rotated_with_an_overlap_or_without(self, dyte: ApiClient, livestream: Livestream, there: str) -> None:
        token = read(dyte.post(f"{there}/playback-tokens"))["data"]["token"]

        made = dyte.post("/playback-keys/rotate", {"overlap_s": 3600})
        assert (made.status_code, plays(livestream, token)) == (201, True)
        present, earlier = read(dyte.get("/playback-keys"))["data"]
        assert (present, earlier["expires_at"] is None) == (read(made)["data"], False)

        dyte.post("/playback-keys/rotate")
        assert (len(read(dyte.get("/playback-keys"))["data"]), plays(livestream, token)) == (1, False)
        assert AuditEntry.objects.filter(action="app.playback_key_rotated").count() == 2

    def test_is_told_only_to_who_may_let_viewers_in(self, dyte: ApiClient, home: NewOrganization, there: str) -> None:
        scopes: list[str] = [ApiKey.Scope.READ]
        _, secret = create_api_key(
            organization=home.organization, name="Reader", kind=ApiKey.Kind.BASIC, scopes=scopes, actor=SYSTEM
        )
        reader = ApiClient("dyte", "/v2", basic(home.organization.pk.hex, secret))

        assert [key["secret"] for key in read(reader.get("/playback-keys"))["data"]] == [None]

    def test_is_the_apps_own(self, dyte: ApiClient, there: str, abroad: NewOrganization) -> None:
        stranger = ApiClient("dyte", "/v2", basic(abroad.organization.pk.hex, abroad.api_key))

        assert read(stranger.get("/playback-keys"))["data"] == []
        stranger.post("/playback-keys/rotate")
        assert len(read(dyte.get("/playback-keys"))["data"]) == 1
