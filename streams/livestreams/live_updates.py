"""Telling open pages that something changed, so that nobody has to reload.

What is sent is only "look again": each page's consumer reads the rows afresh and renders for its own reader. A lost
message is therefore repaired by the next one, by a reconnection, or by the page's own slow polling.
"""

from collections.abc import Iterable
from uuid import UUID

from channels.layers import get_channel_layer
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from livehub.core import deferred, events
from streams.livestreams.events import (
    HealthChanged,
    LivestreamChanged,
    LivestreamCreated,
    LivestreamDeleted,
    LivestreamEvent,
    OutputChanged,
    OutputCreated,
    OutputDeleted,
    PublishRefused,
    SessionInterrupted,
    SessionQueued,
    SessionResumed,
    SessionStatusChanged,
    SimulcastStateChanged,
)

# What pages of livestreams show.
SHOWN = (
    HealthChanged,
    LivestreamChanged,
    LivestreamCreated,
    LivestreamDeleted,
    OutputChanged,
    OutputCreated,
    OutputDeleted,
    PublishRefused,
    SessionInterrupted,
    SessionQueued,
    SessionResumed,
    SessionStatusChanged,
    SimulcastStateChanged,
)
# Calls the method of this name on every consumer in the group.
MESSAGE = {"type": "page.changed"}


def livestream_group(livestream_id: UUID) -> str:
    return f"livestream.{livestream_id.hex}"


def organization_group(organization_id: UUID) -> str:
    return f"organization.{organization_id.hex}"


def subscribe() -> None:
    """Listen to everything that a page shows (from `AppConfig.ready`)."""
    for event_type in SHOWN:
        events.subscribe(event_type, announce)


def announce(event: LivestreamEvent) -> None:
    """Tell the pages of the livestream and of its organization when the current transaction commits."""
    tell_pages(livestream_group(event.livestream_id), organization_group(event.organization_id))


def tell_pages(*groups: str) -> None:
    """Have the pages of these groups look again when the current transaction commits."""
    transaction.on_commit(lambda: deferred.post(lambda: send_to_pages(groups), what="page.changed"))


async def send_to_pages(groups: Iterable[str]) -> None:
    """Have the pages of these groups look again."""
    layer = get_channel_layer()
    if layer is None:
        raise ImproperlyConfigured("CHANNEL_LAYERS has no default: open pages cannot be told of changes.")
    for group in groups:
        await layer.group_send(group, MESSAGE)
