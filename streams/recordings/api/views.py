"""The recordings of a livestream, as `/v2` has them."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.identifiers import get_uuid
from livehub.api.operations import Answer, operation
from livehub.api.paging import PageQuery, take_page
from streams.livestreams.api.views import LivestreamApi
from streams.recordings import selectors, services
from streams.recordings.api.input import (
    RecordingBody,
    RecordingSettingsBody,
    new_recording_of,
    policy_changes_of,
)
from streams.recordings.api.serializers import (
    DeletedRecordingSerializer,
    LivestreamRecordingSerializer,
    RecordingSettings,
    RecordingSettingsSerializer,
)
from streams.recordings.models import Recording
from streams.recordings.policies import change_policy, get_policy, is_recorded

_ACTIVE = {400: "Nothing is broadcast, or it is being recorded already; or the body is not valid JSON."}
_OVER = {400: "The recording was stopped."}


class RecordingApi(LivestreamApi):
    """Knows which recording is meant."""

    tag = "Recordings"

    def get_recording_id(self, livestream_id: str, recording_id: str) -> UUID:
        return self.get_recording(livestream_id, recording_id).pk

    def get_recording(self, livestream_id: str, recording_id: str) -> Recording:
        wanted = get_uuid(recording_id, noun="recording")
        return selectors.get_livestream_recording(livestream=self.get_livestream(livestream_id), recording_id=wanted)

    def show(self, recording: Recording, *, status: int = 200) -> Response:
        return self.answer(LivestreamRecordingSerializer().to_representation(recording), status=status)


class LivestreamRecordingsView(RecordingApi):
    """/livestreams/{livestream_id}/recordings"""

    @operation(
        "record_livestream",
        "Record what a livestream broadcasts from now on",
        body=RecordingBody,
        answer=Answer(LivestreamRecordingSerializer, status=201),
        failures=_ACTIVE,
    )
    def post(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        new = new_recording_of(self.read_body(RecordingBody), app=livestream.app)
        recording = services.start_recording(livestream=livestream, new=new, actor=self.caller.actor)
        return self.show(recording, status=201)

    @operation(
        "list_livestream_recordings",
        "List a livestream's recordings, newest first",
        query=PageQuery,
        answer=Answer(LivestreamRecordingSerializer, is_list=True),
    )
    def get(self, request: Request, livestream_id: str, **path: str) -> Response:
        wanted = self.read_page_query()
        found = selectors.list_livestream_recordings(self.get_livestream(livestream_id))
        page = take_page(found, wanted=wanted, count=found.count)
        shape = LivestreamRecordingSerializer()
        return self.answer_list([shape.to_representation(row) for row in page.items], page=page)


class LivestreamRecordingView(RecordingApi):
    """/livestreams/{livestream_id}/recordings/{recording_id}"""

    @operation("get_livestream_recording", "Get a recording", answer=Answer(LivestreamRecordingSerializer))
    def get(self, request: Request, livestream_id: str, recording_id: str, **path: str) -> Response:
        return self.show(self.get_recording(livestream_id, recording_id))

    @operation(
        "delete_livestream_recording",
        "Delete a recording, and what is stored of it",
        answer=Answer(DeletedRecordingSerializer),
        failures={400: "The recording is not over: stop it first."},
    )
    def delete(self, request: Request, livestream_id: str, recording_id: str, **path: str) -> Response:
        wanted = self.get_recording_id(livestream_id, recording_id)
        services.delete_recording(recording_id=wanted, actor=self.caller.actor)
        return self.answer({"id": str(wanted), "message": "Recording deleted"})


class StopLivestreamRecordingView(RecordingApi):
    """/livestreams/{livestream_id}/recordings/{recording_id}/stop"""

    @operation(
        "stop_livestream_recording",
        "End a recording here; one that was stopped before stays as it is",
        answer=Answer(LivestreamRecordingSerializer),
    )
    def post(self, request: Request, livestream_id: str, recording_id: str, **path: str) -> Response:
        wanted = self.get_recording_id(livestream_id, recording_id)
        return self.show(services.stop_recording(recording_id=wanted, actor=self.caller.actor))


class PauseLivestreamRecordingView(RecordingApi):
    """/livestreams/{livestream_id}/recordings/{recording_id}/pause"""

    @operation(
        "pause_livestream_recording",
        "Leave out what is broadcast from now on; a paused one stays so",
        answer=Answer(LivestreamRecordingSerializer),
        failures=_OVER,
    )
    def post(self, request: Request, livestream_id: str, recording_id: str, **path: str) -> Response:
        wanted = self.get_recording_id(livestream_id, recording_id)
        return self.show(services.pause_recording(recording_id=wanted, actor=self.caller.actor))


class ResumeLivestreamRecordingView(RecordingApi):
    """/livestreams/{livestream_id}/recordings/{recording_id}/resume"""

    @operation(
        "resume_livestream_recording",
        "Go on with a paused recording; one that is not paused stays as it is",
        answer=Answer(LivestreamRecordingSerializer),
        failures=_OVER,
    )
    def post(self, request: Request, livestream_id: str, recording_id: str, **path: str) -> Response:
        wanted = self.get_recording_id(livestream_id, recording_id)
        return self.show(services.resume_recording(recording_id=wanted, actor=self.caller.actor))


class RecordingSettingsView(RecordingApi):
    """/livestreams/{livestream_id}/recording-settings"""

    @operation(
        "get_recording_settings",
        "Get how a livestream's broadcasts are recorded by themselves",
        answer=Answer(RecordingSettingsSerializer),
    )
    def get(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        shown = RecordingSettings(get_policy(livestream), is_recorded(livestream))
        return self.answer(RecordingSettingsSerializer().to_representation(shown))

    @operation(
        "change_recording_settings",
        "Change how a livestream's next broadcasts are recorded",
        body=RecordingSettingsBody,
        answer=Answer(RecordingSettingsSerializer),
    )
    def patch(self, request: Request, livestream_id: str, **path: str) -> Response:
        livestream = self.get_livestream(livestream_id)
        changes = policy_changes_of(self.read_body(RecordingSettingsBody), app=livestream.app)
        policy = change_policy(livestream=livestream, actor=self.caller.actor, **changes)
        shown = RecordingSettings(policy, is_recorded(livestream))
        return self.answer(RecordingSettingsSerializer().to_representation(shown))
