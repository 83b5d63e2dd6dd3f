"""Where a livestream is fetched from, over REST."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from livehub.api.identifiers import object_id
from streams.livestreams.services import change_livestream
from streams.models import Livestream, PullSource
from streams.organizations.services import SYSTEM
from tests.api.clients import ApiClient, read

URL = "rtmp://ann:s3cr3t@source.example.com/live/keynote"
MASKED = "rtmp://***@source.example.com/live/keynote"
NONE = {"enabled": False, "url": None, "state": "idle", "reason": None, "since": None, "tries": 0}


class TestOwn:
    def test_is_said_when_it_is_made_and_answered_without_credentials(self, dyte: ApiClient) -> None:
        answer = read(dyte.post("/livestreams", {"name": "Keynote", "pull": {"url": URL}}))["data"]

        pull = answer["pull"]
        assert {**pull, "since": None} == {**NONE, "enabled": True, "url": MASKED, "state": "starting"}
        assert PullSource.objects.get().url.text == URL
        assert read(dyte.get(f"/livestreams/{answer['id']}"))["data"]["livestream"]["pull"] == pull

    def test_is_none_where_an_encoder_publishes(self, dyte: ApiClient, livestream: Livestream) -> None:
        assert read(dyte.get(f"/livestreams/{livestream.pk}"))["data"]["livestream"]["pull"] == NONE

    def test_is_changed_with_its_own_masked_address_kept(self, dyte: ApiClient, livestream: Livestream) -> None:
        there = f"/livestreams/{livestream.pk}"
        read(dyte.patch(there, {"pull": {"url": URL}}))
        answer = read(dyte.patch(there, {"pull": {"url": MASKED, "enabled": False}}))["data"]
        assert (answer["pull"]["enabled"], answer["pull"]["state"]) == (False, "idle")
        assert PullSource.objects.get().url.text == URL
        assert read(dyte.patch(there, {"pull": {"url": None}}))["data"]["pull"] == NONE

    def test_says_what_is_wrong_with_an_address(self, dyte: ApiClient, livestream: Livestream) -> None:
        for url in ("file:///etc/passwd", "rtmp://***@another.example.com/live/keynote", "rtmp://", "x"):
            response = dyte.patch(f"/livestreams/{livestream.pk}", {"pull": {"url": url}})
            assert response.status_code == 422
            assert set(read(response)["error"]["fields"]) == {"pull"}
        assert not PullSource.objects.exists()

    def test_lists_take_no_query_more_for_each(self, dyte: ApiClient, livestream: Livestream) -> None:
        with CaptureQueriesContext(connection) as none:
            read(dyte.get("/livestreams"))
        for _ in range(3):
            made = read(dyte.post("/livestreams", {"pull": {"url": URL}}))["data"]
        with CaptureQueriesContext(connection) as many:
            rows = read(dyte.get("/livestreams"))["data"]
        assert made["pull"] in [row["pull"] for row in rows]
        assert len(many) == len(none)


class TestLiveApi:
    def test_has_a_pulling_mode(self, liveapi: ApiClient) -> None:
        body = {"name": "Keynote", "settings": {"pulling_mode": {"enabled": True, "url": URL}}}
        made = read(liveapi.post("/live_streams", body))
        assert made["settings"] == {"pulling_mode": {"enabled": True, "url": MASKED}}

        there = f"/live_streams/{made['_id']}"
        off = read(liveapi.patch(there, {"settings": {"pulling_mode": {"enabled": False}}}))
        assert off["settings"] == {"pulling_mode": {"enabled": False, "url": MASKED}}
        # What says nothing changes nothing.
        assert read(liveapi.patch(there, {"settings": {"pulling_mode": {}}}))["settings"] == off["settings"]

    def test_is_the_one_of_the_other_dialects(self, liveapi: ApiClient, livestream: Livestream) -> None:
        change_livestream(livestream=livestream, actor=SYSTEM, pull={"url": URL})
        found = read(liveapi.get(f"/live_streams/{object_id(livestream.pk)}"))
        assert found["settings"] == {"pulling_mode": {"enabled": True, "url": MASKED}}

    def test_complains_in_its_words(self, liveapi: ApiClient, livestream: Livestream) -> None:
        body = {"settings": {"pulling_mode": {"url": "file:///etc/passwd"}}}
        response = liveapi.patch(f"/live_streams/{object_id(livestream.pk)}", body)
        assert response.status_code == 422
        assert set(read(response)["error"]["fields"]) == {"settings.pulling_mode.url"}
