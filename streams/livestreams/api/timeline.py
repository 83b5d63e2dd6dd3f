"""What happened to a session, as `/v2` tells it."""

from collections.abc import Mapping
from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.api.paging import PageNumbers, PageQuery, take_page
from livehub.core import clock
from streams.livestreams import selectors
from streams.livestreams.api.base import LivestreamsApi
from streams.livestreams.models import SessionEvent
from streams.livestreams.states import EventKind, SessionStatus

# What an event's length is called, by kind.
_SECONDS = ("window_s", "away_s", "silent_s")


class SessionEventSerializer(serializers.Serializer[SessionEvent]):
    """One thing that happened to a session."""

    examples: ClassVar[Mapping[str, object]] = {
        "kind": "reconnecting",
        "reason": "Encoder stopped; it is waited for 1 minute",
        "by": None,
        "seconds": 60,
    }

    kind = serializers.CharField(
        read_only=True,
        help_text=f"{', '.join(SessionStatus.values)}: what the session became; "
        f"{', '.join(kind for kind in EventKind.values if kind not in {EventKind.STATUS, EventKind.RUN_STARTED})}: "
        "what happened to it besides.",
    )
    at = InstantField()
    reason = serializers.CharField(read_only=True, help_text="For people; may be empty.")
    by = serializers.CharField(read_only=True, allow_null=True, help_text="Who wanted it; null for nobody.")
    seconds = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text="Of reconnecting and standby: how long the encoder is waited for. Of live and connected: how long it "
        "was waited for. Of sends_again: how long it was silent.",
    )

    def to_representation(self, event: SessionEvent) -> JsonObject:
        return {
            "kind": event.data["new"] if event.kind == EventKind.STATUS else event.kind,
            "at": clock.isoformat(event.at),
            "reason": event.reason,
            "by": event.by or None,
            "seconds": next((event.data[name] for name in _SECONDS if name in event.data), None),
        }


class SessionEventsView(LivestreamsApi):
    """/livestreams/sessions/{session_id}/events"""

    @operation(
        "list_session_events",
        "List what happened to a session, newest first",
        query=PageQuery,
        answer=Answer(SessionEventSerializer, is_list=True),
    )
    def get(self, request: Request, session_id: str, **path: str) -> Response:
        wanted: PageNumbers = self.read_query(PageQuery)  # type: ignore[assignment]  # What that query checks.
        session = selectors.get_session(app=self.caller.app, session_id=get_uuid(session_id, noun="livestream session"))
        events = selectors.list_events(session)
        page = take_page(events, wanted=wanted, count=events.count)
        shape = SessionEventSerializer()
        return self.answer_list([shape.to_representation(event) for event in page.items], page=page)
