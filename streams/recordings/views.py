"""The dashboard's pages of recordings."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from livehub.core.errors import DomainError
from streams.dashboard.pages import DialogView, MemberView
from streams.livestreams.models import Livestream
from streams.livestreams.selectors import LivestreamScreen, find_open_session, get_livestream
from streams.livestreams.views import LivestreamDetailView
from streams.recordings import selectors, services
from streams.recordings.clip_boxes import livestream_clips_box, recording_clips_box
from streams.recordings.links import download_link, own_link, playback_url, sound_file_link, sound_link
from streams.recordings.list_forms import RecordingListForm
from streams.recordings.listing import get_recording_list
from streams.recordings.models import Recording, RecordingQuerySet
from streams.recordings.policies import get_policy, is_recorded
from streams.recordings.policy_forms import facts_of
from streams.recordings.services import NewRecording
from streams.recordings.states import RenderingKind

# On the page of their livestream.
_NEWEST = 5


class _ListView(MemberView):
    """A page of a list of recordings, or the list alone."""

    def show_list(self, rows: RecordingQuerySet, **shown: object) -> HttpResponse:
        form = RecordingListForm(self.request.GET)
        found = get_recording_list(rows, wanted=form.wanted(), page=form.number())
        template = "_recording_list" if self.request.htmx else "recording_list"
        return self.page(f"recordings/{template}.html", shown, found=found, form=form)


class RecordingListView(_ListView):
    """All of an organization's, newest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show_list(selectors.list_organization_recordings(self.member.organization))


class LivestreamRecordingListView(_ListView):
    """Those of a livestream."""

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = get_livestream(owner=self.member.organization, livestream_id=livestream_id)
        return self.show_list(selectors.list_livestream_recordings(livestream), livestream=livestream)


class NewestRecordingsView(MemberView):
    """What a livestream's own page shows of them."""

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = get_livestream(owner=self.member.organization, livestream_id=livestream_id)
        shown = recordings_box(livestream, has_broadcast=find_open_session(livestream) is not None)
        return self.page("recordings/_livestream_recordings.html", shown, livestream=livestream)


class RecordedLivestreamView(LivestreamDetailView):
    """A livestream's page, with what was recorded of it."""

    def whole(self, screen: LivestreamScreen) -> dict[str, object]:
        has_broadcast = screen.open_session is not None
        return {
            **super().whole(screen),
            **recordings_box(screen.livestream, has_broadcast=has_broadcast),
            **livestream_clips_box(screen.livestream, can_operate=self.member.can_operate),
        }


def recordings_box(livestream: Livestream, *, has_broadcast: bool) -> dict[str, object]:
    """Return what the page of a livestream tells of its recordings: the newest, and how the next ones are made."""
    rows = selectors.list_livestream_recordings(livestream)
    newest = list(rows[: _NEWEST + 1])
    return {
        "recordings": newest[:_NEWEST],
        "has_more": len(newest) > _NEWEST,
        "can_record": has_broadcast and not rows.active().exists(),
        "facts": facts_of(get_policy(livestream), is_recorded=is_recorded(livestream)),
    }


class OneRecordingView(DialogView):
    """A page of one recording."""

    folder = "recordings"

    def get_recording(self, recording_id: UUID) -> Recording:
        return selectors.get_organization_recording(organization=self.member.organization, recording_id=recording_id)


class RecordingDetailView(OneRecordingView):
    def get(self, request: HttpRequest, recording_id: UUID) -> HttpResponse:
        recording = self.get_recording(recording_id)
        link, sound = download_link(recording), sound_link(recording)
        urls = {"file_url": _here(link.url) if link else "", "sound_url": _here(sound.url) if sound else ""}
        if link is not None:
            # From here, also where another storage has it: what that lets pages show, nobody knows.
            urls["played_url"] = _here(own_link(recording.pk, expires_at=link.expires_at))
        sent_bytes, taken_ms = 0, 0
        if not recording.is_over:
            sent_bytes, taken_ms = selectors.stored_bytes(recording), selectors.taken_us(recording) // 1000
        if recording.is_stored:
            urls["hls_url"] = playback_url(recording) or ""
            # Each once, however often the encoder came back.
            sizes = dict.fromkeys(selectors.picture_sizes(recording))
            urls["picture"] = ", ".join(f"{width}\u00d7{height}" for width, height in sizes)
        shown = {
            "recording": recording,
            "sent_bytes": sent_bytes,
            "taken_ms": taken_ms,
            "made": _made(recording, urls["file_url"]),
            **urls,
        }
        if self.request.htmx:
            return self.page("recordings/_recording.html", shown, oob=True)
        clips = recording_clips_box(recording) if recording.is_stored else {}
        return self.page("recordings/recording_detail.html", {**shown, **clips})


def _made(recording: Recording, video_url: str) -> list[dict[str, object]]:
    """Return the files that were asked for in another form than what was broadcast, each with its address, if any."""
    if recording.rendition is None:
        return []
    sound = sound_file_link(recording)
    urls = {RenderingKind.VIDEO: video_url, RenderingKind.AUDIO: _here(sound.url) if sound else ""}
    return [{"file": made, "url": urls[RenderingKind(made.kind)]} for made in recording.renderings.order_by("-kind")]


def _here(url: str) -> str:
    """Return an address of this origin, whatever a browser calls it; those of others stay as they are."""
    return url.removeprefix(settings.PUBLIC_URL)


class RecordingStartView(MemberView):
    """Records a livestream's broadcast from now on."""

    needs = "can_operate"

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = get_livestream(owner=self.member.organization, livestream_id=livestream_id)
        try:
            services.start_recording(livestream=livestream, new=NewRecording(), actor=self.actor)
        except (services.NothingToRecordError, services.RecordingActiveError) as refusal:
            return self.go("streams:livestream_detail", refused=refusal.message, livestream_id=livestream_id)
        return self.go("streams:livestream_detail", said="It is being recorded.", livestream_id=livestream_id)


class RecordingChangeView(OneRecordingView):
    """A button of a recording's page."""

    needs = "can_operate"
    said = ""

    def post(self, request: HttpRequest, recording_id: UUID) -> HttpResponse:
        try:
            self.change(self.get_recording(recording_id))
        except services.RecordingOverError as refusal:
            return self.go("streams:recording_detail", refused=refusal.message, recording_id=recording_id)
        return self.go("streams:recording_detail", said=self.said, recording_id=recording_id)

    def change(self, recording: Recording) -> None:
        """Call the one service that this button is."""
        raise NotImplementedError


class RecordingStopView(RecordingChangeView):
    said = "The recording is stopped, and will be stored."

    def change(self, recording: Recording) -> None:
        services.stop_recording(recording_id=recording.pk, actor=self.actor)


class RecordingPauseView(RecordingChangeView):
    said = "The recording is paused."

    def change(self, recording: Recording) -> None:
        services.pause_recording(recording_id=recording.pk, actor=self.actor)


class RecordingResumeView(RecordingChangeView):
    said = "The recording goes on."

    def change(self, recording: Recording) -> None:
        services.resume_recording(recording_id=recording.pk, actor=self.actor)


class RecordingDeleteView(OneRecordingView):
    """Asks first."""

    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, recording_id: UUID) -> HttpResponse:
        return self.show("recording_delete", {"recording": self.get_recording(recording_id)})

    def post(self, request: HttpRequest, recording_id: UUID) -> HttpResponse:
        self.get_recording(recording_id)
        try:
            services.delete_recording(recording_id=recording_id, actor=self.actor)
        except DomainError as refusal:
            return self.go("streams:recording_detail", refused=refusal.message, recording_id=recording_id)
        return self.go("streams:recording_list", said="The recording is deleted.")
