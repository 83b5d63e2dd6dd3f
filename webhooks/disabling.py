"""Giving up endpoints that nobody reads any more."""

import logging
from uuid import UUID

from django.db import transaction

from livehub.core.errors import NotFoundError
from streams.organizations.services import SYSTEM, record
from webhooks import live_updates, notices
from webhooks.locks import lock_endpoint
from webhooks.states import DisabledReason

logger = logging.getLogger(__name__)


@transaction.atomic
def disable_endpoint(*, endpoint_id: UUID, url: str, reason: DisabledReason, courier_id: UUID) -> None:
    """Send it nothing more, and tell whoever listens; nothing where it is not this courier's to say any more.

    Nor where it is at another URL than the one that says so: somebody has mended it meanwhile. What is pending stays
    so, and goes if somebody enables it again.
    """
    try:
        endpoint = lock_endpoint(endpoint_id)
    except NotFoundError:
        return  # Deleted a moment ago.
    if not endpoint.enabled or endpoint.url != url or endpoint.claimed_by != courier_id:
        return
    endpoint.enabled, endpoint.disabled_reason = False, reason
    endpoint.save(update_fields=["enabled", "disabled_reason", "updated_at"])
    logger.info("endpoint disabled endpoint=%s reason=%s", endpoint.pk, reason)
    organization = endpoint.app.organization
    record(organization=organization, actor=SYSTEM, action="webhook.disabled", target=endpoint, reason=reason)
    notices.tell_endpoint_disabled(endpoint)
    live_updates.tell_on_commit(endpoint.pk)
