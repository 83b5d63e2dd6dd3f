"""Whose an endpoint is, and what somebody may still say who has lost it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from livehub.core.deadline import deadline
from streams.models import AuditEntry
from streams.organizations.services import SYSTEM, NewOrganization
from tests.hangs.servers import somebody_else
from tests.webhooks.deliveries import happen, listen, multiply, states
from webhooks import claims, fetching
from webhooks.completion import AttemptOutcome, Tally, complete, note_health
from webhooks.disabling import disable_endpoint
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.routes import Due
from webhooks.services import rotate_secret
from webhooks.states import DeliveryState, DisabledReason
from webhooks.sweeps import find_due_endpoints

_ONE, _OTHER = uuid4(), uuid4()


def _take(endpoint: Endpoint, *, courier_id: object = _ONE) -> bool:
    return bool(claims.claim([endpoint.pk], courier_id=courier_id))  # type: ignore[arg-type]


def _read(endpoint: Endpoint) -> list[Due]:
    return fetching.fetch(rooms={endpoint.pk: 128}, formats={endpoint.pk: "dyte"}, known=[])


def _outcome(due: Due, *, error: str = "", retry_in_s: float | None = None) -> AttemptOutcome:
    return AttemptOutcome(
        due=due, at=timezone.now(), duration_ms=5, status=200, error=error, headers={}, retry_in_s=retry_in_s
    )


class TestClaiming:
    def test_is_one_couriers(self, endpoint: Endpoint) -> None:
        assert _take(endpoint)
        assert not _take(endpoint, courier_id=_OTHER)

    def test_lapses(self, endpoint: Endpoint) -> None:
        _take(endpoint)
        Endpoint.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))

        assert _take(endpoint, courier_id=_OTHER)
        assert claims.renew([endpoint.pk], courier_id=_ONE) == set()
        assert not claims.look([endpoint.pk], courier_id=_ONE)

    def test_lasts_while_it_is_said_again(self, endpoint: Endpoint) -> None:
        _take(endpoint)
        Endpoint.objects.update(claimed_until=timezone.now() + timedelta(seconds=1))

        assert claims.renew([endpoint.pk], courier_id=_ONE) == {endpoint.pk}

        endpoint.refresh_from_db()
        assert endpoint.claimed_until is not None
        assert endpoint.claimed_until > timezone.now() + timedelta(seconds=15)

    def test_is_said_again_without_waiting_for_who_changes_the_endpoint(self, endpoint: Endpoint) -> None:
        _take(endpoint)
        with somebody_else() as somebody, somebody.transaction():
            somebody.execute("SELECT 1 FROM webhooks_endpoint FOR UPDATE")

            with deadline(5):
                assert claims.renew([endpoint.pk], courier_id=_ONE) == set()

    def test_is_given_back(self, endpoint: Endpoint) -> None:
        _take(endpoint)
        claims.release([endpoint.pk], courier_id=_OTHER)
        assert not _take(endpoint, courier_id=_OTHER)

        claims.release([endpoint.pk], courier_id=_ONE)

        assert _take(endpoint, courier_id=_OTHER)

    def test_ends_where_the_clock_was_set_back(self, endpoint: Endpoint) -> None:
        _take(endpoint)
        Endpoint.objects.update(claimed_until=timezone.now() + timedelta(hours=1))

        assert _take(endpoint, courier_id=_OTHER)

    @pytest.mark.parametrize("column", ["enabled", "deleted_at", "open_until"])
    def test_is_not_of_what_nothing_may_be_sent_to(self, endpoint: Endpoint, column: str) -> None:
        # Not among the parameters: they are made minutes before the test is run.
        soon = timezone.now() + timedelta(minutes=4)
        Endpoint.objects.update(
            **{column: {"enabled": False, "deleted_at": timezone.now(), "open_until": soon}[column]}
        )

        assert not _take(endpoint)

    @pytest.mark.parametrize("column", ["enabled", "deleted_at"])
    def test_is_no_leave_to_send_anything_once_nothing_may_be(self, endpoint: Endpoint, column: str) -> None:
        _take(endpoint)
        assert claims.look([endpoint.pk], courier_id=_ONE)

        Endpoint.objects.update(**{column: {"enabled": False, "deleted_at": timezone.now()}[column]})

        assert not claims.look([endpoint.pk], courier_id=_ONE)

    def test_tells_the_present_secret_first(self, endpoint: Endpoint) -> None:
        old = endpoint.secret
        new = rotate_secret(endpoint=endpoint, actor=SYSTEM).secret

        [claimed] = claims.claim([endpoint.pk], courier_id=_ONE)

        assert claimed.secrets == (new, old)

    def test_is_possible_where_the_clock_was_set_back_during_a_pause(self, endpoint: Endpoint) -> None:
        Endpoint.objects.update(open_until=timezone.now() + timedelta(hours=1))

        assert _take(endpoint)

    def test_waits_for_nobody_who_changes_the_endpoint(self, endpoint: Endpoint) -> None:
        with somebody_else() as somebody, somebody.transaction():
            somebody.execute("SELECT 1 FROM webhooks_endpoint FOR UPDATE")

            assert not _take(endpoint)


class TestFetching:
    def test_reads_nothing_twice_nor_more_than_there_is_room_for(
        self, home: NewOrganization, endpoint: Endpoint
    ) -> None:
        for _ in range(5):
            happen(home.app)
        first, *_ = _read(endpoint)

        found = fetching.fetch(rooms={endpoint.pk: 2}, formats={endpoint.pk: "dyte"}, known=[first.id])

        assert len(found) == 2
        assert first.id not in [due.id for due in found]

    def test_reads_what_was_never_tried_whatever_the_clock_says(
        self, home: NewOrganization, endpoint: Endpoint
    ) -> None:
        happen(home.app)
        Delivery.objects.update(due_at=timezone.now() + timedelta(hours=1))
        assert len(_read(endpoint)) == 1

        Delivery.objects.update(tries=1)
        assert not _read(endpoint)

    def test_is_not_held_back_by_a_hold_of_before_the_clock_was_set_back(
        self, home: NewOrganization, endpoint: Endpoint
    ) -> None:
        subject_id = happen(home.app)
        Delivery.objects.update(
            tries=1, due_at=timezone.now() + timedelta(hours=1), holds_until=timezone.now() + timedelta(hours=1)
        )
        happen(home.app, subject_id)

        assert len(_read(endpoint)) == 1

    def test_reads_little_however_much_waits_and_whatever_the_database_knows_of_it(
        self, home: NewOrganization, endpoint: Endpoint
    ) -> None:
        happen(home.app)
        multiply(20_000)

        before = _blocks_read(lambda: _read(endpoint))
        # Which it does by itself at some time.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE webhooks_delivery, webhooks_event")
        after = _blocks_read(lambda: _read(endpoint))

        # Some five for each of those that there is room for.
        assert max(before, after) < 1000

    def test_writes_without_looking_at_what_else_waits(self, home: NewOrganization, endpoint: Endpoint) -> None:
        happen(home.app)
        with connection.cursor() as cursor:
            # All that PostgreSQL knows of before the burst.
            cursor.execute("ANALYZE webhooks_delivery, webhooks_endpoint")
        multiply(20_000)
        _take(endpoint)
        outcomes = [_outcome(due) for due in _read(endpoint)[:64]]

        blocks = _blocks_read(lambda: complete(outcomes, courier_id=_ONE))

        assert Attempt.objects.count() == 64
        assert blocks < 500


def _blocks_read(function: Callable[[], object]) -> int:
    """Return how many blocks of the database's the function's one statement looks into."""
    statements: list[tuple[str, Any]] = []

    def note(execute: Callable[..., object], sql: str, params: object, many: bool, context: object) -> object:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        function()
    [(sql, params)] = statements
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
        [[[explained]]] = cursor.fetchall()
    found: int = explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"]
    return found


class TestFencing:
    def test_writes_what_the_owner_says(self, home: NewOrganization, endpoint: Endpoint) -> None:
        happen(home.app)
        _take(endpoint)
        [due] = _read(endpoint)

        assert complete([_outcome(due)], courier_id=_ONE) == {due.id}

        assert states(endpoint) == [DeliveryState.DELIVERED]

    def test_writes_nothing_of_who_has_lost_the_endpoint(self, home: NewOrganization, endpoint: Endpoint) -> None:
        happen(home.app)
        _take(endpoint)
        [due] = _read(endpoint)
        Endpoint.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
        _take(endpoint, courier_id=_OTHER)

        assert complete([_outcome(due)], courier_id=_ONE) == set()
        assert note_health({endpoint.pk: Tally(failures=3, error="x")}, courier_id=_ONE) == {}

        assert (states(endpoint), Attempt.objects.count()) == ([DeliveryState.PENDING], 0)

    def test_writes_nothing_that_was_written_before(self, home: NewOrganization, endpoint: Endpoint) -> None:
        happen(home.app)
        _take(endpoint)
        [due] = _read(endpoint)
        complete([_outcome(due, error="answers 500", retry_in_s=0)], courier_id=_ONE)

        assert complete([_outcome(due)], courier_id=_ONE) == set()

        assert (states(endpoint), Attempt.objects.count()) == ([DeliveryState.PENDING], 1)

    def test_gives_up_nothing_of_who_has_lost_the_endpoint(self, endpoint: Endpoint) -> None:
        _take(endpoint)
        give_up = partial(disable_endpoint, endpoint_id=endpoint.pk, url=endpoint.url, reason=DisabledReason.GONE)

        give_up(courier_id=_OTHER)
        assert Endpoint.objects.get().enabled

        give_up(courier_id=_ONE)
        assert not Endpoint.objects.get().enabled
        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.target_id, entry.user) == ("webhook.disabled", endpoint.pk, None)
        assert entry.detail == {"reason": "gone"}

    def test_notes_later_how_an_endpoint_fares_that_somebody_changes(self, endpoint: Endpoint) -> None:
        _take(endpoint)
        with somebody_else() as somebody, somebody.transaction():
            somebody.execute("SELECT 1 FROM webhooks_endpoint FOR UPDATE")

            assert note_health({endpoint.pk: Tally(failures=1, error="x")}, courier_id=_ONE) == {}

        assert note_health({endpoint.pk: Tally(failures=1, error="x")}, courier_id=_ONE)[endpoint.pk].failures == 1


def test_failures_are_counted_since_the_last_success(home: NewOrganization, endpoint: Endpoint) -> None:
    happen(home.app)
    [due] = _read(endpoint)
    tally = Tally()

    for error in ("answers 500", "answers 500", "", "answers 503"):
        tally.count(_outcome(due, error=error))

    assert (tally.has_success, tally.failures, tally.error) == (True, 1, "answers 503")


class TestSweep:
    def test_finds_what_nobody_was_called_for(self, home: NewOrganization, endpoint: Endpoint) -> None:
        assert find_due_endpoints() == []
        happen(home.app)

        assert find_due_endpoints() == [endpoint.pk]

    def test_leaves_alone_what_has_a_courier_or_waits(self, home: NewOrganization, endpoint: Endpoint) -> None:
        happen(home.app)
        _take(endpoint)
        assert find_due_endpoints() == []
        claims.release([endpoint.pk], courier_id=_ONE)
        Delivery.objects.update(due_at=timezone.now() + timedelta(seconds=30))
        assert find_due_endpoints() == []

    def test_finds_some_of_every_organization_where_one_has_many(
        self, home: NewOrganization, abroad: NewOrganization, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("webhooks.sweeps.SWEPT_MAX", 2)
        for number in range(4):
            listen(home.app, endpoint.url, name=str(number))
        theirs = listen(abroad.app, endpoint.url).row
        happen(home.app)
        happen(abroad.app)

        assert theirs.pk in find_due_endpoints()
