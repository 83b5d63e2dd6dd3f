"""Pages that show who watches hear of it: over a real Redis."""

import asyncio

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from analytics.counting.batch import Watching, WatchingNow
from analytics.telling import write_and_tell
from livehub.core import clock
from streams.livestreams.live_updates import livestream_group, organization_group
from streams.livestreams.storage import folder_name
from streams.models import Livestream, Session
from tests.services import HANG_S

# It is written in a thread of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


def test_the_livestreams_page_and_the_overview_look_again_when_somebody_comes(livestream: Livestream) -> None:
    session = Session.objects.create(livestream=livestream)
    groups = (livestream_group(livestream.pk), organization_group(livestream.app.organization_id))
    now = WatchingNow("main", clock.epoch_ms(clock.now()), [Watching(folder_name(session.pk), 1, 0)])

    async def hear() -> int:
        layer = get_channel_layer()
        assert layer is not None
        names = {await layer.new_channel(): group for group in groups}
        for name, group in names.items():
            await layer.group_add(group, name)
        await database_sync_to_async(write_and_tell)(now)
        async with asyncio.timeout(HANG_S):
            return len([await layer.receive(name) for name in names])

    assert asyncio.run(hear()) == 2
