"""What happens is written down together with the change, once, in order, for those who listen and nobody else."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks as Capture

from livehub.core import clock
from streams.livestreams import services
from streams.models import Livestream
from streams.organizations.services import SYSTEM, NewOrganization
from tests.conftest import Broker
from tests.webhooks.told import deliveries_to, events_of, listen_for, types_of
from webhooks import outbox, samples
from webhooks.models import Delivery, Event, Subject
from webhooks.outbox import Happening, record
from webhooks.services import change_endpoint, delete_endpoint

_UPDATED = "livestream.updated"
_HANG_S = 60


class _ChangedMindError(Exception):
    pass


class TestTransaction:
    def test_a_change_that_is_rolled_back_leaves_nothing(self, home: NewOrganization, livestream: Livestream) -> None:
        listen_for(home.app, _UPDATED)
        rows = _count_rows()

        with suppress(_ChangedMindError), transaction.atomic():
            services.disable_livestream(livestream=livestream, actor=SYSTEM)
            assert _count_rows() != rows
            raise _ChangedMindError

        assert _count_rows() == rows
        assert Subject.objects.get(pk=livestream.pk).sequence == 1

    @pytest.mark.django_db(transaction=True)
    def test_couriers_are_called_after_the_commit_and_not_after_a_rollback(
        self, broker: Broker, home: NewOrganization, livestream: Livestream
    ) -> None:
        endpoint = listen_for(home.app, _UPDATED)
        broker.arguments.clear()
        with suppress(_ChangedMindError), transaction.atomic():
            services.disable_livestream(livestream=livestream, actor=SYSTEM)
            raise _ChangedMindError
        assert _calls(broker) == []

        with transaction.atomic():
            services.disable_livestream(livestream=livestream, actor=SYSTEM)
            assert _calls(broker) == []

        assert _calls(broker) == [{"endpoint_ids": [str(endpoint.pk)]}]

    @pytest.mark.django_db(transaction=True)
    def test_nobody_is_called_where_nobody_listens(self, broker: Broker, livestream: Livestream) -> None:
        services.disable_livestream(livestream=livestream, actor=SYSTEM)

        assert _calls(broker) == []


@pytest.mark.parametrize("endpoints", [0, 1, 3])
def test_one_statement_writes_it_for_however_many(
    home: NewOrganization, livestream: Livestream, endpoints: int
) -> None:
    for _ in range(endpoints):
        listen_for(home.app, _UPDATED, "livestream.live", "stream-status-toggle")

    with CaptureQueriesContext(connection) as captured:
        services.disable_livestream(livestream=livestream, actor=SYSTEM)

    assert len([query for query in captured if "webhooks_" in query["sql"]]) == 1
    assert Delivery.objects.count() == 2 * endpoints


class TestWhoIsTold:
    def test_each_that_listens_under_each_name_that_it_listens_for(
        self, home: NewOrganization, livestream: Livestream
    ) -> None:
        ours = listen_for(home.app, _UPDATED, "livestream.live")
        both = listen_for(home.app, _UPDATED, "stream-status-toggle")

        services.disable_livestream(livestream=livestream, actor=SYSTEM)

        assert deliveries_to(ours) == [(_UPDATED, _UPDATED)]
        assert deliveries_to(both) == [(_UPDATED, _UPDATED), (_UPDATED, "stream-status-toggle")]
        event = events_of(livestream.pk)[-1]
        for delivery in Delivery.objects.all():
            assert (delivery.subject_id, delivery.sequence) == (livestream.pk, event.sequence)
            assert (delivery.state, delivery.attempts, delivery.holds_until) == ("pending", 0, None)
            assert delivery.uid.version == 7

    def test_not_who_is_disabled_deleted_another_apps_or_listens_for_something_else(
        self, home: NewOrganization, abroad: NewOrganization, livestream: Livestream
    ) -> None:
        off, gone = listen_for(home.app, _UPDATED), listen_for(home.app, _UPDATED)
        change_endpoint(endpoint=off, actor=SYSTEM, enabled=False)
        delete_endpoint(endpoint=gone, actor=SYSTEM)
        listen_for(home.app, _UPDATED, enabled=False)
        listen_for(abroad.app, _UPDATED)
        listen_for(home.app, "livestream.live", "livestreaming.statusUpdate")

        services.disable_livestream(livestream=livestream, actor=SYSTEM)

        assert Delivery.objects.count() == 0
        assert types_of(livestream.pk) == ["livestream.created", _UPDATED]

    def test_what_nobody_listens_for_is_written_down_all_the_same(self, livestream: Livestream) -> None:
        (event,) = events_of(livestream.pk)

        assert (event.type, event.names) == ("livestream.created", ["livestream.created", "stream-created"])
        assert (event.subject_type, event.sequence, event.app_id) == ("livestream", 1, livestream.app_id)
        assert (event.at, event.uid.version) == (livestream.created_at, 7)


class TestSequence:
    @pytest.mark.django_db(transaction=True)
    def test_has_no_gap_and_is_that_of_the_ids_whoever_changes_it_at_once(
        self, home: NewOrganization, livestream: Livestream
    ) -> None:
        listen_for(home.app, _UPDATED)
        deeds = [threading.Thread(target=_rename, args=(livestream, name), daemon=True) for name in "abc"]
        for thread in deeds:
            thread.start()
        for thread in deeds:
            thread.join(_HANG_S)
            assert not thread.is_alive()

        events = events_of(livestream.pk)
        assert [event.sequence for event in events] == list(range(1, 1 + 1 + 3 * 15))
        assert [event.pk for event in events] == sorted(event.pk for event in events)
        told = Delivery.objects.order_by("event_id").values_list("sequence", flat=True)
        assert list(told) == list(range(2, 1 + 1 + 3 * 15))

    @pytest.mark.django_db(transaction=True)
    def test_counts_for_two_who_hold_no_lock_but_that_of_the_row(self, home: NewOrganization) -> None:
        subject_id = uuid4()
        happening = Happening(
            app_id=home.app.pk,
            type="livestream.live",
            names=["livestream.live"],
            subject_type="livestream",
            subject_id=subject_id,
            at=clock.now(),
            facts={},
        )
        threads = [threading.Thread(target=_record_often, args=(happening,), daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_HANG_S)

        events = events_of(subject_id)
        assert [event.sequence for event in events] == list(range(1, 61))
        assert [event.pk for event in events] == sorted(event.pk for event in events)

    def test_is_each_subjects_own(self, home: NewOrganization, livestream: Livestream) -> None:
        other = services.create_livestream(app=home.app, name="Other", actor=SYSTEM)

        services.disable_livestream(livestream=other, actor=SYSTEM)

        assert [event.sequence for event in events_of(livestream.pk)] == [1]
        assert [event.sequence for event in events_of(other.pk)] == [1, 2]

    def test_goes_on_over_as_many_statements_as_many_at_once_need(
        self, home: NewOrganization, broker: Broker, capture: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outbox, "_BATCH", 2)
        endpoint, subject_id = listen_for(home.app, "meeting.participantLeft"), uuid4()
        facts = samples.facts_of("meeting.participantLeft", organization=home.organization)
        left = [_left(home, subject_id, {**facts, "number": number}) for number in range(5)]

        with CaptureQueriesContext(connection) as captured, capture(execute=True):
            outbox.record_all(left)

        assert len(captured) == 3
        events = events_of(subject_id)
        assert [(event.sequence, event.facts["number"]) for event in events] == [
            (number + 1, number) for number in range(5)
        ]
        assert [event.pk for event in events] == sorted(event.pk for event in events)
        assert len(deliveries_to(endpoint)) == 5
        assert _calls(broker) == [{"endpoint_ids": [str(endpoint.pk)]}]


def _left(home: NewOrganization, subject_id: UUID, facts: Mapping[str, object]) -> Happening:
    return Happening(
        app_id=home.app.pk,
        type="meeting.participantLeft",
        names=["meeting.participantLeft"],
        subject_type="meeting",
        subject_id=subject_id,
        at=clock.now(),
        facts=facts,
    )


def _rename(livestream: Livestream, name: str) -> None:
    """Rename it thirty times, and change one's mind every second time."""
    try:
        for number in range(30):
            with suppress(_ChangedMindError), transaction.atomic():
                services.rename_livestream(livestream=livestream, name=f"{name}{number}", actor=SYSTEM)
                if number % 2:
                    raise _ChangedMindError
    finally:
        connection.close()


def _record_often(happening: Happening) -> None:
    try:
        for _ in range(30):
            with transaction.atomic():
                record(happening)
    finally:
        connection.close()


def _count_rows() -> tuple[int, int]:
    return Event.objects.count(), Delivery.objects.count()


def _calls(broker: Broker) -> list[dict[str, object]]:
    return [arguments for name, arguments in broker.arguments if name == "webhooks.deliver"]
