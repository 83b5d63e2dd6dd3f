"""Finding endpoints that something is due to and nobody delivers to: the truth, whatever messages got lost."""

import logging
from uuid import UUID

from django.db import connection

from webhooks import claims, succession
from webhooks.claims import FREE

logger = logging.getLogger(__name__)

# Found by the sweep 5 s later, if those go first: some of every organization that has any.
SWEPT_MAX = 1000

_FIND_DUE = f"""
SELECT endpoint.id FROM webhooks_endpoint AS endpoint JOIN streams_app AS app ON app.id = endpoint.app_id
WHERE {FREE} AND EXISTS (
    SELECT 1 FROM webhooks_delivery AS delivery
    WHERE delivery.endpoint_id = endpoint.id AND delivery.state = 'pending'
        AND delivery.due_at <= statement_timestamp()
)
ORDER BY row_number() OVER (PARTITION BY app.organization_id ORDER BY endpoint.claimed_until NULLS FIRST)
LIMIT %(limit)s
"""  # noqa: S608  # Constants of ours.


def release_of_the_dead() -> None:
    """Free what a courier of this machine had claimed that was killed; once in a process."""
    courier_id = succession.succeed()
    if courier_id is not None:
        logger.info("takes over from a courier that was killed courier=%s", courier_id)
        claims.release_all(courier_id)


def find_due_endpoints() -> list[UUID]:
    """Return endpoints that wait for a courier, at most `SWEPT_MAX`."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND_DUE, {"limit": SWEPT_MAX})
        return [row[0] for row in cursor.fetchall()]
