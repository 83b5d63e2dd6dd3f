"""Support staff's view of livestreams and sessions; what they may do goes through the services and is recorded."""

from collections.abc import Callable
from typing import Protocol

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from streams.livestreams import services
from streams.livestreams.models import Livestream, LivestreamQuerySet, Session, StatusChange
from streams.organizations.admin import ReadOnlyAdmin, ReadOnlyInline, staff
from streams.organizations.models import Member
from streams.organizations.services import Actor


class _Service(Protocol):
    def __call__(self, *, livestream: Livestream, actor: Actor) -> None: ...


def _action(service: _Service, *, description: str, done: str) -> Callable[..., None]:
    """Return an admin action that calls the service for each chosen livestream, as the person who chose them."""

    @admin.action(description=description)
    def act(modeladmin: "LivestreamAdmin", request: HttpRequest, queryset: QuerySet[Livestream]) -> None:
        user = staff(request)
        if user is None:
            raise PermissionDenied
        chosen = list(queryset)
        for livestream in chosen:
            service(livestream=livestream, actor=Actor(user=user))
        modeladmin.message_user(request, f"{done}: {len(chosen)}.", messages.SUCCESS)

    act.__name__ = service.__name__  # type: ignore[attr-defined]  # A function has one; it is the action's form value.
    return act


@admin.register(Livestream)
class LivestreamAdmin(ReadOnlyAdmin[Livestream]):
    list_display = ("__str__", "organization", "status", "disabled", "playback_id", "created_at")
    list_select_related = ("app__organization",)
    list_filter = ("status", "disabled", "created_at")
    # Shows the search box; `get_search_results` searches.
    search_fields = ("name",)
    search_help_text = "Part of the name, or a whole id, playback id, or e-mail address of an owner"
    fields = (
        "id",
        "name",
        "organization",
        "app",
        "status",
        "disabled",
        "playback_id",
        "sessions",
        "refused_publishes",
        "last_refusal",
        "last_refused_at",
        "created_at",
        "updated_at",
    )
    ordering = ("-created_at", "-id")
    actions = (
        _action(services.disable_livestream, description="Disable, and cut the encoder", done="Disabled"),
        _action(services.enable_livestream, description="Enable", done="Enabled"),
        _action(services.end_broadcast, description="End the broadcast", done="Broadcast ended"),
    )

    def get_queryset(self, request: HttpRequest) -> LivestreamQuerySet:
        return Livestream.objects.existing().select_related("app__organization")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Livestream], search_term: str
    ) -> tuple[QuerySet[Livestream], bool]:
        if not search_term:
            return queryset, False
        owners = Member.objects.filter(role="owner", user__email__iexact=search_term)
        of_owner = Livestream.objects.filter(app__organization__in=owners.values("organization"))
        found = Livestream.objects.matching(search_term) | of_owner
        return queryset.filter(pk__in=found.values("pk")), False

    @admin.display(ordering="app__organization__name")
    def organization(self, livestream: Livestream) -> str:
        return livestream.app.organization.name

    @admin.display(description="sessions")
    def sessions(self, livestream: Livestream) -> SafeString:
        url = reverse("admin:streams_session_changelist")
        return format_html('<a href="{}?livestream__id__exact={}">Show</a>', url, livestream.pk)


class StatusChangeInline(ReadOnlyInline[StatusChange]):
    model = StatusChange
    fields = ("at", "old", "new", "reason")
    ordering = ("id",)


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin[Session]):
    list_display = ("id", "livestream", "status", "end_reason", "ingest_seconds", "started_at", "stopped_at")
    list_select_related = ("livestream",)
    list_filter = ("status", "end_reason", "created_at")
    search_fields = ("=id", "=livestream__id", "livestream__name", "=livestream__playback_id")
    fields = (
        "id",
        "livestream",
        "status",
        "end_reason",
        "error_message",
        "encoder_address",
        "encoder_software",
        "source",
        "renditions",
        "worker",
        "epoch",
        "ingest_seconds",
        "created_at",
        "started_at",
        "stopped_at",
        "files_removed_at",
    )
    inlines = (StatusChangeInline,)
    ordering = ("-created_at", "-id")
