"""Recordings of a livestream over REST: ours, and LiveAPI's."""

import pytest

from livehub.api.identifiers import object_id
from streams.models import Livestream, Recording, Session
from streams.organizations.services import NewOrganization
from tests.api.clients import ApiClient, dyte_client, liveapi_client, read
from tests.recordings.broadcast import went_live
from tests.stores.storages import storage_of


@pytest.fixture
def dyte(home: NewOrganization) -> ApiClient:
    return dyte_client(home)


@pytest.fixture
def there(livestream: Livestream) -> str:
    return f"/livestreams/{livestream.pk}/recordings"


@pytest.fixture
def by_call(session: Session, settings: object) -> None:
    settings.RECORD_AUTOMATICALLY = False  # type: ignore[attr-defined]  # Django's settings.
    went_live(session)


class TestOurs:
    def test_are_started_paused_resumed_stopped_and_deleted(
        self, dyte: ApiClient, there: str, by_call: None, livestream: Livestream
    ) -> None:
        made = dyte.post(there, {"max_seconds": 60, "file_name_prefix": "keynote", "retention_s": 3600})
        shown = read(made)["data"]
        assert (made.status_code, shown["status"], shown["livestream_id"]) == (201, "INVOKED", str(livestream.pk))
        assert (shown["download_url"], shown["is_verified"], shown["gaps"]) == (None, False, [])

        one = f"{there}/{shown['id']}"
        assert dyte.delete(one).status_code == 400
        steps = [read(dyte.post(f"{one}/{step}"))["data"]["status"] for step in ("pause", "resume", "stop", "stop")]

        assert steps == ["PAUSED", "RECORDING", "UPLOADING", "UPLOADING"]
        assert dyte.post(f"{one}/pause").status_code == 400
        assert [each["id"] for each in read(dyte.get(there))["data"]] == [shown["id"]]
        assert Recording.objects.get().retention_s == 3600
        assert dyte.delete(one).status_code == 200
        assert dyte.get(one).status_code == 404

    def test_are_not_started_without_a_broadcast_or_twice(self, dyte: ApiClient, there: str, by_call: None) -> None:
        assert dyte.post(there).status_code == 201

        again = dyte.post(there)

        assert (again.status_code, read(again)["error"]["type"]) == (400, "recording_active")
        Session.objects.all().delete()
        Recording.objects.all().delete()
        nothing = dyte.post(there)
        assert (nothing.status_code, read(nothing)["error"]["type"]) == (400, "nothing_to_record")

    def test_go_to_a_storage_of_the_app_and_to_no_other(
        self, dyte: ApiClient, there: str, by_call: None, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        ours, theirs = storage_of(home.app), storage_of(abroad.app)

        refused = dyte.post(there, {"storage_target_id": str(theirs.pk)})
        made = dyte.post(there, {"storage_target_id": str(ours.pk)})

        assert (refused.status_code, [*read(refused)["error"]["fields"]]) == (422, ["storage_target_id"])
        assert read(made)["data"]["storage_target_id"] == str(ours.pk)


class TestLiveApis:
    def test_are_listed_by_live_stream_and_as_videos(
        self, home: NewOrganization, session: Session, livestream: Livestream
    ) -> None:
        went_live(session)
        liveapi = liveapi_client(home)
        there = f"/live_streams/{object_id(livestream.pk)}/temporary_recordings"

        (listed,) = read(liveapi.get(there))
        assert (listed["duration"], listed["download_url"]) == (None, None)
        assert read(liveapi.get("/videos")) == {"docs": [], "page": 1, "pages": 0}
        Recording.objects.update(status="uploaded", size=5, duration_us=2_500_000)

        (stored,) = read(liveapi.get("/videos?page=0"))["docs"]
        assert (stored["_id"], stored["duration"], stored["bytes"]) == (listed["_id"], 2.5, 5)
        assert stored["download_url"]
        assert read(liveapi.get(f"{there}/{listed['_id']}")).keys() == stored.keys()
        assert read(liveapi.get("/videos?page=7"))["docs"] == []
