"""What the pages of meetings share."""

from collections.abc import Mapping
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from streams.dashboard.pages import MemberView
from streams.meetings.models import Meeting, Preset
from streams.meetings.selectors import get_own_meeting, get_own_preset


class DialogView(MemberView):
    """A form that is a page of its own, or a dialog when a script asks for it."""

    def show(self, name: str, shared: Mapping[str, object], *, status: int = 200) -> HttpResponse:
        """Return the template `name`, or its part alone."""
        is_dialog = bool(self.request.htmx)
        template = f"streams/{'_' if is_dialog else ''}{name}.html"
        return self.page(template, shared, is_dialog=is_dialog, status=status)


class OneMeetingView(DialogView):
    """A page of one meeting."""

    meeting_id: UUID

    def setup(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        super().setup(request, *args, **kwargs)
        self.meeting_id = UUID(str(kwargs["meeting_id"]))

    def get_meeting(self) -> Meeting:
        return get_own_meeting(organization=self.member.organization, meeting_id=self.meeting_id)

    def to_meeting(self, *, said: str = "") -> HttpResponse:
        return self.go("streams:meeting_detail", meeting_id=self.meeting_id, said=said)


class OnePresetView(DialogView):
    """A page of one preset."""

    preset_id: UUID

    def setup(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        super().setup(request, *args, **kwargs)
        self.preset_id = UUID(str(kwargs["preset_id"]))

    def get_preset(self) -> Preset:
        return get_own_preset(organization=self.member.organization, preset_id=self.preset_id)
