"""Many broadcasts that end at once, each with its file."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.db import connection

from livehub.core import clock
from streams.livestreams.services import create_livestream
from streams.models import Recording
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings.advancing import advance_recording
from tests.recordings.broadcast import MadeBroadcast, is_over, went_live
from tests.runs import connected

# As many slots as the worker has.
_SLOTS = 4


@pytest.mark.chaos
@pytest.mark.django_db(transaction=True)
def test_forty_five_that_end_at_once_are_all_verified(home: NewOrganization) -> None:
    running = []
    for number in range(45):
        livestream = create_livestream(app=home.app, name=f"Room {number}", reconnect_window_s=0, actor=SYSTEM)
        session = connected(livestream)
        lease = went_live(session)
        broadcast = MadeBroadcast(session, began_ms=clock.epoch_ms(clock.now()))
        broadcast.add(4)
        running.append((broadcast, lease))
    Recording.objects.update(part_size=60_000)

    for broadcast, lease in running:
        broadcast.end()
        is_over(lease)
    with ThreadPoolExecutor(_SLOTS) as slots:
        list(slots.map(_advance, Recording.objects.values_list("pk", flat=True)))

    found = Recording.objects.values_list("status", "is_verified", "problem")
    assert sorted(found) == [("uploaded", True, "")] * 45


def _advance(recording_id: UUID) -> None:
    advance_recording(recording_id=recording_id)
    connection.close()
