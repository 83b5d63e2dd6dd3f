"""A database of an earlier version is brought up to date, in a database of its own."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.apps.registry import Apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from livehub.core import crypto
from livehub.core.postgresql import bounds
from streams.livestreams import leases
from streams.livestreams.states import EndReason
from streams.livestreams.stream_keys import resolve_key
from streams.models import (
    ApiKey,
    Connection,
    Lease,
    Livestream,
    LivestreamCount,
    MeetingCount,
    MeetingSession,
    Output,
    Preset,
    Session,
)
from streams.organizations.credentials import Credential, authenticate_api_key

_OLD = ("streams", "0005_audit_entries")
_BEFORE_STATES_OF_SIMULCASTS = ("streams", "0034_hold_and_silences")
_BEFORE_PRESETS = ("streams", "0020_meetings")
_BEFORE_MANY_ROWS = ("streams", "0021_default_presets")
_BEFORE_WEBHOOKS = ("streams", "0024_livestream_indexes")
_SCRATCH = "livehub_migrations"
_NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
_YESTERDAYS: dict[str, Any] = {
    "at": _NOON - timedelta(days=1),
    "started_at": _NOON - timedelta(days=1),
    "encoder_left_at": _NOON - timedelta(minutes=1),
    "stopped_at": _NOON,
    "epoch": 2,
    "live_epoch": 2,
    "ingest_ms": 61_500,
}
_PRESENT: dict[str, Any] = {
    "at": _NOON,
    "started_at": _NOON,
    "worker": "first",
    "epoch": 3,
    "live_epoch": 3,
    "lease_until": _NOON + timedelta(days=365),
    "ingest_client_id": 99,
    "ingest_ms": 2_750,
    "encoder_address": "203.0.113.24",
    "encoder_software": "OBS 31",
}


@pytest.mark.django_db
def test_models_have_no_change_without_a_migration() -> None:
    call_command("makemigrations", "--check", "--dry-run")


def _connection_to(name: str, *, ordinary: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    return type(ordinary)({**ordinary.settings_dict, "NAME": name}, alias="default")


def _say(statement: str, *, ordinary: BaseDatabaseWrapper) -> None:
    server = _connection_to("postgres", ordinary=ordinary)
    with server.cursor() as cursor:
        cursor.execute(statement)
    server.close()


@pytest.fixture
def scratch(db: None) -> Iterator[None]:
    """Make the default database an empty one: going back in the one of the other tests would disturb these."""
    ordinary = connections["default"]
    # Without the pool, which is kept by alias and would hand out connections to the other database.
    with bounds.lifted():
        _say(f"DROP DATABASE IF EXISTS {_SCRATCH}", ordinary=ordinary)
        _say(f"CREATE DATABASE {_SCRATCH}", ordinary=ordinary)
        connections["default"] = _connection_to(_SCRATCH, ordinary=ordinary)
        yield
        connections["default"].close()
        connections["default"] = ordinary
        _say(f"DROP DATABASE {_SCRATCH}", ordinary=ordinary)


@pytest.fixture
def apps(scratch: None) -> Apps:
    """The models as they were before broadcasts had rooms of their own."""
    executor = MigrationExecutor(connection)
    executor.migrate([_OLD])
    return executor.loader.project_state([_OLD]).apps


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


class Past:
    """Rows as the earlier version wrote them."""

    def __init__(self, apps: Apps) -> None:
        self._apps = apps
        self._organization = self._new("Organization", name="Northwind Events")
        self._app = self._new("App", organization_id=self._organization, name="Default", is_default=True)

    def livestream(self, *, key: str, **values: object) -> UUID:
        return self._new(
            "Livestream",
            app_id=self._app,
            playback_id=f"pb_{key}",
            stream_key_digest=crypto.lookup_digest(key),
            stream_key_encrypted=crypto.encrypt(key),
            **values,
        )

    def session(self, livestream: UUID, *, statuses: list[str], at: datetime, **values: object) -> UUID:
        session = self._new(
            "Session",
            livestream_id=livestream,
            status=statuses[-1],
            **{"ingest_client_id": 7, "last_ingest_at": at, **values},
        )
        self._model("Session").objects.filter(pk=session).update(created_at=at)
        for number, (old, new) in enumerate(zip(["", *statuses], statuses, strict=False)):
            moment = at + timedelta(minutes=number)
            self._new("StatusChange", session_id=session, old=old, new=new, reason=f"Now {new}", at=moment)
        return session

    def api_key(self, *, kind: str, scopes: list[str]) -> UUID:
        number = self._model("ApiKey").objects.count()
        return self._new(
            "ApiKey",
            organization_id=self._organization,
            name="Booking system",
            kind=kind,
            lookup=f"lookup{number}",
            secret_hash=crypto.hash_secret("secret"),
            scopes=scopes,
        )

    def _new(self, model: str, **values: object) -> UUID:
        if model != "StatusChange":
            values["id"] = uuid4()
        pk: UUID = self._model(model).objects.create(**values).pk
        return pk

    def _model(self, name: str) -> Any:
        # As it was then: no checker knows its fields.
        return self._apps.get_model("streams", name)


class TestRoomsForBroadcasts:
    def test_take_in_a_broadcast_that_is_going_on(self, apps: Apps) -> None:
        past = Past(apps)
        livestream = past.livestream(key="sk_live", status="live")
        before = past.session(livestream, statuses=["connecting", "live", "ended"], **_YESTERDAYS)
        now = past.session(livestream, statuses=["connecting", "live"], **_PRESENT)

        _migrate()

        key = resolve_key("sk_live", {})
        assert (key.livestream.pk, key.livestream.stream_key) == (livestream, "sk_live")
        lease = Lease.objects.get()
        assert (lease.session_id, lease.worker, lease.epoch, lease.until) == (now, "first", 3, _PRESENT["lease_until"])
        stay = Connection.objects.get(session=now)
        assert (stay.pk, stay.stream_key, stay.node, stay.client_id) == (now, key, settings.NODE, 99)
        assert (stay.address, stay.software, stay.media_ms) == ("203.0.113.24", "OBS 31", 2_750)
        assert (stay.connected_at, stay.last_seen_at, stay.disconnected_at) == (_NOON, _NOON, None)
        gone = Connection.objects.get(session=before)
        assert (gone.media_ms, gone.disconnected_at) == (61_500, _NOON - timedelta(minutes=1))
        self._check_history(livestream, before=before, now=now)
        # The worker that ran it before the new version came runs it on.
        leases.renew_lease(lease)
        leases.finish_session(lease, reason=EndReason.ENCODER_STOPPED)

    def _check_history(self, livestream: UUID, *, before: UUID, now: UUID) -> None:
        assert Livestream.objects.get().last_live_at == _NOON
        assert LivestreamCount.objects.get().total == 1
        assert [session.ingest_ms for session in Session.objects.order_by("created_at")] == [61_500, 2_750]
        assert [session.file_nodes for session in Session.objects.all()] == [[settings.NODE], [settings.NODE]]
        events = Session.objects.get(pk=before).events.order_by("id")
        assert [(event.kind, event.data["old"], event.data["new"], event.reason) for event in events] == [
            ("status", "", "connecting", "Now connecting"),
            ("status", "connecting", "live", "Now live"),
            ("status", "live", "ended", "Now ended"),
        ]
        going_on = Session.objects.get(pk=now).events.order_by("id")
        assert [event.data["new"] for event in going_on] == ["connecting", "live"]
        assert events[0].at == _NOON - timedelta(days=1)

    def test_take_in_what_is_not_on_air_or_has_no_files(self, apps: Apps) -> None:
        past = Past(apps)
        leaving = past.livestream(key="sk_leaving", status="connecting")
        left = past.session(leaving, statuses=["connecting"], at=_NOON, encoder_left_at=_NOON)
        idle = past.livestream(key="sk_idle")
        errored = past.livestream(key="sk_errored", status="errored")
        gone = past.livestream(key="sk_deleted", deleted_at=_NOON)
        removed = past.session(
            gone, statuses=["connecting", "live", "ended"], **{**_YESTERDAYS, "files_removed_at": _NOON}
        )
        untouched = past.session(errored, statuses=["connecting", "errored"], at=_NOON, stopped_at=_NOON)

        _migrate()

        assert resolve_key("sk_idle", {}).livestream.pk == idle
        assert set(Livestream.objects.filter(last_live_at=None).values_list("pk", flat=True)) == {
            idle,
            errored,
            leaving,
        }
        lease = Lease.objects.get()
        assert (lease.session_id, lease.epoch, lease.until) == (left, 0, None)
        assert Connection.objects.get(session=left).disconnected_at == _NOON
        for session in Session.objects.filter(pk__in=[removed, untouched]):
            assert session.file_nodes == []
        # Nobody has said when its encoder left: with the session at the latest.
        assert Connection.objects.get(session=untouched).disconnected_at == _NOON
        assert LivestreamCount.objects.get().total == 3


class TestOutputs:
    def test_come_to_the_livestreams_that_are_there_in_batches_and_once(self, apps: Apps) -> None:
        past = Past(apps)
        kept = [past.livestream(key=f"sk_{number}") for number in range(5)]
        past.livestream(key="sk_deleted", deleted_at=_NOON)

        _migrate()

        hls, archive = Output.objects.filter(livestream=kept[0]).in_order()
        new = Output.defaults_of(Livestream.objects.get(pk=kept[0]))
        for made, expected in zip((hls, archive), new, strict=True):
            assert (made.type, made.name) == (expected.type, expected.name)
            assert (made.public_id, made.uri, made.enabled) == (expected.public_id, "", True)
        Output.objects.filter(livestream__in=kept[:3], type="archive").delete()
        give_outputs = import_module("streams.migrations.0023_outputs_of_livestreams").give_outputs

        with connection.schema_editor() as editor:
            give_outputs(apps, editor, batch=2)

        assert Counter(Output.objects.values_list("livestream", flat=True)) == dict.fromkeys(kept, 2)


class TestSimulcasts:
    def test_that_are_off_are_shown_as_such(self, scratch: None) -> None:
        executor = MigrationExecutor(connection)
        executor.migrate([_BEFORE_STATES_OF_SIMULCASTS])
        past = executor.loader.project_state([_BEFORE_STATES_OF_SIMULCASTS]).apps
        organization = past.get_model("streams", "Organization").objects.create(name="Northwind Events")
        app = past.get_model("streams", "App").objects.create(organization=organization, name="Default")
        livestream = past.get_model("streams", "Livestream").objects.create(app=app, playback_id="pb_1")
        for number, enabled in enumerate((True, False)):
            past.get_model("streams", "Output").objects.create(
                livestream=livestream, type="simulcast", uri=f"rtmp://a.example/{number}", enabled=enabled
            )

        _migrate()

        assert dict(Output.objects.values_list("enabled", "push_state")) == {True: "idle", False: "disabled"}


class TestDefaultPresets:
    def test_are_given_to_the_apps_that_there_are(self, scratch: None) -> None:
        executor = MigrationExecutor(connection)
        executor.migrate([_BEFORE_PRESETS])
        past = executor.loader.project_state([_BEFORE_PRESETS]).apps
        organization = past.get_model("streams", "Organization").objects.create(name="Northwind Events")
        app = past.get_model("streams", "App").objects.create(organization=organization, name="Default")

        _migrate()

        names = Preset.objects.filter(app=app.pk).values_list("name", flat=True)
        assert {"group_call_host", "group_call_participant", "webinar_viewer", "livestream_viewer"} <= set(names)


class TestManyRows:
    def test_sessions_of_meetings_get_their_app_and_all_are_counted(self, scratch: None) -> None:
        executor = MigrationExecutor(connection)
        executor.migrate([_BEFORE_MANY_ROWS])
        past = executor.loader.project_state([_BEFORE_MANY_ROWS]).apps
        organization = past.get_model("streams", "Organization").objects.create(name="Northwind Events")
        app = past.get_model("streams", "App").objects.create(organization=organization, name="Default")
        meetings = past.get_model("streams", "Meeting").objects
        other = past.get_model("streams", "App").objects.create(organization=organization, name="Second")
        active, theirs = meetings.create(app=app), meetings.create(app=other)
        for _ in range(2):
            meetings.create(app=app, status="inactive")
        session = past.get_model("streams", "MeetingSession").objects.create(meeting=active)
        past.get_model("streams", "MeetingSession").objects.create(meeting=theirs)
        livestreams = past.get_model("streams", "Livestream").objects
        livestreams.create(app=app, playback_id="pb_1")
        livestreams.create(app=app, playback_id="pb_2", meeting=active)
        livestreams.create(app=app, playback_id="pb_3", meeting=active, deleted_at=_NOON)
        livestreams.create(app=other, playback_id="pb_4", meeting=theirs)

        _migrate()

        assert MeetingSession.objects.get(pk=session.pk).app_id == app.pk
        counted = MeetingCount.objects.get(app=app.pk)
        assert (counted.meetings, counted.inactive_meetings, counted.sessions) == (3, 2, 1)
        kept = LivestreamCount.objects.get(app=app.pk)
        assert (kept.total, kept.of_meetings) == (2, 1)


class TestScopes:
    def test_open_what_they_opened_and_make_no_keys(self, apps: Apps) -> None:
        past, scopes = Past(apps), ["read", "livestreams", "meetings"]
        expected = {
            past.api_key(kind="bearer", scopes=["livestreams:read"]): ["read"],
            past.api_key(kind="bearer", scopes=["livestreams:write"]): ["livestreams", "meetings"],
            past.api_key(kind="bearer", scopes=["livestreams:read", "livestreams:write"]): scopes,
            past.api_key(kind="bearer", scopes=["livestreams:write", "livestreams:read"]): scopes,
        }

        _migrate()

        assert dict(ApiKey.objects.values_list("pk", "scopes")) == expected
        for number, key_id in enumerate(expected):
            shown = Credential(f"lookup{number}", "secret")
            assert authenticate_api_key(shown, kind=ApiKey.Kind.BEARER).pk == key_id

    def test_that_opened_all_there_was_open_webhooks_too(self, scratch: None) -> None:
        executor = MigrationExecutor(connection)
        executor.migrate([_BEFORE_WEBHOOKS])
        past = Past(executor.loader.project_state([_BEFORE_WEBHOOKS]).apps)
        everything = past.api_key(kind="basic", scopes=["admin", "meetings", "livestreams", "read"])
        less = past.api_key(kind="basic", scopes=["read", "livestreams", "meetings"])

        _migrate()

        assert ApiKey.objects.get(pk=everything).scopes == ApiKey.Scope.values
        assert ApiKey.objects.get(pk=less).scopes == ["read", "livestreams", "meetings"]
