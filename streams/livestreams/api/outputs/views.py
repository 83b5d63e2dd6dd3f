"""The outputs of a livestream, as `/v2` has them."""

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.api.paging import PageQuery, take_page
from streams.livestreams import outputs, selectors
from streams.livestreams.api.outputs.input import (
    EnabledOutputBody,
    EnabledOutputChangesBody,
    changes_of,
    new_output_of,
)
from streams.livestreams.api.outputs.serializers import (
    DeletedOutputSerializer,
    OutputSerializer,
    SimulcastEventSerializer,
)
from streams.livestreams.api.views import LivestreamApi

_EXISTS = {400: "There may be no second one like it, or the body is not valid JSON."}


class OutputsView(LivestreamApi):
    """/livestreams/{livestream_id}/outputs"""

    tag = "Outputs"

    @operation(
        "create_output",
        "Add an output to a livestream",
        body=EnabledOutputBody,
        answer=Answer(OutputSerializer, status=201),
        failures=_EXISTS,
    )
    def post(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        new = new_output_of(self.read_body(EnabledOutputBody))
        output = outputs.create_output(livestream=livestream, new=new, actor=self.caller.actor)
        return self.answer(OutputSerializer(output).data, status=201)

    @operation(
        "list_outputs",
        "List a livestream's outputs, in the order in which they were added",
        query=PageQuery,
        answer=Answer(OutputSerializer, is_list=True),
    )
    def get(self, request: Request, livestream_id: str, **path: str) -> Response:
        wanted = self.read_page_query()
        found = selectors.list_outputs(self.get_livestream(livestream_id))
        page = take_page(found, wanted=wanted, count=found.count)
        shape = OutputSerializer()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


class OutputView(LivestreamApi):
    """/livestreams/{livestream_id}/outputs/{output_id}"""

    tag = "Outputs"

    @operation("get_output", "Get an output", answer=Answer(OutputSerializer))
    def get(self, request: Request, livestream_id: str, output_id: str, **path: str) -> Response:
        wanted = get_uuid(output_id, noun="output")
        output = selectors.get_output(livestream=self.get_livestream(livestream_id), output_id=wanted)
        return self.answer(OutputSerializer(output).data)

    @operation(
        "change_output",
        "Change an output; its type and its vendor stay",
        body=EnabledOutputChangesBody,
        answer=Answer(OutputSerializer),
        failures=_EXISTS,
    )
    def patch(self, request: Request, livestream_id: str, output_id: str, **path: str) -> Response:
        wanted = get_uuid(output_id, noun="output")
        livestream = self.get_livestream(livestream_id)
        changes = changes_of(self.read_body(EnabledOutputChangesBody))
        output = outputs.change_output(livestream=livestream, output_id=wanted, actor=self.caller.actor, **changes)
        return self.answer(OutputSerializer(output).data)

    @operation("delete_output", "Delete an output", answer=Answer(DeletedOutputSerializer))
    def delete(self, request: Request, livestream_id: str, output_id: str, **path: str) -> Response:
        wanted = get_uuid(output_id, noun="output")
        livestream = self.get_livestream(livestream_id)
        outputs.delete_output(livestream=livestream, output_id=wanted, actor=self.caller.actor)
        return self.answer({"id": str(wanted), "message": "Output deleted"})


class RetryOutputView(LivestreamApi):
    """/livestreams/{livestream_id}/outputs/{output_id}/retry"""

    tag = "Outputs"

    @operation(
        "retry_output",
        "Have a simulcast that waits for its next try tried at once",
        answer=Answer(OutputSerializer),
        failures={409: "It is off, takes the broadcast, or nothing is on air."},
    )
    def post(self, request: Request, livestream_id: str, output_id: str, **path: str) -> Response:
        wanted = get_uuid(output_id, noun="output")
        livestream = self.get_livestream(livestream_id)
        output = outputs.retry_output(livestream=livestream, output_id=wanted, actor=self.caller.actor)
        return self.answer(OutputSerializer(output).data)


class OutputEventsView(LivestreamApi):
    """/livestreams/{livestream_id}/outputs/{output_id}/events"""

    tag = "Outputs"

    @operation(
        "list_output_events",
        "List the states that a simulcast came into, newest first",
        query=PageQuery,
        answer=Answer(SimulcastEventSerializer, is_list=True),
    )
    def get(self, request: Request, livestream_id: str, output_id: str, **path: str) -> Response:
        wanted = self.read_page_query()
        output_id_ = get_uuid(output_id, noun="output")
        output = selectors.get_output(livestream=self.get_livestream(livestream_id), output_id=output_id_)
        found = selectors.list_push_events(output)
        page = take_page(found, wanted=wanted, count=found.count)
        shape = SimulcastEventSerializer()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)
