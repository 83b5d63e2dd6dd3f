"""Who may play, as `/v2` has it: viewers' tokens, viewers who are sent away, and the keys that sign."""

from datetime import timedelta

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.operations import Answer, Paging, operation
from streams.livestreams import playback_keys, viewers
from streams.livestreams.api.base import LivestreamsApi
from streams.livestreams.api.playback.input import PlaybackTokenBody, RotatePlaybackKeyBody, expiry_of
from streams.livestreams.api.playback.serializers import (
    PlaybackKeySerializer,
    RevokedViewerSerializer,
    ViewerPassSerializer,
)
from streams.livestreams.api.views import LivestreamApi

_TAG = "Playback"


class PlaybackTokensView(LivestreamApi):
    """/livestreams/{livestream_id}/playback-tokens"""

    tag = _TAG

    @operation(
        "create_playback_token",
        "Let a viewer watch a livestream",
        body=PlaybackTokenBody,
        answer=Answer(ViewerPassSerializer, status=201),
    )
    def post(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        values = self.read_body(PlaybackTokenBody)
        given = viewers.let_in(
            livestream=livestream,
            viewer_id=str(values.get("viewer_id") or ""),
            origin=str(values.get("allowed_origin") or ""),
            expires_at=expiry_of(values),
        )
        return self.answer(ViewerPassSerializer().to_representation(given), status=201)


class ViewerView(LivestreamApi):
    """/livestreams/{livestream_id}/viewers/{viewer_id}"""

    tag = _TAG

    @operation(
        "revoke_viewer",
        "Send a viewer away: tokens that they have by now play nothing any more, within 10 s",
        answer=Answer(RevokedViewerSerializer),
    )
    def delete(self, request: Request, livestream_id: str, viewer_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        revoked_at = viewers.revoke_viewer(livestream=livestream, viewer_id=viewer_id, actor=self.caller.actor)
        return self.answer(RevokedViewerSerializer.representation(viewer_id, revoked_at))


class PlaybackKeysApi(LivestreamsApi):
    """What operations on keys share."""

    tag = _TAG

    @property
    def shape(self) -> PlaybackKeySerializer:
        return PlaybackKeySerializer(context={"shows_secrets": self.shows_secrets})


class PlaybackKeysView(PlaybackKeysApi):
    """/playback-keys"""

    @operation(
        "list_playback_keys",
        "List the keys whose tokens play, the present one first",
        answer=Answer(PlaybackKeySerializer, is_list=True, paging=Paging.NONE),
    )
    def get(self, request: Request, **path: str) -> Response:
        shape = self.shape
        return self.answer([shape.to_representation(key) for key in playback_keys.list_keys(self.caller.app)])


class RotatePlaybackKeyView(PlaybackKeysApi):
    """/playback-keys/rotate"""

    @operation(
        "rotate_playback_key",
        "Make another key for viewers' tokens; what earlier ones have signed plays until the overlap is over",
        body=RotatePlaybackKeyBody,
        answer=Answer(PlaybackKeySerializer, status=201),
    )
    def post(self, request: Request, **path: str) -> Response:
        overlap = timedelta(seconds=int(str(self.read_body(RotatePlaybackKeyBody)["overlap_s"])))
        key = playback_keys.rotate_key(app=self.caller.app, actor=self.caller.actor, overlap=overlap)
        return self.answer(self.shape.to_representation(key), status=201)
