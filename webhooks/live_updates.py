"""Telling open pages of webhooks that something changed, so that nobody has to reload.

Couriers complete thousands of deliveries in a second; a page hears of it a few times in one.
"""

import logging
from collections.abc import Collection, Coroutine, Iterable
from functools import partial
from uuid import UUID

from django.db import close_old_connections, transaction

from livehub.core.deadline import deadline
from livehub.core.gathering import Gathering
from livehub.core.outage import DATABASE_OUTAGE, describe
from streams.livestreams.live_updates import send_to_pages
from webhooks.models import Endpoint

logger = logging.getLogger(__name__)

# All that happens within it is one message to each page.
_GATHER_S = 0.25
_READ_S = 2.0


def endpoint_group(endpoint_id: UUID) -> str:
    return f"webhook.{endpoint_id.hex}"


def endpoint_list_group(organization_id: UUID) -> str:
    return f"webhooks.{organization_id.hex}"


def told(endpoint_ids: Iterable[UUID]) -> None:
    """Have the pages of these endpoints look again soon; call it when what they are to see is committed.

    Neither waits nor asks the database, so an event loop may call it. A message may get lost: pages poll.
    """
    _told.add(endpoint_ids, delay_s=_GATHER_S)


def tell_on_commit(endpoint_id: UUID) -> None:
    """Have an endpoint's pages look again when the current transaction commits."""
    transaction.on_commit(partial(told, [endpoint_id]))


def _tell(endpoint_ids: frozenset[UUID]) -> Coroutine[object, object, None] | None:
    close_old_connections()
    try:
        with deadline(_READ_S):
            return send_to_pages(_find_groups(endpoint_ids))
    except DATABASE_OUTAGE as error:
        logger.warning("pages not told, they will ask themselves %s", describe(error))
        return None
    finally:
        # Back to the pool.
        close_old_connections()


def _find_groups(endpoint_ids: Collection[UUID]) -> list[str]:
    organizations = Endpoint.objects.filter(pk__in=endpoint_ids).values_list("app__organization_id", flat=True)
    lists = {endpoint_list_group(organization_id) for organization_id in organizations}
    return [*(endpoint_group(endpoint_id) for endpoint_id in endpoint_ids), *lists]


_told = Gathering(_tell, what="webhook pages", lost_s=_GATHER_S)
