"""How many watch a livestream now, as `/v2` tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.core import clock
from streams.livestreams import selectors
from streams.livestreams.api.base import LivestreamsApi
from streams.livestreams.models import Session
from streams.livestreams.watching import SessionViewers, viewers_of


@dataclass(frozen=True)
class LivestreamViewers:
    """Who watches the broadcast that goes on; no session where none does."""

    session: Session | None
    viewers: SessionViewers


class LivestreamViewersSerializer(serializers.Serializer[LivestreamViewers]):
    """Who watches a livestream now, and how many did at most in this broadcast."""

    examples: ClassVar[Mapping[str, object]] = {
        "now": 131,
        "counted": 118,
        "estimated": 13,
        "peak": 164,
        "peak_estimated": 15,
    }

    session_id = serializers.UUIDField(read_only=True, allow_null=True, help_text="Null while nothing is on air.")
    now = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Null while it is not known: never a zero that nobody has counted."
    )
    counted = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Of those, told apart by an id that their players send."
    )
    estimated = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Of those, told apart by their addresses and what they fetch."
    )
    as_of = InstantField(allow_null=True, help_text="When that was so, or when it was known last.")
    peak = serializers.IntegerField(read_only=True, help_text="The most at once, in this broadcast so far.")
    peak_estimated = serializers.IntegerField(read_only=True, help_text="How many of those are an estimate.")
    peak_at = InstantField(allow_null=True)
    reported_by_players = serializers.BooleanField(
        read_only=True, help_text="Behind a CDN: what players say of themselves is counted, not what they were sent."
    )

    def to_representation(self, told: LivestreamViewers) -> JsonObject:
        viewers = told.viewers
        return {
            "session_id": str(told.session.pk) if told.session else None,
            "now": viewers.now,
            "counted": viewers.counted,
            "estimated": viewers.estimated,
            "as_of": clock.isoformat(viewers.as_of) if viewers.as_of else None,
            "peak": viewers.peak,
            "peak_estimated": viewers.peak_estimated,
            "peak_at": clock.isoformat(viewers.peak_at) if viewers.peak_at else None,
            "reported_by_players": viewers.are_reported,
        }


class LivestreamViewersView(LivestreamsApi):
    """/livestreams/{livestream_id}/viewers"""

    @operation(
        "get_livestream_viewers",
        "Get how many watch a livestream now",
        answer=Answer(LivestreamViewersSerializer),
    )
    def get(self, request: Request, livestream_id: str, **path: str) -> Response:
        wanted = get_uuid(livestream_id, noun="livestream")
        session = selectors.find_open_session(selectors.get_livestream(owner=self.caller.app, livestream_id=wanted))
        viewers = viewers_of([session.pk])[session.pk] if session else SessionViewers(0, 0)
        return self.answer(LivestreamViewersSerializer().to_representation(LivestreamViewers(session, viewers)))
