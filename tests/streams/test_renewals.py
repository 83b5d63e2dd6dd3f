"""Leases that many runs of one worker keep together."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest
from django.db import OperationalError, close_old_connections, transaction
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries

from streams.livestreams.locks import LeaseLostError
from streams.livestreams.renewals import Renewal, Renewals, _write_together
from streams.livestreams.services import create_livestream
from streams.models import Connection, Lease, Session
from streams.organizations.services import SYSTEM, NewOrganization
from tests.overtaking import overtaken
from tests.runs import claimed, connected, ended
from tests.services import HANG_S, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
_Result = TypeVar("_Result")


@pytest.fixture
def sessions(home: NewOrganization) -> list[Session]:
    """Three that a worker runs, whose leases have lapsed."""
    sessions = [connected(create_livestream(app=home.app, name="", actor=SYSTEM)) for _ in range(3)]
    for session in sessions:
        claimed(session)
    Lease.objects.update(until=Now() - timedelta(minutes=1))
    return sessions


def _renewal(session: Session, *, media_ms: int = 5_000) -> Renewal:
    connection = Connection.objects.get(session=session)
    return Renewal(Lease.objects.get(pk=session.pk), connection, media_ms, {"fps": 30.0})


def _kept() -> set[object]:
    return set(Lease.objects.filter(until__gt=Now()).values_list("pk", flat=True))


class TestTogether:
    def test_is_one_statement(self, sessions: list[Session], django_assert_num_queries: DjangoAssertNumQueries) -> None:
        renewals = [_renewal(session) for session in sessions]

        with django_assert_num_queries(1):
            kept = _write_together(renewals)

        assert kept.keys() == _kept() == {session.pk for session in sessions}
        assert list(Connection.objects.values_list("media_ms", "measured")) == [(5_000, {"fps": 30.0})] * 3

    def test_writes_nothing_of_a_lease_that_is_lost(self, sessions: list[Session]) -> None:
        renewals = [_renewal(session) for session in sessions]
        claimed(sessions[1], worker="second")
        Lease.objects.update(until=Now() - timedelta(minutes=1))

        assert _write_together(renewals).keys() == _kept() == {sessions[0].pk, sessions[2].pk}
        assert Connection.objects.get(session=sessions[1]).media_ms == 0

    def test_sets_no_media_back(self, sessions: list[Session]) -> None:
        _write_together([_renewal(sessions[0], media_ms=7_000)])

        assert _write_together([_renewal(sessions[0], media_ms=6_000)]).keys() == {sessions[0].pk}
        assert Connection.objects.get(session=sessions[0]).media_ms == 7_000

    def test_is_not_held_up_by_a_row_that_is_locked(self, sessions: list[Session]) -> None:
        renewals = [_renewal(session) for session in sessions]

        with transaction.atomic():
            list(Lease.objects.select_for_update().filter(pk=sessions[0].pk))
            list(Connection.objects.select_for_update().filter(session=sessions[1]))
            with ThreadPoolExecutor(1) as elsewhere:
                kept = elsewhere.submit(_elsewhere, lambda: _write_together(renewals)).result(HANG_S)

        assert kept.keys() == {sessions[1].pk, sessions[2].pk}
        assert set(Connection.objects.filter(media_ms=5_000).values_list("session", flat=True)) == {sessions[2].pk}

    def test_goes_without_a_connection(self, sessions: list[Session]) -> None:
        lease = Lease.objects.get(pk=sessions[0].pk)

        assert _write_together([Renewal(lease, None, 0, {})]).keys() == {lease.pk}

    def test_tells_who_is_there(self, sessions: list[Session]) -> None:
        there, left, another = sessions
        Connection.objects.exclude(session=there).update(disconnected_at=Now())
        first = Connection.objects.get(session=another)
        second = Connection.objects.create(session=another, node="main", client_id=2)
        renewals = [_renewal(there), _renewal(left), Renewal(Lease.objects.get(pk=another.pk), first, 1_000, {})]

        present = {there.pk: Connection.objects.get(session=there).pk, left.pk: None, another.pk: second.pk}
        assert _write_together(renewals) == present


class TestRenewals:
    def test_those_that_wait_are_written_by_one_of_them(self, sessions: list[Session]) -> None:
        renewals = Renewals()
        wanted = [_renewal(session) for session in sessions]
        with ThreadPoolExecutor(3) as runs:
            with renewals._turn:
                written = [runs.submit(_elsewhere, _renewing(renewals, each)) for each in wanted]
                wait_until(lambda: len(renewals._waiting) == 3, what="all to wait")
            _results(written)

        assert _kept() == {session.pk for session in sessions}
        assert [each.is_written for each in wanted] == [True] * 3

    def test_one_that_is_lost_is_told_so_alone(self, sessions: list[Session]) -> None:
        renewals = Renewals()
        wanted = [_renewal(session) for session in sessions]
        ended(sessions[0])

        with pytest.raises(LeaseLostError):
            renewals.renew(wanted[0], timeout_s=HANG_S)
        renewals.renew(wanted[1], timeout_s=HANG_S)

        assert _kept() == {sessions[1].pk}

    def test_one_that_was_locked_waits_for_it(self, sessions: list[Session]) -> None:
        wanted = _renewal(sessions[0])

        def lock_and_go() -> None:
            Lease.objects.filter(pk=sessions[0].pk).update(worker="renamed")

        overtaken(lambda: Renewals().renew(wanted, timeout_s=HANG_S), by=lock_and_go)

        assert _kept() == {sessions[0].pk}
        assert Connection.objects.get(session=sessions[0]).media_ms == 5_000

    def test_an_outage_is_told_to_each(self, sessions: list[Session]) -> None:
        renewals = Renewals()
        wanted = [_renewal(session) for session in sessions]
        with ThreadPoolExecutor(3) as runs, transaction.atomic():
            with transaction.get_connection().cursor() as cursor:
                cursor.execute("LOCK TABLE streams_lease")
            with renewals._turn:
                written = [runs.submit(_elsewhere, _renewing(renewals, each, timeout_s=2)) for each in wanted]
                wait_until(lambda: len(renewals._waiting) == 3, what="all to wait")
            failures = [each.exception(HANG_S) for each in written]

        assert [type(failure) for failure in failures] == [OperationalError] * 3

    def test_who_waits_too_long_leaves_nothing_behind(self, sessions: list[Session]) -> None:
        renewals = Renewals()
        with renewals._turn, pytest.raises(OperationalError):
            renewals.renew(_renewal(sessions[0]), timeout_s=0.01)

        renewals.renew(_renewal(sessions[1]), timeout_s=HANG_S)

        assert _kept() == {sessions[1].pk}


def _renewing(renewals: Renewals, renewal: Renewal, *, timeout_s: float = HANG_S) -> Callable[[], None]:
    return lambda: renewals.renew(renewal, timeout_s=timeout_s)


def _elsewhere(deed: Callable[[], _Result]) -> _Result:
    """Do it on this thread's own connection, and give that back."""
    try:
        return deed()
    finally:
        close_old_connections()


def _results(futures: list[Future[_Result]]) -> None:
    for future in futures:
        future.result(HANG_S)
