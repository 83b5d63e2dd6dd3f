"""Locking and reading rows again: what a caller holds may be stale."""

from uuid import UUID

from livehub.core.errors import NotFoundError
from webhooks.models import Endpoint


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
