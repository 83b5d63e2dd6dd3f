"""Support staff's view of outputs; no page of it holds another platform's key."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from streams.livestreams.models import Output, PushEvent
from streams.organizations.admin import ReadOnlyAdmin, ReadOnlyInline, exact, without_internal


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

    list_display = ("__str__", "type", "owner", "organization", "state", "push_message", "uri", "made")
    list_select_related = ("livestream__app__organization",)
    list_filter = (without_internal("livestream__app__organization"), "type", "enabled", "push_state", "created_at")
    search_fields = ("=id", "name", "uri", "vendor", "public_id", "=livestream__id", "livestream__name")
    fields = (
        "id",
        "livestream",
        "organization",
        "type",
        "name",
        "state",
        "push_message",
        "in_it_since",
        "history",
        "uri",
        "has_key",
        "public_id",
        "vendor",
        "made",
        "changed",
    )
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Output]:
        return Output.objects.filter(livestream__deleted_at=None).select_related("livestream__app__organization")

    @admin.display(description="livestream", ordering="livestream__name")
    def owner(self, output: Output) -> str:
        return str(output.livestream)

    @admin.display(ordering="livestream__app__organization__name")
    def organization(self, output: Output) -> str:
        return output.livestream.app.organization.name

    @admin.display(description="status")
    def state(self, output: Output) -> str:
        return output.shown.label

    @admin.display(description="since")
    def in_it_since(self, output: Output) -> str:
        return exact(output.push_since)

    @admin.display(description="history")
    def history(self, output: Output) -> str:
        url = reverse("admin:streams_pushevent_changelist")
        return format_html('<a href="{}?output__id__exact={}">Show</a>', url, output.pk)

    @admin.display(description="stream key")
    def has_key(self, output: Output) -> str:
        return "Kept, and shown to nobody" if output.stream_key_encrypted else "None"

    @admin.display(description="added", ordering="created_at")
    def made(self, output: Output) -> str:
        return exact(output.created_at)

    @admin.display(description="changed")
    def changed(self, output: Output) -> str:
        return exact(output.updated_at)


@admin.register(PushEvent)
class PushEventAdmin(ReadOnlyAdmin[PushEvent]):
    """What became of simulcasts, newest first; the latest of each are kept."""

    list_display = ("moment", "target", "organization", "state", "message", "bytes")
    list_select_related = ("output__livestream__app__organization",)
    list_filter = ("state", "at")
    linked_lookups = ("output__id__exact",)
    search_fields = ("=output__id", "=output__livestream__id", "output__uri", "output__livestream__name", "message")
    fields = ("moment", "target", "organization", "session", "state", "reason", "message", "bytes")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PushEvent]:
        events = PushEvent.objects.filter(output__livestream__deleted_at=None)
        return events.select_related("output__livestream__app__organization")

    @admin.display(description="at", ordering="at")
    def moment(self, event: PushEvent) -> str:
        return exact(event.at)

    @admin.display(description="simulcast")
    def target(self, event: PushEvent) -> str:
        return f"{event.output.livestream}: {event.output}"

    @admin.display(ordering="output__livestream__app__organization__name")
    def organization(self, event: PushEvent) -> str:
        return event.output.livestream.app.organization.name
