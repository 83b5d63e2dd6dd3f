"""LiveAPI: live streams, their platforms, and keys that open nothing without their password."""

import re

import pytest
from django.conf import settings
from django.test import Client

from livehub.api.identifiers import object_id
from streams.livestreams import leases, outputs
from streams.livestreams.outputs import NewOutput
from streams.livestreams.push_states import note_standings
from streams.livestreams.services import activate_livestream, create_livestream, disable_livestream
from streams.livestreams.states import EndReason
from streams.media.rtmp.standing import PushState, TargetStanding
from streams.models import App, Livestream, Session
from streams.organizations.services import SYSTEM, NewOrganization, create_api_key
from tests.api.clients import ApiClient, asked_by, basic, dyte_client, liveapi_client, read, read_list
from tests.runs import claimed, connected

MEMBERS = {
    "_id",
    "name",
    "enabled",
    "ingest",
    "playback",
    "platforms",
    "settings",
    "broadcasting_status",
    "user",
    "environment",
    "organization",
    "creation_time",
}
OBJECT_ID = re.compile(r"[0-9a-f]{24}")
PLATFORM = {"template": "custom", "server": "rtmp://a.rtmp.example.com/live2", "key": "debs-4ux2", "enabled": True}


def _publish(key: str) -> int:
    """Publish as an encoder does that was given this key: nginx parts the name from what stands behind it."""
    name, _, rest = key.partition("?")
    response = Client().post(
        f"/internal/ingest/publish?token={settings.INGEST_HOOK_TOKEN}&node=main",
        f"app=live&addr=203.0.113.7&clientid=1&call=publish&name={name}&{rest}",
        content_type="application/x-www-form-urlencoded",
    )
    return response.status_code


@pytest.fixture
def there(livestream: Livestream) -> str:
    return f"/live_streams/{object_id(livestream.pk)}"


class TestCreate:
    def test_answers_bare_with_everything_an_encoder_and_a_player_need(
        self, liveapi: ApiClient, home: NewOrganization
    ) -> None:
        response = liveapi.post("/live_streams")

        made = read(response)
        livestream = Livestream.objects.get()
        assert response.status_code == 201
        assert made.keys() == MEMBERS
        assert made["_id"] == livestream.pk.hex[:24]
        assert re.fullmatch(r"lv_[0-9a-f]{32}\?password=[0-9a-f]{16}", made["ingest"]["key"])
        assert made["ingest"]["server"] == settings.INGEST_URL.removesuffix("/")
        embed_url = livestream.playback_url.replace("/playback/", "/embed/").removesuffix("/index.m3u8")
        assert made["playback"] == {
            "embed_url": embed_url,
            "embed_audio_url": f"{embed_url}?audio_only=true",
            "hls_url": livestream.playback_url,
        }
        assert (made["enabled"], made["platforms"], made["settings"]) == (True, [], {"pulling_mode": {}})
        assert made["organization"] == home.organization.pk.hex[:24]
        assert made["user"] == home.app.pk.hex[:24]
        assert (made["environment"], made["broadcasting_status"]) == ("production", "offline")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made["creation_time"])

    def test_takes_a_name_and_whether_it_is_enabled(self, liveapi: ApiClient) -> None:
        made = read(liveapi.post("/live_streams", {"name": "Autumn keynote", "enabled": False}))

        assert (made["name"], made["enabled"]) == ("Autumn keynote", False)
        assert _publish(made["ingest"]["key"]) == 403

    def test_refuses_bad_values_all_at_once_in_the_vendors_shape(self, liveapi: ApiClient) -> None:
        response = liveapi.post("/live_streams", {"name": 5, "enabled": "perhaps"})

        answer = read(response)
        assert (response.status_code, set(answer)) == (422, {"error"})
        assert (answer["error"]["code"], answer["error"]["type"]) == (422, "validation_failed")
        assert answer["error"]["fields"].keys() == {"name", "enabled"}


class TestKey:
    def test_authorizes_publishing_with_its_password_only(self, liveapi: ApiClient) -> None:
        key = read(liveapi.post("/live_streams"))["ingest"]["key"]
        name, _, password = key.partition("?password=")

        for wrong in (name, f"{name}?password=", f"{name}?password={password[:-1]}", f"{name}?passwd={password}"):
            assert _publish(wrong) == 403
        assert _publish(f"lv_{'0' * 32}?password={password}") == 403
        assert _publish(key) == 302

    def test_can_be_published_with_as_the_other_dialects_give_it(
        self, liveapi: ApiClient, home: NewOrganization
    ) -> None:
        key = read(liveapi.post("/live_streams"))["ingest"]["key"]

        assert read(dyte_client(home).get("/livestreams"))["data"][0]["stream_key"] == key

    def test_of_a_livestream_of_another_dialect_is_that_ones(self, liveapi: ApiClient, livestream: Livestream) -> None:
        (found,) = read_list(liveapi.get("/live_streams"))

        assert found["ingest"]["key"] == livestream.stream_key

    def test_is_no_secret_that_the_playback_gives_away(self, liveapi: ApiClient) -> None:
        made = read(liveapi.post("/live_streams"))

        assert made["ingest"]["key"].partition("?")[0] not in made["playback"]["hls_url"]

    def test_is_told_to_nobody_who_may_only_read(self, home: NewOrganization, livestream: Livestream) -> None:
        _platform(livestream)
        made = create_api_key(organization=home.organization, name="R", kind="liveapi", scopes=["read"], actor=SYSTEM)
        reader = ApiClient("liveapi", "/liveapi", basic(made.row.lookup, made.secret))

        for answer in (reader.get("/live_streams"), reader.get(f"/live_streams/{object_id(livestream.pk)}")):
            text = answer.content.decode()
            assert livestream.stream_key not in text
            assert str(PLATFORM["key"]) not in text
        assert read(answer)["ingest"]["key"] is None
        assert reader.post("/live_streams").status_code == 403


class TestGet:
    def test_tells_whether_somebody_broadcasts(self, liveapi: ApiClient, session: Session, there: str) -> None:
        leases.mark_live(claimed(session))

        online = read(liveapi.get(there))
        assert online["broadcasting_status"] == "online"
        assert online["pull_urls"] == {"rtmp": None, "srt": None, "hls": online["playback"]["hls_url"]}

        liveapi.patch(there, {"enabled": False})
        offline = read(liveapi.get(there))
        assert (offline["broadcasting_status"], "pull_urls" in offline) == ("offline", False)

    def test_tells_nobody_to_watch_what_only_waits_for_its_encoder(
        self, liveapi: ApiClient, livestream: Livestream, there: str
    ) -> None:
        activate_livestream(livestream=livestream, actor=SYSTEM)

        waiting = read(liveapi.get(there))
        assert (waiting["broadcasting_status"], "pull_urls" in waiting) == ("offline", False)

    @pytest.mark.parametrize("wrong", ["x", "0" * 23, "0" * 25, "g" * 24, "%00" * 24, "0" * 24, "0" * 32])
    def test_finds_nothing_under_what_is_no_id(self, liveapi: ApiClient, livestream: Livestream, wrong: str) -> None:
        response = liveapi.get(f"/live_streams/{wrong}")

        assert response.status_code == 404
        assert read(response)["error"]["type"] == "not_found"

    def test_costs_two_queries(self, liveapi: ApiClient, livestream: Livestream, there: str) -> None:
        _platform(livestream)
        liveapi.get(there)

        assert len(asked_by(liveapi, there)) == 2


class TestList:
    def test_is_a_bare_array_newest_first_of_the_callers_own(
        self, liveapi: ApiClient, home: NewOrganization, livestream: Livestream, foreign_livestream: Livestream
    ) -> None:
        newest = create_livestream(app=home.app, name="Newest", actor=SYSTEM)

        found = read_list(liveapi.get("/live_streams"))

        assert [each["_id"] for each in found] == [object_id(newest.pk), object_id(livestream.pk)]

    def test_holds_a_hundred_unless_asked_for_less(self, liveapi: ApiClient, home: NewOrganization) -> None:
        rows = [create_livestream(app=home.app, name=str(number), actor=SYSTEM) for number in range(30)]

        assert len(read_list(liveapi.get("/live_streams"))) == 30
        page = read_list(liveapi.get("/live_streams?page_no=2&per_page=10"))
        assert [each["_id"] for each in page] == [object_id(row.pk) for row in reversed(rows[10:20])]
        assert liveapi.get("/live_streams?per_page=101").status_code == 400

    def test_names_the_next_page_until_there_is_none(self, liveapi: ApiClient, home: NewOrganization) -> None:
        for number in range(5):
            create_livestream(app=home.app, name=str(number), actor=SYSTEM)

        for number, after in ((1, 2), (2, 3)):
            link = liveapi.get(f"/live_streams?page_no={number}&per_page=2").headers["Link"]
            assert link == f'</liveapi/live_streams?page_no={after}&per_page=2>; rel="next"'
        for last in ("?page_no=3&per_page=2", "?page_no=4&per_page=2", "?page_no=1&per_page=5"):
            assert "Link" not in liveapi.get(f"/live_streams{last}").headers
        assert "Link" not in liveapi.get("/live_streams").headers

    @pytest.mark.parametrize("number", [1, 25])
    def test_costs_two_queries(self, liveapi: ApiClient, home: NewOrganization, number: int) -> None:
        for index in range(number):
            _platform(create_livestream(app=home.app, name=str(index), actor=SYSTEM))
        liveapi.get("/live_streams")

        assert len(asked_by(liveapi, "/live_streams")) == 2

    def test_is_of_the_keys_own_app(self, home: NewOrganization, livestream: Livestream) -> None:
        other = App.objects.create(organization=home.organization, name="Second")
        made = create_api_key(organization=home.organization, name="B", kind="liveapi", app=other, actor=SYSTEM)
        bound = ApiClient("liveapi", "/liveapi", basic(made.row.lookup, made.secret))

        assert read_list(bound.get("/live_streams")) == []
        assert bound.get(f"/live_streams/{object_id(livestream.pk)}").status_code == 404


class TestUpdate:
    def test_disabling_cuts_the_encoder_and_refuses_it(
        self, liveapi: ApiClient, livestream: Livestream, session: Session, there: str
    ) -> None:
        response = liveapi.patch(there, {"enabled": False})

        assert (response.status_code, read(response)["enabled"]) == (200, False)
        session.refresh_from_db()
        assert session.end_reason == EndReason.DISABLED
        assert _publish(livestream.stream_key) == 403
        assert read(liveapi.patch(there, {"enabled": True}))["enabled"] is True
        assert _publish(livestream.stream_key) == 302

    def test_leaves_what_is_not_named(self, liveapi: ApiClient, livestream: Livestream, there: str) -> None:
        disable_livestream(livestream=livestream, actor=SYSTEM)

        changed = read(liveapi.patch(there, {"name": "Winter"}))

        assert (changed["name"], changed["enabled"]) == ("Winter", False)
        assert read(liveapi.patch(there, {}))["name"] == "Winter"


class TestDelete:
    def test_takes_it_away(self, liveapi: ApiClient, session: Session, there: str) -> None:
        assert liveapi.delete(there).status_code == 200

        assert liveapi.get(there).status_code == liveapi.delete(there).status_code == 404
        assert read_list(liveapi.get("/live_streams")) == []
        session.refresh_from_db()
        assert session.end_reason == EndReason.DELETED


class TestPlatforms:
    def test_are_added_told_changed_and_deleted(self, liveapi: ApiClient, there: str) -> None:
        response = liveapi.post(f"{there}/platforms", PLATFORM)
        made = read(response)
        assert response.status_code == 201
        assert OBJECT_ID.fullmatch(made["_id"])
        assert {name: made[name] for name in PLATFORM} == PLATFORM

        (found,) = read(liveapi.get(there))["platforms"]
        assert found == {**made, "broadcasting_status": "offline"}

        one = f"{there}/platforms/{made['_id']}"
        changed = read(liveapi.patch(one, {"enabled": False, "key": "new", "template": "facebook"}))
        assert changed == {**found, "enabled": False, "key": "new"}

        assert liveapi.delete(one).status_code == 200
        assert read(liveapi.get(there))["platforms"] == []
        assert liveapi.delete(one).status_code == liveapi.patch(one, {}).status_code == 404

    def test_are_online_while_they_take_the_broadcast(
        self, liveapi: ApiClient, livestream: Livestream, there: str
    ) -> None:
        liveapi.post(f"{there}/platforms", PLATFORM)
        session = connected(livestream)
        worker, platform = claimed(session).worker, livestream.outputs.get(type="simulcast")
        told = []

        for state in (PushState.RETRYING, PushState.BROADCASTING):
            note_standings(session.pk, worker=worker, told={platform.pk: TargetStanding(state)})
            (found,) = read(liveapi.get(there))["platforms"]
            told.append(found["broadcasting_status"])

        assert told == ["offline", "online"]

    def test_are_simulcasts_and_nothing_else(self, liveapi: ApiClient, livestream: Livestream, there: str) -> None:
        hls = livestream.outputs.get(type="hls")

        assert read(liveapi.get(there))["platforms"] == []
        assert liveapi.delete(f"{there}/platforms/{object_id(hls.pk)}").status_code == 404

    def test_of_one_live_stream_are_no_others(self, liveapi: ApiClient, home: NewOrganization, there: str) -> None:
        other = _platform(create_livestream(app=home.app, name="Other", actor=SYSTEM))

        assert liveapi.patch(f"{there}/platforms/{other}", {"name": "Ours"}).status_code == 404

    def test_go_to_different_channels(self, liveapi: ApiClient, there: str) -> None:
        liveapi.post(f"{there}/platforms", PLATFORM)

        assert liveapi.post(f"{there}/platforms", PLATFORM).status_code == 400
        other = liveapi.post(f"{there}/platforms", {**PLATFORM, "key": "of-another-channel"})
        assert other.status_code == 201
        assert liveapi.patch(f"{there}/platforms/{read(other)['_id']}", {"key": PLATFORM["key"]}).status_code == 400

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, {"server"}),
            ({"server": None}, {"server"}),
            ({"server": "http://example.com", "key": "a b", "template": "x" * 65}, {"server", "key", "template"}),
        ],
    )
    def test_that_cannot_be_are_refused_in_the_vendors_words(
        self, liveapi: ApiClient, livestream: Livestream, there: str, body: object, fields: set[str]
    ) -> None:
        for method, path in (("POST", "/platforms"), ("PATCH", f"/platforms/{_platform(livestream)}")):
            response = liveapi.request(method, there + path, body=body)

            if method == "POST" or body:
                assert response.status_code == 422
                assert fields - {"template"} <= read(response)["error"]["fields"].keys() <= fields


def test_strangers_find_nothing(abroad: NewOrganization, livestream: Livestream, there: str) -> None:
    stranger = liveapi_client(abroad)
    platform = _platform(livestream)

    assert read_list(stranger.get("/live_streams")) == []
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/platforms"),
        ("PATCH", f"/platforms/{platform}"),
        ("DELETE", f"/platforms/{platform}"),
    ):
        body = PLATFORM if method != "GET" else None
        assert stranger.request(method, there + path, body=body).status_code == 404
    assert livestream.outputs.count() == 3


def _platform(livestream: Livestream) -> str:
    new = NewOutput(type="simulcast", uri=str(PLATFORM["server"]), stream_key=str(PLATFORM["key"]))
    return object_id(outputs.create_output(livestream=livestream, new=new, actor=SYSTEM).pk)
