"""The dashboard's form of how a livestream's broadcasts are recorded."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict

from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.dashboard.pages import DialogView, complain
from streams.livestreams.models import Livestream
from streams.livestreams.selectors import get_livestream
from streams.recordings.policies import change_recording, get_policy, is_recorded
from streams.recordings.policy_forms import RecordingSettingsForm


class RecordingSettingsChangeView(DialogView):
    needs = needs_to_look = "can_operate"
    folder = "recordings"

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = self._livestream(livestream_id)
        return self._show(livestream, self._form(livestream), status=200)

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = self._livestream(livestream_id)
        form = self._form(livestream, request.POST)
        if not form.is_valid():
            return self._show(livestream, form, status=422)
        try:
            change_recording(livestream=livestream, actor=self.actor, **form.changes())
        except ValidationFailedError as error:
            complain(form, error)
            return self._show(livestream, form, status=422)
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="Saved.")

    def _livestream(self, livestream_id: UUID) -> Livestream:
        livestream = get_livestream(owner=self.member.organization, livestream_id=livestream_id)
        if livestream.meeting_id is not None:
            raise NotFoundError(f"Livestream {livestream_id} is recorded as its meeting says.")
        return livestream

    def _form(self, livestream: Livestream, values: QueryDict | None = None) -> RecordingSettingsForm:
        return RecordingSettingsForm.of(get_policy(livestream), is_recorded=is_recorded(livestream), values=values)

    def _show(self, livestream: Livestream, form: RecordingSettingsForm, *, status: int) -> HttpResponse:
        shared = {"livestream": livestream, "form": form, "records_alone": settings.RECORD_AUTOMATICALLY}
        return self.show("recording_settings", shared, status=status)
