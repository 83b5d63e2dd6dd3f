"""What webhooks say of themselves."""

from livehub.core import clock
from webhooks import catalogue, facts
from webhooks.models import Endpoint
from webhooks.outbox import Happening, record

_ENDPOINT_DISABLED = "endpoint.disabled"


def tell_endpoint_disabled(endpoint: Endpoint) -> None:
    """Tell the app's other endpoints that this one is sent nothing any more, and why.

    It must be locked, and disabled already; its app and organization must be loaded.
    """
    record(
        Happening(
            app_id=endpoint.app_id,
            type=_ENDPOINT_DISABLED,
            names=catalogue.names_of(_ENDPOINT_DISABLED),
            subject_type="endpoint",
            subject_id=endpoint.pk,
            at=clock.now(),
            facts=facts.of_endpoint(endpoint),
        )
    )
