"""Websockets of meetings' pages: who comes and goes, and their livestreams, in the fragments that they are made of."""

from uuid import UUID

from django.template.loader import render_to_string

from streams.dashboard.paging import PageForm
from streams.livestreams.consumers import FragmentConsumer, render_pulse_of
from streams.meetings.forms import MeetingListForm
from streams.meetings.live_updates import meeting_group, meeting_list_group
from streams.meetings.pages import meeting_update
from streams.meetings.selectors import MeetingScreen, get_meeting_list, get_meeting_screen
from streams.organizations.models import Member


class MeetingListConsumer(FragmentConsumer):
    """The list of meetings, searched and paged as its URL says."""

    def group(self, member: Member) -> str:
        return meeting_list_group(member.organization_id)

    def render(self, member: Member) -> str:
        form = MeetingListForm(self.query)
        found = get_meeting_list(organization=member.organization, search=form.search(), page=form.number())
        return render_to_string("streams/_meeting_list.html", {"found": found, "member": member, "is_update": True})


class MeetingConsumer(FragmentConsumer):
    """The page of one meeting; its URL says which page of participants it shows, and which livestream."""

    def group(self, member: Member) -> str:
        return meeting_group(self._meeting_id)

    def render(self, member: Member) -> str:
        screen = self._screen(member)
        self.has_pulse = screen.broadcast is not None and screen.broadcast.has_pulse
        template, context = meeting_update(screen, built_around=self.query.get("livestream", ""))
        return render_to_string(template, {**context, "member": member})

    def render_pulse(self, member: Member) -> str:
        screen = self._screen(member)
        if screen.broadcast is None:
            return self.render(member)
        return render_pulse_of(screen.broadcast, member)

    def _screen(self, member: Member) -> MeetingScreen:
        page = PageForm(self.query).number()
        return get_meeting_screen(organization=member.organization, meeting_id=self._meeting_id, page=page)

    @property
    def _meeting_id(self) -> UUID:
        meeting_id: UUID = self.scope["url_route"]["kwargs"]["meeting_id"]
        return meeting_id
