"""Participants and presets in both dialects."""

from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from typing import Any

import jwt
import pytest

from livehub.core.errors import DomainError
from streams.meetings.selectors import get_participant_by_token
from streams.meetings.services.meetings import create_meeting
from streams.meetings.services.participants import delete_participant
from streams.meetings.services.presets import PRESETS_MAX
from streams.meetings.tokens import make_token
from streams.models import AuditEntry, Meeting, Participant, Preset
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient, basic, read
from tests.meetings.home import whole_preset
from tests.meetings.people import added, joined, session_of
from tests.meetings.queries import asked_for

PARTICIPANT = {"custom_participant_id": "employee-7", "preset_name": "group_call_host", "name": "Mary Sue"}
MEMBERS = {"id", "name", "picture", "custom_participant_id", "preset_name", "created_at", "updated_at"}


def _data(response: Any, *, status: int = 200) -> Any:
    assert response.status_code == status, response.content
    return read(response)["data"]


def _fields(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 422, response.content
    fields: dict[str, list[str]] = read(response)["error"]["fields"]
    return fields


class TestAdd:
    def test_answers_with_a_token(self, api: ApiClient, meeting: Meeting) -> None:
        added = _data(api.post(f"/meetings/{meeting.pk}/participants", PARTICIPANT), status=201)

        names = {"client_specific_id"} if api.name == "dyte" else set()
        assert added.keys() == MEMBERS | {"token"} | names
        assert PARTICIPANT.items() <= added.items()
        assert get_participant_by_token(added["token"]).pk.hex == added["id"].replace("-", "")
        assert added["token"] not in str(list(Participant.objects.values()) + list(AuditEntry.objects.values()))

    def test_takes_the_body_of_dytes_quickstart(self, dyte: ApiClient, meeting: Meeting) -> None:
        body = {
            "name": "Mary Sue",
            "picture": "https://i.imgur.com/test.jpg",
            "preset_name": "group_call_participant",
            "client_specific_id": "string",
        }

        added = _data(dyte.post(f"/meetings/{meeting.pk}/participants", body), status=201)

        assert body.items() <= added.items()
        assert added["custom_participant_id"] == "string"

    def test_knows_the_older_id_on_dyte_only(self, realtimekit: ApiClient, meeting: Meeting) -> None:
        body = {"client_specific_id": "x", "preset_name": "group_call_host"}

        assert "custom_participant_id" in _fields(realtimekit.post(f"/meetings/{meeting.pk}/participants", body))

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"custom_participant_id": ""}, "custom_participant_id"),
            ({"custom_participant_id": 7}, "custom_participant_id"),
            ({"custom_participant_id": "x" * 256}, "custom_participant_id"),
            ({"preset_name": "no such"}, "preset_name"),
            ({"preset_name": "no\x01such"}, "preset_name"),
            ({"picture": "javascript:alert(1)"}, "picture"),
            ({"picture": "/mary.png"}, "picture"),
            ({"name": "a\x1bb"}, "name"),
        ],
    )
    def test_refuses_and_names_the_member(
        self, api: ApiClient, meeting: Meeting, changes: Mapping[str, object], field: str
    ) -> None:
        response = api.post(f"/meetings/{meeting.pk}/participants", {**PARTICIPANT, **changes})

        assert list(_fields(response)) == [field]
        assert not Participant.objects.exists()

    @pytest.mark.parametrize("missing", ["custom_participant_id", "preset_name"])
    def test_wants_an_id_and_a_preset(self, api: ApiClient, meeting: Meeting, missing: str) -> None:
        body = {name: value for name, value in PARTICIPANT.items() if name != missing}

        assert missing in _fields(api.post(f"/meetings/{meeting.pk}/participants", body))


class TestOne:
    def test_is_read_without_a_token(self, api: ApiClient, mary: Participant) -> None:
        path = f"/meetings/{mary.meeting_id}/participants"

        one, listed = _data(api.get(f"{path}/{mary.pk}")), _data(api.get(path))

        assert one == listed[0]
        assert "token" not in one
        assert one["preset_name"] == "group_call_host"

    def test_is_changed_and_answered_with_a_token(self, api: ApiClient, mary: Participant) -> None:
        path = f"/meetings/{mary.meeting_id}/participants/{mary.pk}"

        changed = _data(api.patch(path, {"preset_name": "webinar_viewer", "name": None}))

        assert (changed["preset_name"], changed["name"]) == ("webinar_viewer", None)
        claims = jwt.decode(changed["token"], options={"verify_signature": False})
        assert claims["presetId"] == str(Preset.objects.get(app=mary.meeting.app, name="webinar_viewer").pk)

    def test_gets_a_new_token(self, api: ApiClient, mary: Participant) -> None:
        path = f"/meetings/{mary.meeting_id}/participants/{mary.pk}/token"
        first = _data(api.post(path))["token"]

        second = _data(api.post(path))["token"]
        assert get_participant_by_token(first) == get_participant_by_token(second) == mary

        third = _data(api.post(path, {"revoke_earlier": True}))["token"]
        assert get_participant_by_token(third) == mary
        for earlier in (first, second):
            with pytest.raises(DomainError):
                get_participant_by_token(earlier)

    def test_is_deleted_and_answered_with_its_preset(self, api: ApiClient, mary: Participant, bob: Participant) -> None:
        token = _data(api.post(f"/meetings/{mary.meeting_id}/participants/{mary.pk}/token"))["token"]
        joined(mary)

        gone = _data(api.delete(f"/meetings/{mary.meeting_id}/participants/{mary.pk}"))

        assert gone.keys() == {"custom_participant_id", "preset_id", "created_at", "updated_at"}
        assert gone["preset_id"] == str(mary.preset_id)
        assert session_of(mary.meeting).live_participants == 0
        with pytest.raises(DomainError):
            get_participant_by_token(token)
        assert api.get(f"/meetings/{mary.meeting_id}/participants/{mary.pk}").status_code == 404
        assert [each["id"] for each in _data(api.get(f"/meetings/{mary.meeting_id}/participants"))] == [str(bob.pk)]

    def test_is_found_in_its_own_meeting_only(
        self, api: ApiClient, mary: Participant, home: NewOrganization, foreign_meeting: Meeting
    ) -> None:
        other = _data(api.post("/meetings"), status=201)["id"]
        stranger = added(foreign_meeting, "stranger")

        assert api.get(f"/meetings/{other}/participants/{mary.pk}").status_code == 404
        assert api.get(f"/meetings/{mary.meeting_id}/participants/{stranger.pk}").status_code == 404
        assert api.get(f"/meetings/{foreign_meeting.pk}/participants/{stranger.pk}").status_code == 404

    def test_stands_in_the_list_of_its_own_meeting_newest_first(
        self, api: ApiClient, mary: Participant, bob: Participant, home: NewOrganization
    ) -> None:
        other = create_meeting(app=home.app, values={}, actor=SYSTEM)
        added(other, "ann")

        for meeting_id, expected in ((mary.meeting_id, ["bob", "mary"]), (other.pk, ["ann"])):
            answer = read(api.get(f"/meetings/{meeting_id}/participants"))
            assert [each["custom_participant_id"] for each in answer["data"]] == expected
            assert answer["paging"]["total_count"] == len(expected)


def test_reading_costs_the_same_however_many_there_are(api: ApiClient, meeting: Meeting) -> None:
    for number in (1, 9):
        for index in range(number):
            last = added(meeting, f"p{index}")

        # The meeting, and its participants with their presets.
        assert asked_for(lambda: api.get(f"/meetings/{meeting.pk}/participants")) == 2
        assert asked_for(partial(api.get, f"/meetings/{meeting.pk}/participants/{last.pk}")) == 2
        assert asked_for(lambda: api.get("/presets")) == 1
        assert asked_for(partial(api.get, f"/presets/{last.preset_id}")) == 1


class TestPreset:
    def test_is_created_and_read_whole(self, api: ApiClient, home: NewOrganization) -> None:
        body = whole_preset("moderator")

        made = _data(api.post("/presets", body))

        assert made.keys() == {"id", "name", "config", "permissions", "ui", "created_at", "updated_at"}
        assert body.items() <= made.items()
        assert _data(api.get(f"/presets/{made['id']}")) == made
        assert made["ui"]["design_tokens"]["colors"]["background"]["1000"] == "#141414"
        assert made["ui"]["design_tokens"]["colors"]["brand"]["300"] == "#844d1c"

    def test_stands_in_the_list_in_short(self, api: ApiClient) -> None:
        answer = read(api.get("/presets?search=WEBINAR"))

        assert {item["name"] for item in answer["data"]} == {"webinar_presenter", "webinar_viewer"}
        assert answer["data"][0].keys() == {"id", "name", "created_at", "updated_at"}
        assert answer["paging"]["total_count"] == 2

    def test_change_goes_as_deep_as_it_is_said(self, api: ApiClient, home: NewOrganization) -> None:
        preset = Preset.objects.for_app(home.app).get(name="group_call_participant")
        before = deepcopy((preset.config, preset.permissions, preset.ui))
        changes = {
            "config": {"media": {"video": {"quality": "qvga"}}},
            "permissions": {
                "chat": {"private": {"files": False}},
                "plugins": {"config": {"p1": {"handles_view_only": True}}},
            },
            "ui": {"design_tokens": {"colors": {"background": {"1000": "#000000"}}}},
        }

        changed = _data(api.patch(f"/presets/{preset.pk}", changes))

        config, permissions, ui = before
        config["media"]["video"]["quality"] = "qvga"
        permissions["chat"]["private"]["files"] = False
        permissions["plugins"]["config"] = {"p1": {"handles_view_only": True}}
        ui["design_tokens"]["colors"]["background"]["1000"] = "#000000"
        assert (changed["config"], changed["permissions"], changed["ui"]) == (config, permissions, ui)

    def test_does_not_grow_by_changes_past_what_it_may_hold(self, api: ApiClient, home: NewOrganization) -> None:
        preset = Preset.objects.for_app(home.app).get(name="webinar_viewer")
        path = f"/presets/{preset.pk}"

        def with_plugins(first: int, last: int) -> dict[str, object]:
            config = {f"p{number}": {"handles_view_only": True} for number in range(first, last)}
            return {"permissions": {"plugins": {"config": config}}}

        assert api.patch(path, with_plugins(0, 99)).status_code == 200
        assert api.patch(path, with_plugins(98, 100)).status_code == 200

        assert list(_fields(api.patch(path, with_plugins(100, 101)))) == ["permissions.plugins.config"]
        assert len(_data(api.get(path))["permissions"]["plugins"]["config"]) == 100

    def test_replacement_is_whole(self, api: ApiClient, home: NewOrganization) -> None:
        preset = Preset.objects.for_app(home.app).get(name="webinar_viewer")
        body: Any = deepcopy(whole_preset("watcher"))
        del body["permissions"]["stage_enabled"]
        more = {"config": {"livestream_viewer_qualities": [720]}, "ui": {"design_tokens": {"font_family": "Inter"}}}
        assert _data(api.patch(f"/presets/{preset.pk}", more))["ui"]["design_tokens"]["font_family"] == "Inter"

        replaced = _data(api.request("PUT", f"/presets/{preset.pk}", body=body))
        assert (replaced["id"], replaced["name"]) == (str(preset.pk), "watcher")
        assert "stage_enabled" not in replaced["permissions"]
        assert "livestream_viewer_qualities" not in replaced["config"]
        assert "font_family" not in replaced["ui"]["design_tokens"]

        assert "config" in _fields(api.request("PUT", f"/presets/{preset.pk}", body={"name": "x"}))

    def test_is_deleted_and_answered_whole(self, api: ApiClient, mary: Participant) -> None:
        gone = _data(api.delete(f"/presets/{mary.preset_id}"))

        assert (gone["id"], gone["name"]) == (str(mary.preset_id), "group_call_host")
        assert api.get(f"/presets/{mary.preset_id}").status_code == 404
        assert "group_call_host" not in {item["name"] for item in _data(api.get("/presets"))}
        # Whoever has it keeps it.
        path = f"/meetings/{mary.meeting_id}/participants"
        assert _data(api.get(f"{path}/{mary.pk}"))["preset_name"] == "group_call_host"
        assert "preset_name" in _fields(api.post(path, PARTICIPANT))

    def test_an_app_has_no_more_than_anybody_needs(self, dyte: ApiClient, home: NewOrganization) -> None:
        whole = whole_preset("one too many")
        Preset.objects.bulk_create(Preset(app=home.app, **{**whole, "name": str(n)}) for n in range(PRESETS_MAX))

        assert list(_fields(dyte.post("/presets", whole))) == ["name"]

    def test_name_is_given_once(self, api: ApiClient, home: NewOrganization) -> None:
        response = api.post("/presets", whole_preset("webinar_viewer"))

        assert read(response)["error"]["type"] == "preset_name_taken"
        assert list(_fields(response)) == ["name"]

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("name", ""),
            ("name", 5),
            ("config.view_type", "PARTY"),
            ("config.max_video_streams.desktop", "16"),
            ("config.max_video_streams.mobile", 1e300),
            # Longer than any float.
            ("config.max_video_streams.mobile", 10**400),
            ("config.media.video.frame_rate", 61),
            ("config.media.video.quality", "8k"),
            ("config.livestream_viewer_qualities", [720, "x"]),
            ("permissions.can_record", "yes"),
            ("permissions.chat.public.text", None),
            ("permissions.media.audio.can_produce", "MAYBE"),
            ("permissions.plugins.config", {"p": {"access_control": "ALL"}}),
            ("permissions.plugins.config", {"p\x01": {}}),
            ("permissions.stage_access", "X"),
            ("ui.design_tokens.border_width", "wide"),
            ("ui.design_tokens.colors.brand.300", 7),
            ("ui.design_tokens.logo", "data:x"),
        ],
    )
    def test_refuses_and_names_the_member(
        self, api: ApiClient, home: NewOrganization, path: str, value: object
    ) -> None:
        body: Any = deepcopy(whole_preset("moderator"))
        *outer, last = path.split(".")
        inner = body
        for name in outer:
            inner = inner[name]
        inner[last] = value
        change: Any = value
        for name in reversed(path.split(".")):
            change = {name: change}
        preset = Preset.objects.for_app(home.app).get(name="webinar_viewer")
        before = list(Preset.objects.order_by("pk").values())

        for response in (api.post("/presets", body), api.patch(f"/presets/{preset.pk}", change)):
            assert all(name.startswith(path) for name in _fields(response)), response.content
        assert list(Preset.objects.order_by("pk").values()) == before

    @pytest.mark.parametrize(
        "path",
        [
            "config",
            "config.media.video",
            "permissions.chat",
            "permissions.polls.can_vote",
            "ui.design_tokens.colors.brand.300",
        ],
    )
    def test_wants_the_whole_of_a_new_one(self, api: ApiClient, home: NewOrganization, path: str) -> None:
        body: Any = deepcopy(whole_preset("moderator"))
        *outer, last = path.split(".")
        inner = body
        for name in outer:
            inner = inner[name]
        del inner[last]

        assert list(_fields(api.post("/presets", body))) == [path]


def test_another_tenants_presets_are_not_there(api: ApiClient, abroad: NewOrganization) -> None:
    theirs = Preset.objects.for_app(abroad.app)[0]

    assert api.get(f"/presets/{theirs.pk}").status_code == 404
    assert api.patch(f"/presets/{theirs.pk}", {"name": "x"}).status_code == 404
    assert str(theirs.pk) not in api.get("/presets").content.decode()


def test_a_deleted_participant_has_no_token(api: ApiClient, mary: Participant) -> None:
    delete_participant(participant=mary, actor=SYSTEM)

    assert api.post(f"/meetings/{mary.meeting_id}/participants/{mary.pk}/token").status_code == 404


def test_a_participants_token_is_no_api_key(
    dyte: ApiClient, realtimekit: ApiClient, home: NewOrganization, mary: Participant
) -> None:
    token = make_token(mary)

    for client in (dyte, realtimekit):
        for shown in (f"Bearer {token}", basic(home.organization.pk.hex, token)):
            assert client.request("GET", "/meetings", authorization=shown).status_code == 401
