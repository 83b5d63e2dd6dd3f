"""What has looked at rows that change before it gets their locks looks at them again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from pytest_django import Settings

from livehub.core import clock
from livehub.core.errors import NotFoundError
from streams.livestreams import connections, leases, repeats, services, sweeps
from streams.livestreams.locks import LeaseLostError, lock_livestream
from streams.livestreams.states import EndReason
from streams.models import AuditEntry, Connection, Lease, Livestream, Session
from streams.organizations.services import SYSTEM, Actor, NewOrganization
from tests.ingest_server import ingest_server
from tests.overtaking import overtaken
from tests.runs import ENCODER, claimed, connected, ended

pytestmark = pytest.mark.django_db(transaction=True)


def _publish(key: str) -> int:
    return (
        Client()
        .post(
            f"/internal/ingest/publish?token={settings.INGEST_HOOK_TOKEN}&node=main",
            {"name": key, "clientid": "9", "call": "publish"},
        )
        .status_code
    )


class TestPublish:
    @pytest.mark.parametrize(
        ("change", "refusals"),
        [(services.delete_livestream, 0), (services.disable_livestream, 1), (services.reset_stream_key, 0)],
    )
    def test_is_refused_by_what_comes_between_look_up_and_admission(
        self, livestream: Livestream, change: Callable[..., object], refusals: int
    ) -> None:
        status = overtaken(
            partial(_publish, livestream.stream_key), by=partial(change, livestream=livestream, actor=SYSTEM)
        )

        assert status == 403
        assert not Session.objects.exists()
        assert Livestream.objects.get().refused_publishes == refusals

    def test_is_refused_when_another_encoder_was_first(self, livestream: Livestream) -> None:
        assert overtaken(partial(_publish, livestream.stream_key), by=partial(connected, livestream)) == 403
        assert Livestream.objects.get().refused_publishes == 1

    def test_counts_a_refusal_on_top_of_what_others_have_counted(self, livestream: Livestream) -> None:
        services.disable_livestream(livestream=livestream, actor=SYSTEM)
        key = livestream.stream_key

        overtaken(partial(_publish, key), by=partial(_publish, key))

        assert Livestream.objects.get().refused_publishes == 2


class TestServices:
    def test_delete_once(self, livestream: Livestream) -> None:
        delete = partial(services.delete_livestream, livestream=livestream, actor=SYSTEM)

        with pytest.raises(NotFoundError):
            overtaken(delete, by=delete)

        assert AuditEntry.objects.filter(action="livestream.deleted").count() == 1

    def test_rename_nothing_that_is_deleted_meanwhile(self, livestream: Livestream) -> None:
        rename = partial(services.rename_livestream, livestream=livestream, name="New", actor=SYSTEM)

        with pytest.raises(NotFoundError):
            overtaken(rename, by=partial(services.delete_livestream, livestream=livestream, actor=SYSTEM))

        assert not AuditEntry.objects.filter(action="livestream.renamed").exists()

    def test_switch_once(self, home: NewOrganization, livestream: Livestream) -> None:
        disable = partial(services.disable_livestream, livestream=livestream)

        overtaken(partial(disable, actor=Actor(user=home.owner)), by=partial(disable, actor=SYSTEM))

        assert [entry.user for entry in AuditEntry.objects.filter(action="livestream.disabled")] == [None]


class TestOtherLivestreams:
    def test_of_the_same_app_do_not_wait(self, home: NewOrganization, livestream: Livestream) -> None:
        other = services.create_livestream(app=home.app, name="Other", actor=SYSTEM)

        def rename() -> None:
            try:
                services.rename_livestream(livestream=other, name="Renamed", actor=SYSTEM)
            finally:
                connection.close()

        with ThreadPoolExecutor(max_workers=1) as pool, transaction.atomic():
            lock_livestream(livestream.pk)
            pool.submit(rename).result(timeout=10)

        other.refresh_from_db()
        assert other.name == "Renamed"


class TestClaim:
    def test_gets_nothing_when_another_worker_was_first(self, livestream: Livestream) -> None:
        session = connected(livestream)
        claim = partial(leases.claim_session, session_id=session.pk, node="main")

        assert overtaken(partial(claim, worker="second"), by=partial(claim, worker="first")) is None

    def test_gets_nothing_of_the_session_that_follows(self, livestream: Livestream) -> None:
        earlier = connected(livestream)
        Connection.objects.update(disconnected_at=clock.now())
        claim = partial(leases.claim_session, session_id=earlier.pk, worker="first", node="main")

        assert overtaken(claim, by=partial(connected, livestream)) is None

    def test_gets_nothing_of_a_session_that_ends(self, livestream: Livestream) -> None:
        session = connected(livestream)
        claim = partial(leases.claim_session, session_id=session.pk, worker="first", node="main")

        assert overtaken(claim, by=partial(ended, session)) is None


class TestRun:
    @pytest.mark.parametrize(
        "conclude",
        [
            partial(leases.finish_session, reason=EndReason.ENCODER_STOPPED),
            partial(leases.fail_session, reason=EndReason.SOURCE_REFUSED, message="No."),
            partial(repeats.retry_session, message="No."),
            partial(repeats.recheck_session, message="No."),
            partial(repeats.postpone_session, message="No."),
        ],
        ids=["finish", "fail", "retry", "recheck", "postpone"],
    )
    def test_does_not_conclude_what_an_operator_has_ended(
        self, livestream: Livestream, conclude: Callable[[Lease], object]
    ) -> None:
        session = connected(livestream)
        lease = claimed(session)

        with pytest.raises(LeaseLostError):
            overtaken(partial(conclude, lease), by=partial(ended, session))

        assert Session.objects.get().end_reason == EndReason.ENDED_BY_OPERATOR

    def test_is_not_live_any_more_when_an_operator_has_ended_it(self, livestream: Livestream) -> None:
        session = connected(livestream)
        lease = claimed(session)

        with pytest.raises(LeaseLostError):
            overtaken(partial(leases.mark_live, lease), by=partial(ended, session))

        assert Livestream.objects.get().status == "idle"

    def test_keeps_the_lease_no_longer_than_the_session(self, livestream: Livestream) -> None:
        session = connected(livestream)
        lease = claimed(session)

        with pytest.raises(LeaseLostError):
            overtaken(partial(leases.renew_lease, lease), by=partial(ended, session))


class TestEncoder:
    def test_leaves_no_trace_on_a_connection_that_is_closed(self, livestream: Livestream) -> None:
        session = connected(livestream)
        leave = partial(connections.encoder_left, key=livestream.stream_key, node="main", client_id=ENCODER.client_id)

        overtaken(leave, by=partial(ended, session))

        session = Session.objects.get()
        assert Connection.objects.get().disconnected_at == session.stopped_at
        assert session.end_reason == EndReason.ENDED_BY_OPERATOR

    def test_may_not_stay_when_its_session_ends(self, livestream: Livestream) -> None:
        session = connected(livestream)
        note = partial(connections.note_encoder, key=livestream.stream_key, node="main", client_id=ENCODER.client_id)

        assert overtaken(note, by=partial(ended, session)) is False

    def test_that_leaves_spares_the_session_that_a_worker_has_just_taken(self, livestream: Livestream) -> None:
        session = connected(livestream)
        leave = partial(connections.encoder_left, key=livestream.stream_key, node="main", client_id=ENCODER.client_id)

        overtaken(leave, by=partial(claimed, session))

        assert Session.objects.get().is_open

    def test_that_leaves_spares_the_session_that_follows(self, livestream: Livestream) -> None:
        earlier = connected(livestream)
        leave = partial(connections.encoder_left, key=livestream.stream_key, node="main", client_id=ENCODER.client_id)

        def follow() -> None:
            Connection.objects.update(disconnected_at=clock.now())
            connected(livestream)

        overtaken(leave, by=follow)

        assert Session.objects.open().exclude(pk=earlier.pk).count() == 1


class TestSweep:
    def test_spares_a_session_whose_encoder_is_heard_of_meanwhile(
        self, livestream: Livestream, settings: Settings
    ) -> None:
        connected(livestream)
        Connection.objects.update(last_seen_at=clock.now() - timedelta(hours=1))
        note = partial(connections.note_encoder, key=livestream.stream_key, node="main", client_id=ENCODER.client_id)

        with ingest_server(is_silent=True) as (settings.INGEST_CONTROL_SOCKET, _):
            overtaken(sweeps.sweep_sessions, by=note)

        assert Session.objects.get().is_open

    def test_spares_a_session_whose_encoder_has_come_back(self, livestream: Livestream) -> None:
        session = connected(livestream)
        Connection.objects.update(disconnected_at=clock.now() - sweeps._LEAVING_GRACE)

        def come_back() -> None:
            lock_livestream(livestream.pk)
            Connection.objects.create(session=session, node="main", client_id=9)

        overtaken(sweeps.sweep_sessions, by=come_back)

        assert Session.objects.get().is_open
