"""Support staff's view of livestreams and sessions; what they may do goes through the services and is recorded."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from livehub.core.clients import client_address
from livehub.core.lengths import length_words
from streams.livestreams import services
from streams.livestreams.models import (
    Connection,
    Lease,
    Livestream,
    LivestreamQuerySet,
    PullSource,
    Session,
    SessionEvent,
)
from streams.livestreams.output_admin import OutputInline
from streams.livestreams.selectors import find_slate_picture
from streams.livestreams.states import LIVESTREAM_STATES, SESSION_STATES, Shown
from streams.organizations.admin import ReadOnlyAdmin, ReadOnlyInline, exact, staff, without_internal
from streams.organizations.models import Member, Role
from streams.organizations.services import Actor


class _Service(Protocol):
    def __call__(self, *, livestream: Livestream, actor: Actor) -> object: ...


def _action(service: _Service, *, description: str, done: str) -> Callable[..., None]:
    """Return an admin action that calls the service for each chosen livestream, as the person who chose them."""

    @admin.action(description=description)
    def act(modeladmin: "LivestreamAdmin", request: HttpRequest, queryset: QuerySet[Livestream]) -> None:
        user = staff(request)
        if user is None:
            raise PermissionDenied
        chosen, actor = list(queryset), Actor(user=user, address=client_address(request))
        for livestream in chosen:
            service(livestream=livestream, actor=actor)
        modeladmin.message_user(request, f"{done}: {len(chosen)}.", messages.SUCCESS)

    act.__name__ = service.__name__  # type: ignore[attr-defined]  # A function has one; it is the action's form value.
    return act


def end_broadcast(*, livestream: Livestream, actor: Actor) -> object:
    """End it as its members do: its encoder is held off."""
    return services.end_broadcast(livestream=livestream, hold=None, actor=actor)


class StateFilter(admin.SimpleListFilter):
    """Keeps one status, called as it is called everywhere."""

    title = "status"
    parameter_name = "status"
    states: Mapping[str, Shown]

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(status, shown.label) for status, shown in self.states.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        return queryset.filter(status=self.value()) if self.value() else queryset


class LivestreamStateFilter(StateFilter):
    states = LIVESTREAM_STATES


class SessionStateFilter(StateFilter):
    states = SESSION_STATES


@admin.register(Livestream)
class LivestreamAdmin(ReadOnlyAdmin[Livestream]):
    list_display = ("__str__", "organization", "state", "encoders", "playback_id", "created")
    list_select_related = ("app__organization",)
    list_filter = (without_internal("app__organization"), LivestreamStateFilter, "disabled", "created_at")
    # Shows the search box; `get_search_results` searches.
    search_fields = ("name",)
    search_help_text = "Part of the name, or a whole id, playback id, or e-mail address of an owner"
    fields = (
        "id",
        "name",
        "organization",
        "app",
        "state",
        "encoders",
        "fetched",
        "playback_id",
        "sessions",
        "waits",
        "second_encoder",
        "held_off",
        "longest",
        "refused_publishes",
        "last_refusal",
        "refused",
        "created",
        "updated",
    )
    inlines = (OutputInline,)
    ordering = ("-created_at", "-id")
    actions = (
        _action(services.disable_livestream, description="Disable, and cut the encoder", done="Disabled"),
        _action(services.enable_livestream, description="Enable", done="Enabled"),
        _action(end_broadcast, description="End the broadcast", done="Broadcast ended"),
    )

    def get_queryset(self, request: HttpRequest) -> LivestreamQuerySet:
        return Livestream.objects.existing().select_related("app__organization")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Livestream], search_term: str
    ) -> tuple[QuerySet[Livestream], bool]:
        if not search_term:
            return queryset, False
        owners = Member.objects.filter(role=Role.OWNER, user__email__iexact=search_term)
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

    @admin.display(description="status", ordering="status")
    def state(self, livestream: Livestream) -> str:
        return LIVESTREAM_STATES[livestream.status].label

    # In words: Django's icon for "not disabled" is a red cross.
    @admin.display(ordering="disabled")
    def encoders(self, livestream: Livestream) -> str:
        if livestream.disabled:
            return "Refused: disabled"
        return "Held off: the broadcast was ended" if livestream.is_held else "Accepted"

    @admin.display(description="fetched from")
    def fetched(self, livestream: Livestream) -> str:
        pull = PullSource.of(livestream)
        return " ".join(filter(None, (f"{pull.masked_url} ({pull.shown.label})", pull.reason))) if pull else "Nowhere"

    @admin.display(description="if the encoder drops")
    def waits(self, livestream: Livestream) -> str:
        if not livestream.reconnect_window_s:
            return "The broadcast ends"
        if not livestream.shows_slate:
            shown = livestream.get_while_away_display().lower()
        else:
            shown = "its own slate" if find_slate_picture(livestream) else "the usual slate"
        return f"Waits {length_words(livestream.reconnect_window_s)}; viewers see {shown}"

    @admin.display(description="a second encoder")
    def second_encoder(self, livestream: Livestream) -> str:
        return livestream.get_duplicate_publisher_display()

    @admin.display(description="longest broadcast")
    def longest(self, livestream: Livestream) -> str:
        return length_words(livestream.max_runtime_s) if livestream.max_runtime_s else "Without end"

    @admin.display(description="encoders held off")
    def held_off(self, livestream: Livestream) -> str:
        hold = f"For {length_words(livestream.end_hold_s)} after an end" if livestream.end_hold_s else "Never"
        return f"{hold}; now until {exact(livestream.held_until)}" if livestream.is_held else hold

    @admin.display(description="last refused")
    def refused(self, livestream: Livestream) -> str:
        return exact(livestream.last_refused_at)

    @admin.display(ordering="created_at")
    def created(self, livestream: Livestream) -> str:
        return exact(livestream.created_at)

    @admin.display
    def updated(self, livestream: Livestream) -> str:
        return exact(livestream.updated_at)


class ConnectionInline(ReadOnlyInline[Connection]):
    model = Connection
    verbose_name_plural = "encoder connections"
    fields = ("node", "client_id", "address", "software", "connected", "seen", "disconnected", "sent")
    ordering = ("connected_at",)

    @admin.display(description="connected")
    def connected(self, connection: Connection) -> str:
        return exact(connection.connected_at)

    @admin.display(description="last seen")
    def seen(self, connection: Connection) -> str:
        return exact(connection.last_seen_at)

    @admin.display(description="left")
    def disconnected(self, connection: Connection) -> str:
        return exact(connection.disconnected_at)

    @admin.display(description="received")
    def sent(self, connection: Connection) -> str:
        return str(timedelta(seconds=connection.media_ms // 1000))


class LeaseInline(ReadOnlyInline[Lease]):
    model = Lease
    verbose_name = verbose_name_plural = "worker that runs it"
    fields = ("worker", "run", "ends", "next_run")

    @admin.display(description="number of its run")
    def run(self, lease: Lease) -> str:
        return str(lease.epoch)

    @admin.display(description="its hold ends")
    def ends(self, lease: Lease) -> str:
        return exact(lease.until)

    @admin.display(description="next run not before")
    def next_run(self, lease: Lease) -> str:
        return exact(lease.not_before)


class SessionEventInline(ReadOnlyInline[SessionEvent]):
    model = SessionEvent
    verbose_name_plural = "what happened"
    fields = ("time", "what", "reason", "details")
    ordering = ("id",)

    @admin.display
    def time(self, event: SessionEvent) -> str:
        return exact(event.at)

    @admin.display
    def what(self, event: SessionEvent) -> str:
        return event.shown.label

    @admin.display
    def details(self, event: SessionEvent) -> str:
        return ", ".join(f"{_DETAILS[name]} {event.data[name]}" for name in _DETAILS if event.data.get(name)) or "-"


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin[Session]):
    list_display = ("connected", "name", "state", "end_reason", "ingest", "stopped")
    list_select_related = ("livestream",)
    list_filter = (without_internal("livestream__app__organization"), SessionStateFilter, "end_reason", "created_at")
    search_fields = ("=id", "=livestream__id", "livestream__name", "=livestream__playback_id")
    linked_lookups = ("livestream__id__exact",)
    fields = (
        "id",
        "livestream",
        "state",
        "end_reason",
        "advice",
        "arriving",
        "outgoing",
        "ingest",
        "connected",
        "playable",
        "stopped",
        "files",
    )
    inlines = (ConnectionInline, LeaseInline, SessionEventInline)
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return Session.objects.with_connections()

    @admin.display(description="status", ordering="status")
    def state(self, session: Session) -> str:
        return session.shown.label

    # Not the foreign key itself: Django would not let a long name wrap.
    @admin.display(description="livestream", ordering="livestream__name")
    def name(self, session: Session) -> str:
        return str(session.livestream)

    @admin.display(description="encoder sends")
    def arriving(self, session: Session) -> str:
        return _listed(session.source)

    @admin.display(description="viewers get")
    def outgoing(self, session: Session) -> SafeString | str:
        return format_html_join(mark_safe("<br>"), "{}", ([_listed(each)] for each in session.renditions)) or "-"

    @admin.display(description="what to change")
    def advice(self, session: Session) -> str:
        return session.error_message or "-"

    @admin.display(description="received")
    def ingest(self, session: Session) -> str:
        return str(timedelta(seconds=session.ingest_seconds))

    @admin.display(description="encoder connected", ordering="created_at")
    def connected(self, session: Session) -> str:
        return exact(session.created_at)

    @admin.display(description="live from")
    def playable(self, session: Session) -> str:
        return exact(session.started_at)

    @admin.display(description="until")
    def stopped(self, session: Session) -> str:
        return exact(session.stopped_at)

    @admin.display(description="files on")
    def files(self, session: Session) -> str:
        return ", ".join(session.file_nodes) or "-"


# Of what an event says beside its reason, what support asks for; the old status is that of the row before.
_DETAILS = {"by": "by", "worker": "worker", "node": "on", "epoch": "run"}


def _listed(facts: Mapping[str, object]) -> str:
    """Return a stored description (a source, a rendition) as a line to read."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items() if value) or "-"
