"""Cloudinary: live streams, activating and idling them, and their outputs."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from livehub.core import clock
from streams.livestreams import sweeps
from streams.livestreams.services import activate_livestream, create_livestream, disable_livestream
from streams.livestreams.states import EndReason
from streams.models import App, Livestream, Output, Session
from streams.organizations.quotas import OwnQuotas, set_quotas
from streams.organizations.services import SYSTEM, NewOrganization, create_api_key
from tests.api.clients import ApiClient, asked_by, basic, cloudinary_client, read

MEMBERS = {
    "id",
    "name",
    "input",
    "status",
    "outputs",
    "idle_timeout_sec",
    "max_runtime_sec",
    "created_at",
    "updated_at",
}
HEX_ID = re.compile(r"[0-9a-f]{32}")
COMMON = {"id", "name", "type", "created_at", "updated_at"}
NEW: dict[str, Any] = {"input": {"type": "rtmp"}, "name": "My first stream"}
SIMULCAST = {"type": "simulcast", "name": "Stage", "uri": "rtmp://a.example.com/live2", "stream_key": "x-y"}


@pytest.fixture
def there(livestream: Livestream) -> str:
    return f"/live_streams/{livestream.pk.hex}"


class TestCreate:
    def test_answers_200_with_an_idle_stream_and_its_two_outputs(self, cloudinary: ApiClient) -> None:
        before = int(clock.now().timestamp() * 1000)

        response = cloudinary.post("/live_streams", {**NEW, "idle_timeout_sec": 90, "max_runtime_sec": 10800})

        answer = read(response)
        made, livestream = answer["data"], Livestream.objects.get()
        assert (response.status_code, set(answer)) == (200, {"request_id", "data"})
        assert answer["request_id"] == response.headers["X-Request-Id"]
        assert made.keys() == MEMBERS
        assert (made["id"], made["name"], made["status"]) == (livestream.pk.hex, "My first stream", "idle")
        assert (made["idle_timeout_sec"], made["max_runtime_sec"]) == (90, 10800)
        assert made["input"] == {
            "type": "rtmp",
            "uri": settings.INGEST_URL.removesuffix("/"),
            "stream_key": livestream.stream_key,
        }
        assert isinstance(made["created_at"], int)
        assert before <= made["created_at"] <= made["updated_at"]
        self._check_outputs(made, livestream)

    def _check_outputs(self, made: dict[str, Any], livestream: Livestream) -> None:
        hls, archive = made["outputs"]
        assert hls.keys() == COMMON | {"uri"}
        assert archive.keys() == COMMON | {"public_id"}
        assert (hls["type"], hls["name"], hls["uri"]) == ("hls", "default hls", livestream.playback_url)
        assert (archive["type"], archive["name"]) == ("archive", "default archive")
        assert hls["uri"].endswith(".m3u8")
        assert HEX_ID.fullmatch(hls["id"])
        assert isinstance(hls["created_at"], int)

    def test_has_defaults(self, cloudinary: ApiClient) -> None:
        made = read(cloudinary.post("/live_streams", {"input": {"type": "rtmp"}, "name": None}))["data"]

        assert (made["name"], made["idle_timeout_sec"], made["max_runtime_sec"]) == (None, 120, None)

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, {"input"}),
            ({"input": {}}, {"input.type"}),
            ({"input": "rtmp"}, {"input"}),
            ({"input": {"type": "srt"}}, {"input.type"}),
            (
                {**NEW, "idle_timeout_sec": 0, "max_runtime_sec": -1, "name": 7},
                {"idle_timeout_sec", "max_runtime_sec", "name"},
            ),
            ({**NEW, "max_runtime_sec": 10**12}, {"max_runtime_sec"}),
            ({**NEW, "max_runtime_sec": "long"}, {"max_runtime_sec"}),
        ],
    )
    def test_refuses_what_it_cannot_be_in_the_vendors_shape(
        self, cloudinary: ApiClient, body: object, fields: set[str]
    ) -> None:
        response = cloudinary.post("/live_streams", body)

        answer = read(response)
        assert (response.status_code, set(answer)) == (422, {"request_id", "error"})
        assert answer["error"].keys() == {"message", "fields"}
        assert answer["error"]["fields"].keys() == fields
        assert not Livestream.objects.exists()


class TestGet:
    @pytest.mark.parametrize("spelling", ["{0.hex}", "{0}"])
    def test_takes_the_id_in_either_spelling(
        self, cloudinary: ApiClient, livestream: Livestream, spelling: str
    ) -> None:
        found = read(cloudinary.get(f"/live_streams/{spelling.format(livestream.pk)}"))["data"]

        assert found["id"] == livestream.pk.hex

    def test_answers_unknown_ones_in_the_vendors_shape(self, cloudinary: ApiClient) -> None:
        response = cloudinary.get(f"/live_streams/{'0' * 32}")

        assert (response.status_code, set(read(response))) == (404, {"request_id", "error"})

    def test_costs_two_queries(self, cloudinary: ApiClient, livestream: Livestream, there: str) -> None:
        cloudinary.get(there)

        assert len(asked_by(cloudinary, there)) == 2


class TestList:
    def test_is_an_array_newest_first_of_the_clouds_own(
        self, cloudinary: ApiClient, home: NewOrganization, livestream: Livestream, foreign_livestream: Livestream
    ) -> None:
        newest = create_livestream(app=home.app, name="Newest", actor=SYSTEM)

        answer = read(cloudinary.get("/live_streams"))

        assert answer.keys() == {"request_id", "data"}
        assert [each["id"] for each in answer["data"]] == [newest.pk.hex, livestream.pk.hex]

    @pytest.mark.parametrize("number", [1, 25])
    def test_costs_two_queries(self, cloudinary: ApiClient, home: NewOrganization, number: int) -> None:
        for index in range(number):
            create_livestream(app=home.app, name=str(index), actor=SYSTEM)
        cloudinary.get("/live_streams")

        assert len(asked_by(cloudinary, "/live_streams")) == 2


class TestUpdate:
    def test_changes_what_is_named_and_leaves_the_rest(self, cloudinary: ApiClient, there: str) -> None:
        cloudinary.patch(there, {"max_runtime_sec": 60})

        changed = read(cloudinary.patch(there, {"name": "Renamed", "idle_timeout_sec": 30}))["data"]

        assert (changed["name"], changed["idle_timeout_sec"], changed["max_runtime_sec"]) == ("Renamed", 30, 60)
        assert changed["updated_at"] > changed["created_at"]
        assert read(cloudinary.patch(there, {"name": None}))["data"]["name"] is None
        assert read(cloudinary.patch(there, {"max_runtime_sec": None}))["data"]["max_runtime_sec"] is None

    def test_keeps_where_to_publish_and_to_watch(self, cloudinary: ApiClient, there: str) -> None:
        before = read(cloudinary.get(there))["data"]

        after = read(cloudinary.patch(there, {"name": "Renamed"}))["data"]

        assert (after["input"], after["outputs"]) == (before["input"], before["outputs"])


class TestActivate:
    def test_makes_it_active_and_idling_ends_that(self, cloudinary: ApiClient, there: str) -> None:
        response = cloudinary.post(f"{there}/activate")
        assert response.status_code == 200
        assert isinstance(read(response)["data"]["message"], str)
        assert read(cloudinary.get(there))["data"]["status"] == "active"

        assert isinstance(read(cloudinary.post(f"{there}/idle"))["data"]["message"], str)
        assert read(cloudinary.get(there))["data"]["status"] == "idle"

    def test_shows_the_slate_until_the_encoder_comes_or_the_time_is_over(
        self, cloudinary: ApiClient, livestream: Livestream, there: str
    ) -> None:
        cloudinary.patch(there, {"idle_timeout_sec": 30})

        for _ in range(2):
            assert cloudinary.post(f"{there}/activate").status_code == 200

        assert Session.objects.get().status == "standby"
        assert read(cloudinary.get(there))["data"]["status"] == "active"
        Session.objects.update(reconnect_until=clock.now() - timedelta(seconds=1))
        sweeps.sweep_sessions()
        assert read(cloudinary.get(there))["data"]["status"] == "idle"

    def test_without_a_slate_lasts_for_the_idle_time_out(
        self, cloudinary: ApiClient, livestream: Livestream, there: str
    ) -> None:
        cloudinary.patch(there, {"idle_timeout_sec": 30})
        Livestream.objects.update(while_away="nothing")
        cloudinary.post(f"{there}/activate")

        for seconds, status in ((20, "active"), (31, "idle")):
            Livestream.objects.update(activated_at=clock.now() - timedelta(seconds=seconds))
            assert read(cloudinary.get(there))["data"]["status"] == status

    def test_beyond_the_quota_is_refused(self, cloudinary: ApiClient, livestream: Livestream, there: str) -> None:
        cloudinary.patch(there, {"idle_timeout_sec": 30})
        set_quotas(organization=livestream.app.organization, quotas=OwnQuotas(sessions=0), actor=SYSTEM)

        assert cloudinary.post(f"{there}/activate").status_code == 422
        assert not Session.objects.exists()

    def test_is_what_publishing_does(self, cloudinary: ApiClient, session: Session, there: str) -> None:
        assert read(cloudinary.get(there))["data"]["status"] == "active"

        cloudinary.post(f"{there}/idle")

        session.refresh_from_db()
        assert session.end_reason == EndReason.ENDED_BY_OPERATOR
        # The encoder may be back at once.
        assert session.livestream.held_until is None
        assert read(cloudinary.get(there))["data"]["status"] == "idle"

    def test_is_refused_for_a_disabled_one(self, cloudinary: ApiClient, livestream: Livestream, there: str) -> None:
        disable_livestream(livestream=livestream, actor=SYSTEM)

        response = cloudinary.post(f"{there}/activate")

        assert (response.status_code, response.headers["x-should-retry"]) == (409, "false")


class TestDelete:
    def test_takes_it_away(self, cloudinary: ApiClient, session: Session, there: str) -> None:
        response = cloudinary.delete(there)

        assert response.status_code == 200
        assert isinstance(read(response)["data"]["message"], str)
        assert cloudinary.get(there).status_code == 404
        assert cloudinary.get(f"{there}/outputs").status_code == 404
        session.refresh_from_db()
        assert session.end_reason == EndReason.DELETED


class TestOutputs:
    def test_are_added_read_changed_and_deleted(self, cloudinary: ApiClient, there: str) -> None:
        response = cloudinary.post(f"{there}/outputs", {**SIMULCAST, "vendor": "youtube"})
        made = read(response)["data"]
        one = f"{there}/outputs/{made['id']}"
        assert response.status_code == 200
        assert made.keys() == COMMON | {"uri", "stream_key", "vendor"}
        assert (made["uri"], made["stream_key"], made["vendor"]) == (SIMULCAST["uri"], "x-y", "youtube")

        changed = read(cloudinary.patch(one, {"name": "Big stage", "type": "hls", "vendor": "other"}))["data"]
        assert changed == {**made, "name": "Big stage", "updated_at": changed["updated_at"]}
        assert changed["updated_at"] > made["updated_at"]
        assert read(cloudinary.get(one))["data"] == changed

        assert isinstance(read(cloudinary.delete(one))["data"]["message"], str)
        assert cloudinary.get(one).status_code == 404

    def test_are_listed_as_in_the_stream(self, cloudinary: ApiClient, there: str) -> None:
        cloudinary.post(f"{there}/outputs", SIMULCAST)

        answer = read(cloudinary.get(f"{there}/outputs"))

        assert [each["type"] for each in answer["data"]] == ["hls", "archive", "simulcast"]
        assert answer["data"] == read(cloudinary.get(there))["data"]["outputs"]

    @pytest.mark.parametrize("kind", ["hls", "archive"])
    def test_are_one_of_each_of_these(self, cloudinary: ApiClient, there: str, kind: str) -> None:
        response = cloudinary.post(f"{there}/outputs", {"type": kind, "name": "Second"})

        assert response.status_code == 400
        assert read(response)["error"].keys() == {"message"}

    def test_are_many_simulcasts_each_with_an_address_of_its_own(self, cloudinary: ApiClient, there: str) -> None:
        cloudinary.post(f"{there}/outputs", SIMULCAST)

        again = {**SIMULCAST, "stream_key": "another"}
        assert cloudinary.post(f"{there}/outputs", again).status_code == 400
        assert cloudinary.post(f"{there}/outputs", {**SIMULCAST, "uri": "rtmps://b.example.com/x"}).status_code == 200

    def test_that_are_archives_can_be_called_something(
        self, cloudinary: ApiClient, livestream: Livestream, there: str
    ) -> None:
        archive = livestream.outputs.get(type="archive")

        changed = read(cloudinary.patch(f"{there}/outputs/{archive.pk.hex}", {"public_id": "keynote"}))["data"]

        assert changed["public_id"] == "keynote"

    def test_are_changed_before_it_is_activated(
        self, cloudinary: ApiClient, livestream: Livestream, there: str
    ) -> None:
        one = f"{there}/outputs/{livestream.outputs.get(type='hls').pk.hex}"
        activate_livestream(livestream=livestream, actor=SYSTEM)

        assert cloudinary.post(f"{there}/outputs", SIMULCAST).status_code == 400
        assert cloudinary.patch(one, {"name": "Late"}).status_code == 400
        assert cloudinary.delete(one).status_code == 400
        cloudinary.post(f"{there}/idle")
        assert cloudinary.patch(one, {"name": "In time"}).status_code == 200

    def test_cost_two_queries(self, cloudinary: ApiClient, livestream: Livestream, there: str) -> None:
        one = f"{there}/outputs/{livestream.outputs.get(type='hls').pk.hex}"
        cloudinary.get(one)

        assert len(asked_by(cloudinary, f"{there}/outputs")) == len(asked_by(cloudinary, one)) == 2


class TestCloudName:
    def test_is_the_apps_id_in_either_spelling(self, home: NewOrganization, livestream: Livestream) -> None:
        api = cloudinary_client(home)
        dashed = ApiClient("cloudinary", f"/cloudinary/v2/video/{home.app.pk}", api.authorization)

        assert read(dashed.get("/live_streams"))["data"][0]["id"] == livestream.pk.hex

    def test_of_another_app_shows_that_ones(self, home: NewOrganization, livestream: Livestream) -> None:
        other = App.objects.create(organization=home.organization, name="Second")
        api = ApiClient("cloudinary", f"/cloudinary/v2/video/{other.pk.hex}", cloudinary_client(home).authorization)

        assert read(api.get("/live_streams"))["data"] == []
        assert api.get(f"/live_streams/{livestream.pk.hex}").status_code == 404

    def test_of_another_tenant_is_unknown(
        self, cloudinary: ApiClient, abroad: NewOrganization, foreign_livestream: Livestream
    ) -> None:
        foreign = ApiClient("cloudinary", f"/cloudinary/v2/video/{abroad.app.pk.hex}", cloudinary.authorization)
        unknown = ApiClient("cloudinary", f"/cloudinary/v2/video/{'0' * 32}", cloudinary.authorization)

        for api in (foreign, unknown):
            assert api.get("/live_streams").status_code == 404
        assert cloudinary.get(f"/live_streams/{foreign_livestream.pk.hex}").status_code == 404


def test_strangers_find_no_output(cloudinary: ApiClient, foreign_livestream: Livestream, there: str) -> None:
    theirs = foreign_livestream.outputs.get(type="hls")

    for path in (f"{there}/outputs/{theirs.pk.hex}", f"/live_streams/{foreign_livestream.pk.hex}/outputs"):
        assert cloudinary.get(path).status_code == 404
    assert cloudinary.delete(f"{there}/outputs/{theirs.pk.hex}").status_code == 404
    assert Output.objects.filter(pk=theirs.pk).exists()


def test_who_may_only_read_is_told_no_key(home: NewOrganization, cloudinary: ApiClient, there: str) -> None:
    made = create_api_key(organization=home.organization, name="R", kind="cloudinary", scopes=["read"], actor=SYSTEM)
    reader = ApiClient("cloudinary", cloudinary.prefix, basic(made.row.lookup, made.secret))
    key = read(cloudinary.get(there))["data"]["input"]["stream_key"]
    one = f"{there}/outputs/{read(cloudinary.post(f'{there}/outputs', SIMULCAST))['data']['id']}"

    for path in ("/live_streams", there, f"{there}/outputs", one):
        text = reader.get(path).content.decode()
        assert key not in text
        assert SIMULCAST["stream_key"] not in text
    for method, path in (("POST", f"{there}/activate"), ("PATCH", one), ("DELETE", one), ("POST", "/live_streams")):
        assert reader.request(method, path, body={}).status_code == 403
