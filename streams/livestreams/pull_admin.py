"""Support staff's view of where broadcasts are fetched from; no page of it holds credentials, or an address whole."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from streams.livestreams.models import PullSource
from streams.organizations.admin import ReadOnlyAdmin, exact


@admin.register(PullSource)
class PullSourceAdmin(ReadOnlyAdmin[PullSource]):
    """Sources, those in trouble with the reason; found by their livestream, since addresses are kept encrypted."""

    list_display = ("livestream_name", "organization", "address", "status", "reason", "tries", "in_it_since")
    list_select_related = ("livestream__app__organization",)
    list_filter = ("state", "enabled", "since")
    search_fields = ("=livestream__id", "livestream__name", "reason", "livestream__app__organization__name")
    search_help_text = "Part of the livestream's or the organization's name, of the reason, or a livestream's whole id"
    fields = (
        *("livestream", "organization", "address", "status", "reason", "tries", "in_it_since"),
        *("came_to_its_end", "worker", "held_until", "created", "changed"),
    )
    ordering = ("-since", "livestream_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PullSource]:
        pulls = PullSource.objects.filter(livestream__deleted_at=None)
        return pulls.select_related("livestream__app__organization")

    @admin.display(description="livestream", ordering="livestream__name")
    def livestream_name(self, pull: PullSource) -> str:
        return str(pull.livestream)

    @admin.display(ordering="livestream__app__organization__name")
    def organization(self, pull: PullSource) -> str:
        return pull.livestream.app.organization.name

    @admin.display(description="address")
    def address(self, pull: PullSource) -> str:
        return pull.masked_url

    @admin.display(description="status", ordering="state")
    def status(self, pull: PullSource) -> str:
        return pull.shown.label

    @admin.display(description="since", ordering="since")
    def in_it_since(self, pull: PullSource) -> str:
        return exact(pull.since)

    @admin.display(description="came to its end")
    def came_to_its_end(self, pull: PullSource) -> str:
        return exact(pull.finished_at)

    @admin.display(description="held by the worker until")
    def held_until(self, pull: PullSource) -> str:
        return exact(pull.lease_until)

    @admin.display(description="added")
    def created(self, pull: PullSource) -> str:
        return exact(pull.created_at)

    @admin.display(description="changed")
    def changed(self, pull: PullSource) -> str:
        return exact(pull.updated_at)
