"""Recordings of meetings: in both vendors' words, and by Cloudflare's own client."""

from typing import Any

import pytest
from cloudflare import Cloudflare, NotFoundError
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from livehub.core import clock
from streams.livestreams.outputs import NewOutput, create_output
from streams.meetings.broadcasts import start_meeting_livestream
from streams.models import Livestream, Meeting, Output, Recording, StorageTarget
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings.pushing import end_push
from streams.recordings.sweeps import end_pushes
from tests.api.clients import ApiClient, read
from tests.meetings.test_sdk import Place, place, sdk
from tests.recordings.broadcast import went_live
from tests.runs import connected
from tests.stores.storages import storage_of

__all__ = ["place", "sdk"]

MEMBERS = {
    "id",
    "meeting_id",
    "session_id",
    "status",
    "output_file_name",
    "invoked_time",
    "started_time",
    "stopped_time",
    "file_size",
    "recording_duration",
    "download_url",
    "download_url_expiry",
    "audio_download_url",
    "storage_config",
    "start_reason",
    "stop_reason",
}

R2 = {"type": "cloudflare", "access_key": "AKIA", "secret": "s3cret-1", "bucket": "films", "account_id": "0af1" * 8}
S3 = {"type": "s3", "access_key": "AKIA", "secret": "s3cret-1", "bucket": "films", "endpoint": "https://s3.example"}
SFTP = {"type": "sftp", "host": "files.example", "username": "films", "auth_method": "PASSWORD", "password": "s3cret-1"}


@pytest.fixture
def on_air(meeting: Meeting) -> Livestream:
    """The meeting's livestream, with a broadcast."""
    livestream, _ = start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)
    went_live(connected(livestream))
    return livestream


class TestStart:
    def test_records_the_meetings_livestream(self, dyte: ApiClient, meeting: Meeting, on_air: Livestream) -> None:
        answer = dyte.post("/recordings", {"meeting_id": str(meeting.pk), "file_name_prefix": "standup"})

        shown = read(answer)["data"]
        assert (answer.status_code, shown.keys()) == (200, MEMBERS)
        assert (shown["status"], shown["meeting_id"]) == ("INVOKED", str(meeting.pk))
        assert shown["output_file_name"].startswith(f"standup_{meeting.pk}_")
        assert shown["start_reason"]["reason"] == "API_CALL"
        for name in ("download_url", "download_url_expiry", "file_size", "started_time", "stopped_time", "stop_reason"):
            assert shown[name] is None
        recording = Recording.objects.get()
        assert (recording.livestream, recording.max_seconds) == (on_air, 86_400)

    def test_asks_the_call_before_the_meeting(self, dyte: ApiClient, meeting: Meeting, on_air: Livestream) -> None:
        Meeting.objects.update(recording_config={"max_seconds": 600, "file_name_prefix": "weekly"})

        read(dyte.post("/recordings", {"meeting_id": str(meeting.pk), "max_seconds": 60}))

        recording = Recording.objects.get()
        assert recording.max_seconds == 60
        assert recording.output_file_name.startswith("weekly_")

    def test_is_refused_twice_unless_several_are_wanted(
        self, dyte: ApiClient, meeting: Meeting, on_air: Livestream
    ) -> None:
        body = {"meeting_id": str(meeting.pk)}
        dyte.post("/recordings", body)

        assert dyte.post("/recordings", body).status_code == 400
        assert dyte.post("/recordings", {**body, "allow_multiple_recordings": True}).status_code == 200

    def test_is_refused_without_a_livestream(self, dyte: ApiClient, meeting: Meeting) -> None:
        answer = dyte.post("/recordings", {"meeting_id": str(meeting.pk)})

        assert (answer.status_code, read(answer)["error"]["type"]) == (400, "nothing_to_record")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"max_seconds": 59}, "max_seconds"),
            ({"file_name_prefix": "a/b"}, "file_name_prefix"),
            ({"dyte_bucket_config": {"enabled": False}}, "bucket_config"),
            ({"video_config": {"codec": "VP9"}, "audio_config": {"codec": "AAC"}}, "audio_config.codec"),
            ({"video_config": {"export_file": False}}, "video_config.export_file"),
            ({"video_config": {"watermark": {"position": "left top"}}}, "video_config.watermark.url"),
            ({"storage_config": {"type": "gcs", "secret": "x"}}, "storage_config.bucket"),
            ({"storage_config": {**R2, "account_id": "../evil"}}, "storage_config.account_id"),
            ({"storage_config": {**S3, "endpoint": "http://127.0.0.1"}}, "storage_config.endpoint"),
            ({"storage_config": {**SFTP, "port": 25}}, "storage_config.port"),
            ({"url": "https://pages.example"}, "url"),
            ({"interactive_config": {"type": "ID3"}}, "interactive_config"),
            ({"meeting_id": "none"}, "meeting_id"),
        ],
    )
    def test_says_what_it_cannot_do(
        self, dyte: ApiClient, meeting: Meeting, on_air: Livestream, body: dict[str, object], field: str
    ) -> None:
        answer = dyte.post("/recordings", {"meeting_id": str(meeting.pk), **body})

        assert (answer.status_code, [*read(answer)["error"]["fields"]]) == (422, [field])

    @pytest.mark.parametrize(
        ("storage", "shown"),
        [
            (
                {
                    "type": "aws",
                    "access_key": "AKIA",
                    "secret_key": "s3cret-1",
                    "region": "eu-central-1",
                    "bucket": "f",
                },
                {"type": "aws", "bucket": "f", "region": "eu-central-1", "path": ""},
            ),
            (
                {"type": "azure", "access_key": "s3cret-1", "secret": "", "region": "", "bucket": "f", "path": "/a"},
                {"type": "azure", "bucket": "f", "region": "", "path": "/a"},
            ),
            (
                {"type": "digitalocean", "access_key": "AKIA", "secret": "s3cret-1", "region": "fra1", "bucket": "f"},
                {"type": "digitalocean", "bucket": "f", "region": "fra1", "path": ""},
            ),
            (
                {"type": "gcs", "secret": "s3cret-1", "bucket": "f"},
                {"type": "gcs", "bucket": "f", "region": "", "path": ""},
            ),
            (R2, {"type": "cloudflare", "bucket": "films", "region": "", "path": ""}),
            (
                SFTP,
                {
                    "type": "sftp",
                    "path": "",
                    "host": "files.example",
                    "port": 22,
                    "username": "films",
                    "auth_method": "PASSWORD",
                },
            ),
        ],
    )
    def test_goes_to_the_storage_that_it_is_told(
        self,
        dyte: ApiClient,
        meeting: Meeting,
        on_air: Livestream,
        storage: dict[str, object],
        shown: dict[str, object],
    ) -> None:
        answer = dyte.post("/recordings", {"meeting_id": str(meeting.pk), "storage_config": storage})

        assert "s3cret-1" not in answer.text
        told = read(answer)["data"]["storage_config"]
        recording = Recording.objects.select_related("storage").get()
        target = recording.storage
        assert target is not None
        assert told == {"id": str(target.pk), **shown}
        assert "s3cret-1" in target.secrets.values()
        # Under the very name that the caller was told, and in no list of the app's.
        assert recording.object_name == recording.output_file_name
        assert read(dyte.get("/storage-targets"))["data"] == []
        assert dyte.get(f"/storage-targets/{target.pk}").status_code == 404

    def test_goes_to_the_apps_default_storage_where_nobody_says(
        self, dyte: ApiClient, meeting: Meeting, on_air: Livestream
    ) -> None:
        usual = storage_of(meeting.app, is_default=True)
        body = {"meeting_id": str(meeting.pk), "allow_multiple_recordings": True}

        of_app = read(dyte.post("/recordings", {**body, "dyte_bucket_config": {"enabled": False}}))
        of_call = read(dyte.post("/recordings", {**body, "storage_config": R2}))

        assert of_app["data"]["storage_config"]["id"] == str(usual.pk)
        assert of_call["data"]["storage_config"]["type"] == "cloudflare"

    def test_asks_the_call_before_the_meeting_for_a_storage(
        self, dyte: ApiClient, meeting: Meeting, on_air: Livestream
    ) -> None:
        config = {"storage_config": SFTP, "dyte_bucket_config": {"enabled": False}}
        dyte.request("PATCH", f"/meetings/{meeting.pk}", body={"recording_config": config})
        body = {"meeting_id": str(meeting.pk), "allow_multiple_recordings": True}

        of_meeting = read(dyte.post("/recordings", {**body, "storage_config": None}))["data"]["storage_config"]
        of_call = read(dyte.post("/recordings", {**body, "storage_config": R2}))["data"]["storage_config"]

        assert (of_meeting["type"], of_call["type"]) == ("sftp", "cloudflare")
        assert [*Recording.objects.values_list("has_links", flat=True)] == [False, False]
        endpoints = {target.type: target.endpoint for target in StorageTarget.objects.all()}
        assert endpoints["cloudflare"] == f"https://{'0af1' * 8}.r2.cloudflarestorage.com"
        assert {*(target.secrets["password"] for target in StorageTarget.objects.filter(type="sftp"))} == {"s3cret-1"}

    def test_hands_out_no_links_where_the_bucket_is_off(
        self, dyte: ApiClient, meeting: Meeting, on_air: Livestream
    ) -> None:
        body = {"meeting_id": str(meeting.pk), "storage_config": S3, "dyte_bucket_config": {"enabled": False}}
        made = read(dyte.post("/recordings", body))["data"]
        Recording.objects.update(status="uploaded", size=7)

        shown = read(dyte.get(f"/recordings/{made['id']}"))["data"]

        assert (shown["file_size"], shown["download_url"], shown["download_url_expiry"]) == (7, None, None)

    @pytest.mark.parametrize(
        ("config", "name", "kept"),
        [
            ({"video_config": {"codec": "VP9"}}, ".webm", {"codec": "VP9", "sound_codec": "VORBIS"}),
            ({"video_config": {"width": 640}}, ".mp4", {"width": 640, "height": None}),
            ({"audio_config": {"codec": "MP3", "channel": "mono"}}, ".mp4", {"sound_codec": "MP3", "channels": 1}),
            ({"audio_config": {}, "video_config": {"export_file": False}}, ".m4a", {"has_video_file": False}),
        ],
    )
    def test_is_to_be_like_that(
        self,
        dyte: ApiClient,
        meeting: Meeting,
        on_air: Livestream,
        config: dict[str, object],
        name: str,
        kept: dict[str, object],
    ) -> None:
        shown = read(dyte.post("/recordings", {"meeting_id": str(meeting.pk), **config}))["data"]

        assert shown["output_file_name"].endswith(name)
        rendition = Recording.objects.get().rendition or {}
        assert {key: rendition[key] for key in kept} == kept

    def test_is_as_it_is_broadcast_where_nothing_else_is_asked_for(
        self, dyte: ApiClient, meeting: Meeting, on_air: Livestream
    ) -> None:
        config = {"video_config": {"codec": "H264"}, "audio_config": {"codec": "AAC", "export_file": False}}

        dyte.post("/recordings", {"meeting_id": str(meeting.pk), **config})

        assert Recording.objects.get().rendition is None

    def test_comes_with_the_broadcast_where_the_meeting_says_so(self, meeting: Meeting, settings: Settings) -> None:
        settings.RECORD_AUTOMATICALLY = False
        Meeting.objects.update(record_on_start=True, recording_config={"file_name_prefix": "weekly"})
        livestream, _ = start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)

        went_live(connected(livestream))

        recording = Recording.objects.get()
        assert (recording.origin, recording.start_reason) == ("record_on_start", "record_on_start")
        assert recording.output_file_name.startswith("weekly_")

    def test_goes_where_the_meeting_says_when_it_comes_with_the_broadcast(
        self, dyte: ApiClient, meeting: Meeting
    ) -> None:
        config = {"storage_config": SFTP, "video_config": {"codec": "VP8"}}
        dyte.request("PATCH", f"/meetings/{meeting.pk}", body={"record_on_start": True, "recording_config": config})
        meeting.refresh_from_db()
        livestream, _ = start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)

        went_live(connected(livestream))

        recording = Recording.objects.select_related("storage").get()
        assert recording.storage is not None
        assert recording.storage.secrets == {"password": "s3cret-1"}
        assert recording.output_file_name.endswith(".webm")

    def test_fails_in_words_where_the_meetings_storage_cannot_be(self, meeting: Meeting) -> None:
        """Rather than be kept where nobody wanted it."""
        Meeting.objects.update(record_on_start=True, recording_config={"storage_config": {"type": "gcs"}})
        meeting.refresh_from_db()
        livestream, _ = start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)

        went_live(connected(livestream))

        recording = Recording.objects.get()
        assert recording.status == "errored"
        assert "storage_config.bucket" in recording.problem


class TestPush:
    """It is sent to another platform as long as it is recorded."""

    URL = "rtmps://live.example/app/s3cret-key?user=7"

    def test_is_a_simulcast_until_it_is_stopped(
        self,
        dyte: ApiClient,
        meeting: Meeting,
        on_air: Livestream,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        body = {"meeting_id": str(meeting.pk), "rtmp_out_config": {"rtmp_url": self.URL}}

        made = read(dyte.post("/recordings", body))["data"]

        output = Output.objects.get(livestream=on_air, type="simulcast")
        assert (output.uri, output.stream_key, output.enabled) == (
            "rtmps://live.example/app",
            "s3cret-key?user=7",
            True,
        )
        with django_capture_on_commit_callbacks(execute=True):
            dyte.request("PUT", f"/recordings/{made['id']}", body={"action": "stop"})
        assert not Output.objects.filter(pk=output.pk).exists()

    def test_goes_after_all_when_who_stopped_it_was_killed(
        self, dyte: ApiClient, meeting: Meeting, on_air: Livestream
    ) -> None:
        dyte.post("/recordings", {"meeting_id": str(meeting.pk), "rtmp_out_config": {"rtmp_url": self.URL}})
        end_pushes()
        # Somebody calls who heard of its end before it was given to another.
        end_push(recording_id=Recording.objects.get().pk)
        assert Output.objects.filter(type="simulcast").exists()
        Recording.objects.update(status="uploading")

        end_pushes()

        assert not Output.objects.filter(type="simulcast").exists()

    def test_leaves_a_simulcast_alone_that_is_there(
        self, dyte: ApiClient, meeting: Meeting, on_air: Livestream
    ) -> None:
        new = NewOutput(type="simulcast", uri="rtmps://live.example/app", stream_key="s3cret-key?user=7")
        there = create_output(livestream=on_air, new=new, actor=SYSTEM)

        dyte.post("/recordings", {"meeting_id": str(meeting.pk), "rtmp_out_config": {"rtmp_url": self.URL}})

        assert Recording.objects.get().push is None
        assert [*Output.objects.filter(type="simulcast")] == [there]

    def test_is_made_whatever_other_livestreams_are_sent_to(
        self, dyte: ApiClient, meeting: Meeting, on_air: Livestream, foreign_livestream: Livestream
    ) -> None:
        new = NewOutput(type="simulcast", uri="rtmps://live.example/app", stream_key="s3cret-key?user=7")
        create_output(livestream=foreign_livestream, new=new, actor=SYSTEM)

        dyte.post("/recordings", {"meeting_id": str(meeting.pk), "rtmp_out_config": {"rtmp_url": self.URL}})

        push = Recording.objects.select_related("push").get().push
        assert push is not None
        assert push.livestream == on_air

    def test_comes_with_the_meetings_recording(self, meeting: Meeting) -> None:
        config = {"live_streaming_config": {"rtmp_url": self.URL}}
        Meeting.objects.update(record_on_start=True, recording_config=config)
        meeting.refresh_from_db()
        livestream, _ = start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)

        went_live(connected(livestream))

        push = Recording.objects.select_related("push").get().push
        assert push is not None
        assert push.uri == "rtmps://live.example/app"

    def test_names_the_field_of_an_address_that_cannot_be(
        self, dyte: ApiClient, meeting: Meeting, on_air: Livestream
    ) -> None:
        body = {"meeting_id": str(meeting.pk), "rtmp_out_config": {"rtmp_url": "rtmp://live.example:0/app/key"}}

        answer = dyte.post("/recordings", body)

        assert (answer.status_code, [*read(answer)["error"]["fields"]]) == (422, ["rtmp_out_config.rtmp_url"])
        assert Recording.objects.count() == 0


class TestChange:
    @pytest.fixture
    def recording(self, dyte: ApiClient, meeting: Meeting, on_air: Livestream) -> Recording:
        dyte.post("/recordings", {"meeting_id": str(meeting.pk)})
        return Recording.objects.get()

    def test_pauses_resumes_and_stops(self, dyte: ApiClient, recording: Recording, meeting: Meeting) -> None:
        there = f"/recordings/{recording.pk}"

        said = [
            read(dyte.request("PUT", there, body={"action": action}))["data"]["status"]
            for action in ("pause", "pause", "resume", "stop", "stop")
        ]

        assert said == ["PAUSED", "PAUSED", "RECORDING", "UPLOADING", "UPLOADING"]
        assert dyte.request("PUT", there, body={"action": "pause"}).status_code == 400
        shown = read(dyte.get(there))["data"]
        assert shown["stop_reason"]["reason"] == "API_CALL"
        assert dyte.get(f"/recordings/active-recording/{meeting.pk}").status_code == 404

    def test_is_listed_with_its_meeting(self, dyte: ApiClient, recording: Recording, meeting: Meeting) -> None:
        listed = read(dyte.get(f"/recordings?status=INVOKED&status=PAUSED&meeting_id={meeting.pk}"))

        assert [each["id"] for each in listed["data"]] == [str(recording.pk)]
        assert listed["data"][0]["meeting"]["id"] == str(meeting.pk)
        assert listed["paging"]["total_count"] == 1
        assert read(dyte.get("/recordings?status=UPLOADED"))["data"] == []
        assert read(dyte.get("/recordings?expired=true"))["data"] == []


@pytest.mark.django_db(transaction=True)
def test_cloudflares_client_reads_every_answer(
    sdk: Cloudflare, place: Place, meeting: Meeting, on_air: Livestream, home: NewOrganization
) -> None:
    recordings = sdk.realtime_kit.recordings
    with pytest.raises(NotFoundError):
        recordings.get_active_recordings(str(meeting.pk), **place)
    started = recordings.start_recordings(**place, meeting_id=str(meeting.pk), max_seconds=60).data
    assert started is not None
    assert started.status == "INVOKED"

    active = recordings.get_active_recordings(str(meeting.pk), **place).data
    assert active is not None
    assert active.id == started.id
    one: Any = {**place, "recording_id": started.id}
    stopped = recordings.pause_resume_stop_recording(**one, action="stop").data
    assert stopped is not None
    assert stopped.status == "UPLOADING"
    now = clock.now()
    Recording.objects.update(
        status="uploaded", size=84_213_377, duration_us=214_500_000, started_at=now, uploaded_at=now
    )
    found = recordings.get_one_recording(**one).data
    assert found is not None
    assert (found.status, found.file_size, found.recording_duration) == ("UPLOADED", 84_213_377, 214)
    assert found.download_url
    listed = recordings.get_recordings(**place, page_no=1, per_page=5, sort_by="invokedTime", sort_order="ASC")
    assert [each.id for each in listed.data] == [started.id]
