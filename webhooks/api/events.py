"""Everything that happens, for programs that ask instead of being told."""

from typing import TypedDict, cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.operations import Answer, Paging, operation
from livehub.api.paging import CursorPage, CursorQuery
from webhooks import feed
from webhooks.api.base import WebhooksApi
from webhooks.api.event_serializers import EventSerializer


class _Parameters(TypedDict):
    """A checked `CursorQuery`."""

    after: str
    per_page: int


class EventsView(WebhooksApi):
    """/events"""

    tag = "Events"

    @operation(
        "list_events",
        "List what has happened, the oldest first; the cursor leads on from there, also while there is nothing more",
        query=CursorQuery,
        answer=Answer(EventSerializer, is_list=True, paging=Paging.CURSOR),
    )
    def get(self, request: Request, **path: str) -> Response:
        asked = cast(_Parameters, self.read_query(CursorQuery))
        found = feed.list_events(self.caller.app, after=asked["after"], limit=asked["per_page"])
        page = CursorPage(found.events, found.cursor, found.has_more)
        shape = EventSerializer()
        return self.answer_list([shape.to_representation(event) for event in page.items], page=page)
