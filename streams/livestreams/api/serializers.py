"""Livestreams and sessions on the wire: one shape per endpoint where the dialects differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

from django.conf import settings
from rest_framework import serializers

from livehub.api.dialect import Dialect
from livehub.api.fields import InstantField
from livehub.api.paging import PagingSerializer
from streams.livestreams.models import Livestream, Session


class Presenting(TypedDict):
    """The context that these serializers need."""

    dialect: Dialect
    # By livestream; one that was never published to may be missing.
    ingest_ms: Mapping[UUID, int]


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

    id = serializers.UUIDField()
    name = serializers.SerializerMethodField()
    status = serializers.SerializerMethodField(help_text="OFFLINE, INVOKED, LIVE or ERRORED.")
    ingest_server = serializers.SerializerMethodField(help_text="Ends with a slash; the stream key is appended.")
    stream_key = serializers.CharField()
    playback_url = serializers.CharField(help_text="Multivariant HLS playlist; stays the same for every broadcast.")
    meeting_id = serializers.SerializerMethodField(help_text="Null for an independent livestream.")
    disabled = serializers.BooleanField(help_text="Encoders are refused.")
    ingest_seconds = serializers.SerializerMethodField(help_text="Media taken in, over all sessions.")
    viewer_seconds = serializers.SerializerMethodField(help_text="Always 0: viewers are not counted yet.")
    created_at = InstantField()
    updated_at = InstantField()

    def get_name(self, livestream: Livestream) -> str | None:
        return livestream.name or None

    def get_status(self, livestream: Livestream) -> str:
        dialect: Dialect = self.context["dialect"]
        return dialect.status_words[livestream.status]

    def get_ingest_server(self, livestream: Livestream) -> str:
        return settings.INGEST_URL

    def get_meeting_id(self, livestream: Livestream) -> str | None:
        return None

    def get_ingest_seconds(self, livestream: Livestream) -> int:
        sums: Mapping[UUID, int] = self.context["ingest_ms"]
        return sums.get(livestream.pk, 0) // 1000

    def get_viewer_seconds(self, livestream: Livestream) -> int:
        return 0


class SwitchedLivestreamSerializer(LivestreamSerializer):
    """A livestream that was enabled or disabled. Source: Dyte v2, PUT /livestreams/{id}/enable."""

    org_id = serializers.CharField(source="app.organization_id.hex")


class TextFlagLivestreamSerializer(LivestreamSerializer):
    """A livestream whose flag is "true" or "false". Source: Cloudflare's SDK, where it is typed as text."""

    disabled = serializers.SerializerMethodField()  # type: ignore[assignment]  # Another type is the point.

    def get_disabled(self, livestream: Livestream) -> str:
        return "true" if livestream.disabled else "false"


class SessionSerializer(serializers.Serializer[Session]):
    """One broadcast of a livestream."""

    id = serializers.UUIDField()
    livestream_id = serializers.UUIDField()
    err_message = serializers.SerializerMethodField(help_text="What to change at the encoder; null when all was well.")
    invoked_time = InstantField(source="created_at", help_text="When the encoder connected.")
    started_time = InstantField(source="started_at", allow_null=True, help_text="When viewers could play it.")
    stopped_time = InstantField(source="stopped_at", allow_null=True)
    ingest_seconds = serializers.IntegerField(help_text="Media taken in; grows every second while live.")
    viewer_seconds = serializers.SerializerMethodField(help_text="Always 0: viewers are not counted yet.")
    created_at = InstantField()
    updated_at = InstantField()

    def get_err_message(self, session: Session) -> str | None:
        return session.error_message or None

    def get_viewer_seconds(self, session: Session) -> int:
        return 0


class TextSecondsSessionSerializer(SessionSerializer):
    """A session whose seconds are text. Source: Cloudflare's SDK, active-livestream-session only."""

    ingest_seconds = serializers.CharField()  # type: ignore[assignment]  # Another type is the point.

    def get_viewer_seconds(self, session: Session) -> str:  # type: ignore[override]  # As above.
        return "0"


class FlatDetailSerializer(LivestreamSerializer):
    """The livestream's own members, and the livestream and its sessions as members of their own.

    Source: Dyte's guide reads the first, its API description the second; a client of either finds what it looks for.
    """

    livestream = LivestreamSerializer()
    sessions = SessionSerializer(many=True)

    def to_representation(self, detail: LivestreamDetail) -> dict[str, object]:  # type: ignore[override]  # Wraps one.
        livestream = LivestreamSerializer(context=self.context).to_representation(detail.livestream)
        shape = SessionSerializer()
        sessions = [shape.to_representation(session) for session in detail.sessions]
        return {**livestream, "livestream": livestream, "sessions": sessions}


class NestedDetailSerializer(serializers.Serializer[LivestreamDetail]):
    """The livestream, its sessions, and the newest of them once more.

    Source: Cloudflare's SDK reads `session` and `paging`, the published example has `sessions`.
    """

    livestream = TextFlagLivestreamSerializer()
    session = serializers.SerializerMethodField()
    sessions = SessionSerializer(many=True)
    paging = PagingSerializer()

    def get_session(self, detail: LivestreamDetail) -> dict[str, object] | None:
        return SessionSerializer(detail.sessions[0]).data if detail.sessions else None


class ActiveSessionSerializer(serializers.Serializer[ActiveSession]):
    livestream = LivestreamSerializer()
    session = SessionSerializer()


class TextActiveSessionSerializer(serializers.Serializer[ActiveSession]):
    livestream = TextFlagLivestreamSerializer()
    session = TextSecondsSessionSerializer()


class DeletedLivestreamSerializer(serializers.Serializer[None]):
    id = serializers.UUIDField()
    message = serializers.CharField()


@dataclass(frozen=True)
class LivestreamShapes:
    """The serializers of those endpoints whose answers differ between dialects."""

    listed: type[LivestreamSerializer]
    detail: type[FlatDetailSerializer] | type[NestedDetailSerializer]
    active: type[ActiveSessionSerializer] | type[TextActiveSessionSerializer]


DYTE_SHAPES = LivestreamShapes(listed=LivestreamSerializer, detail=FlatDetailSerializer, active=ActiveSessionSerializer)
REALTIMEKIT_SHAPES = LivestreamShapes(
    listed=TextFlagLivestreamSerializer, detail=NestedDetailSerializer, active=TextActiveSessionSerializer
)
