"""What all operations on webhooks share."""

from typing import cast

from livehub.api.identifiers import get_uuid
from livehub.api.views import ApiView
from streams.organizations.authentication import Caller
from streams.organizations.models import ApiKey
from webhooks import selectors
from webhooks.api.serializers import WebhookShapes
from webhooks.models import Endpoint


class WebhooksApi(ApiView):
    """Knows who asks, and about which webhook."""

    # Given by every route: as_view(shapes=...).
    shapes: WebhookShapes = cast(WebhookShapes, None)
    tag = "Webhooks"
    read_scope = ApiKey.Scope.READ
    write_scope = ApiKey.Scope.WEBHOOKS

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.auth)

    def get_endpoint(self, webhook_id: str) -> Endpoint:
        wanted = get_uuid(webhook_id, noun="webhook")
        return selectors.get_endpoint(app=self.caller.app, endpoint_id=wanted)
