"""Support staff's view of clips; no page of it holds a store's token."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from streams.organizations.admin import ReadOnlyAdmin, exact
from streams.recordings.models import Clip


@admin.register(Clip)
class ClipAdmin(ReadOnlyAdmin[Clip]):
    """Clips; found by their title, or by the livestream."""

    list_display = ("__str__", "livestream", "state", "asked_for", "problem")
    list_select_related = ("livestream", "app")
    list_filter = ("status", "created_at")
    search_fields = ("=id", "title", "=livestream__id", "=recording__id")
    fields = (
        "id",
        "app",
        "livestream",
        "session",
        "recording",
        "title",
        "state",
        "created_by",
        "asked_for",
        "from_ms",
        "until_ms",
        "from_us",
        "until_us",
        "duration_us",
        "size",
        "gaps",
        "object_name",
        "node",
        "problem",
    )
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Clip]:
        return Clip.objects.existing().select_related("livestream", "app")

    @admin.display(description="status")
    def state(self, clip: Clip) -> str:
        return clip.shown.label

    @admin.display(description="asked for", ordering="created_at")
    def asked_for(self, clip: Clip) -> str:
        return exact(clip.created_at)
