"""A database of an earlier version is brought up to date, in a database of its own."""

from collections import Counter
from collections.abc import Callable, Iterator
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
from pytest_django import DjangoDbBlocker

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

# Before broadcasts had rooms of their own.
_OLD = "0005_audit_entries"
_BEFORE_PRESETS = "0020_meetings"
_BEFORE_MANY_ROWS = "0021_default_presets"
_BEFORE_WEBHOOKS = "0024_livestream_indexes"
_BEFORE_STATES_OF_SIMULCASTS = "0034_hold_and_silences"
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


@pytest.fixture(scope="module")
def scratch(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make the default database an empty one: going back in the one of the other tests would disturb these."""
    ordinary = connections["default"]
    # Without the pool, which is kept by alias and would hand out connections to the other database.
    with django_db_blocker.unblock(), bounds.lifted():
        _say(f"DROP DATABASE IF EXISTS {_SCRATCH}", ordinary=ordinary)
        _say(f"CREATE DATABASE {_SCRATCH}", ordinary=ordinary)
        connections["default"] = _connection_to(_SCRATCH, ordinary=ordinary)
        yield
        connections["default"].close()
        connections["default"] = ordinary
        _say(f"DROP DATABASE {_SCRATCH}", ordinary=ordinary)


_Write = Callable[[Apps], Any]
# Who writes what its test finds later, by the version that writes it.
_writes: dict[str, list[_Write]] = {}


def written_by(version: str) -> Callable[[_Write], _Write]:
    """Have the decorated function write rows as that version did, with the models that it had."""

    def keep(write: _Write) -> _Write:
        _writes.setdefault(version, []).append(write)
        return write

    return keep


@pytest.fixture(scope="module")
def walked(scratch: None) -> dict[_Write, Any]:
    """Bring one database from nothing to the present, and return what each has written in it on the way.

    One for all: going all the way takes 5 s of a core.
    """
    written = {}
    for version in sorted(_writes):
        state = MigrationExecutor(connection).migrate([("streams", version)])
        written.update({write: write(state.apps) for write in _writes[version]})
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    return written


@pytest.fixture
def found(walked: dict[_Write, Any], db: None) -> dict[_Write, Any]:
    """What each has written; what a test changes of it is taken back."""
    return walked


class Past:
    """Rows as the earlier version wrote them."""

    def __init__(self, apps: Apps) -> None:
        self._apps = apps
        self._organization = self._new("Organization", name="Northwind Events")
        self.app = self._new("App", organization_id=self._organization, name="Default", is_default=True)

    def livestream(self, *, key: str, **values: object) -> UUID:
        return self._new(
            "Livestream",
            app_id=self.app,
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


@written_by(_OLD)
def a_broadcast_that_is_going_on(apps: Apps) -> tuple[UUID, UUID, UUID]:
    past = Past(apps)
    livestream = past.livestream(key="sk_live", status="live")
    before = past.session(livestream, statuses=["connecting", "live", "ended"], **_YESTERDAYS)
    return livestream, before, past.session(livestream, statuses=["connecting", "live"], **_PRESENT)


@written_by(_OLD)
def what_is_not_on_air_or_has_no_files(apps: Apps) -> tuple[UUID, dict[str, UUID]]:
    past = Past(apps)
    leaving = past.livestream(key="sk_leaving", status="connecting")
    errored = past.livestream(key="sk_errored", status="errored")
    gone = past.livestream(key="sk_deleted", deleted_at=_NOON)
    removed = {**_YESTERDAYS, "files_removed_at": _NOON}
    return past.app, {
        "leaving": leaving,
        "left": past.session(leaving, statuses=["connecting"], at=_NOON, encoder_left_at=_NOON),
        "idle": past.livestream(key="sk_idle"),
        "errored": errored,
        "removed": past.session(gone, statuses=["connecting", "live", "ended"], **removed),
        "untouched": past.session(errored, statuses=["connecting", "errored"], at=_NOON, stopped_at=_NOON),
    }


class TestRoomsForBroadcasts:
    def test_take_in_a_broadcast_that_is_going_on(self, found: dict[_Write, Any]) -> None:
        livestream, before, now = found[a_broadcast_that_is_going_on]

        key = resolve_key("sk_live", {})
        assert (key.livestream.pk, key.livestream.stream_key) == (livestream, "sk_live")
        lease = Lease.objects.get(session__livestream=livestream)
        assert (lease.session_id, lease.worker, lease.epoch, lease.until) == (now, "first", 3, _PRESENT["lease_until"])
        stay = Connection.objects.get(session=now)
        assert (stay.pk, stay.stream_key, stay.node, stay.client_id) == (now, key, settings.NODE, 99)
        assert (stay.address, stay.software, stay.media_ms) == ("203.0.113.24", "OBS 31", 2_750)
        assert (stay.connected_at, stay.last_seen_at, stay.disconnected_at) == (_NOON, _NOON, None)
        gone = Connection.objects.get(session=before)
        assert (gone.media_ms, gone.disconnected_at) == (61_500, _NOON - timedelta(minutes=1))
        self._check_history(Livestream.objects.get(pk=livestream), before=before, now=now)
        # The worker that ran it before the new version came runs it on.
        leases.renew_lease(lease)
        leases.finish_session(lease, reason=EndReason.ENCODER_STOPPED)

    def _check_history(self, livestream: Livestream, *, before: UUID, now: UUID) -> None:
        assert livestream.last_live_at == _NOON
        assert LivestreamCount.objects.get(app=livestream.app_id).total == 1
        sessions = Session.objects.filter(livestream=livestream).order_by("created_at")
        assert [session.ingest_ms for session in sessions] == [61_500, 2_750]
        assert [session.file_nodes for session in sessions] == [[settings.NODE], [settings.NODE]]
        events = Session.objects.get(pk=before).events.order_by("id")
        assert [(event.kind, event.data["old"], event.data["new"], event.reason) for event in events] == [
            ("status", "", "connecting", "Now connecting"),
            ("status", "connecting", "live", "Now live"),
            ("status", "live", "ended", "Now ended"),
        ]
        going_on = Session.objects.get(pk=now).events.order_by("id")
        assert [event.data["new"] for event in going_on] == ["connecting", "live"]
        assert events[0].at == _NOON - timedelta(days=1)

    def test_take_in_what_is_not_on_air_or_has_no_files(self, found: dict[_Write, Any]) -> None:
        app, made = found[what_is_not_on_air_or_has_no_files]

        assert resolve_key("sk_idle", {}).livestream.pk == made["idle"]
        assert set(Livestream.objects.filter(app=app, last_live_at=None).values_list("pk", flat=True)) == {
            made["idle"],
            made["errored"],
            made["leaving"],
        }
        lease = Lease.objects.get(session__livestream__app=app)
        assert (lease.session_id, lease.epoch, lease.until) == (made["left"], 0, None)
        assert Connection.objects.get(session=made["left"]).disconnected_at == _NOON
        for session in Session.objects.filter(pk__in=[made["removed"], made["untouched"]]):
            assert session.file_nodes == []
        # Nobody has said when its encoder left: with the session at the latest.
        assert Connection.objects.get(session=made["untouched"]).disconnected_at == _NOON
        assert LivestreamCount.objects.get(app=app).total == 3


@written_by(_OLD)
def livestreams_without_outputs(apps: Apps) -> tuple[UUID, list[UUID]]:
    past = Past(apps)
    past.livestream(key="sk_gone", deleted_at=_NOON)
    return past.app, [past.livestream(key=f"sk_{number}") for number in range(5)]


class TestOutputs:
    def test_come_to_the_livestreams_that_are_there_in_batches_and_once(self, found: dict[_Write, Any]) -> None:
        app, kept = found[livestreams_without_outputs]
        hls, archive = Output.objects.filter(livestream=kept[0]).in_order()
        new = Output.defaults_of(Livestream.objects.get(pk=kept[0]))
        for made, expected in zip((hls, archive), new, strict=True):
            assert (made.type, made.name) == (expected.type, expected.name)
            assert (made.public_id, made.uri, made.enabled) == (expected.public_id, "", True)
        Output.objects.filter(livestream__in=kept[:3], type="archive").delete()
        give_outputs = import_module("streams.migrations.0023_outputs_of_livestreams").give_outputs

        with connection.schema_editor() as editor:
            give_outputs(None, editor, batch=2)

        of_app = Output.objects.filter(livestream__app=app)
        assert Counter(of_app.values_list("livestream", flat=True)) == dict.fromkeys(kept, 2)


@written_by(_BEFORE_STATES_OF_SIMULCASTS)
def a_simulcast_that_is_on_and_one_that_is_off(apps: Apps) -> UUID:
    organization = apps.get_model("streams", "Organization").objects.create(name="Northwind Events")
    app = apps.get_model("streams", "App").objects.create(organization=organization, name="Default")
    livestream: UUID = apps.get_model("streams", "Livestream").objects.create(app=app, playback_id="pb_both").pk
    for number, enabled in enumerate((True, False)):
        apps.get_model("streams", "Output").objects.create(
            livestream_id=livestream, type="simulcast", uri=f"rtmp://a.example/{number}", enabled=enabled
        )
    return livestream


class TestSimulcasts:
    def test_that_are_off_are_shown_as_such(self, found: dict[_Write, Any]) -> None:
        outputs = Output.objects.filter(livestream=found[a_simulcast_that_is_on_and_one_that_is_off])

        assert dict(outputs.values_list("enabled", "push_state")) == {True: "idle", False: "disabled"}


@written_by(_BEFORE_PRESETS)
def an_app_without_presets(apps: Apps) -> UUID:
    organization = apps.get_model("streams", "Organization").objects.create(name="Northwind Events")
    app: UUID = apps.get_model("streams", "App").objects.create(organization=organization, name="Default").pk
    return app


class TestDefaultPresets:
    def test_are_given_to_the_apps_that_there_are(self, found: dict[_Write, Any]) -> None:
        names = Preset.objects.filter(app=found[an_app_without_presets]).values_list("name", flat=True)

        assert {"group_call_host", "group_call_participant", "webinar_viewer", "livestream_viewer"} <= set(names)


@written_by(_BEFORE_MANY_ROWS)
def meetings_of_two_apps(apps: Apps) -> tuple[UUID, UUID]:
    organization = apps.get_model("streams", "Organization").objects.create(name="Northwind Events")
    app = apps.get_model("streams", "App").objects.create(organization=organization, name="Default")
    meetings = apps.get_model("streams", "Meeting").objects
    other = apps.get_model("streams", "App").objects.create(organization=organization, name="Second")
    active, theirs = meetings.create(app=app), meetings.create(app=other)
    for _ in range(2):
        meetings.create(app=app, status="inactive")
    session = apps.get_model("streams", "MeetingSession").objects.create(meeting=active)
    apps.get_model("streams", "MeetingSession").objects.create(meeting=theirs)
    livestreams = apps.get_model("streams", "Livestream").objects
    livestreams.create(app=app, playback_id="pb_1")
    livestreams.create(app=app, playback_id="pb_2", meeting=active)
    livestreams.create(app=app, playback_id="pb_3", meeting=active, deleted_at=_NOON)
    livestreams.create(app=other, playback_id="pb_4", meeting=theirs)
    return app.pk, session.pk


class TestManyRows:
    def test_sessions_of_meetings_get_their_app_and_all_are_counted(self, found: dict[_Write, Any]) -> None:
        app, session = found[meetings_of_two_apps]

        assert MeetingSession.objects.get(pk=session).app_id == app
        counted = MeetingCount.objects.get(app=app)
        assert (counted.meetings, counted.inactive_meetings, counted.sessions) == (3, 2, 1)
        kept = LivestreamCount.objects.get(app=app)
        assert (kept.total, kept.of_meetings) == (2, 1)


@written_by(_OLD)
def keys_with_the_first_scopes(apps: Apps) -> dict[UUID, list[str]]:
    past, scopes = Past(apps), ["read", "livestreams", "meetings"]
    return {
        past.api_key(kind="bearer", scopes=["livestreams:read"]): ["read"],
        past.api_key(kind="bearer", scopes=["livestreams:write"]): ["livestreams", "meetings"],
        past.api_key(kind="bearer", scopes=["livestreams:read", "livestreams:write"]): scopes,
        past.api_key(kind="bearer", scopes=["livestreams:write", "livestreams:read"]): scopes,
    }


@written_by(_BEFORE_WEBHOOKS)
def keys_with_every_scope_and_with_less(apps: Apps) -> tuple[UUID, UUID]:
    past = Past(apps)
    everything = past.api_key(kind="basic", scopes=["admin", "meetings", "livestreams", "read"])
    return everything, past.api_key(kind="basic", scopes=["read", "livestreams", "meetings"])


class TestScopes:
    def test_open_what_they_opened_and_make_no_keys(self, found: dict[_Write, Any]) -> None:
        expected: dict[UUID, list[str]] = found[keys_with_the_first_scopes]
        later = found[keys_with_every_scope_and_with_less]

        assert dict(ApiKey.objects.exclude(pk__in=later).values_list("pk", "scopes")) == expected
        for number, key_id in enumerate(expected):
            shown = Credential(f"lookup{number}", "secret")
            assert authenticate_api_key(shown, kind=ApiKey.Kind.BEARER).pk == key_id

    def test_that_opened_all_there_was_open_webhooks_too(self, found: dict[_Write, Any]) -> None:
        everything, less = found[keys_with_every_scope_and_with_less]

        assert ApiKey.objects.get(pk=everything).scopes == ApiKey.Scope.values
        assert ApiKey.objects.get(pk=less).scopes == ["read", "livestreams", "meetings"]
