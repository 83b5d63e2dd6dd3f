"""Changes of livestreams: on the row as it is, whatever the caller holds; each is recorded and told once."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from livehub.core import clock, events
from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.livestreams import services
from streams.livestreams.events import (
    LivestreamChanged,
    LivestreamCreated,
    LivestreamDeleted,
    LivestreamEvent,
    SessionStatusChanged,
)
from streams.livestreams.lifecycle import LivestreamDisabledError, LivestreamStoppedError
from streams.livestreams.states import EndReason
from streams.livestreams.stream_keys import StreamKeyPasswordError, StreamKeyRejectedError, give_key, resolve_key
from streams.models import AuditEntry, Livestream, StreamKey
from streams.organizations.services import SYSTEM, Actor, NewOrganization
from tests.runs import connected, finished

_EVENTS: tuple[type[LivestreamEvent], ...] = (
    LivestreamChanged,
    LivestreamCreated,
    LivestreamDeleted,
    SessionStatusChanged,
)
CHANGES: list[Callable[..., object]] = [
    services.disable_livestream,
    services.enable_livestream,
    services.reset_stream_key,
    services.activate_livestream,
    services.end_broadcast,
    services.delete_livestream,
]


@pytest.fixture
def heard() -> Iterator[list[LivestreamEvent]]:
    """Every event that is published while the test runs."""
    found: list[LivestreamEvent] = []

    def hear(event: LivestreamEvent) -> None:
        found.append(event)

    for kind in _EVENTS:
        events.subscribe(kind, hear)
    yield found
    for kind in _EVENTS:
        events._subscribers[kind].remove(hear)  # type: ignore[arg-type]  # Kept apart by the key.


class TestStaleRows:
    @pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change.__name__))
    def test_of_a_deleted_livestream_change_nothing(
        self, livestream: Livestream, change: Callable[..., object]
    ) -> None:
        stale = Livestream.objects.get()
        services.delete_livestream(livestream=livestream, actor=SYSTEM)
        entries = AuditEntry.objects.count()

        with pytest.raises(NotFoundError):
            change(livestream=stale, actor=SYSTEM)

        assert AuditEntry.objects.count() == entries

    def test_are_not_renamed_after_the_deletion(self, livestream: Livestream) -> None:
        stale = Livestream.objects.get()
        services.delete_livestream(livestream=livestream, actor=SYSTEM)

        with pytest.raises(NotFoundError):
            services.rename_livestream(livestream=stale, name="New", actor=SYSTEM)

        assert not AuditEntry.objects.filter(action="livestream.renamed").exists()

    def test_are_read_again(self, livestream: Livestream) -> None:
        stale = Livestream.objects.get()
        services.disable_livestream(livestream=livestream, actor=SYSTEM)

        services.disable_livestream(livestream=stale, actor=SYSTEM)
        renamed = services.rename_livestream(livestream=stale, name="New", actor=SYSTEM)

        assert renamed.disabled
        livestream.refresh_from_db()
        assert (livestream.disabled, livestream.name) == (True, "New")
        assert AuditEntry.objects.filter(action="livestream.disabled").count() == 1


class TestEvents:
    def test_say_everything_a_subscriber_needs(
        self, home: NewOrganization, livestream: Livestream, heard: list[LivestreamEvent]
    ) -> None:
        actor = Actor(user=home.owner)
        connected(livestream)
        heard.clear()

        services.disable_livestream(livestream=livestream, actor=actor)

        assert [type(event) for event in heard] == [LivestreamChanged, SessionStatusChanged]
        for event in heard:
            assert (event.organization_id, event.app_id, event.livestream_id, event.actor) == (
                home.organization.pk,
                home.app.pk,
                livestream.pk,
                actor,
            )
        assert heard[1].reason == "Livestream disabled"

    @pytest.mark.parametrize(
        ("change", "action", "reason"),
        [
            (services.disable_livestream, "livestream.disabled", EndReason.DISABLED),
            (services.reset_stream_key, "livestream.stream_key_reset", EndReason.KEY_RESET),
            (services.end_broadcast, "livestream.broadcast_ended", EndReason.ENDED_BY_OPERATOR),
            (services.delete_livestream, "livestream.deleted", EndReason.DELETED),
        ],
    )
    def test_tell_who_ended_a_broadcast_and_why(
        self,
        home: NewOrganization,
        livestream: Livestream,
        heard: list[LivestreamEvent],
        change: Callable[..., object],
        action: str,
        reason: EndReason,
    ) -> None:
        session = connected(livestream)

        change(livestream=livestream, actor=Actor(user=home.owner))

        session.refresh_from_db()
        (end,) = [event for event in heard if isinstance(event, SessionStatusChanged) and event.old]
        assert (end.actor.user, end.reason, end.old, end.new) == (home.owner, reason.label, "connecting", "ended")
        assert (session.end_reason, session.events.get(data__new="ended").reason) == (reason, reason.label)
        assert session.events.get(data__new="ended").by == home.owner.email
        assert AuditEntry.objects.get(action=action).user == home.owner

    def test_follow_creation_and_deletion(self, home: NewOrganization, heard: list[LivestreamEvent]) -> None:
        made = services.create_livestream(app=home.app, name="Short-lived", actor=SYSTEM)
        services.delete_livestream(livestream=made, actor=SYSTEM)

        assert [(type(event), event.livestream_id) for event in heard] == [
            (LivestreamCreated, made.pk),
            (LivestreamDeleted, made.pk),
        ]


class TestTransaction:
    @pytest.mark.django_db(transaction=True)
    def test_is_the_services_own(self, livestream: Livestream) -> None:
        for change in CHANGES:
            change(livestream=livestream, actor=SYSTEM)

        assert Livestream.objects.get().deleted_at is not None

    def test_leaves_nothing_of_a_livestream_that_could_not_be_told_of(self, home: NewOrganization) -> None:
        def fail(event: LivestreamCreated) -> None:
            raise RuntimeError

        events.subscribe(LivestreamCreated, fail)
        with pytest.raises(RuntimeError):
            services.create_livestream(app=home.app, name="Untold", actor=SYSTEM)
        events._subscribers[LivestreamCreated].pop()

        assert not Livestream.objects.exists()


class TestDate:
    @pytest.mark.parametrize("change", CHANGES[:3], ids=lambda change: str(change.__name__))
    def test_is_that_of_the_last_change(self, livestream: Livestream, change: Callable[..., Livestream]) -> None:
        Livestream.objects.update(disabled=change == services.enable_livestream)

        changed = change(livestream=livestream, actor=SYSTEM)

        changed.refresh_from_db()
        assert changed.updated_at > livestream.updated_at


class TestAuditLog:
    def test_says_what_was_done_to_which_livestream(self, home: NewOrganization) -> None:
        made = services.create_livestream(app=home.app, name="Autumn", actor=SYSTEM)
        services.rename_livestream(livestream=made, name="Winter", actor=SYSTEM)
        services.disable_livestream(livestream=made, actor=SYSTEM)
        services.enable_livestream(livestream=made, actor=SYSTEM)
        connected(made)
        services.end_broadcast(livestream=made, actor=SYSTEM)
        services.reset_stream_key(livestream=made, actor=SYSTEM)
        services.delete_livestream(livestream=made, actor=SYSTEM)

        entries = AuditEntry.objects.filter(target_type="livestream", target_id=made.pk, organization=home.organization)
        assert list(entries.order_by("id").values_list("action", "detail")) == [
            ("livestream.created", {"name": "Autumn"}),
            ("livestream.renamed", {"name": "Winter"}),
            ("livestream.disabled", {}),
            ("livestream.enabled", {}),
            ("livestream.broadcast_ended", {}),
            ("livestream.stream_key_reset", {}),
            ("livestream.deleted", {"name": "Winter"}),
        ]


class TestCreateLivestream:
    def test_gives_it_an_address_of_twenty_letters_and_digits(self, livestream: Livestream) -> None:
        assert re.fullmatch(r"pb_[A-Za-z0-9]{20}", livestream.playback_id)


class TestDeleteLivestream:
    def test_takes_its_key_along(self, livestream: Livestream) -> None:
        key = livestream.stream_key

        services.delete_livestream(livestream=livestream, actor=SYSTEM)

        with pytest.raises(StreamKeyRejectedError):
            resolve_key(key, {})


class TestChangeLivestream:
    def test_changes_what_is_given_and_nothing_else(self, livestream: Livestream) -> None:
        changed = services.change_livestream(livestream=livestream, max_runtime_s=60, actor=SYSTEM)
        services.change_livestream(livestream=livestream, reconnect_window_s=5, disabled=True, actor=SYSTEM)

        assert changed.max_runtime_s == 60
        livestream.refresh_from_db()
        assert (livestream.name, livestream.max_runtime_s, livestream.reconnect_window_s, livestream.disabled) == (
            "Autumn keynote",
            60,
            5,
            True,
        )
        entry = AuditEntry.objects.filter(action="livestream.limits_changed").first()
        assert entry is not None
        assert entry.detail == {"max_runtime_s": 60}

    def test_changes_nothing_when_a_part_of_it_cannot_be(self, livestream: Livestream) -> None:
        with pytest.raises(ValidationFailedError):
            services.change_livestream(livestream=livestream, name="a\nb", disabled=True, actor=SYSTEM)

        livestream.refresh_from_db()
        assert not livestream.disabled


class TestActivateLivestream:
    def test_makes_it_active_until_its_time_out(self, livestream: Livestream) -> None:
        assert not livestream.is_active

        activated = services.activate_livestream(livestream=livestream, actor=SYSTEM)

        assert activated.is_active
        assert activated.updated_at > livestream.updated_at
        activated.activated_at = clock.now() - timedelta(seconds=119)
        assert activated.is_active
        activated.activated_at = clock.now() - timedelta(seconds=121)
        assert not activated.is_active
        activated.reconnect_window_s = 300
        assert activated.is_active

    def test_lets_an_encoder_in_that_was_held_off(self, livestream: Livestream) -> None:
        services.end_broadcast(livestream=livestream, hold=timedelta(minutes=5), actor=SYSTEM)
        livestream.refresh_from_db()
        assert livestream.held_until

        assert services.activate_livestream(livestream=livestream, actor=SYSTEM).held_until is None
        assert Livestream.objects.get().held_until is None

    def test_is_refused_while_encoders_are(self, livestream: Livestream) -> None:
        services.disable_livestream(livestream=livestream, actor=SYSTEM)

        with pytest.raises(LivestreamDisabledError):
            services.activate_livestream(livestream=livestream, actor=SYSTEM)

    def test_is_refused_once_its_meeting_has_stopped_it(self, livestream: Livestream) -> None:
        services.stop_livestream(livestream=livestream, actor=SYSTEM)

        with pytest.raises(LivestreamStoppedError):
            services.activate_livestream(livestream=livestream, actor=SYSTEM)

    def test_is_over_when_the_broadcast_is_ended(self, livestream: Livestream) -> None:
        services.activate_livestream(livestream=livestream, actor=SYSTEM)
        session = connected(livestream)

        assert services.end_broadcast(livestream=livestream, actor=SYSTEM) is True

        livestream.refresh_from_db()
        session.refresh_from_db()
        assert (livestream.is_active, session.is_open) == (False, False)

    def test_is_over_when_it_is_idled_before_anybody_came(self, livestream: Livestream) -> None:
        services.activate_livestream(livestream=livestream, actor=SYSTEM)

        assert services.end_broadcast(livestream=livestream, actor=SYSTEM) is False

        livestream.refresh_from_db()
        assert not livestream.is_active
        assert AuditEntry.objects.get(action="livestream.broadcast_ended").target_id == livestream.pk

    def test_lets_a_broadcast_be_active_as_long_as_it_lasts(self, livestream: Livestream) -> None:
        session = connected(livestream)

        assert Livestream.objects.get().is_active
        finished(session)
        assert not Livestream.objects.get().is_active


class TestEndBroadcast:
    def test_writes_nothing_down_when_nothing_was_on(self, livestream: Livestream) -> None:
        assert services.end_broadcast(livestream=livestream, actor=SYSTEM) is False

        assert not AuditEntry.objects.filter(action="livestream.broadcast_ended").exists()


class TestResetStreamKey:
    def test_with_an_overlap_lets_the_encoder_stay(self, livestream: Livestream) -> None:
        session = connected(livestream)

        services.reset_stream_key(livestream=livestream, overlap=timedelta(minutes=5), actor=SYSTEM)

        session.refresh_from_db()
        assert session.is_open
        assert AuditEntry.objects.get(action="livestream.stream_key_reset").detail == {"overlap_s": 300}

    def test_gives_a_key_that_has_run_out_no_second_life(self, livestream: Livestream) -> None:
        old = livestream.stream_key
        services.reset_stream_key(livestream=livestream, actor=SYSTEM)
        services.reset_stream_key(livestream=livestream, overlap=timedelta(minutes=5), actor=SYSTEM)

        with pytest.raises(StreamKeyRejectedError):
            resolve_key(old, {})

    def test_cuts_an_overlap_short_that_is_still_running(self, livestream: Livestream) -> None:
        old = livestream.stream_key
        services.reset_stream_key(livestream=livestream, overlap=timedelta(minutes=5), actor=SYSTEM)
        assert resolve_key(old, {}).livestream == livestream

        services.reset_stream_key(livestream=livestream, actor=SYSTEM)

        with pytest.raises(StreamKeyRejectedError):
            resolve_key(old, {})

    def test_leaves_the_keys_of_others_alone(self, livestream: Livestream, foreign_livestream: Livestream) -> None:
        services.reset_stream_key(livestream=livestream, actor=SYSTEM)

        assert resolve_key(foreign_livestream.stream_key, {}).livestream == foreign_livestream

    @pytest.mark.parametrize("has_password", [False, True])
    def test_keeps_the_form_of_the_key(self, livestream: Livestream, has_password: bool) -> None:
        give_key(livestream, has_password=has_password)
        old = livestream.stream_key

        services.reset_stream_key(livestream=livestream, actor=SYSTEM)

        assert livestream.stream_key != old
        assert ("?password=" in livestream.stream_key) is has_password
        assert len(livestream.stream_key) == len(old)

    def test_leaves_one_present_key(self, livestream: Livestream) -> None:
        old = livestream.stream_key

        services.reset_stream_key(livestream=livestream, actor=SYSTEM)
        services.reset_stream_key(livestream=livestream, actor=SYSTEM)

        assert livestream.stream_key != old
        assert StreamKey.objects.valid().filter(livestream=livestream).count() == 1
        assert Livestream.objects.with_stream_key().get().stream_key == livestream.stream_key


class TestGiveKey:
    def test_makes_a_secret_of_forty_letters_and_digits(self, livestream: Livestream) -> None:
        assert re.fullmatch(r"sk_[A-Za-z0-9]{40}", livestream.stream_key)

    def test_lets_the_earlier_key_run_out_at_once(self, livestream: Livestream) -> None:
        old = livestream.stream_key

        give_key(livestream)

        with pytest.raises(StreamKeyRejectedError):
            resolve_key(old, {})

    def test_asks_for_no_password_where_there_is_none(self, livestream: Livestream) -> None:
        assert resolve_key(livestream.stream_key, {"password": "whatever"}).livestream == livestream

    def test_takes_no_password_for_none(self, livestream: Livestream) -> None:
        give_key(livestream, has_password=True)
        name, _, password = livestream.stream_key.partition("?password=")

        for given in ({}, {"password": ""}, {"password": password.upper() + "0"}):
            with pytest.raises(StreamKeyPasswordError):
                resolve_key(name, given)
        assert resolve_key(name, {"password": password}).livestream == livestream

    def test_with_a_password_is_spelt_as_an_encoder_takes_it(self, livestream: Livestream) -> None:
        give_key(livestream, has_password=True)

        assert re.fullmatch(r"lv_[0-9a-f]{32}\?password=[0-9a-f]{16}", livestream.stream_key)
        assert Livestream.objects.with_stream_key().get().stream_key == livestream.stream_key
