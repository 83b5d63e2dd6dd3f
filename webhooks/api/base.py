"""What all operations on webhooks share."""

from collections.abc import Iterable
from typing import cast

from livehub.api.errors import ScopeMissingError
from livehub.api.identifiers import get_uuid
from livehub.api.views import ApiView
from streams.organizations.authentication import Caller
from streams.organizations.models import ApiKey
from webhooks import selectors
from webhooks.api.serializers import WebhookShapes
from webhooks.models import Endpoint
from webhooks.payloads import needs_stream_key

# Who has both is told every stream key: a livestream's own, and that of a meeting's.
_TOLD_STREAM_KEYS = (ApiKey.Scope.LIVESTREAMS, ApiKey.Scope.MEETINGS)


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

    def check_stream_keys(self, *, events: Iterable[str], format: str) -> None:
        """Let only who is told stream keys decide where deliveries go that carry them.

        :raises ScopeMissingError: when the key is not told them.
        """
        if not any(needs_stream_key(name=name, format=format) for name in events):
            return
        missing = [scope.value for scope in _TOLD_STREAM_KEYS if scope not in self.caller.scopes]
        if missing:
            raise ScopeMissingError(
                f"livestreaming.statusUpdate carries stream keys in RealtimeKit's format, and this API key lacks the "
                f"scope {missing[0]}. Use one that has it, or leave this event out."
            )
