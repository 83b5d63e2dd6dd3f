"""What both dialects do alike, and the answers in which they differ."""

import pytest

from livehub.core import clock
from streams.livestreams import leases
from streams.livestreams.api.words import DYTE_WORDS, REALTIMEKIT_WORDS
from streams.livestreams.services import create_livestream, disable_livestream
from streams.livestreams.states import EndReason, LivestreamStatus
from streams.models import AuditEntry, Livestream, Session
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient, read
from tests.runs import claimed, failed, finished, taken_in

LIVESTREAM_MEMBERS = {
    "id",
    "name",
    "status",
    "ingest_server",
    "stream_key",
    "playback_url",
    "meeting_id",
    "disabled",
    "ingest_seconds",
    "viewer_seconds",
    "created_at",
    "updated_at",
}
# What LiveHub has beyond the vendors.
OWN_MEMBERS = {
    "latency_mode",
    "dvr_window_s",
    "playback_policy",
    "allowed_origins",
    "max_viewers",
    "reconnect_window_s",
    "while_away",
    "duplicate_publisher",
    "end_hold_s",
    "max_duration_s",
    "held_until",
    "pull",
}
SESSION_MEMBERS = {
    "id",
    "livestream_id",
    "err_message",
    "invoked_time",
    "started_time",
    "stopped_time",
    "ingest_seconds",
    "viewer_seconds",
    "created_at",
    "updated_at",
}


class TestCreate:
    def test_answers_with_everything_an_encoder_needs(self, api: ApiClient) -> None:
        response = api.post("/livestreams", {"name": "Autumn keynote"})

        livestream = read(response)["data"]
        assert response.status_code == 201
        assert livestream.keys() == LIVESTREAM_MEMBERS | (OWN_MEMBERS if api.name == "dyte" else set())
        assert livestream["name"] == "Autumn keynote"
        assert livestream["ingest_server"].endswith("/")
        assert livestream["stream_key"].startswith("sk_")
        assert livestream["stream_key"] not in livestream["playback_url"]
        assert (livestream["meeting_id"], livestream["disabled"]) == (None, False)

    @pytest.mark.parametrize("content_type", ["application/json", "", "text/plain", "application/octet-stream"])
    def test_needs_no_body(self, api: ApiClient, content_type: str) -> None:
        response = api.request("POST", "/livestreams", raw=b"", content_type=content_type)

        assert response.status_code == 201
        assert read(response)["data"]["name"] is None

    def test_takes_null_for_no_name(self, api: ApiClient) -> None:
        assert read(api.post("/livestreams", {"name": None}))["data"]["name"] is None

    def test_speaks_of_an_idle_livestream_in_the_words_of_the_dialect(
        self, dyte: ApiClient, realtimekit: ApiClient
    ) -> None:
        assert read(dyte.post("/livestreams"))["data"]["status"] == "OFFLINE"
        assert read(realtimekit.post("/livestreams"))["data"]["status"] == "IDLE"

    def test_is_written_down_as_the_keys_deed(self, api: ApiClient) -> None:
        livestream_id = read(api.post("/livestreams"))["data"]["id"]

        entry = AuditEntry.objects.get(target_id=livestream_id)
        assert entry.action == "livestream.created"
        assert entry.api_key is not None

    def test_refuses_a_name_that_cannot_be_printed(self, api: ApiClient) -> None:
        response = api.post("/livestreams", {"name": "a\nb" + "x" * 255})

        error = read(response)["error"]
        assert response.status_code == 422
        assert error["type"] == "validation_failed"
        assert len(error["fields"]["name"]) == 2
        assert not Livestream.objects.exists()


class TestGet:
    def test_gives_dyte_the_livestream_flat_and_nested(
        self, dyte: ApiClient, livestream: Livestream, session: Session
    ) -> None:
        answer = read(dyte.get(f"/livestreams/{livestream.pk}"))

        data = answer["data"]
        assert data["livestream"] == {name: data[name] for name in LIVESTREAM_MEMBERS | OWN_MEMBERS}
        assert data["disabled"] is False
        assert [found["id"] for found in data["sessions"]] == [str(session.pk)]
        assert answer["paging"] == {"total_count": 1, "start_offset": 1, "end_offset": 1}

    def test_gives_realtimekit_the_livestream_its_sessions_and_the_newest(
        self, realtimekit: ApiClient, livestream: Livestream, session: Session
    ) -> None:
        answer = read(realtimekit.get(f"/livestreams/{livestream.pk}"))

        data = answer["data"]
        assert data.keys() == {"livestream", "session", "sessions", "paging"}
        assert data["livestream"]["disabled"] == "false"
        assert data["session"] == data["sessions"][0]
        assert data["session"]["ingest_seconds"] == 0
        assert data["paging"] == answer["paging"]

    def test_adds_up_the_seconds_of_all_sessions(
        self, api: ApiClient, livestream: Livestream, session: Session
    ) -> None:
        finished(session, media_ms=61_500)

        data = read(api.get(f"/livestreams/{livestream.pk}"))["data"]

        assert data["livestream"]["ingest_seconds"] == 61
        assert data["sessions"][0]["ingest_seconds"] == 61

    def test_pages_over_the_sessions(self, api: ApiClient, livestream: Livestream) -> None:
        _add_sessions(livestream, number=3)

        answer = read(api.get(f"/livestreams/{livestream.pk}?page_no=2&per_page=2"))

        assert len(answer["data"]["sessions"]) == 1
        assert answer["paging"] == {"total_count": 3, "start_offset": 3, "end_offset": 3}

    @pytest.mark.parametrize("spelling", ["{0}", "{0.hex}"])
    def test_takes_an_id_with_and_without_dashes(self, api: ApiClient, livestream: Livestream, spelling: str) -> None:
        assert api.get(f"/livestreams/{spelling.format(livestream.pk)}").status_code == 200
        assert api.get(f"/livestreams/{spelling.format(livestream.pk).upper()}").status_code == 200


class TestActiveSession:
    def test_counts_a_running_session(self, dyte: ApiClient, livestream: Livestream, session: Session) -> None:
        _go_live(session, ingest_ms=12_900)

        data = read(dyte.get(f"/livestreams/{livestream.pk}/active-livestream-session"))["data"]

        assert data["livestream"]["status"] == "LIVE"
        assert data["session"].keys() == SESSION_MEMBERS | {"packager_latency_ms", "reconnect_until", "waits"}
        assert (data["session"]["ingest_seconds"], data["session"]["viewer_seconds"]) == (12, 0)
        assert data["session"]["packager_latency_ms"] is None
        assert data["session"]["started_time"].endswith("Z")
        assert data["session"]["stopped_time"] is None

    def test_tells_how_soon_players_can_fetch_what_arrives(
        self, dyte: ApiClient, livestream: Livestream, session: Session
    ) -> None:
        _go_live(session, ingest_ms=0)
        session.connections.update(measured={"packager_latency_ms": 137})

        data = read(dyte.get(f"/livestreams/{livestream.pk}/active-livestream-session"))["data"]

        assert data["session"]["packager_latency_ms"] == 137

    def test_writes_seconds_and_flag_as_text_for_realtimekit(
        self, realtimekit: ApiClient, livestream: Livestream, session: Session
    ) -> None:
        _go_live(session, ingest_ms=12_900)

        data = read(realtimekit.get(f"/livestreams/{livestream.pk}/active-livestream-session"))["data"]

        assert (data["session"]["ingest_seconds"], data["session"]["viewer_seconds"]) == ("12", "0")
        assert data["livestream"]["disabled"] == "false"

    def test_is_unknown_when_nobody_publishes(self, api: ApiClient, livestream: Livestream) -> None:
        response = api.get(f"/livestreams/{livestream.pk}/active-livestream-session")

        assert response.status_code == 404
        assert read(response)["error"]["message"] == f"No active session for livestream {livestream.pk}."


class TestSession:
    def test_tells_what_went_wrong(self, api: ApiClient, session: Session) -> None:
        failed(session, message="Switch the encoder to H.264.")

        data = read(api.get(f"/livestreams/sessions/{session.pk}"))["data"]

        assert data.keys() == SESSION_MEMBERS
        assert data["err_message"] == "Switch the encoder to H.264."
        assert data["ingest_seconds"] == 0
        assert data["started_time"] is None
        assert data["stopped_time"] is not None

    def test_is_not_taken_for_a_livestream(self, api: ApiClient, livestream: Livestream) -> None:
        response = api.get(f"/livestreams/sessions/{livestream.pk}")

        assert read(response)["error"]["message"] == f"No livestream session {livestream.pk}."


class TestSwitch:
    def test_disabling_cuts_the_broadcast_and_can_be_repeated(
        self, api: ApiClient, livestream: Livestream, session: Session, home: NewOrganization
    ) -> None:
        for _ in range(2):
            response = api.put(f"/livestreams/{livestream.pk}/disable")

            data = read(response)["data"]
            assert (response.status_code, data["disabled"]) == (200, True)
            assert data["org_id"] == home.organization.pk.hex
            assert data["status"] in {"OFFLINE", "IDLE"}
        session.refresh_from_db()
        assert session.end_reason == EndReason.DISABLED

    def test_enabling_accepts_encoders_again(self, api: ApiClient, livestream: Livestream) -> None:
        disable_livestream(livestream=livestream, actor=SYSTEM)

        assert read(api.put(f"/livestreams/{livestream.pk}/enable"))["data"]["disabled"] is False
        livestream.refresh_from_db()
        assert not livestream.disabled


class TestResetStreamKey:
    def test_changes_the_key_and_nothing_else(self, api: ApiClient, livestream: Livestream, session: Session) -> None:
        old = livestream.stream_key

        data = read(api.request("POST", f"/livestreams/{livestream.pk}/reset-stream-key"))["data"]

        assert data["stream_key"] != old
        assert data["stream_key"] == livestream.stream_key
        assert data["playback_url"] == livestream.playback_url
        assert data["id"] == str(livestream.pk)
        session.refresh_from_db()
        assert session.end_reason == EndReason.KEY_RESET


class TestBeyondTheVendors:
    def test_renames(self, dyte: ApiClient, livestream: Livestream) -> None:
        assert read(dyte.patch(f"/livestreams/{livestream.pk}", {"name": "Café ☕"}))["data"]["name"] == "Café ☕"
        assert read(dyte.patch(f"/livestreams/{livestream.pk}", {}))["data"]["name"] == "Café ☕"
        assert read(dyte.patch(f"/livestreams/{livestream.pk}", {"name": None}))["data"]["name"] is None

    def test_deletes_once(self, dyte: ApiClient, livestream: Livestream, session: Session) -> None:
        response = dyte.delete(f"/livestreams/{livestream.pk}")

        assert response.status_code == 200
        assert read(response)["data"]["id"] == str(livestream.pk)
        assert dyte.delete(f"/livestreams/{livestream.pk}").status_code == 404
        assert dyte.get(f"/livestreams/sessions/{session.pk}").status_code == 404
        assert read(dyte.get("/livestreams"))["paging"]["total_count"] == 0

    def test_lists_sessions_newest_first(self, dyte: ApiClient, livestream: Livestream) -> None:
        sessions = _add_sessions(livestream, number=3)

        answer = read(dyte.get(f"/livestreams/{livestream.pk}/sessions?per_page=2"))

        assert [item["id"] for item in answer["data"]] == [str(sessions[2].pk), str(sessions[1].pk)]
        assert answer["paging"] == {"total_count": 3, "start_offset": 1, "end_offset": 2}

    @pytest.mark.parametrize(("method", "path"), [("PATCH", ""), ("DELETE", ""), ("GET", "/sessions")])
    def test_is_not_there_for_realtimekit(
        self, realtimekit: ApiClient, livestream: Livestream, method: str, path: str
    ) -> None:
        assert realtimekit.request(method, f"/livestreams/{livestream.pk}{path}").status_code in {404, 405}


class TestStatusWords:
    @pytest.mark.parametrize(
        ("status", "dyte_word", "realtimekit_word"),
        [
            (LivestreamStatus.IDLE, "OFFLINE", "IDLE"),
            (LivestreamStatus.CONNECTING, "INVOKED", "INVOKED"),
            (LivestreamStatus.LIVE, "LIVE", "LIVE"),
            (LivestreamStatus.ERRORED, "ERRORED", "ERRORED"),
        ],
    )
    def test_are_the_dialects_own(
        self,
        dyte: ApiClient,
        realtimekit: ApiClient,
        livestream: Livestream,
        status: str,
        dyte_word: str,
        realtimekit_word: str,
    ) -> None:
        Livestream.objects.filter(pk=livestream.pk).update(status=status)

        for api, word in ((dyte, dyte_word), (realtimekit, realtimekit_word)):
            assert read(api.get(f"/livestreams/{livestream.pk}"))["data"]["livestream"]["status"] == word
            assert read(api.get(f"/livestreams?status={word}"))["paging"]["total_count"] == 1
        assert read(api.get("/livestreams?status="))["paging"]["total_count"] >= 1

    def test_exist_for_every_status(self) -> None:
        for vendor in (DYTE_WORDS, REALTIMEKIT_WORDS):
            assert vendor.words.keys() == set(LivestreamStatus)


def _go_live(session: Session, *, ingest_ms: int) -> None:
    lease = claimed(session)
    leases.mark_live(lease)
    taken_in(session, media_ms=ingest_ms)


def _add_sessions(livestream: Livestream, *, number: int) -> list[Session]:
    """Return finished sessions, oldest first."""
    return [
        Session.objects.create(
            livestream=livestream,
            status="ended",
            stopped_at=clock.now(),
        )
        for _ in range(number)
    ]


class TestPlaces:
    """Where an id of another livestream of the same app would be a mistake."""

    def test_keeps_sessions_apart(self, dyte: ApiClient, home: NewOrganization, session: Session) -> None:
        other = create_livestream(app=home.app, name="Other", actor=SYSTEM)

        assert read(dyte.get(f"/livestreams/{other.pk}/sessions"))["data"] == []
