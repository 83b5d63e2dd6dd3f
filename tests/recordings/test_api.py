"""Recordings of a livestream over REST: ours, and LiveAPI's."""

from unittest.mock import ANY

import pytest

from livehub.api.identifiers import object_id
from livehub.core import clock
from streams.models import AuditEntry, Livestream, Output, Recording, Session
from streams.organizations.services import NewOrganization
from streams.recordings.links import playback_url
from tests.api.clients import ApiClient, cloudinary_client, dyte_client, liveapi_client, read, read_list
from tests.recordings.broadcast import is_over, went_live
from tests.runs import connected
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
        assert (shown["slate"], shown["playback_url"], shown["downloads"]) == ("cut", None, {"mp4": None, "m4a": None})

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

    def test_go_to_the_apps_default_storage_unless_they_are_told_otherwise(
        self, dyte: ApiClient, there: str, by_call: None, home: NewOrganization
    ) -> None:
        usual = storage_of(home.app, is_default=True)

        told = [
            read(dyte.post(there, {**said, "allow_multiple_recordings": True}))["data"]["storage_target_id"]
            for said in ({}, {"storage_target_id": None})
        ]

        assert told == [str(usual.pk), None]

    def test_keep_the_slate_where_that_is_asked_for(self, dyte: ApiClient, there: str, by_call: None) -> None:
        refused = dyte.post(there, {"slate": "maybe"})
        made = dyte.post(there, {"slate": "keep"})

        assert (refused.status_code, [*read(refused)["error"]["fields"]]) == (422, ["slate"])
        assert (read(made)["data"]["slate"], Recording.objects.get().slate) == ("keep", "keep")

    def test_name_what_plays_them_and_what_they_are_fetched_as(
        self, dyte: ApiClient, there: str, by_call: None, livestream: Livestream
    ) -> None:
        one = f"{there}/{read(dyte.post(there))['data']['id']}"
        Recording.objects.update(status="uploaded")

        shown = read(dyte.get(one))["data"]

        beginning = livestream.playback_url.removesuffix("index.m3u8") + f"recordings/{shown['id']}/"
        assert shown["playback_url"] == f"{beginning}index.m3u8"
        assert (shown["poster_url"], shown["pictures_status"]) == (None, "waiting")
        assert shown["downloads"]["m4a"]["url"].endswith("&as=m4a")
        Recording.objects.update(stills_status="made", has_sound=False)
        shown = read(dyte.get(one))["data"]
        assert shown["poster_url"] == f"{beginning}pictures/poster.jpg"
        assert shown["storyboard_url"] == f"{beginning}storyboard.vtt"
        assert (shown["downloads"]["m4a"], shown["downloads"]["mp4"]["url"]) == (None, shown["download_url"])
        Livestream.objects.update(deleted_at=clock.now())
        assert playback_url(Recording.objects.get()) is None


class TestSettings:
    def test_hold_for_the_next_broadcast(
        self, dyte: ApiClient, session: Session, livestream: Livestream, home: NewOrganization
    ) -> None:
        there, storage = f"/livestreams/{livestream.pk}/recording-settings", storage_of(home.app)
        assert read(dyte.get(there))["data"] == {
            "enabled": True,
            "retention_s": None,
            "file_name_prefix": "",
            "max_seconds": None,
            "slate": "cut",
            "storage_target_id": None,
            "uses_app_storage": True,
        }

        said = {"retention_s": 0, "file_name_prefix": "keynote", "max_seconds": 600, "slate": "keep"}
        dyte.patch(there, said)
        shown = read(dyte.patch(there, {"storage_target_id": str(storage.pk)}))["data"]
        went_live(session)

        assert shown == {"enabled": True, **said, "storage_target_id": str(storage.pk), "uses_app_storage": False}
        recording = Recording.objects.get()
        assert (recording.retention_s, recording.max_seconds, recording.storage) == (0, 600, storage)
        assert recording.slate == "keep"
        assert recording.output_file_name.startswith("keynote_")
        assert AuditEntry.objects.filter(action="livestream.recording_settings_changed").count() == 2

    def test_have_the_storage_of_their_app_until_they_are_told_another(
        self, dyte: ApiClient, session: Session, livestream: Livestream, home: NewOrganization
    ) -> None:
        there = f"/livestreams/{livestream.pk}/recording-settings"
        first, usual = storage_of(home.app, is_default=True), storage_of(home.app, is_default=True)
        names = ("storage_target_id", "uses_app_storage")

        bodies: list[dict[str, object]] = [
            {"max_seconds": 600},
            {"storage_target_id": str(first.pk)},
            {"storage_target_id": None},
            {"uses_app_storage": True},
        ]
        shown = [[read(dyte.patch(there, body))["data"][name] for name in names] for body in bodies]
        went_live(session)

        assert shown == [[str(usual.pk), True], [str(first.pk), False], [None, False], [str(usual.pk), True]]
        assert Recording.objects.get().storage == usual

    def test_are_refused_in_words(self, dyte: ApiClient, livestream: Livestream, abroad: NewOrganization) -> None:
        there, theirs = f"/livestreams/{livestream.pk}/recording-settings", storage_of(abroad.app)
        wrong: list[tuple[str, object]] = [
            ("max_seconds", 5),
            ("file_name_prefix", "a/b"),
            ("storage_target_id", str(theirs.pk)),
            ("retention_s", -1),
            ("slate", "blue"),
        ]

        for name, value in wrong:
            answer = dyte.patch(there, {name: value})
            assert (answer.status_code, [*read(answer)["error"]["fields"]]) == (422, [name])


class TestLiveApis:
    def test_are_listed_by_live_stream_and_as_videos(
        self, home: NewOrganization, session: Session, livestream: Livestream
    ) -> None:
        went_live(session)
        liveapi = liveapi_client(home)
        there = f"/live_streams/{object_id(livestream.pk)}/temporary_recordings"

        (listed,) = read_list(liveapi.get(there))
        assert (listed["duration"], listed["download_url"], listed["export_data"]) == (None, None, [])
        assert listed["playback"] == {"temporary_playback": None}
        assert read(liveapi.get("/videos")) == {"docs": [], "page": 1, "pages": 0}
        assert read(liveapi.get(f"/videos/{listed['_id']}"))["status"] == "processing"
        Recording.objects.update(status="uploaded", size=5, duration_us=2_500_000)

        (stored,) = read(liveapi.get("/videos?page=0"))["docs"]
        assert (stored["_id"], stored["duration"], stored["bytes"]) == (listed["_id"], 2.5, 5)
        assert (stored["status"], stored["enabled"], stored["name"]) == ("ready", True, livestream.name)
        assert read(liveapi.get(f"/videos/{stored['_id']}")).keys() == stored.keys()
        assert read(liveapi.get("/videos?page=7"))["docs"] == []
        shown = read(liveapi.get(f"{there}/{listed['_id']}"))
        assert shown["playback"]["temporary_playback"].endswith("/index.m3u8")
        (exported,) = shown["export_data"]
        assert (exported["status"], exported["video_id"], exported["duration"]) == ("EXPORTED", stored["_id"], 2.5)
        assert exported["download_url"]

    def test_are_deleted_as_videos(self, home: NewOrganization, session: Session) -> None:
        went_live(session)
        liveapi = liveapi_client(home)
        there = f"/videos/{object_id(Recording.objects.get().pk)}"

        assert liveapi.delete(there).status_code == 400
        Recording.objects.update(status="uploaded", size=5, duration_us=2_500_000)

        assert read(liveapi.delete(there))["_id"] == object_id(Recording.objects.get().pk)
        assert liveapi.get(there).status_code == 404
        assert not Recording.objects.existing().exists()


class TestCloudinarysArchives:
    def test_are_assets_by_the_archives_public_id(
        self, home: NewOrganization, session: Session, livestream: Livestream
    ) -> None:
        cloudinary = cloudinary_client(home)
        outputs = read(cloudinary.get(f"/live_streams/{livestream.pk.hex}/outputs"))["data"]
        (archive,) = [output for output in outputs if output["type"] == "archive"]
        there = f"/resources/video/upload/{archive['public_id']}"
        assert cloudinary.get(there).status_code == 404
        went_live(session)

        pending = read(cloudinary.get(there))["data"]
        Recording.objects.update(status="uploaded", size=5, duration_us=2_500_000)
        stored = read(cloudinary.get(there))["data"]

        assert (pending["status"], pending["bytes"], pending["secure_url"]) == ("pending", None, None)
        assert (stored["status"], stored["bytes"], stored["duration"], stored["format"]) == ("active", 5, 2.5, "mp4")
        assert (stored["resource_type"], stored["type"]) == ("video", "upload")
        assert (stored["public_id"], stored["live_stream_id"]) == (archive["public_id"], livestream.pk.hex)
        assert stored["playback_url"].endswith("/index.m3u8")
        assert stored["secure_url"].startswith("http")
        assert read(cloudinary.get("/resources/video/upload"))["data"] == [
            {**stored, "secure_url": ANY},
        ]

    def test_show_the_newest_broadcast_and_are_deleted(
        self, home: NewOrganization, session: Session, livestream: Livestream
    ) -> None:
        cloudinary = cloudinary_client(home)
        Output.objects.filter(livestream=livestream, type="archive").update(public_id="shows/keynote")
        there = "/resources/video/upload/shows/keynote"
        is_over(went_live(session))
        went_live(connected(livestream))
        older, newer = Recording.objects.order_by("invoked_at")

        assert read(cloudinary.get(there))["data"]["asset_id"] == newer.pk.hex
        assert cloudinary.delete(there).status_code == 400
        Recording.objects.update(status="uploaded", size=5)
        assert cloudinary.delete(there).status_code == 200

        assert read(cloudinary.get(there))["data"]["asset_id"] == older.pk.hex
        assert len(read(cloudinary.get("/resources/video/upload"))["data"]) == 1

    def test_are_nobody_elses(self, abroad: NewOrganization, session: Session, livestream: Livestream) -> None:
        went_live(session)
        public_id = Output.objects.get(livestream=livestream, type="archive").public_id

        assert cloudinary_client(abroad).get(f"/resources/video/upload/{public_id}").status_code == 404
        assert read(cloudinary_client(abroad).get("/resources/video/upload"))["data"] == []
