"""What the pages of meetings share."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from streams.dashboard.pages import DialogView
from streams.livestreams.pages import set_up_box
from streams.meetings.models import Meeting, Preset
from streams.meetings.selectors import MeetingScreen, get_own_meeting, get_own_preset


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


def meeting_page(screen: MeetingScreen) -> dict[str, object]:
    """Return what the page of a meeting tells, and how to connect an encoder if its livestream is started."""
    set_up = set_up_box(screen.broadcast) if screen.broadcast else {}
    return {**set_up, "screen": screen}


def meeting_update(screen: MeetingScreen, *, built_around: str) -> tuple[str, dict[str, object]]:
    """Return template and context of what an open page of the meeting is sent.

    It is the parts that change by themselves, or the whole when the page was built around another livestream.
    """
    if screen.livestream_id != built_around:
        return "streams/_meeting.html", {**meeting_page(screen), "is_update": True}
    return "streams/_meeting_live.html", {"screen": screen}


class OnePresetView(DialogView):
    """A page of one preset."""

    preset_id: UUID

    def setup(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        super().setup(request, *args, **kwargs)
        self.preset_id = UUID(str(kwargs["preset_id"]))

    def get_preset(self) -> Preset:
        return get_own_preset(organization=self.member.organization, preset_id=self.preset_id)
