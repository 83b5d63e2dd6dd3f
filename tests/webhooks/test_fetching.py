"""What is read for each endpoint, whatever others wait for, and the bodies that are made of it."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from livehub.core import clock
from streams.livestreams import services
from streams.models import Livestream
from streams.organizations.services import SYSTEM, NewOrganization
from tests.webhooks.happenings import LIVE, happened
from tests.webhooks.told import listen_for
from webhooks import fetching
from webhooks.models import Endpoint
from webhooks.routes import Due

_STATUS = "livestreaming.statusUpdate"


def _read(*endpoints: Endpoint) -> list[Due]:
    rooms = {endpoint.pk: 128 for endpoint in endpoints}
    return fetching.fetch(rooms=rooms, formats={each.pk: each.format for each in endpoints}, known=[])


def _bodies(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [json.loads(due.body) for due in _read(endpoint) if due.endpoint_id == endpoint.pk]


class TestOrder:
    def test_is_held_up_by_no_failure_of_another_endpoint(self, home: NewOrganization) -> None:
        failing, well = listen_for(home.app, LIVE), listen_for(home.app, LIVE)
        subject_id = uuid4()
        first = happened(home.app, subject_id=subject_id)
        second = happened(home.app, subject_id=subject_id)
        soon = clock.now() + timedelta(minutes=5)
        failing.deliveries.filter(event=first).update(tries=1, due_at=soon, holds_until=soon)

        uids = {due.uid for due in _read(failing, well)}

        assert uids == set(well.deliveries.filter(event__in=[first, second]).values_list("uid", flat=True))

    def test_is_held_up_by_no_failure_of_another_livestream(self, home: NewOrganization) -> None:
        endpoint = listen_for(home.app, LIVE)
        failed, later = happened(home.app), happened(home.app)
        soon = clock.now() + timedelta(minutes=5)
        endpoint.deliveries.filter(event=failed).update(tries=1, due_at=soon, holds_until=soon)

        assert [due.subject_id for due in _read(endpoint)] == [later.subject_id]

    def test_is_that_of_the_events_whenever_they_are_due(self, home: NewOrganization) -> None:
        endpoint = listen_for(home.app, LIVE)
        events = [happened(home.app) for _ in range(4)]
        now = clock.now()
        for number, event in enumerate(events):
            endpoint.deliveries.filter(event=event).update(tries=1, due_at=now - timedelta(minutes=1 + number))

        assert [due.subject_id for due in _read(endpoint)] == [event.subject_id for event in events]


class TestBodies:
    def test_are_each_as_its_endpoint_wants_it(self, home: NewOrganization) -> None:
        dyte = listen_for(home.app, LIVE, _STATUS)
        realtimekit = listen_for(home.app, _STATUS, format="realtimekit")
        happened(home.app)

        found = [(due.endpoint_id, json.loads(due.body)) for due in _read(dyte, realtimekit)]

        told = {(endpoint_id, body["event"], "manualIngest" in body) for endpoint_id, body in found}
        assert told == {(dyte.pk, LIVE, False), (dyte.pk, _STATUS, False), (realtimekit.pk, _STATUS, True)}

    def test_carry_the_present_key_of_their_livestream(self, home: NewOrganization, livestream: Livestream) -> None:
        endpoint = listen_for(home.app, _STATUS, format="realtimekit")
        other = services.create_livestream(app=home.app, name="Other", actor=SYSTEM)
        for each in (livestream, other):
            happened(home.app, subject_id=each.pk)
        services.reset_stream_key(livestream=livestream, actor=SYSTEM)

        keys = [body["streamKey"] for body in _bodies(endpoint)]

        rows = Livestream.objects.with_stream_key().in_bulk([livestream.pk, other.pk])
        assert keys == [rows[livestream.pk].stream_key, rows[other.pk].stream_key]
        assert len(set(keys)) == 2

    def test_carry_no_key_of_a_livestream_that_is_deleted(self, home: NewOrganization, livestream: Livestream) -> None:
        endpoint = listen_for(home.app, _STATUS, format="realtimekit")
        happened(home.app, subject_id=livestream.pk)
        services.delete_livestream(livestream=livestream, actor=SYSTEM)

        assert [body["streamKey"] for body in _bodies(endpoint)] == [None]

    def test_are_made_without_a_key_that_cannot_be_read(self, home: NewOrganization, livestream: Livestream) -> None:
        endpoint = listen_for(home.app, _STATUS, format="realtimekit")
        happened(home.app, subject_id=livestream.pk)
        livestream.stream_keys.update(encrypted="of another key")

        assert [body["streamKey"] for body in _bodies(endpoint)] == [None]
