"""The dashboard's pages of clips."""

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from livehub.core.errors import DomainError, ValidationFailedError
from streams.dashboard.pages import DialogView, MemberView
from streams.dashboard.paging import asked_page
from streams.livestreams.models import Livestream
from streams.livestreams.selectors import get_livestream
from streams.recordings.clip_boxes import livestream_clips_box, recording_clips_box
from streams.recordings.clip_forms import MarkedBroadcastForm, MarkedRecordingForm, WindowForm
from streams.recordings.clips import selectors, services
from streams.recordings.clips.recorded_window import record_window
from streams.recordings.models import Clip, ClipQuerySet, Recording
from streams.recordings.selectors import get_organization_recording


class ClipListView(MemberView):
    """All of an organization's, newest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page_of_clips(selectors.list_organization_clips(self.member.organization))

    def page_of_clips(self, rows: ClipQuerySet, *, livestream: Livestream | None = None) -> HttpResponse:
        page = asked_page(rows, self.request)
        return self.page("recordings/clip_list.html", page=page, livestream=livestream)


class LivestreamClipsView(ClipListView):
    """Those of a livestream: a page, or what its own page shows of them; and a new one."""

    needs = "can_operate"

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:  # type: ignore[override]
        livestream = get_livestream(owner=self.member.organization, livestream_id=livestream_id)
        if not self.request.htmx:
            return self.page_of_clips(selectors.list_livestream_clips(livestream), livestream=livestream)
        box = livestream_clips_box(livestream, can_operate=self.member.can_operate)
        return self.page("recordings/_livestream_clips.html", box, livestream=livestream)

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = get_livestream(owner=self.member.organization, livestream_id=livestream_id)
        form = MarkedBroadcastForm(request.POST)

        def cut() -> Clip:
            return services.clip_livestream(
                livestream=livestream, wish=form.wish(), title=form.text(), actor=self.actor
            )

        return self.go("streams:livestream_detail", **_told(cut), livestream_id=livestream_id)


class WindowRecordingView(MemberView):
    """Makes a recording of the last minutes of a livestream's broadcast."""

    needs = "can_operate"

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = get_livestream(owner=self.member.organization, livestream_id=livestream_id)
        try:
            record_window(livestream=livestream, wish=WindowForm(request.POST).wish(), actor=self.actor)
        except DomainError as refusal:
            return self.go("streams:livestream_detail", refused=_words_of(refusal), livestream_id=livestream_id)
        said = "It is being taken, and stored as a recording."
        return self.go("streams:livestream_detail", said=said, livestream_id=livestream_id)


class RecordingClipsView(MemberView):
    """What a recording's page shows of its clips; and a new one."""

    needs = "can_operate"

    def get(self, request: HttpRequest, recording_id: UUID) -> HttpResponse:
        recording = self._recording(recording_id)
        return self.page("recordings/_recording_clips.html", recording_clips_box(recording), recording=recording)

    def post(self, request: HttpRequest, recording_id: UUID) -> HttpResponse:
        recording = self._recording(recording_id)
        form = MarkedRecordingForm(request.POST)

        def cut() -> Clip:
            from_us, until_us = form.stretch()
            return services.clip_recording(
                recording=recording, from_us=from_us, until_us=until_us, title=form.text(), actor=self.actor
            )

        return self.go("streams:recording_detail", **_told(cut), recording_id=recording_id)

    def _recording(self, recording_id: UUID) -> Recording:
        return get_organization_recording(organization=self.member.organization, recording_id=recording_id)


class ClipDeleteView(DialogView):
    """Asks first."""

    folder = "recordings"
    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, clip_id: UUID) -> HttpResponse:
        return self.show("clip_delete", {"clip": self._clip(clip_id)})

    def post(self, request: HttpRequest, clip_id: UUID) -> HttpResponse:
        services.delete_clip(clip_id=self._clip(clip_id).pk, actor=self.actor)
        return self.go("streams:clip_list", said="The clip is deleted.")

    def _clip(self, clip_id: UUID) -> Clip:
        return selectors.get_organization_clip(organization=self.member.organization, clip_id=clip_id)


def _told(cut: Callable[[], Clip]) -> dict[str, str]:
    """Cut a clip, and return what the next page is to say of that."""
    try:
        clip = cut()
    except DomainError as refusal:
        return {"refused": _words_of(refusal)}
    said = "The clip is made." if clip.is_playable else "The clip is made as soon as its end has been broadcast."
    return {"said": said}


def _words_of(refusal: DomainError) -> str:
    if isinstance(refusal, ValidationFailedError):
        return " ".join([refusal.message, *(said for complaints in refusal.fields.values() for said in complaints)])
    return refusal.message
