"""Support staff's view of webhooks: how endpoints fare, what became of each delivery; no secrets, nothing to edit."""

import json
from typing import TypeVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from livehub.api.identifiers import find_uuid
from streams.organizations.admin import ReadOnlyAdmin, ReadOnlyInline, exact
from webhooks.health import answer_words, health_of, why
from webhooks.models import Attempt, Delivery, Endpoint

_Row = TypeVar("_Row", bound=Model)

# Nobody turns more pages, and counting millions takes seconds.
COUNTED_MAX = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # Not generic at run time.
    """Counts and shows the first rows of a table that has millions."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Model] = self.object_list  # type: ignore[assignment]  # Of an admin page.
        return rows[:COUNTED_MAX].count()


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin[Endpoint]):
    list_display = ("name", "organization", "app", "state", "url", "succeeded", "created")
    list_select_related = ("app__organization",)
    list_filter = ("enabled", "disabled_reason", "created_at")
    search_fields = ("=id", "name", "url", "=app__id", "app__organization__name")
    fields = (
        "id",
        "organization",
        "app",
        "name",
        "url",
        "listens_for",
        "format",
        "state",
        "reason",
        "failures",
        "failing",
        "succeeded",
        "left_alone",
        "claimed",
        "rotated",
        "deliveries",
        "created",
        "updated",
    )
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        return Endpoint.objects.existing().select_related("app__organization")

    @admin.display(ordering="app__organization__name")
    def organization(self, endpoint: Endpoint) -> str:
        return endpoint.app.organization.name

    @admin.display
    def state(self, endpoint: Endpoint) -> str:
        return health_of(endpoint).label

    @admin.display(description="why")
    def reason(self, endpoint: Endpoint) -> str:
        return why(endpoint) or "-"

    @admin.display(description="listens for")
    def listens_for(self, endpoint: Endpoint) -> str:
        return ", ".join(endpoint.events)

    @admin.display(description="failing since")
    def failing(self, endpoint: Endpoint) -> str:
        return exact(endpoint.failing_since)

    @admin.display(description="last success", ordering="last_success_at")
    def succeeded(self, endpoint: Endpoint) -> str:
        return exact(endpoint.last_success_at)

    @admin.display(description="left alone until")
    def left_alone(self, endpoint: Endpoint) -> str:
        return exact(endpoint.open_until)

    @admin.display(description="a courier has it until")
    def claimed(self, endpoint: Endpoint) -> str:
        return exact(endpoint.claimed_until)

    @admin.display(description="earlier secret signs until")
    def rotated(self, endpoint: Endpoint) -> str:
        return exact(endpoint.previous_secret_until)

    @admin.display
    def deliveries(self, endpoint: Endpoint) -> SafeString:
        url = reverse("admin:webhooks_delivery_changelist")
        return format_html('<a href="{}?endpoint__id__exact={}">Show</a>', url, endpoint.pk)

    @admin.display(ordering="created_at")
    def created(self, endpoint: Endpoint) -> str:
        return exact(endpoint.created_at)

    @admin.display
    def updated(self, endpoint: Endpoint) -> str:
        return exact(endpoint.updated_at)


class AttemptInline(ReadOnlyInline[Attempt]):
    model = Attempt
    fields = ("number", "time", "status", "took", "error", "answer")
    ordering = ("number",)

    @admin.display
    def time(self, attempt: Attempt) -> str:
        return exact(attempt.at)

    @admin.display
    def took(self, attempt: Attempt) -> str:
        return f"{attempt.duration_ms} ms"


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin[Delivery]):
    list_display = ("uid", "where", "name", "state", "attempts", "came_of_it", "due", "created")
    list_select_related = ("endpoint",)
    list_filter = ("state",)
    # Shows the search box; `get_search_results` searches.
    search_fields = ("uid",)
    search_help_text = "A whole webhook-id, or a whole id of an endpoint"
    linked_lookups = ("endpoint__id__exact",)
    paginator = BoundedPaginator
    fields = (
        "uid",
        "where",
        "name",
        "state",
        "attempts",
        "tries",
        "came_of_it",
        "due",
        "held",
        "created",
        "finished",
        "event_uid",
        "event_type",
        "subject",
        "happened",
        "event_facts",
    )
    inlines = (AttemptInline,)
    ordering = ("-id",)
    # Each other order would sort millions.
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return Delivery.objects.select_related("endpoint", "event")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        """Look by what is indexed."""
        if not search_term:
            return queryset, False
        wanted = find_uuid(search_term.strip())
        found = Q(uid=wanted) | Q(endpoint_id=wanted) if wanted else Q(pk=None)
        return queryset.filter(found), False

    @admin.display(description="endpoint")
    def where(self, delivery: Delivery) -> str:
        return str(delivery.endpoint)

    @admin.display(description="last answer")
    def came_of_it(self, delivery: Delivery) -> str:
        return answer_words(delivery) or "-"

    @admin.display
    def due(self, delivery: Delivery) -> str:
        return exact(delivery.due_at) if delivery.finished_at is None else "-"

    @admin.display(description="later ones wait until")
    def held(self, delivery: Delivery) -> str:
        return exact(delivery.holds_until)

    @admin.display
    def created(self, delivery: Delivery) -> str:
        return exact(delivery.created_at)

    @admin.display
    def finished(self, delivery: Delivery) -> str:
        return exact(delivery.finished_at)

    @admin.display(description="event")
    def event_uid(self, delivery: Delivery) -> str:
        return str(delivery.event.uid)

    @admin.display(description="type")
    def event_type(self, delivery: Delivery) -> str:
        return delivery.event.type

    @admin.display
    def subject(self, delivery: Delivery) -> str:
        return f"{delivery.event.subject_type} {delivery.subject_id}, its event {delivery.sequence}"

    @admin.display
    def happened(self, delivery: Delivery) -> str:
        return exact(delivery.event.at)

    @admin.display(description="facts")
    def event_facts(self, delivery: Delivery) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(delivery.event.facts, ensure_ascii=False, indent=2))
