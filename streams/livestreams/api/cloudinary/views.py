"""The operations of Cloudinary on live streams and their outputs."""

from collections.abc import Sequence
from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.api.paging import PageNumbers, take_page
from streams.livestreams import outputs, selectors, services
from streams.livestreams.api.base import LivestreamsApi
from streams.livestreams.api.cloudinary.input import (
    CloudinaryStreamBody,
    CloudinaryStreamChangesBody,
    changes_of,
    new_limits_of,
)
from streams.livestreams.api.cloudinary.serializers import (
    CloudinaryMessageSerializer,
    CloudinaryOutputSerializer,
    CloudinaryStreamSerializer,
)
from streams.livestreams.api.input import WholeListQuery
from streams.livestreams.api.outputs.input import (
    OutputBody,
    OutputChangesBody,
    new_output_of,
)
from streams.livestreams.api.outputs.input import (
    changes_of as output_changes_of,
)
from streams.livestreams.models import Livestream, Output
from streams.livestreams.selectors import LivestreamFilter

_NOT_NOW = {400: "The live stream is active; or there may be no second one like it; or the body is not valid JSON."}


class Cloudinary(LivestreamsApi):
    """What all of them share."""

    def get_livestream(self, live_stream_id: str) -> Livestream:
        wanted = get_uuid(live_stream_id, noun="live stream")
        return selectors.get_livestream(owner=self.caller.app, livestream_id=wanted)

    def present(self, livestreams: Sequence[Livestream]) -> list[dict[str, object]]:
        outputs_of = selectors.read_outputs_of(livestreams)
        shape = CloudinaryStreamSerializer(context={"shows_secrets": self.shows_secrets, "outputs": outputs_of})
        return [shape.to_representation(row) for row in livestreams]

    def answer_livestream(self, livestream: Livestream, *, status: int = 200) -> Response:
        """Answer with the live stream as it is now: services change more of its row than the one in memory."""
        livestream = selectors.get_livestream(owner=self.caller.app, livestream_id=livestream.pk)
        return self.answer(self.present([livestream])[0], status=status)

    def answer_output(self, output: Output, *, status: int = 200) -> Response:
        shape = CloudinaryOutputSerializer(output, context={"shows_secrets": self.shows_secrets})
        return self.answer(shape.data, status=status)


class CloudinaryStreamsView(Cloudinary):
    """/live_streams"""

    @operation(
        "create_live_stream",
        "Create a live stream; it is idle, and has an hls and an archive output",
        body=CloudinaryStreamBody,
        answer=Answer(CloudinaryStreamSerializer, status=201),
    )
    def post(self, request: Request, **path: str) -> Response:
        values = self.read_body(CloudinaryStreamBody)
        name, limits = str(values.get("name") or ""), new_limits_of(values)
        livestream = services.create_livestream(app=self.caller.app, name=name, actor=self.caller.actor, **limits)
        return self.answer(self.present([livestream])[0], status=201)

    @operation(
        "list_live_streams",
        "List live streams, newest first",
        query=WholeListQuery,
        answer=Answer(CloudinaryStreamSerializer, is_list=True),
    )
    def get(self, request: Request, **path: str) -> Response:
        wanted = cast(PageNumbers, self.read_query(WholeListQuery))
        found = selectors.list_livestreams(owner=self.caller.app, wanted=LivestreamFilter())
        page = take_page(found.rows.with_stream_key(), wanted=wanted, count=found.count)
        return self.answer_list(self.present(page.items), page=page)


class CloudinaryStreamView(Cloudinary):
    """/live_streams/{live_stream_id}"""

    @operation("get_live_stream", "Get a live stream", answer=Answer(CloudinaryStreamSerializer))
    def get(self, request: Request, live_stream_id: str, **path: str) -> Response:
        return self.answer(self.present([self.get_livestream(live_stream_id)])[0])

    @operation(
        "update_live_stream",
        "Rename a live stream, or change how long it may last",
        body=CloudinaryStreamChangesBody,
        answer=Answer(CloudinaryStreamSerializer),
    )
    def patch(self, request: Request, live_stream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(live_stream_id)
        changes = changes_of(self.read_body(CloudinaryStreamChangesBody))
        services.change_livestream(livestream=livestream, actor=self.caller.actor, **changes)
        return self.answer_livestream(livestream)

    @operation(
        "delete_live_stream", "Delete a live stream; its encoder is cut", answer=Answer(CloudinaryMessageSerializer)
    )
    def delete(self, request: Request, live_stream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(live_stream_id)
        services.delete_livestream(livestream=livestream, actor=self.caller.actor)
        return self.answer({"message": "Live stream deleted"})


class CloudinaryActivateView(Cloudinary):
    """/live_streams/{live_stream_id}/activate"""

    @operation(
        "activate_live_stream",
        "Make a live stream active before its encoder comes: viewers see the slate",
        answer=Answer(CloudinaryMessageSerializer),
        failures={
            409: "The live stream is disabled, or a test picture is on.",
            422: "The organization has as many broadcasts on air as it may.",
        },
    )
    def post(self, request: Request, live_stream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(live_stream_id)
        services.activate_livestream(livestream=livestream, actor=self.caller.actor)
        return self.answer({"message": "Live stream activated"})


class CloudinaryIdleView(Cloudinary):
    """/live_streams/{live_stream_id}/idle"""

    @operation(
        "idle_live_stream",
        "End what is broadcast, or the wait for it; the encoder is cut",
        answer=Answer(CloudinaryMessageSerializer),
    )
    def post(self, request: Request, live_stream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(live_stream_id)
        services.end_broadcast(livestream=livestream, actor=self.caller.actor)
        return self.answer({"message": "Live stream idled"})


class CloudinaryOutputsView(Cloudinary):
    """/live_streams/{live_stream_id}/outputs"""

    tag = "Outputs"

    @operation(
        "create_output",
        "Add an output to an idle live stream",
        body=OutputBody,
        answer=Answer(CloudinaryOutputSerializer, status=201),
        failures=_NOT_NOW,
    )
    def post(self, request: Request, live_stream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(live_stream_id)
        new = new_output_of(self.read_body(OutputBody))
        output = outputs.create_output(
            livestream=livestream, new=new, actor=self.caller.actor, must_be_idle=True, one_per_uri=True
        )
        return self.answer_output(output, status=201)

    @operation(
        "list_outputs",
        "List a live stream's outputs, in the order in which they were added",
        query=WholeListQuery,
        answer=Answer(CloudinaryOutputSerializer, is_list=True),
    )
    def get(self, request: Request, live_stream_id: str, **path: str) -> Response:
        wanted = cast(PageNumbers, self.read_query(WholeListQuery))
        found = selectors.list_outputs(self.get_livestream(live_stream_id))
        page = take_page(found, wanted=wanted, count=found.count)
        shape = CloudinaryOutputSerializer(context={"shows_secrets": self.shows_secrets})
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


class CloudinaryOutputView(Cloudinary):
    """/live_streams/{live_stream_id}/outputs/{live_stream_output_id}"""

    tag = "Outputs"

    @operation("get_output", "Get an output", answer=Answer(CloudinaryOutputSerializer))
    def get(self, request: Request, live_stream_id: str, live_stream_output_id: str, **path: str) -> Response:
        livestream = self.get_livestream(live_stream_id)
        wanted = get_uuid(live_stream_output_id, noun="output")
        return self.answer_output(selectors.get_output(livestream=livestream, output_id=wanted))

    @operation(
        "update_output",
        "Change an output of an idle live stream; its type and its vendor stay",
        body=OutputChangesBody,
        answer=Answer(CloudinaryOutputSerializer),
        failures=_NOT_NOW,
    )
    def patch(self, request: Request, live_stream_id: str, live_stream_output_id: str, **path: str) -> Response:
        livestream = self.get_livestream(live_stream_id)
        output = outputs.change_output(
            livestream=livestream,
            output_id=get_uuid(live_stream_output_id, noun="output"),
            actor=self.caller.actor,
            must_be_idle=True,
            one_per_uri=True,
            is_told_key=self.shows_secrets,
            **output_changes_of(self.read_body(OutputChangesBody)),
        )
        return self.answer_output(output)

    @operation(
        "delete_output",
        "Delete an output of an idle live stream",
        answer=Answer(CloudinaryMessageSerializer),
        failures={400: "The live stream is active."},
    )
    def delete(self, request: Request, live_stream_id: str, live_stream_output_id: str, **path: str) -> Response:
        livestream = self.get_livestream(live_stream_id)
        wanted = get_uuid(live_stream_output_id, noun="output")
        outputs.delete_output(livestream=livestream, output_id=wanted, actor=self.caller.actor, must_be_idle=True)
        return self.answer({"message": "Output deleted"})
