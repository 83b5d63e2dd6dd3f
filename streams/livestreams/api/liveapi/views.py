"""The operations of LiveAPI on live streams and their platforms."""

from collections.abc import Sequence
from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import get_object_id_range, object_id
from livehub.api.operations import Answer, operation
from livehub.api.paging import PageNumbers, take_page
from streams.livestreams import outputs, selectors, services
from streams.livestreams.api.base import LivestreamsApi
from streams.livestreams.api.input import WholeListQuery
from streams.livestreams.api.liveapi.input import (
    LiveApiPlatformBody,
    LiveApiPlatformChangesBody,
    LiveApiStreamBody,
    changes_of,
    in_their_words,
    new_platform_of,
    platform_changes_of,
    pulling_in_their_words,
)
from streams.livestreams.api.liveapi.serializers import (
    LiveApiPlatformSerializer,
    LiveApiPresenting,
    LiveApiRemovedSerializer,
    LiveApiStreamSerializer,
)
from streams.livestreams.models import Livestream, Output
from streams.livestreams.selectors import LivestreamFilter
from streams.livestreams.states import OutputType

_EXISTS = {400: "Broadcasts go to this server already, or the body is not valid JSON."}


class LiveApi(LivestreamsApi):
    """What all of them share."""

    @property
    def presenting(self) -> LiveApiPresenting:
        return {"organization_id": self.caller.app.organization_id, "shows_secrets": self.shows_secrets}

    def get_livestream(self, stream_id: str) -> Livestream:
        ids = get_object_id_range(stream_id, noun="live stream")
        return selectors.get_livestream_between(owner=self.caller.app, ids=ids, called=stream_id)

    def get_platform(self, livestream: Livestream, platform_id: str) -> Output:
        ids = get_object_id_range(platform_id, noun="platform")
        return selectors.get_simulcast_between(livestream=livestream, ids=ids, called=platform_id)

    def present(self, livestreams: Sequence[Livestream]) -> list[dict[str, object]]:
        simulcasts = selectors.read_outputs_of(livestreams, OutputType.SIMULCAST)
        shape = LiveApiStreamSerializer(context={**self.presenting, "outputs": simulcasts})
        return [shape.to_representation(row) for row in livestreams]

    def answer_livestream(self, livestream: Livestream, *, status: int = 200) -> Response:
        """Answer with the live stream as it is now: services change more of its row than the one in memory."""
        livestream = selectors.get_livestream(owner=self.caller.app, livestream_id=livestream.pk)
        return self.answer(self.present([livestream])[0], status=status)

    def answer_platform(self, output: Output, *, status: int = 200) -> Response:
        return self.answer(LiveApiPlatformSerializer(output, context={**self.presenting}).data, status=status)


class LiveApiStreamsView(LiveApi):
    """/live_streams"""

    @operation(
        "create_live_stream",
        "Create a live stream",
        body=LiveApiStreamBody,
        answer=Answer(LiveApiStreamSerializer, status=201),
    )
    def post(self, request: Request, **path: str) -> Response:
        wanted = changes_of(self.read_body(LiveApiStreamBody))
        with pulling_in_their_words():
            livestream = services.create_livestream(
                app=self.caller.app,
                name=wanted.get("name", ""),
                disabled=wanted.get("disabled", False),
                has_password=True,
                pull=wanted.get("pull"),
                actor=self.caller.actor,
            )
        return self.answer(self.present([livestream])[0], status=201)

    @operation(
        "list_live_streams",
        "List live streams, newest first",
        query=WholeListQuery,
        answer=Answer(LiveApiStreamSerializer, is_list=True),
    )
    def get(self, request: Request, **path: str) -> Response:
        wanted = cast(PageNumbers, self.read_query(WholeListQuery))
        found = selectors.list_livestreams(owner=self.caller.app, wanted=LivestreamFilter())
        page = take_page(found.rows.with_stream_key().select_related("pull_source"), wanted=wanted, count=found.count)
        return self.answer_list(self.present(page.items), page=page)


class LiveApiStreamView(LiveApi):
    """/live_streams/{stream_id}"""

    @operation("get_live_stream", "Get a live stream", answer=Answer(LiveApiStreamSerializer))
    def get(self, request: Request, stream_id: str, **path: str) -> Response:
        return self.answer(self.present([self.get_livestream(stream_id)])[0])

    @operation(
        "update_live_stream",
        "Rename a live stream, refuse its encoder, accept it again, or fetch it from elsewhere",
        body=LiveApiStreamBody,
        answer=Answer(LiveApiStreamSerializer),
    )
    def patch(self, request: Request, stream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(stream_id)
        changes = changes_of(self.read_body(LiveApiStreamBody))
        with pulling_in_their_words():
            services.change_livestream(livestream=livestream, actor=self.caller.actor, **changes)
        return self.answer_livestream(livestream)

    @operation(
        "delete_live_stream", "Delete a live stream; its encoder is cut", answer=Answer(LiveApiRemovedSerializer)
    )
    def delete(self, request: Request, stream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(stream_id)
        services.delete_livestream(livestream=livestream, actor=self.caller.actor)
        return self.answer({"_id": object_id(livestream.pk), "message": "Live stream deleted"})


class LiveApiPlatformsView(LiveApi):
    """/live_streams/{stream_id}/platforms"""

    @operation(
        "create_platform",
        "Have broadcasts go to another platform, too",
        body=LiveApiPlatformBody,
        answer=Answer(LiveApiPlatformSerializer, status=201),
        failures=_EXISTS,
    )
    def post(self, request: Request, stream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(stream_id)
        new = new_platform_of(self.read_body(LiveApiPlatformBody))
        with in_their_words():
            output = outputs.create_output(livestream=livestream, new=new, actor=self.caller.actor)
        return self.answer_platform(output, status=201)


class LiveApiPlatformView(LiveApi):
    """/live_streams/{stream_id}/platforms/{platform_id}"""

    @operation(
        "update_platform",
        "Change a platform; its template stays",
        body=LiveApiPlatformChangesBody,
        answer=Answer(LiveApiPlatformSerializer),
        failures=_EXISTS,
    )
    def patch(self, request: Request, stream_id: str, platform_id: str, **path: str) -> Response:
        livestream = self.get_livestream(stream_id)
        output = self.get_platform(livestream, platform_id)
        changes = platform_changes_of(self.read_body(LiveApiPlatformChangesBody))
        with in_their_words():
            changed = outputs.change_output(
                livestream=livestream,
                output_id=output.pk,
                actor=self.caller.actor,
                is_told_key=self.shows_secrets,
                **changes,
            )
        return self.answer_platform(changed)

    @operation(
        "delete_platform", "Have broadcasts not go to a platform any more", answer=Answer(LiveApiRemovedSerializer)
    )
    def delete(self, request: Request, stream_id: str, platform_id: str, **path: str) -> Response:
        livestream = self.get_livestream(stream_id)
        output = self.get_platform(livestream, platform_id)
        outputs.delete_output(livestream=livestream, output_id=output.pk, actor=self.caller.actor)
        return self.answer({"_id": object_id(output.pk), "message": "Platform deleted"})
