"""The websocket of the system page: nothing tells of most changes there, so it looks again and again."""

from django.template.loader import render_to_string

from livehub.core.errors import NotFoundError
from streams.livestreams.consumers import FragmentConsumer
from streams.livestreams.live_updates import organization_group
from streams.organizations.models import Member
from streams.system.screen import get_system_screen


class SystemConsumer(FragmentConsumer):
    """The system page."""

    has_pulse = True

    def group(self, member: Member) -> str:
        return organization_group(member.organization_id)

    def render(self, member: Member) -> str:
        if not member.can_see_system:
            raise NotFoundError("Only owners and support staff see the system.")
        context = {"screen": get_system_screen(), "member": member, "is_update": True}
        return render_to_string("streams/_system_live.html", context)

    def render_pulse(self, member: Member) -> str:
        return self.render(member)
