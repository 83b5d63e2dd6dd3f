"""Websockets of webhooks' pages: how endpoints fare, and what becomes of deliveries."""

from uuid import UUID

from django.template.loader import render_to_string

from streams.livestreams.consumers import FragmentConsumer
from streams.organizations.models import Member
from webhooks.delivery_screens import get_delivery_screen
from webhooks.forms import EndpointListForm
from webhooks.live_updates import endpoint_group, endpoint_list_group
from webhooks.pages import endpoint_screen
from webhooks.screens import get_endpoint_list


class EndpointListConsumer(FragmentConsumer):
    """The list of endpoints, narrowed and paged as its URL says."""

    def group(self, member: Member) -> str:
        return endpoint_list_group(member.organization_id)

    def render(self, member: Member) -> str:
        form = EndpointListForm(self.query)
        found = get_endpoint_list(organization=member.organization, show=form.wanted(), page=form.number())
        return render_to_string("webhooks/_endpoint_list.html", {"found": found, "member": member, "is_update": True})


class EndpointConsumer(FragmentConsumer):
    """The page of one endpoint, with those deliveries that its URL asks for."""

    def group(self, member: Member) -> str:
        return endpoint_group(self.endpoint_id)

    def render(self, member: Member) -> str:
        screen = endpoint_screen(organization=member.organization, endpoint_id=self.endpoint_id, query=self.query)
        return render_to_string("webhooks/_endpoint_live.html", {"screen": screen, "member": member})

    @property
    def endpoint_id(self) -> UUID:
        endpoint_id: UUID = self.scope["url_route"]["kwargs"]["endpoint_id"]
        return endpoint_id


class DeliveryConsumer(EndpointConsumer):
    """The page of one delivery."""

    def render(self, member: Member) -> str:
        uid: UUID = self.scope["url_route"]["kwargs"]["delivery_id"]
        screen = get_delivery_screen(organization=member.organization, endpoint_id=self.endpoint_id, uid=uid)
        context = {"screen": screen, "member": member, "is_update": True}
        return render_to_string("webhooks/_delivery_live.html", context)
