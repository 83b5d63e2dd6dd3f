"""Support staff's view of outputs; no page of it holds another platform's key."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from streams.livestreams.models import Output
from streams.organizations.admin import ReadOnlyAdmin, ReadOnlyInline, exact


class OutputInline(ReadOnlyInline[Output]):
    """Without the other platform's key."""

    model = Output
    fields = ("type", "name", "state", "uri", "public_id", "vendor", "made")
    ordering = ("created_at", "-type", "id")

    @admin.display(description="status")
    def state(self, output: Output) -> str:
        return output.shown.label

    @admin.display(description="added")
    def made(self, output: Output) -> str:
        return exact(output.created_at)


@admin.register(Output)
class OutputAdmin(ReadOnlyAdmin[Output]):
    """Where livestreams go; found by the other platform's address, or by the livestream."""

    list_display = ("__str__", "type", "owner", "state", "uri", "made")
    list_select_related = ("livestream",)
    list_filter = ("type", "enabled", "created_at")
    search_fields = ("=id", "name", "uri", "vendor", "public_id", "=livestream__id", "livestream__name")
    fields = (
        "id",
        "livestream",
        "type",
        "name",
        "state",
        "push_message",
        "uri",
        "has_key",
        "public_id",
        "vendor",
        "made",
        "changed",
    )
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Output]:
        return Output.objects.filter(livestream__deleted_at=None).select_related("livestream")

    @admin.display(description="livestream", ordering="livestream__name")
    def owner(self, output: Output) -> str:
        return str(output.livestream)

    @admin.display(description="status")
    def state(self, output: Output) -> str:
        return output.shown.label

    @admin.display(description="stream key")
    def has_key(self, output: Output) -> str:
        return "Kept, and shown to nobody" if output.stream_key_encrypted else "None"

    @admin.display(description="added", ordering="created_at")
    def made(self, output: Output) -> str:
        return exact(output.created_at)

    @admin.display(description="changed")
    def changed(self, output: Output) -> str:
        return exact(output.updated_at)
