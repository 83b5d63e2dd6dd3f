"""Support staff's view of recordings; no page of it holds a link to one, or a store's token."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from streams.organizations.admin import ReadOnlyAdmin, exact
from streams.recordings.models import Recording


@admin.register(Recording)
class RecordingAdmin(ReadOnlyAdmin[Recording]):
    """Recordings; found by their file's name, or by the livestream."""

    list_display = ("__str__", "owner", "organization", "state", "origin", "kept", "asked_for", "problem")
    list_select_related = ("livestream", "app__organization", "storage")
    list_filter = ("status", "origin", "is_verified", "stills_status", "invoked_at")
    search_fields = (
        "=id",
        "name",
        "output_file_name",
        "=livestream__id",
        "=meeting__id",
        "app__organization__name",
        "problem",
    )
    fields = (
        "id",
        "organization",
        "app",
        "livestream",
        "session",
        "meeting",
        "state",
        "origin",
        "start_reason",
        "started_by",
        "stop_reason",
        "stopped_by",
        "asked_for",
        "began",
        "ended",
        "stored",
        "goes",
        "output_file_name",
        "kept",
        "object_name",
        "node",
        "size",
        "duration_us",
        "is_verified",
        "gaps",
        "problem",
        "slate",
        "stills_status",
        "stills_problem",
        "stills_tries",
    )
    ordering = ("-invoked_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recording]:
        return Recording.objects.existing().select_related("livestream", "app__organization", "storage")

    @admin.display(description="livestream", ordering="name")
    def owner(self, recording: Recording) -> str:
        return str(recording.livestream or recording.name)

    @admin.display(ordering="app__organization__name")
    def organization(self, recording: Recording) -> str:
        return recording.app.organization.name

    @admin.display(description="kept")
    def kept(self, recording: Recording) -> str:
        return f"In {recording.storage}" if recording.storage else f"On node {recording.node}"

    @admin.display(description="deleted by itself")
    def goes(self, recording: Recording) -> str:
        return exact(recording.expires_at)

    @admin.display(description="status")
    def state(self, recording: Recording) -> str:
        return recording.shown.label

    @admin.display(description="asked for", ordering="invoked_at")
    def asked_for(self, recording: Recording) -> str:
        return exact(recording.invoked_at)

    @admin.display(description="began")
    def began(self, recording: Recording) -> str:
        return exact(recording.started_at)

    @admin.display(description="ended")
    def ended(self, recording: Recording) -> str:
        return exact(recording.stopped_at)

    @admin.display(description="stored")
    def stored(self, recording: Recording) -> str:
        return exact(recording.uploaded_at)
