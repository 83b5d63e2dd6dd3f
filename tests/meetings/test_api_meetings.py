"""/meetings in both dialects."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from streams.meetings.services.meetings import change_meeting, create_meeting
from streams.models import ApiKey, AuditEntry, Meeting
from streams.organizations.services import SYSTEM, NewOrganization, create_api_key
from tests.api.clients import ApiClient, basic, read
from tests.meetings.queries import asked_for
from tests.overtaking import overtaken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MEMBERS = {
    *("id", "title", "status", "record_on_start", "live_stream_on_start", "persist_chat", "summarize_on_end"),
    *("transcribe_on_end", "session_keep_alive_time_in_secs", "recording_config", "ai_config"),
    *("created_at", "updated_at"),
}
OF_DYTE = {"preferred_region", "waiting_room"}
STORAGE = {
    "type": "aws",
    "access_key": "AKIA-1",
    "secret": "s3cret-1",
    "bucket": "films",
    "region": "eu-1",
    "path": "/a",
}


def _data(response: Any, *, status: int = 200) -> Any:
    assert response.status_code == status, response.content
    return read(response)["data"]


def _fields(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 422, response.content
    fields: dict[str, list[str]] = read(response)["error"]["fields"]
    return fields


class TestCreate:
    def test_needs_nothing(self, api: ApiClient) -> None:
        meeting = _data(api.request("POST", "/meetings", raw=b""), status=201)

        assert meeting.keys() == MEMBERS | (OF_DYTE if api.name == "dyte" else set())
        assert (meeting["title"], meeting["status"]) == (None, "ACTIVE")
        assert (meeting["session_keep_alive_time_in_secs"], meeting["record_on_start"]) == (60, False)
        assert (meeting["recording_config"], meeting["ai_config"]) == (None, None)
        for moment in (meeting["created_at"], meeting["updated_at"]):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment)

    def test_takes_the_body_of_dytes_quickstart(self, dyte: ApiClient) -> None:
        body = {"title": "Sample meeting", "preferred_region": "ap-south-1", "record_on_start": False}

        meeting = _data(dyte.post("/meetings", body), status=201)

        assert body.items() <= meeting.items()
        assert meeting["waiting_room"] is False

    def test_takes_everything_that_realtimekit_has(self, realtimekit: ApiClient) -> None:
        body = {
            "title": "Town hall",
            "record_on_start": True,
            "live_stream_on_start": True,
            "persist_chat": True,
            "summarize_on_end": True,
            "transcribe_on_end": True,
            "session_keep_alive_time_in_secs": 120.0,
            "recording_config": {
                "max_seconds": 600,
                "file_name_prefix": "hall",
                "video_config": {
                    "codec": "VP9",
                    "width": 1920,
                    "height": 1080,
                    "export_file": False,
                    "watermark": {
                        "url": "https://a.example/logo.png",
                        "size": {"width": 64, "height": 64},
                        "position": "right bottom",
                    },
                },
                "audio_config": {"codec": "MP3", "channel": "mono", "export_file": True},
                "live_streaming_config": {"rtmp_url": "rtmps://live.example/app/key"},
                "realtimekit_bucket_config": {"enabled": False},
            },
            "ai_config": {
                "transcription": {"keywords": ["LiveHub"], "language": "de", "profanity_filter": True},
                "summarization": {"word_limit": 150, "text_format": "plain_text", "summary_type": "lecture"},
            },
        }

        meeting = _data(realtimekit.post("/meetings", body), status=201)

        assert body.items() <= meeting.items()
        assert "bucket_config" not in meeting["recording_config"]

    def test_calls_the_instances_storage_as_the_vendor_does(self, dyte: ApiClient, realtimekit: ApiClient) -> None:
        for client, word in ((dyte, "dyte_bucket_config"), (realtimekit, "realtimekit_bucket_config")):
            body = {"recording_config": {word: {"enabled": True}}}

            assert _data(client.post("/meetings", body), status=201)["recording_config"] == body["recording_config"]

    @pytest.mark.parametrize("word", ["secret", "secret_key"])
    def test_echoes_no_secret_of_a_storage(self, api: ApiClient, word: str) -> None:
        storage = {name: value for name, value in STORAGE.items() if name != "secret"}
        body = {"recording_config": {"storage_config": {**storage, word: "s3cret-1"}}}

        made = api.post("/meetings", body)

        shown = _data(made, status=201)["recording_config"]["storage_config"]
        assert shown.keys() == {"id", "type", "bucket", "region", "path"}
        for response in (made, api.get(f"/meetings/{_data(made, status=201)['id']}"), api.get("/meetings")):
            assert "s3cret-1" not in response.content.decode()
            assert "AKIA-1" not in response.content.decode()
        assert "s3cret-1" not in str(list(Meeting.objects.values()))
        assert "s3cret-1" not in str(list(AuditEntry.objects.values()))

    def test_tells_another_platforms_key_to_nobody_who_may_only_read(
        self, dyte: ApiClient, home: NewOrganization
    ) -> None:
        config = {"live_streaming_config": {"rtmp_url": "rtmps://live.example/app/s3cret-key"}}
        made = _data(dyte.post("/meetings", {"recording_config": config}), status=201)
        key = create_api_key(organization=home.organization, name="R", kind="basic", actor=SYSTEM, scopes=["read"])
        reader = ApiClient("dyte", "/v2", basic(home.organization.pk.hex, key.secret))

        assert _data(dyte.get(f"/meetings/{made['id']}"))["recording_config"] == config
        for response in (reader.get(f"/meetings/{made['id']}"), reader.get("/meetings")):
            assert response.status_code == 200
            assert "s3cret-key" not in response.content.decode()

    @pytest.mark.parametrize(
        ("storage", "missing"),
        [
            ({"type": "aws", "region": ""}, "access_key"),
            ({"type": "azure", "access_key": "x"}, "region"),
            ({"type": "sftp", "host": "h", "auth_method": "KEY", "password": "x"}, "private_key"),
            ({"type": "sftp", "host": "h", "auth_method": "PASSWORD", "private_key": "x"}, "password"),
            ({}, "type"),
        ],
    )
    def test_wants_what_opens_a_storage(self, api: ApiClient, storage: dict[str, str], missing: str) -> None:
        response = api.post("/meetings", {"recording_config": {"storage_config": storage}})

        assert f"recording_config.storage_config.{missing}" in _fields(response)

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"title": 5}, "title"),
            ({"title": "a\nb"}, "title"),
            ({"title": "x" * 256}, "title"),
            ({"record_on_start": "true"}, "record_on_start"),
            ({"persist_chat": 1}, "persist_chat"),
            ({"session_keep_alive_time_in_secs": "60"}, "session_keep_alive_time_in_secs"),
            ({"session_keep_alive_time_in_secs": True}, "session_keep_alive_time_in_secs"),
            ({"session_keep_alive_time_in_secs": 60.5}, "session_keep_alive_time_in_secs"),
            ({"session_keep_alive_time_in_secs": -1}, "session_keep_alive_time_in_secs"),
            # Longer than any float.
            ({"session_keep_alive_time_in_secs": 10**400}, "session_keep_alive_time_in_secs"),
            ({"recording_config": {"max_seconds": 59}}, "recording_config.max_seconds"),
            ({"recording_config": {"max_seconds": 86_401}}, "recording_config.max_seconds"),
            ({"recording_config": {"file_name_prefix": "../x"}}, "recording_config.file_name_prefix"),
            ({"recording_config": {"video_config": {"width": 1921}}}, "recording_config.video_config.width"),
            ({"recording_config": {"video_config": {"codec": "AV1"}}}, "recording_config.video_config.codec"),
            (
                {"recording_config": {"video_config": {"watermark": {"url": "javascript:alert(1)"}}}},
                "recording_config.video_config.watermark.url",
            ),
            (
                {"recording_config": {"live_streaming_config": {"rtmp_url": "https://a.example"}}},
                "recording_config.live_streaming_config.rtmp_url",
            ),
            ({"recording_config": []}, "recording_config"),
            ({"ai_config": {"summarization": {"word_limit": 149}}}, "ai_config.summarization.word_limit"),
            ({"ai_config": {"transcription": {"language": "xx"}}}, "ai_config.transcription.language"),
        ],
    )
    def test_refuses_and_names_the_member(self, api: ApiClient, body: object, field: str) -> None:
        response = api.post("/meetings", body)

        assert field in str(_fields(response))
        assert not Meeting.objects.exists()

    def test_tells_all_complaints_at_once(self, api: ApiClient) -> None:
        fields = _fields(api.post("/meetings", {"title": 5, "persist_chat": 5, "ai_config": 5}))

        assert {name.partition(".")[0] for name in fields} == {"title", "persist_chat", "ai_config"}


class TestChange:
    def test_keeps_what_it_does_not_name(self, api: ApiClient, meeting: Meeting) -> None:
        api.patch(
            f"/meetings/{meeting.pk}", {"recording_config": {"max_seconds": 90, "audio_config": {"codec": "MP3"}}}
        )

        changed = _data(
            api.patch(f"/meetings/{meeting.pk}", {"recording_config": {"audio_config": {"channel": "mono"}}})
        )

        assert changed["title"] == "Backend standup"
        assert changed["recording_config"] == {"max_seconds": 90, "audio_config": {"codec": "MP3", "channel": "mono"}}

    def test_switches_whether_it_can_be_joined(self, api: ApiClient, meeting: Meeting) -> None:
        assert _data(api.patch(f"/meetings/{meeting.pk}", {"status": "INACTIVE"}))["status"] == "INACTIVE"
        assert _data(api.patch(f"/meetings/{meeting.pk}", {"status": "ACTIVE"}))["status"] == "ACTIVE"
        assert "status" in _fields(api.patch(f"/meetings/{meeting.pk}", {"status": "inactive"}))

    def test_takes_no_part_of_what_is_whole_only(self, api: ApiClient, meeting: Meeting) -> None:
        bucket = f"{api.name}_bucket_config"
        configs: list[dict[str, Any]] = [{bucket: {}}, {"storage_config": {"access_key": "a", "region": "eu"}}]
        for config in configs:
            answer = api.patch(f"/meetings/{meeting.pk}", {"recording_config": config})

            assert answer.status_code == 422, config

    def test_with_null_goes_back_to_the_default(self, api: ApiClient, meeting: Meeting) -> None:
        change_meeting(meeting=meeting, changes={"record_on_start": True}, actor=SYSTEM)

        changed = _data(api.patch(f"/meetings/{meeting.pk}", {"record_on_start": None, "title": None}))

        assert (changed["record_on_start"], changed["title"]) == (False, None)

    @pytest.mark.django_db(transaction=True)
    def test_loses_nothing_to_another_one_at_once(self, dyte: ApiClient, meeting: Meeting) -> None:
        def change(**members: object) -> int:
            return dyte.patch(f"/meetings/{meeting.pk}", members).status_code

        assert overtaken(lambda: change(title="Renamed"), by=lambda: change(persist_chat=True)) == 200

        meeting.refresh_from_db()
        assert (meeting.title, meeting.persist_chat) == ("Renamed", True)


class TestReplace:
    def test_resets_what_it_does_not_name(self, api: ApiClient, meeting: Meeting) -> None:
        change_meeting(meeting=meeting, changes={"record_on_start": True, "ai_config": {"x": 1}}, actor=SYSTEM)

        replaced = _data(api.request("PUT", f"/meetings/{meeting.pk}", body={"persist_chat": True}))

        assert (replaced["title"], replaced["record_on_start"], replaced["ai_config"]) == (None, False, None)
        assert replaced["persist_chat"] is True


class TestList:
    @pytest.fixture
    def three(self, home: NewOrganization) -> list[Meeting]:
        rows = [create_meeting(app=home.app, values={"title": f"Room {index}"}, actor=SYSTEM) for index in range(3)]
        for index, row in enumerate(rows):
            Meeting.objects.filter(pk=row.pk).update(created_at=NOON + timedelta(minutes=index))
        return rows

    def _titles(self, api: ApiClient, query: str) -> list[str]:
        return [item["title"] for item in _data(api.get(f"/meetings{query}"))]

    def test_is_an_array_with_paging_without_what_a_list_leaves_out(self, api: ApiClient, three: list[Meeting]) -> None:
        answer = read(api.get("/meetings?per_page=2"))

        assert [item["title"] for item in answer["data"]] == ["Room 2", "Room 1"]
        assert "ai_config" not in answer["data"][0]
        assert answer["paging"] == {"total_count": 3, "start_offset": 1, "end_offset": 2}

    def test_past_its_end_is_empty_and_counted(self, api: ApiClient, three: list[Meeting]) -> None:
        answer = read(api.get("/meetings?page_no=9"))

        assert (answer["data"], answer["paging"]["total_count"], answer["paging"]["start_offset"]) == ([], 3, 0)

    def test_is_narrowed(self, api: ApiClient, three: list[Meeting]) -> None:
        change_meeting(meeting=three[0], changes={"status": "inactive"}, actor=SYSTEM)

        assert self._titles(api, "?search=room%201") == ["Room 1"]
        assert self._titles(api, f"?search={three[2].pk}") == ["Room 2"]
        assert self._titles(api, "?status=INACTIVE") == ["Room 0"]
        assert self._titles(api, "?status=ACTIVE") == ["Room 2", "Room 1"]
        assert self._titles(api, "?start_time=2026-03-01T12:01:00Z&end_time=2026-03-01T12:01:30Z") == ["Room 1"]

    @pytest.mark.parametrize("query", ["status=LIVE", "per_page=101", "start_time=2026-01-02&end_time=2026-01-01"])
    def test_refuses_nonsense(self, api: ApiClient, query: str) -> None:
        assert api.get(f"/meetings?{query}").status_code == 400

    def test_holds_the_callers_own_only(self, api: ApiClient, meeting: Meeting, foreign_meeting: Meeting) -> None:
        assert self._titles(api, "") == ["Backend standup"]
        assert api.get(f"/meetings/{foreign_meeting.pk}").status_code == 404


class TestCost:
    def test_of_each_read_is_one_query_however_many_there_are(
        self, api: ApiClient, home: NewOrganization, meeting: Meeting
    ) -> None:
        for number in (1, 20):
            for index in range(number):
                create_meeting(app=home.app, values={"title": str(index)}, actor=SYSTEM)

            assert asked_for(lambda: api.get("/meetings?per_page=100")) == 1
            assert asked_for(lambda: api.get(f"/meetings/{meeting.pk}")) == 1


class TestScopes:
    def test_of_livestreams_does_not_change_meetings(self, home: NewOrganization, meeting: Meeting) -> None:
        scopes = [ApiKey.Scope.READ, ApiKey.Scope.LIVESTREAMS]
        key = create_api_key(organization=home.organization, name="L", kind="basic", actor=SYSTEM, scopes=[*scopes])
        client = ApiClient("dyte", "/v2", basic(home.organization.pk.hex, key[1]))

        assert client.get(f"/meetings/{meeting.pk}").status_code == 200
        response = client.post("/meetings")
        assert response.status_code == 403
        assert "meetings" in read(response)["error"]["message"]
