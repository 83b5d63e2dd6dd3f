"""Beginning and ending broadcasts, as `/v2` has them."""

from datetime import timedelta
from operator import attrgetter

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.operations import Answer, operation
from streams.livestreams import services
from streams.livestreams.api.views import LivestreamApi
from streams.livestreams.lifecycle import HOLD

_LONGEST_HOLD_S = 86_400


class EndBody(serializers.Serializer[None]):
    """How long the encoder is to stay away."""

    hold_seconds = serializers.IntegerField(
        default=int(HOLD.total_seconds()),
        min_value=0,
        max_value=_LONGEST_HOLD_S,
        help_text="Encoders are turned away for so long, since most come back by themselves; activating lets them in.",
    )


class ActivateLivestreamView(LivestreamApi):
    """/livestreams/{livestream_id}/activate"""

    @operation(
        "activate_livestream",
        "Make a livestream active before its encoder comes, and let in one that is turned away since an end",
        answer=Answer(attrgetter("one")),
        failures={409: "The livestream is disabled."},
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
        hold = timedelta(seconds=int(str(self.read_body(EndBody)["hold_seconds"])))
        services.end_broadcast(livestream=livestream, hold=hold, actor=self.caller.actor)
        return self.answer_livestream(livestream)
