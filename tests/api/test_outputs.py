"""Outputs, and the beginning and end of broadcasts, as `/v2` has them."""

import pytest

from livehub.core import clock
from streams.livestreams.outputs import NewOutput, create_output
from streams.livestreams.push_states import note_standings
from streams.livestreams.services import create_livestream
from streams.livestreams.states import EndReason
from streams.media.rtmp.standing import PushState, TargetStanding
from streams.models import AuditEntry, Livestream, Output, Session
from streams.organizations.services import SYSTEM, NewOrganization, create_api_key
from tests.api.clients import ApiClient, asked_by, basic, read
from tests.runs import claimed, connected

_URI = "rtmp://a.rtmp.example.com/live2"
_SIMULCAST = {
    "type": "simulcast",
    "name": "Stage",
    "uri": _URI,
    "stream_key": "abcd-efgh",
    "vendor": "youtube",
    "most_lines": 720,
}
OUTPUT_MEMBERS = {
    "id",
    "livestream_id",
    "type",
    "status",
    "name",
    "uri",
    "has_stream_key",
    "public_id",
    "vendor",
    "enabled",
    "most_lines",
    "push",
    "created_at",
    "updated_at",
}


@pytest.fixture
def there(livestream: Livestream) -> str:
    return f"/livestreams/{livestream.pk}/outputs"


@pytest.mark.parametrize("no_flag", [0, 1, "true", "off", None])
def test_takes_for_a_flag_what_json_has_for_it(dyte: ApiClient, there: str, no_flag: object) -> None:
    answer = dyte.post(there, {**_SIMULCAST, "enabled": no_flag})

    assert (answer.status_code, [*read(answer)["error"]["fields"]]) == (422, ["enabled"])


class TestList:
    def test_has_hls_and_archive_from_the_beginning(self, dyte: ApiClient, livestream: Livestream, there: str) -> None:
        answer = read(dyte.get(there))

        hls, archive = answer["data"]
        assert hls.keys() == OUTPUT_MEMBERS
        assert (hls["type"], hls["status"], hls["uri"]) == ("hls", "READY", livestream.playback_url)
        assert (archive["type"], archive["status"], archive["uri"]) == ("archive", "OFF", None)
        assert (hls["push"], hls["most_lines"], archive["push"]) == (None, None, None)
        assert archive["public_id"] == f"live_stream_{livestream.pk.hex}_archive"
        assert answer["paging"] == {"total_count": 2, "start_offset": 1, "end_offset": 2}

    def test_is_paged(self, dyte: ApiClient, there: str) -> None:
        answer = read(dyte.get(f"{there}?page_no=2&per_page=1"))

        assert [each["type"] for each in answer["data"]] == ["archive"]
        assert answer["paging"] == {"total_count": 2, "start_offset": 2, "end_offset": 2}

    @pytest.mark.parametrize("number", [0, 20])
    def test_costs_two_queries(self, dyte: ApiClient, livestream: Livestream, there: str, number: int) -> None:
        Output.objects.bulk_create(
            Output(livestream=livestream, type="simulcast", uri=f"{_URI}/{index}") for index in range(number)
        )
        dyte.get(there)

        assert len(asked_by(dyte, there)) == 2


class TestOne:
    def test_is_added_read_changed_and_deleted(self, dyte: ApiClient, livestream: Livestream, there: str) -> None:
        response = dyte.post(there, _SIMULCAST)
        made = read(response)["data"]
        one = f"{there}/{made['id']}"
        assert response.status_code == 201
        assert (made["uri"], made["vendor"], made["has_stream_key"], made["enabled"]) == (_URI, "youtube", True, True)
        assert (made["livestream_id"], made["public_id"], made["status"]) == (str(livestream.pk), None, "READY")
        assert made["most_lines"] == 720
        assert made["push"] == {
            "state": "idle",
            "reason": None,
            "message": None,
            "since": None,
            "bytes": 0,
            "bytes_per_s": 0,
            "tries": 0,
        }

        changed = read(dyte.patch(one, {"name": None, "enabled": False, "type": "hls", "vendor": "twitch"}))["data"]
        assert (changed["name"], changed["enabled"], changed["status"]) == (None, False, "OFF")
        assert (changed["type"], changed["vendor"], changed["uri"]) == ("simulcast", "youtube", _URI)
        assert read(dyte.get(one))["data"] == changed

        assert read(dyte.delete(one))["data"]["id"] == made["id"]
        assert dyte.get(one).status_code == dyte.delete(one).status_code == 404

    def test_tells_the_other_platforms_key_to_nobody(self, dyte: ApiClient, there: str) -> None:
        one = f"{there}/{read(dyte.post(there, _SIMULCAST))['data']['id']}"

        for answer in (dyte.get(one), dyte.get(there), dyte.patch(one, {"stream_key": "wxyz"})):
            assert "abcd-efgh" not in answer.content.decode()
            assert "wxyz" not in answer.content.decode()

    @pytest.mark.parametrize(
        "uri",
        ["rtmp://evil.example/live2", "rtmp://a.rtmp.example.com:1936/live2", "rtmp://me@a.rtmp.example.com/live2"],
    )
    def test_sends_the_key_to_no_other_server_than_it_was_given_for(
        self, dyte: ApiClient, there: str, uri: str
    ) -> None:
        one = f"{there}/{read(dyte.post(there, _SIMULCAST))['data']['id']}"

        refused = dyte.patch(one, {"uri": uri})

        assert (refused.status_code, [*read(refused)["error"]["fields"]]) == (422, ["stream_key"])
        assert read(dyte.get(one))["data"]["uri"] == _URI
        assert dyte.patch(one, {"uri": f"{_URI}/backup"}).status_code == 200
        assert dyte.patch(one, {"uri": uri, "stream_key": "wxyz"}).status_code == 200

    def test_costs_two_queries(self, dyte: ApiClient, livestream: Livestream, there: str) -> None:
        one = f"{there}/{livestream.outputs.get(type='hls').pk}"
        dyte.get(one)

        assert len(asked_by(dyte, one)) == 2

    @pytest.mark.parametrize("kind", ["hls", "archive"])
    def test_is_the_only_one_of_its_kind(self, dyte: ApiClient, there: str, kind: str) -> None:
        response = dyte.post(there, {"type": kind})

        assert response.status_code == 400
        assert read(response)["error"]["type"] == "output_exists"

    def test_is_the_only_simulcast_to_its_address(self, dyte: ApiClient, there: str) -> None:
        dyte.post(there, _SIMULCAST)

        assert dyte.post(there, _SIMULCAST).status_code == 400

    def test_of_no_type_and_with_bad_values_is_refused_at_once(self, dyte: ApiClient, there: str) -> None:
        response = dyte.post(there, {"type": "dash", "enabled": "perhaps", "uri": 7})

        assert response.status_code == 422
        assert read(response)["error"]["fields"].keys() == {"type", "enabled", "uri"}

    def test_of_another_livestream_is_not_there(self, dyte: ApiClient, home: NewOrganization, there: str) -> None:
        other = create_livestream(app=home.app, name="Other", actor=SYSTEM).outputs.get(type="hls")

        for method in ("GET", "PATCH", "DELETE"):
            assert dyte.request(method, f"{there}/{other.pk}", body={}).status_code == 404
        assert Output.objects.filter(pk=other.pk).exists()

    def test_is_not_there_for_realtimekit(self, realtimekit: ApiClient, there: str) -> None:
        assert realtimekit.get(there).status_code == 404

    def test_is_written_down_as_the_keys_deed(self, dyte: ApiClient, there: str) -> None:
        dyte.post(there, _SIMULCAST)

        entry = AuditEntry.objects.get(action="output.created")
        assert entry.api_key is not None
        assert "abcd" not in str(entry.detail)


class TestBroadcast:
    def test_is_awaited_and_idled(self, dyte: ApiClient, livestream: Livestream) -> None:
        response = dyte.post(f"/livestreams/{livestream.pk}/activate")

        assert (response.status_code, read(response)["data"]["id"]) == (200, str(livestream.pk))
        assert Livestream.objects.get().is_active
        assert dyte.post(f"/livestreams/{livestream.pk}/idle").status_code == 200
        assert not Livestream.objects.get().is_active

    def test_is_not_awaited_while_encoders_are_refused(self, dyte: ApiClient, livestream: Livestream) -> None:
        dyte.put(f"/livestreams/{livestream.pk}/disable")

        response = dyte.post(f"/livestreams/{livestream.pk}/activate")

        assert (response.status_code, response.headers["x-should-retry"]) == (409, "false")
        assert read(response)["error"]["type"] == "livestream_disabled"

    @pytest.mark.parametrize(
        ("body", "hold_s"), [(None, 300), ({"end_hold_s": None}, 300), ({"end_hold_s": 5}, 5), ({"end_hold_s": 0}, 0)]
    )
    def test_is_ended_and_its_encoder_held_off(
        self, dyte: ApiClient, livestream: Livestream, session: Session, body: object, hold_s: int
    ) -> None:
        dyte.patch(f"/livestreams/{livestream.pk}", {"end_hold_s": 300})

        response = dyte.post(f"/livestreams/{livestream.pk}/end", body)

        assert (response.status_code, read(response)["data"]["status"]) == (200, "OFFLINE")
        session.refresh_from_db()
        assert session.end_reason == EndReason.ENDED_BY_OPERATOR
        held_until = Livestream.objects.get().held_until
        held_s = (held_until - clock.now()).total_seconds() if held_until else 0
        assert hold_s - 30 < held_s <= hold_s

    def test_can_be_ended_again(self, dyte: ApiClient, livestream: Livestream) -> None:
        for _ in range(2):
            assert dyte.post(f"/livestreams/{livestream.pk}/end").status_code == 200

    def test_is_let_in_before_its_time(self, dyte: ApiClient, livestream: Livestream) -> None:
        held = read(dyte.post(f"/livestreams/{livestream.pk}/end"))["data"]["held_until"]

        let_in = read(dyte.post(f"/livestreams/{livestream.pk}/let-in"))["data"]["held_until"]

        assert (held is None, let_in) == (False, None)
        assert Livestream.objects.get().held_until is None

    @pytest.mark.parametrize("hold", [-1, 3601, "long"])
    def test_is_held_off_for_an_hour_at_most(self, dyte: ApiClient, livestream: Livestream, hold: object) -> None:
        assert dyte.post(f"/livestreams/{livestream.pk}/end", {"end_hold_s": hold}).status_code == 422


def test_a_key_that_may_only_read_changes_no_output(home: NewOrganization, livestream: Livestream, there: str) -> None:
    made = create_api_key(organization=home.organization, name="Reader", kind="basic", scopes=["read"], actor=SYSTEM)
    reader = ApiClient("dyte", "/v2", basic(home.organization.pk.hex, made.secret))

    assert reader.get(there).status_code == 200
    assert reader.post(there, _SIMULCAST).status_code == 403
    assert reader.post(f"/livestreams/{livestream.pk}/end").status_code == 403


class TestSimulcast:
    @pytest.fixture
    def retrying(self, livestream: Livestream) -> Output:
        """A simulcast of a broadcast, to a server that refuses it."""
        session = connected(livestream)
        lease = claimed(session)
        new = NewOutput(type="simulcast", uri=_URI)
        output = create_output(livestream=livestream, new=new, actor=SYSTEM)
        refused = TargetStanding(PushState.RETRYING, "refused", "The server refuses connections.", tries=3)
        note_standings(session.pk, worker=lease.worker, told={output.pk: refused})
        return output

    def test_tells_how_far_it_is(self, dyte: ApiClient, there: str, retrying: Output) -> None:
        told = read(dyte.get(f"{there}/{retrying.pk}"))["data"]

        assert told["status"] == "RETRYING"
        assert (told["push"]["state"], told["push"]["reason"], told["push"]["tries"]) == ("retrying", "refused", 3)
        assert told["push"]["message"] == "The server refuses connections."
        assert told["push"]["since"] is not None

    def test_is_told_by_who_runs_the_broadcast_alone(self, livestream: Livestream, retrying: Output) -> None:
        session = livestream.sessions.get()

        note_standings(session.pk, worker="another", told={retrying.pk: TargetStanding(PushState.BROADCASTING)})

        retrying.refresh_from_db()
        assert retrying.push_state == "retrying"

    def test_one_that_was_switched_off_stays_off(self, livestream: Livestream, retrying: Output) -> None:
        session = livestream.sessions.get()
        Output.objects.update(enabled=False, push_state="disabled")
        told = {retrying.pk: TargetStanding(PushState.BROADCASTING)}

        note_standings(session.pk, worker=session.lease.worker, told=told)

        retrying.refresh_from_db()
        assert retrying.push_state == "disabled"

    def test_has_a_history(self, dyte: ApiClient, there: str, retrying: Output, livestream: Livestream) -> None:
        answer = read(dyte.get(f"{there}/{retrying.pk}/events"))

        (event,) = answer["data"]
        assert (event["state"], event["reason"], event["bytes"]) == ("retrying", "refused", 0)
        assert event["session_id"] == str(livestream.sessions.get().pk)
        assert answer["paging"]["total_count"] == 1

    def test_is_tried_again_at_once(self, dyte: ApiClient, there: str, retrying: Output) -> None:
        answer = dyte.post(f"{there}/{retrying.pk}/retry")

        assert (answer.status_code, read(answer)["data"]["id"]) == (200, str(retrying.pk))
        retrying.refresh_from_db()
        assert retrying.retry_asked_at is not None

    def test_is_not_tried_again_while_nothing_waits(self, dyte: ApiClient, there: str, livestream: Livestream) -> None:
        for output_type, status in (("hls", 404), ("simulcast", 409)):
            if output_type == "simulcast":
                dyte.post(there, _SIMULCAST)
            one = livestream.outputs.get(type=output_type)

            assert dyte.post(f"{there}/{one.pk}/retry").status_code == status

    @pytest.mark.parametrize("lines", [-1, 4321, "tall"])
    def test_height_is_one_that_a_picture_may_have(self, dyte: ApiClient, there: str, lines: object) -> None:
        answer = dyte.post(there, {**_SIMULCAST, "most_lines": lines})

        assert (answer.status_code, [*read(answer)["error"]["fields"]]) == (422, ["most_lines"])

    def test_others_have_no_height(self, dyte: ApiClient, there: str, livestream: Livestream) -> None:
        hls = livestream.outputs.get(type="hls")

        answer = dyte.patch(f"{there}/{hls.pk}", {"most_lines": 720})

        assert (answer.status_code, [*read(answer)["error"]["fields"]]) == (422, ["most_lines"])
