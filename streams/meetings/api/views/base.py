"""What all of them share."""

from collections.abc import Iterable
from typing import cast

from livehub.api.identifiers import get_uuid
from livehub.api.views import ApiView
from streams.livestreams.api.serializers import Presenting
from streams.livestreams.models import Livestream
from streams.livestreams.selectors import sum_media
from streams.meetings import selectors
from streams.meetings.api.serializers import MeetingShapes
from streams.meetings.models import Meeting
from streams.organizations.authentication import Caller
from streams.organizations.models import ApiKey


class MeetingApi(ApiView):
    """Knows who asks, and about which meeting."""

    # Given by every route: as_view(shapes=...).
    shapes: MeetingShapes = cast(MeetingShapes, None)
    tag = "Meetings"
    read_scope = ApiKey.Scope.READ
    write_scope = ApiKey.Scope.MEETINGS

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.auth)

    def get_meeting(self, meeting_id: str) -> Meeting:
        return selectors.get_meeting(app=self.caller.app, meeting_id=get_uuid(meeting_id, noun="meeting"))

    @property
    def shows_secrets(self) -> bool:
        """Whoever may start the livestream is told its key; who may only read may not publish, here or elsewhere."""
        return self.write_scope in self.caller.scopes

    def presenting(self, livestreams: Iterable[Livestream]) -> Presenting:
        words = self.shapes.livestreams.words
        return {"words": words, "totals": sum_media(livestreams), "shows_stream_key": self.shows_secrets}
