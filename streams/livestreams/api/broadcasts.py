"""Beginning and ending broadcasts, as `/v2` has them."""

from datetime import timedelta
from operator import attrgetter

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.operations import Answer, operation
from streams.livestreams import services
from streams.livestreams.api.views import LivestreamApi
from streams.livestreams.models.livestream import END_HOLD_MAX_S

_OVER_QUOTA = "The organization has as many broadcasts on air as it may."


class EndBody(serializers.Serializer[None]):
    """How long the encoder is to stay away."""

    end_hold_s = serializers.IntegerField(
        default=None,
        allow_null=True,
        min_value=0,
        max_value=END_HOLD_MAX_S,
        help_text="Encoders are turned away for so long, since most come back by themselves; null (default) for the "
        "livestream's own end_hold_s.",
    )


class ActivateLivestreamView(LivestreamApi):
    """/livestreams/{livestream_id}/activate"""

    @operation(
        "activate_livestream",
        "Begin a broadcast with the slate before its encoder comes, and let in one that is turned away since an end",
        answer=Answer(attrgetter("one")),
        failures={409: "The livestream is disabled, or a test picture is on.", 422: _OVER_QUOTA},
    )
    def post(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        services.activate_livestream(livestream=livestream, actor=self.caller.actor)
        return self.answer_livestream(livestream)


class IdleLivestreamView(LivestreamApi):
    """/livestreams/{livestream_id}/idle"""

    @operation(
        "idle_livestream",
        "End the broadcast, or the wait for one; the encoder is cut, and may come back",
        answer=Answer(attrgetter("one")),
    )
    def post(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        services.end_broadcast(livestream=livestream, actor=self.caller.actor)
        return self.answer_livestream(livestream)


class EndBroadcastView(LivestreamApi):
    """/livestreams/{livestream_id}/end"""

    @operation(
        "end_broadcast",
        "End the broadcast, and turn its encoder away for a while",
        body=EndBody,
        answer=Answer(attrgetter("one")),
    )
    def post(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        hold_s = self.read_body(EndBody)["end_hold_s"]
        hold = timedelta(seconds=hold_s) if isinstance(hold_s, int) else None
        services.end_broadcast(livestream=livestream, hold=hold, actor=self.caller.actor)
        return self.answer_livestream(livestream)


class LetEncoderInView(LivestreamApi):
    """/livestreams/{livestream_id}/let-in"""

    @operation(
        "let_encoder_in",
        "Let an encoder in that is turned away since the broadcast was ended",
        answer=Answer(attrgetter("one")),
    )
    def post(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        services.let_encoder_in(livestream=livestream, actor=self.caller.actor)
        return self.answer_livestream(livestream)
