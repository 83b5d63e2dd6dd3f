"""Livestreams and sessions on the wire: one shape per endpoint where the dialects differ.

The fields are the description; what is answered is written out in `to_representation`, because going through the
fields costs more than the queries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, TypedDict
from uuid import UUID

from django.conf import settings
from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.api.paging import PagingSerializer
from livehub.core import clock
from streams.livestreams.api.input import LivestreamBody, PlayedLivestreamBody
from streams.livestreams.api.words import DYTE_WORDS, REALTIMEKIT_WORDS, StatusWords
from streams.livestreams.models import Livestream, PullSource, Session
from streams.livestreams.selectors import MediaTotals, why_it_waits
from streams.livestreams.states import DuplicatePublisher, LatencyMode, PlaybackPolicy, PullState, WhileEncoderAway


class Presenting(TypedDict):
    """The context that these serializers need."""

    words: StatusWords
    # By livestream; one that was never published to may be missing.
    totals: Mapping[UUID, MediaTotals]
    # Whoever may only read may not publish either.
    shows_stream_key: bool


@dataclass(frozen=True)
class LivestreamDetail:
    """A livestream with a page of its sessions, newest first."""

    livestream: Livestream
    sessions: Sequence[Session]
    paging: Mapping[str, object]


@dataclass(frozen=True)
class ActiveSession:
    """A livestream and the broadcast that is going on."""

    livestream: Livestream
    session: Session


class LivestreamSerializer(serializers.Serializer[Livestream]):
    """A livestream: where to publish, where to watch, and whether somebody does."""

    examples: ClassVar[Mapping[str, object]] = {
        "name": "Autumn keynote",
        "status": "LIVE",
        "ingest_server": "rtmp://live.example.org:1935/live/",
        "stream_key": "sk_exampleexampleexampleexample",
        "playback_url": "https://live.example.org/playback/4f0c9e1b7a2d/index.m3u8",
        "meeting_id": None,
        "ingest_seconds": 1835,
        "viewer_seconds": 20410,
    }

    id = serializers.UUIDField()
    name = serializers.CharField(read_only=True, allow_null=True)
    status = serializers.CharField(read_only=True, help_text="OFFLINE, INVOKED, LIVE or ERRORED.")
    ingest_server = serializers.CharField(read_only=True, help_text="Ends with a slash; the stream key is appended.")
    stream_key = serializers.CharField(
        read_only=True, allow_null=True, help_text="Null for an API key that may only read: whoever has it may publish."
    )
    playback_url = serializers.CharField(help_text="Multivariant HLS playlist; stays the same for every broadcast.")
    meeting_id = serializers.CharField(read_only=True, allow_null=True, help_text="Null for an independent livestream.")
    disabled = serializers.BooleanField(help_text="Encoders are refused.")
    ingest_seconds = serializers.IntegerField(read_only=True, help_text="Media taken in, over all sessions.")
    viewer_seconds = serializers.IntegerField(
        read_only=True, help_text="Media that viewers have watched, over all sessions; grows while live."
    )
    created_at = InstantField()
    updated_at = InstantField()

    def to_representation(self, livestream: Livestream) -> JsonObject:
        words: StatusWords = self.context["words"]
        totals: MediaTotals = self.context["totals"].get(livestream.pk, MediaTotals())
        return {
            "id": str(livestream.pk),
            "name": livestream.name or None,
            "status": words[livestream.status],
            "ingest_server": settings.INGEST_URL,
            "stream_key": livestream.stream_key if self.context["shows_stream_key"] else None,
            "playback_url": livestream.playback_url,
            "meeting_id": str(livestream.meeting_id) if livestream.meeting_id else None,
            "disabled": livestream.disabled,
            "ingest_seconds": totals.ingest_ms // 1000,
            "viewer_seconds": totals.viewer_ms // 1000,
            "created_at": clock.isoformat(livestream.created_at),
            "updated_at": clock.isoformat(livestream.updated_at),
        }


class PullSerializer(serializers.Serializer[Livestream]):
    """Where broadcasts are fetched from, and how that goes."""

    examples: ClassVar[Mapping[str, object]] = {
        "enabled": True,
        "url": "rtmp://***@source.example.com/live/keynote",
        "state": "pulling",
        "reason": None,
        "tries": 0,
    }

    enabled = serializers.BooleanField(help_text="It is to be fetched.")
    url = serializers.CharField(
        allow_null=True, help_text="Without its credentials and the values of its query, which nobody is told again."
    )
    state = serializers.ChoiceField(
        choices=PullState.choices,
        help_text="idle, starting, pulling, retrying (by itself), or errored: it may not be gone to.",
    )
    reason = serializers.CharField(
        read_only=True, allow_null=True, help_text="Why nothing is fetched; null while all is well."
    )
    since = InstantField(allow_null=True, help_text="Since when it is in this state.")
    tries = serializers.IntegerField(read_only=True, help_text="In a row without success.")

    def to_representation(self, livestream: Livestream) -> JsonObject:
        pull = PullSource.of(livestream)
        if pull is None:
            return {"enabled": False, "url": None, "state": PullState.IDLE, "reason": None, "since": None, "tries": 0}
        return {
            "enabled": pull.enabled,
            "url": pull.masked_url,
            "state": pull.state,
            "reason": pull.reason or None,
            "since": clock.isoformat(pull.since),
            "tries": pull.tries,
        }


class PlayedLivestreamSerializer(LivestreamSerializer):
    """The same with what LiveHub has beyond the vendors: playback, and how broadcasts wait and end."""

    examples: ClassVar[Mapping[str, object]] = {
        **LivestreamSerializer.examples,
        "latency_mode": "low",
        "dvr_window_s": 3600,
        "playback_policy": "public",
        "allowed_origins": [],
        "max_viewers": None,
        "reconnect_window_s": 60,
        "while_away": "slate",
        "duplicate_publisher": "reject",
        "end_hold_s": 60,
        "max_duration_s": 10_800,
        "held_until": None,
    }

    latency_mode = serializers.ChoiceField(choices=LatencyMode.choices)
    dvr_window_s = serializers.IntegerField(help_text="How far back players can go.")
    playback_policy = serializers.ChoiceField(choices=PlaybackPolicy.choices)
    allowed_origins = serializers.ListField(
        child=serializers.CharField(), help_text="Whose pages may embed it or fetch from it; empty for everybody's."
    )
    max_viewers = serializers.IntegerField(read_only=True, allow_null=True, help_text="At once; null for no limit.")
    reconnect_window_s = serializers.IntegerField(help_text="How long a broadcast waits for an encoder that dropped.")
    while_away = serializers.ChoiceField(choices=WhileEncoderAway.choices, help_text="What viewers see meanwhile.")
    duplicate_publisher = serializers.ChoiceField(choices=DuplicatePublisher.choices)
    end_hold_s = serializers.IntegerField(help_text="How long encoders are turned away after an end.")
    max_duration_s = serializers.IntegerField(
        allow_null=True, help_text="After how long a broadcast is ended in any case; null for never."
    )
    held_until = InstantField(allow_null=True, help_text="Until when encoders are turned away; null if they are not.")
    pull = PullSerializer(help_text="Where broadcasts are fetched from in place of an encoder.")

    def to_representation(self, livestream: Livestream) -> JsonObject:
        return {
            **super().to_representation(livestream),
            "latency_mode": livestream.latency_mode,
            "dvr_window_s": livestream.dvr_window_s,
            "playback_policy": livestream.playback_policy,
            "allowed_origins": livestream.allowed_origins,
            "max_viewers": livestream.max_viewers,
            "reconnect_window_s": livestream.reconnect_window_s,
            "while_away": livestream.while_away,
            "duplicate_publisher": livestream.duplicate_publisher,
            "end_hold_s": livestream.end_hold_s,
            "max_duration_s": livestream.max_runtime_s,
            "held_until": _instant(livestream.held_until) if livestream.is_held else None,
            "pull": PullSerializer().to_representation(livestream),
        }


class SwitchedLivestreamSerializer(LivestreamSerializer):
    """A livestream that was enabled or disabled. Source: Dyte v2, PUT /livestreams/{id}/enable."""

    org_id = serializers.CharField()

    def to_representation(self, livestream: Livestream) -> JsonObject:
        return {**super().to_representation(livestream), "org_id": livestream.app.organization_id.hex}


class TextFlagLivestreamSerializer(LivestreamSerializer):
    """A livestream whose flag is "true" or "false". Source: Cloudflare's SDK, where it is typed as text."""

    examples = {**LivestreamSerializer.examples, "disabled": "false"}
    disabled = serializers.CharField(read_only=True)  # type: ignore[assignment]  # Another type is the point.

    def to_representation(self, livestream: Livestream) -> JsonObject:
        return {**super().to_representation(livestream), "disabled": "true" if livestream.disabled else "false"}


class SessionSerializer(serializers.Serializer[Session]):
    """One broadcast of a livestream."""

    examples: ClassVar[Mapping[str, object]] = {
        "err_message": None,
        "stopped_time": None,
        "ingest_seconds": 1835,
        "viewer_seconds": 20410,
    }

    id = serializers.UUIDField()
    livestream_id = serializers.UUIDField()
    err_message = serializers.CharField(
        read_only=True, allow_null=True, help_text="What to change at the encoder; null when all was well."
    )
    invoked_time = InstantField(help_text="When the encoder connected.")
    started_time = InstantField(allow_null=True, help_text="When viewers could play it.")
    stopped_time = InstantField(allow_null=True)
    ingest_seconds = serializers.IntegerField(help_text="Media taken in; grows every second while live.")
    viewer_seconds = serializers.IntegerField(
        read_only=True, help_text="Media that viewers have watched; grows every second while live."
    )
    created_at = InstantField()
    updated_at = InstantField()

    def to_representation(self, session: Session) -> JsonObject:
        return {
            "id": str(session.pk),
            "livestream_id": str(session.livestream_id),
            "err_message": session.error_message or None,
            "invoked_time": clock.isoformat(session.created_at),
            "started_time": _instant(session.started_at),
            "stopped_time": _instant(session.stopped_at),
            "ingest_seconds": session.ingest_seconds,
            "viewer_seconds": session.viewer_seconds,
            "created_at": clock.isoformat(session.created_at),
            "updated_at": clock.isoformat(session.updated_at),
        }


class MeasuredSessionSerializer(SessionSerializer):
    """A running session, with what is measured of it."""

    examples: ClassVar[Mapping[str, object]] = {
        **SessionSerializer.examples,
        "packager_latency_ms": 140,
        "waits": None,
        "reconnect_until": None,
    }
    packager_latency_ms = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text="Mean time from a part's last frame until players can fetch the part; null while it is not known.",
    )
    waits = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text="Why it has not begun although its encoder is there; it starts when a place is free. Else null.",
    )

    reconnect_until = InstantField(
        allow_null=True, help_text="Until when its encoder, which dropped, is waited for; null while it is there."
    )

    def to_representation(self, session: Session) -> JsonObject:
        measured: JsonObject = getattr(session, "measured", None) or {}
        return {
            **super().to_representation(session),
            "packager_latency_ms": measured.get("packager_latency_ms"),
            "reconnect_until": _instant(session.reconnect_until),
            "waits": why_it_waits(session) or None,
        }


class TextSecondsSessionSerializer(SessionSerializer):
    """A session whose seconds are text. Source: Cloudflare's SDK, active-livestream-session only."""

    examples = {**SessionSerializer.examples, "ingest_seconds": "1835", "viewer_seconds": "20410"}
    ingest_seconds = serializers.CharField()  # type: ignore[assignment]  # Another type is the point.
    viewer_seconds = serializers.CharField(  # type: ignore[assignment]  # As above.
        read_only=True, help_text="Media that viewers have watched; grows every second while live."
    )

    def to_representation(self, session: Session) -> JsonObject:
        seconds = {"ingest_seconds": str(session.ingest_seconds), "viewer_seconds": str(session.viewer_seconds)}
        return {**super().to_representation(session), **seconds}


class FlatDetailSerializer(PlayedLivestreamSerializer):
    """The livestream's own members, and the livestream and its sessions as members of their own.

    Source: Dyte's guide reads the first, its API description the second; a client of either finds what it looks for.
    """

    livestream = PlayedLivestreamSerializer()
    sessions = SessionSerializer(many=True)

    def to_representation(self, detail: LivestreamDetail) -> JsonObject:  # type: ignore[override]  # Wraps one.
        livestream = super().to_representation(detail.livestream)
        return {**livestream, "livestream": livestream, "sessions": _sessions(detail)}


class NestedDetailSerializer(serializers.Serializer[LivestreamDetail]):
    """The livestream, its sessions, and the newest of them once more.

    Source: Cloudflare's SDK reads `session` and `paging`, the published example has `sessions`.
    """

    livestream = TextFlagLivestreamSerializer()
    session = SessionSerializer(read_only=True, allow_null=True)
    sessions = SessionSerializer(many=True)
    paging = PagingSerializer()

    def to_representation(self, detail: LivestreamDetail) -> JsonObject:
        livestream = TextFlagLivestreamSerializer(context=self.context).to_representation(detail.livestream)
        sessions = _sessions(detail)
        session = sessions[0] if sessions else None
        return {"livestream": livestream, "session": session, "sessions": sessions, "paging": detail.paging}


class ActiveSessionSerializer(serializers.Serializer[ActiveSession]):
    livestream = LivestreamSerializer()
    session = MeasuredSessionSerializer()


class TextActiveSessionSerializer(serializers.Serializer[ActiveSession]):
    livestream = TextFlagLivestreamSerializer()
    session = TextSecondsSessionSerializer()


class DeletedLivestreamSerializer(serializers.Serializer[None]):
    examples: ClassVar[Mapping[str, object]] = {"message": "livestream deleted"}
    id = serializers.UUIDField()
    message = serializers.CharField()


@dataclass(frozen=True)
class LivestreamShapes:
    """The words, and the serializers of those endpoints whose answers differ between dialects."""

    words: StatusWords
    # What is said of one that is made or changed, and what is answered.
    body: type[LivestreamBody]
    one: type[LivestreamSerializer]
    listed: type[LivestreamSerializer]
    detail: type[FlatDetailSerializer] | type[NestedDetailSerializer]
    active: type[ActiveSessionSerializer] | type[TextActiveSessionSerializer]
    # What the list is called, where it has a name.
    list_name: str = ""


DYTE_SHAPES = LivestreamShapes(
    words=DYTE_WORDS,
    body=PlayedLivestreamBody,
    one=PlayedLivestreamSerializer,
    listed=PlayedLivestreamSerializer,
    detail=FlatDetailSerializer,
    active=ActiveSessionSerializer,
)
# Cloudflare's SDK types the data of the list as an object, and refuses an array in strict mode.
REALTIMEKIT_SHAPES = LivestreamShapes(
    words=REALTIMEKIT_WORDS,
    body=LivestreamBody,
    one=LivestreamSerializer,
    listed=TextFlagLivestreamSerializer,
    detail=NestedDetailSerializer,
    active=TextActiveSessionSerializer,
    list_name="livestreams",
)


def _sessions(detail: LivestreamDetail) -> list[JsonObject]:
    shape = SessionSerializer()
    return [shape.to_representation(session) for session in detail.sessions]


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else clock.isoformat(moment)
