"""What nginx-rtmp asks, and what it is told."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from livehub.core import crypto, events
from streams.livestreams import services
from streams.livestreams.events import PublishRefused
from streams.livestreams.states import EndReason, LivestreamStatus, SessionStatus
from streams.livestreams.stream_keys import give_key, give_test_picture_key
from streams.models import Connection, Livestream, Session, StreamKey, UnknownKeyTries
from streams.organizations.services import SYSTEM
from tests.runs import claimed

pytestmark = pytest.mark.django_db


def _call(
    hook: str, *, key: str, client_id: int = 1, token: str | None = None, node: str = "main", call: str = "publish"
) -> tuple[int, str]:
    response = Client().post(
        f"/internal/ingest/{hook}?token={settings.INGEST_HOOK_TOKEN if token is None else token}&node={node}",
        f"app=live&flashver=FMLE/3.0%20(compatible%3B%20OBS&addr=203.0.113.7&clientid={client_id}&call={call}&name={key}",
        content_type="application/x-www-form-urlencoded",
    )
    return response.status_code, response.headers.get("Location", "")


class TestPublish:
    def test_admits_the_right_key_under_the_sessions_id(self, livestream: Livestream) -> None:
        status, name = _call("publish", key=livestream.stream_key)

        connection = Connection.objects.get(session=Session.objects.get())
        assert (status, name) == (302, connection.pk.hex)
        assert (connection.node, connection.address, connection.software) == (
            "main",
            "203.0.113.7",
            "FMLE/3.0 (compatible; OBS",
        )
        assert livestream.stream_key not in name

    @pytest.mark.django_db(transaction=True)
    def test_asks_for_no_savepoint_since_the_livestream_is_locked(self, livestream: Livestream) -> None:
        key = livestream.stream_key

        with CaptureQueriesContext(connection) as asked:
            assert _call("publish", key=key)[0] == 302

        assert [query["sql"] for query in asked if "SAVEPOINT" in query["sql"]] == []

    @pytest.mark.parametrize(
        ("field", "value", "stored"),
        [
            ("addr", "2001:DB8::7", {"address": "2001:db8::7"}),
            ("addr", "unix:/somewhere", {"address": None}),
            ("addr", "", {"address": None}),
            ("flashver", "OBS\x00\n31", {"software": "OBS31"}),
            ("flashver", "x" * 300, {"software": "x" * 255}),
            ("clientid", "", {"client_id": 0}),
            ("clientid", "seven", {"client_id": 0}),
        ],
    )
    def test_bears_whatever_an_encoder_calls_itself(
        self, livestream: Livestream, field: str, value: str, stored: dict[str, object]
    ) -> None:
        described = {"addr": "203.0.113.7", "clientid": "1", "flashver": "OBS 31", "call": "publish", field: value}

        answer = Client().post(
            f"/internal/ingest/publish?token={settings.INGEST_HOOK_TOKEN}&node=main",
            {**described, "name": livestream.stream_key},
        )

        assert answer.status_code == 302
        assert Connection.objects.values(*stored).get() == stored

    def test_tells_of_each_refusal(self, livestream: Livestream) -> None:
        heard: list[PublishRefused] = []
        events.subscribe(PublishRefused, heard.append)
        services.disable_livestream(livestream=livestream, actor=SYSTEM)

        _call("publish", key=livestream.stream_key)
        events._subscribers[PublishRefused].pop()

        livestream.refresh_from_db()
        assert [(event.livestream_id, event.reason) for event in heard] == [(livestream.pk, livestream.last_refusal)]

    @pytest.mark.parametrize("key", ["sk_wrong", "", "%00", "%ff%fe", "sk_" + "x" * 5000])
    def test_refuses_any_other_key(self, livestream: Livestream, key: str) -> None:
        assert _call("publish", key=key)[0] == 403
        assert not Session.objects.exists()

    def test_refuses_a_disabled_livestream_and_says_so_on_it(self, livestream: Livestream) -> None:
        services.disable_livestream(livestream=livestream, actor=SYSTEM)

        assert _call("publish", key=livestream.stream_key)[0] == 403

        livestream.refresh_from_db()
        assert livestream.refused_publishes == 1
        assert "disabled" in livestream.last_refusal
        assert livestream.last_refused_at is not None

    def test_refuses_a_deleted_livestream(self, livestream: Livestream) -> None:
        services.delete_livestream(livestream=livestream, actor=SYSTEM)

        assert _call("publish", key=livestream.stream_key)[0] == 403

    def test_refuses_the_old_key_after_a_reset(self, livestream: Livestream) -> None:
        old = livestream.stream_key
        services.reset_stream_key(livestream=livestream, actor=SYSTEM)

        assert _call("publish", key=old)[0] == 403
        assert _call("publish", key=livestream.stream_key)[0] == 302

    def test_takes_the_old_key_until_the_overlap_is_over(self, livestream: Livestream) -> None:
        old = livestream.stream_key
        services.reset_stream_key(livestream=livestream, overlap=timedelta(minutes=5), actor=SYSTEM)

        assert _call("publish", key=old)[0] == 302
        assert _call("update", key=old, call="update_publish")[0] == 204
        StreamKey.objects.exclude(revoked_at=None).update(revoked_at=Now())

        assert _call("update", key=old, call="update_publish")[0] == 403
        assert _call("publish", key=old)[0] == 403

    def test_asks_for_the_password_of_a_key_that_has_one(self, livestream: Livestream) -> None:
        with transaction.atomic():
            give_key(livestream, has_password=True)
        # As nginx takes it apart: what stands behind the question mark comes as fields of its own.
        name, _, password = livestream.stream_key.partition("?password=")

        for appended in ("", "&password=", "&password=wrong", f"&password={password}0"):
            assert _call("publish", key=name + appended)[0] == 403
        livestream.refresh_from_db()
        assert livestream.refused_publishes == 4
        assert "password" in livestream.last_refusal
        assert _call("publish", key=f"{name}&password={password}")[0] == 302
        assert _call("update", key=f"{name}&password={password}", call="update_publish")[0] == 204

    def test_turns_encoders_away_for_a_while_after_a_broadcast_was_ended(self, livestream: Livestream) -> None:
        services.end_broadcast(livestream=livestream, hold=timedelta(seconds=60), actor=SYSTEM)

        assert _call("publish", key=livestream.stream_key)[0] == 403
        Livestream.objects.update(held_until=Now() - timedelta(seconds=1))
        assert _call("publish", key=livestream.stream_key)[0] == 302

    def test_counts_no_encoder_that_comes_back_by_itself_after_an_end(self, livestream: Livestream) -> None:
        services.end_broadcast(livestream=livestream, hold=timedelta(seconds=60), actor=SYSTEM)

        assert _call("publish", key=livestream.stream_key)[0] == 403

        livestream.refresh_from_db()
        assert (livestream.refused_publishes, livestream.last_refusal) == (0, "")

    def test_lets_an_encoder_in_that_was_held_off_once_the_livestream_is_activated(
        self, livestream: Livestream
    ) -> None:
        services.end_broadcast(livestream=livestream, hold=timedelta(seconds=60), actor=SYSTEM)
        services.activate_livestream(livestream=livestream, actor=SYSTEM)

        assert _call("publish", key=livestream.stream_key)[0] == 302

    def test_lets_the_test_picture_in_all_the_same(self, livestream: Livestream) -> None:
        services.end_broadcast(livestream=livestream, hold=timedelta(seconds=60), actor=SYSTEM)
        key = give_test_picture_key(livestream, lifetime=timedelta(seconds=70))

        assert _call("publish", key=crypto.decrypt(key.encrypted))[0] == 302

    def test_counts_each_refusal(self, livestream: Livestream) -> None:
        services.disable_livestream(livestream=livestream, actor=SYSTEM)

        for _ in range(2):
            _call("publish", key=livestream.stream_key)

        livestream.refresh_from_db()
        assert livestream.refused_publishes == 2

    def test_counts_the_address_of_an_unknown_key_and_of_no_other(self, livestream: Livestream) -> None:
        services.disable_livestream(livestream=livestream, actor=SYSTEM)
        _call("publish", key=livestream.stream_key)
        assert not UnknownKeyTries.objects.exists()

        for _ in range(2):
            _call("publish", key="sk_nobodys")

        tries = UnknownKeyTries.objects.get()
        assert (tries.address, tries.tries) == ("203.0.113.7", 2)

    @pytest.mark.parametrize("token", ["", "wrong"])
    def test_knows_nobody_but_nginx(self, livestream: Livestream, token: str) -> None:
        assert _call("publish", key=livestream.stream_key, token=token)[0] == 404
        assert not Session.objects.exists()


class TestSecondEncoder:
    def test_is_refused_and_its_done_leaves_the_first_unharmed(self, livestream: Livestream) -> None:
        _call("publish", key=livestream.stream_key, client_id=1)

        refused = _call("publish", key=livestream.stream_key, client_id=2)
        _call("publish-done", key=livestream.stream_key, client_id=2, call="publish_done")

        livestream.refresh_from_db()
        assert refused[0] == 403
        assert Session.objects.get().is_open
        assert livestream.refused_publishes == 1
        assert "already publishing" in livestream.last_refusal


class TestPublishDone:
    @pytest.mark.parametrize("other", [{"client_id": 2}, {"node": "north"}])
    def test_of_another_client_or_node_changes_nothing(self, livestream: Livestream, other: dict[str, Any]) -> None:
        _call("publish", key=livestream.stream_key)

        _call("publish-done", key=livestream.stream_key, call="publish_done", **other)

        assert Session.objects.get().is_open
        assert Connection.objects.get().disconnected_at is None

    def test_leaves_a_session_to_the_worker_that_runs_it(self, livestream: Livestream) -> None:
        _call("publish", key=livestream.stream_key)
        claimed(Session.objects.get())

        _call("publish-done", key=livestream.stream_key, call="publish_done")

        assert Session.objects.get().is_open
        assert Connection.objects.get().disconnected_at is not None

    def test_closes_a_session_that_no_worker_runs(self, livestream: Livestream) -> None:
        _call("publish", key=livestream.stream_key)

        assert _call("publish-done", key=livestream.stream_key, call="publish_done")[0] == 204

        session = Session.objects.get()
        livestream.refresh_from_db()
        assert (session.status, session.end_reason) == (SessionStatus.ENDED, EndReason.ENCODER_STOPPED)
        assert livestream.status == LivestreamStatus.IDLE


class TestUpdate:
    def test_keeps_a_running_session(self, livestream: Livestream) -> None:
        _call("publish", key=livestream.stream_key)
        before = Connection.objects.get().last_seen_at

        assert _call("update", key=livestream.stream_key, call="update_publish")[0] == 204
        assert Connection.objects.get().last_seen_at > before

    def test_cuts_another_client_with_the_same_key(self, livestream: Livestream) -> None:
        _call("publish", key=livestream.stream_key, client_id=1)
        before = Connection.objects.get().last_seen_at

        assert _call("update", key=livestream.stream_key, client_id=2, call="update_publish")[0] == 403
        assert Connection.objects.get().last_seen_at == before

    def test_cuts_a_client_of_another_node_with_the_same_number(self, livestream: Livestream) -> None:
        _call("publish", key=livestream.stream_key)
        before = Connection.objects.get().last_seen_at

        assert _call("update", key=livestream.stream_key, node="north", call="update_publish")[0] == 403
        assert Connection.objects.get().last_seen_at == before

    def test_cuts_an_encoder_whose_session_is_over(self, livestream: Livestream) -> None:
        _call("publish", key=livestream.stream_key)
        services.end_broadcast(livestream=livestream, actor=SYSTEM)

        assert _call("update", key=livestream.stream_key, call="update_publish")[0] == 403

    @pytest.mark.django_db(transaction=True)
    def test_cuts_nobody_when_the_database_is_restarted(
        self, livestream: Livestream, caplog: pytest.LogCaptureFixture
    ) -> None:
        key = livestream.stream_key
        _call("publish", key=key)
        with connection.cursor() as cursor, suppress(OperationalError):
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        try:
            assert _call("update", key=key, call="update_publish")[0] == 204
        finally:
            connection.close()
        assert "hook=update" in caplog.text

    def test_does_not_let_an_encoder_speak_for_nginx(self, livestream: Livestream) -> None:
        """What stands behind the key (`key?call=x`) is appended to nginx's own fields."""
        _call("publish", key=f"{livestream.stream_key}&addr=8.8.8.8&clientid=99")
        services.end_broadcast(livestream=livestream, actor=SYSTEM)

        connection = Connection.objects.get()
        assert (connection.address, connection.client_id) == ("203.0.113.7", 1)
        assert _call("update", key=f"{livestream.stream_key}&call=update_play", call="update_publish")[0] == 403

    def test_lets_our_own_players_be(self, livestream: Livestream) -> None:
        assert _call("update", key="0123", call="update_play")[0] == 204
