"""Recordings of meetings: in both vendors' words, and by Cloudflare's own client."""

from typing import Any

import pytest
from cloudflare import Cloudflare, NotFoundError
from pytest_django import Settings

from livehub.core import clock
from streams.meetings.broadcasts import start_meeting_livestream
from streams.models import Livestream, Meeting, Recording
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient, read
from tests.meetings.test_sdk import Place, place, sdk
from tests.recordings.broadcast import went_live
from tests.runs import connected

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
            ({"video_config": {"codec": "VP9"}}, "video_config.codec"),
            ({"storage_config": {"type": "gcs", "secret": "x", "bucket": "b"}}, "storage_config"),
            ({"meeting_id": "none"}, "meeting_id"),
        ],
    )
    def test_says_what_it_cannot_do(
        self, dyte: ApiClient, meeting: Meeting, on_air: Livestream, body: dict[str, object], field: str
    ) -> None:
        answer = dyte.post("/recordings", {"meeting_id": str(meeting.pk), **body})

        assert (answer.status_code, [*read(answer)["error"]["fields"]]) == (422, [field])

    def test_comes_with_the_broadcast_where_the_meeting_says_so(self, meeting: Meeting, settings: Settings) -> None:
        settings.RECORD_AUTOMATICALLY = False
        Meeting.objects.update(record_on_start=True, recording_config={"file_name_prefix": "weekly"})
        livestream, _ = start_meeting_livestream(meeting=meeting, name="", actor=SYSTEM)

        went_live(connected(livestream))

        recording = Recording.objects.get()
        assert (recording.origin, recording.start_reason) == ("record_on_start", "record_on_start")
        assert recording.output_file_name.startswith("weekly_")


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
