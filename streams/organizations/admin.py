"""Support staff's view of organizations, people, keys and the audit log: everything to read, nothing to edit.

What changes goes through the services, which check, record and publish; a form of Django's would do none of it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from livehub.api.identifiers import find_uuid
from streams.organizations.models import ApiKey, App, AuditEntry, Member, Organization, User

_Row = TypeVar("_Row", bound=Model)


def staff(request: HttpRequest) -> User | None:
    """Return the member of support staff who asks, or None."""
    user: User | AnonymousUser = request.user
    return user if isinstance(user, User) and user.is_active and user.is_staff else None


def exact(at: datetime | None) -> str:
    """Return a time as Django writes it on these pages, by `livehub.formats`."""
    return date_format(localtime(at), "DATETIME_FORMAT") if at else "-"


# Rows that belong to another, on that one's page.
MOST_INLINE = 500
# What Django's filters append to the name of their field.
_COMPARISONS = frozenset({"exact", "isnull", "gte", "gt", "lte", "lt"})


class _InternalFilter(admin.SimpleListFilter):
    """Keeps LiveHub's own out of a list unless they are asked for: a self-test by the hour would bury the customers'.

    What is searched for, or linked to, is found all the same.
    """

    title = "whose"
    parameter_name = "whose"
    is_internal: str

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: "ReadOnlyAdmin[Model]",
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self._is_precise = not {SEARCH_VAR, *model_admin.linked_lookups}.isdisjoint(request.GET)

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("all", "All"), ("internal", "LiveHub's own")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Call the first one, with which nothing is chosen, by what it does."""
        default, *others = super().choices(changelist)
        yield {**default, "display": "Customers'"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        if self.value() == "internal":
            return queryset.filter(**{self.is_internal: True})
        if self.value() == "all" or self._is_precise:
            return queryset
        return queryset.exclude(**{self.is_internal: True})


def without_internal(organization: str = "") -> type[admin.SimpleListFilter]:
    """Return a filter for a list of what belongs to organizations; `organization` is the lookup that leads to it."""
    return type("InternalFilter", (_InternalFilter,), {"is_internal": f"{organization}__is_internal".strip("_")})


class ReadOnlyAdmin(Generic[_Row], admin.ModelAdmin):  # type: ignore[type-arg]  # Not generic at run time.
    """Shows rows to all support staff; `fields` names what is shown, so that a new secret is not shown by itself."""

    show_full_result_count = False
    list_per_page = 50
    # What other pages link here with, beside the filters.
    linked_lookups: tuple[str, ...] = ()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Let an address ask for what is offered only: by any other column, staff could guess a secret by its letters.

        Django itself allows every column of the model, and many comparisons.
        """
        if lookup in self.linked_lookups:
            return True
        declared = {each if isinstance(each, str) else getattr(each, "parameter_name", "") for each in self.list_filter}
        field, _, comparison = lookup.rpartition("__")
        return lookup in declared or (field in declared and comparison in _COMPARISONS)

    def get_readonly_fields(self, request: HttpRequest, obj: _Row | None = None) -> list[str]:
        return [str(name) for name in self.fields or ()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[_Row], search_term: str
    ) -> tuple[QuerySet[_Row], bool]:
        """Find ids as customers are told them as well: most stand on their pages without dashes."""
        identifier = find_uuid(search_term.strip())
        if identifier is not None:
            found, may_repeat = super().get_search_results(request, queryset, str(identifier))
            if found.exists():
                return found, may_repeat
        return super().get_search_results(request, queryset, search_term)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Show the audit log: Django's own history only knows what its forms have changed, which is nothing."""
        query = urlencode({"q": unquote(object_id)})
        return redirect(f"{reverse('admin:streams_auditentry_changelist')}?{query}")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return staff(request) is not None

    def has_view_permission(self, request: HttpRequest, obj: _Row | None = None) -> bool:
        return staff(request) is not None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: _Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: _Row | None = None) -> bool:
        return False


class _FirstRows(BaseInlineFormSet):  # type: ignore[type-arg]  # Not generic at run time.
    """The first rows: a tenant may have hundreds of thousands, and a page of them takes all the memory there is."""

    def get_queryset(self) -> QuerySet[Model]:
        found: QuerySet[Model] = super().get_queryset()
        # Where Django keeps it for the next time.
        self._queryset = found if found.query.is_sliced else found[:MOST_INLINE]
        return self._queryset


class ReadOnlyInline(Generic[_Row], admin.TabularInline):  # type: ignore[type-arg]  # As above.
    """Rows that belong to the one shown, as a table; of many the first ones in the order of `ordering`."""

    formset = _FirstRows
    extra = 0
    can_delete = False

    def __init__(self, parent_model: type[Model], admin_site: admin.AdminSite) -> None:
        super().__init__(parent_model, admin_site)
        self.verbose_name_plural = f"{self.verbose_name_plural} ({MOST_INLINE} at most)"

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [str(name) for name in self.fields or ()]

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return staff(request) is not None

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class AppInline(ReadOnlyInline[App]):
    model = App
    fields = ("id", "name", "is_default", "created_at")


class MemberInline(ReadOnlyInline[Member]):
    model = Member
    fields = ("user", "role", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        return super().get_queryset(request).select_related("user")


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin[Organization]):
    list_display = ("name", "id", "created_at")
    list_filter = (without_internal(),)
    search_fields = ("=id", "name", "members__user__email")
    fields = ("id", "name", "max_sessions", "max_livestreams", "max_broadcast_kbps", "created_at")
    inlines = (AppInline, MemberInline)
    ordering = ("-created_at",)


@admin.register(App)
class AppAdmin(ReadOnlyAdmin[App]):
    list_display = ("name", "organization", "is_default", "id", "created_at")
    list_select_related = ("organization",)
    list_filter = (without_internal("organization"),)
    search_fields = ("=id", "name", "organization__name")
    fields = ("id", "organization", "name", "is_default", "created_at")
    ordering = ("-created_at",)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin[User]):
    list_display = ("email", "name", "is_active", "is_staff", "last_login", "created_at")
    list_filter = ("is_active", "is_staff")
    search_fields = ("=id", "email", "name")
    fields = ("id", "email", "name", "is_active", "is_staff", "is_superuser", "last_login", "created_at")
    ordering = ("email",)


@admin.register(Member)
class MemberAdmin(ReadOnlyAdmin[Member]):
    list_display = ("user", "organization", "role", "created_at")
    list_select_related = ("user", "organization")
    list_filter = ("role",)
    search_fields = ("user__email", "organization__name", "=organization__id")
    fields = ("organization", "user", "role", "created_at")
    ordering = ("-created_at",)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin[ApiKey]):
    list_display = ("name", "organization", "app", "kind", "lookup", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("organization", "app")
    list_filter = ("kind",)
    search_fields = ("=id", "name", "=lookup", "organization__name")
    fields = (
        "id",
        "organization",
        "app",
        "name",
        "kind",
        "lookup",
        "scopes",
        "expires_at",
        "revoked_at",
        "last_used_at",
        "created_at",
    )
    ordering = ("-created_at",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin[AuditEntry]):
    list_display = ("at", "organization", "action", "target_type", "target_id", "user", "api_key", "address")
    list_select_related = ("organization", "user", "api_key")
    list_filter = (without_internal("organization"), "target_type", "at")
    search_fields = ("=target_id", "action", "organization__name", "user__email")
    fields = ("at", "organization", "user", "api_key", "address", "action", "target_type", "target_id", "details")
    ordering = ("-id",)

    @admin.display
    def details(self, entry: AuditEntry) -> str:
        return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in entry.detail.items()) or "-"
