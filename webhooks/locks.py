"""Locking and reading rows again: what a caller holds may be stale."""

from uuid import UUID

from django.db import connection

from livehub.core.errors import NotFoundError
from webhooks.models import Endpoint

# Any number that nothing else locks.
_REPLAYS = 7_102
_TRY_REPLAYS = """
SELECT pg_try_advisory_xact_lock(%s, hashtext(organization_id::text)) FROM streams_app WHERE id = %s
"""


def lock_endpoint(endpoint_id: UUID) -> Endpoint:
    """Return the endpoint as it is now, with its app and organization, locked until the transaction ends.

    :raises NotFoundError: when it is deleted.
    """
    endpoints = Endpoint.objects.existing().select_related("app__organization")
    # Without its key: deliveries of it are written meanwhile.
    endpoint = endpoints.select_for_update(of=("self",), no_key=True).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFoundError(f"No webhook {endpoint_id}.")
    return endpoint


def try_lock_replays(endpoint: Endpoint) -> bool:
    """Tell whether nobody else replays for its organization; nobody does from now on until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_TRY_REPLAYS, [_REPLAYS, endpoint.app_id])
        row = cursor.fetchone()
    # Without an app there is no endpoint any more, which whoever locks that says.
    return row is None or bool(row[0])
