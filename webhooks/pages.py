"""What the pages of webhooks share."""

from collections.abc import Mapping
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from streams.dashboard.pages import DialogView
from streams.models import Organization
from webhooks.forms import DeliveryFilterForm
from webhooks.models import Endpoint
from webhooks.screens import EndpointScreen, get_endpoint_screen
from webhooks.selectors import get_own_endpoint


class WebhookDialogView(DialogView):
    folder = "webhooks"


class OneEndpointView(WebhookDialogView):
    """A page of one endpoint."""

    endpoint_id: UUID

    def setup(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        super().setup(request, *args, **kwargs)
        self.endpoint_id = UUID(str(kwargs["endpoint_id"]))

    def get_endpoint(self) -> Endpoint:
        return get_own_endpoint(organization=self.member.organization, endpoint_id=self.endpoint_id)

    def to_endpoint(self, *, said: str = "") -> HttpResponse:
        return self.go("webhooks:endpoint_detail", endpoint_id=self.endpoint_id, said=said)


def endpoint_screen(*, organization: Organization, endpoint_id: UUID, query: Mapping[str, str]) -> EndpointScreen:
    """Return the page of an endpoint with those deliveries that its address asks for."""
    wanted = DeliveryFilterForm(query).wanted()
    return get_endpoint_screen(organization=organization, endpoint_id=endpoint_id, wanted=wanted)
