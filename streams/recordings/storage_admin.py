"""Support staff's view of storages; no page of it holds what opens them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from streams.organizations.admin import ReadOnlyAdmin, exact
from streams.recordings.models import StorageTarget


@admin.register(StorageTarget)
class StorageTargetAdmin(ReadOnlyAdmin[StorageTarget]):
    """Where recordings can be kept, and what came of trying it last."""

    list_display = ("name", "type", "organization", "app", "place", "checked", "check_code", "check_problem")
    list_select_related = ("app__organization",)
    list_filter = ("type", "check_code")
    search_fields = ("=id", "name", "bucket", "host", "=app__id", "app__organization__name")
    fields = (
        *(
            "id",
            "organization",
            "app",
            "name",
            "type",
            "is_default",
            "bucket",
            "region",
            "endpoint",
            "host",
            "port",
            "path",
            "username",
        ),
        *("auth_method", "host_key", "kept", "checked", "check_code", "check_problem", "created_at"),
    )
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[StorageTarget]:
        return StorageTarget.objects.existing().select_related("app__organization")

    @admin.display(ordering="app__organization__name")
    def organization(self, target: StorageTarget) -> str:
        return target.app.organization.name

    @admin.display(description="address")
    def place(self, target: StorageTarget) -> str:
        return target.address

    @admin.display(description="secrets")
    def kept(self, target: StorageTarget) -> str:
        return "Kept, and shown to nobody" if target.secrets_encrypted else "None"

    @admin.display(description="tested", ordering="checked_at")
    def checked(self, target: StorageTarget) -> str:
        return exact(target.checked_at) if target.checked_at else "Not yet"
