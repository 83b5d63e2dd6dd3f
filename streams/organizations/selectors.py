"""Shaped reads of organizations and their keys."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet

from livehub.core.errors import NotFoundError
from streams.organizations.models import ApiKey, App, CredentialRevision, Member, Organization, User


def find_membership(user: User) -> Member | None:
    """Return the person's oldest membership with its organization, or None.

    One person in several organizations sees the first; choosing comes with the members' page.
    """
    return Member.objects.select_related("organization").filter(user=user).order_by("created_at", "id").first()


def find_memberships(user_ids: Collection[UUID]) -> dict[UUID, Member]:
    """Return for each person what `find_membership` finds, by the person's id; without the organizations."""
    members = Member.objects.filter(user_id__in=user_ids).order_by("-created_at", "-id")
    return {member.user_id: member for member in members}


def get_default_app(organization: Organization) -> App:
    """Return the app that callers who name none mean."""
    return App.objects.get(organization=organization, is_default=True)


def get_app(*, organization: Organization, app_id: UUID) -> App:
    """Return an app of the organization.

    :raises NotFoundError: when it has no such app.
    """
    app = App.objects.filter(organization=organization, pk=app_id).first()
    if app is None:
        raise NotFoundError(f"No app {app_id} in this account.")
    return app


def find_credential_revision() -> UUID | None:
    """Return what is another value after each change of credentials, or None before the first."""
    return CredentialRevision.objects.values_list("revision", flat=True).first()


def list_app_ids(organization: Organization) -> list[UUID]:
    """Return the ids of the organization's apps."""
    return list(App.objects.filter(organization=organization).values_list("pk", flat=True))


def list_api_keys(organization: Organization) -> QuerySet[ApiKey]:
    """Return the keys that are not revoked, newest first."""
    return (
        ApiKey.objects.select_related("app")
        .filter(organization=organization, revoked_at=None)
        .order_by("-created_at", "-id")
    )


def get_api_key(*, organization: Organization, api_key_id: UUID) -> ApiKey:
    """Return a key of the organization, revoked or not.

    :raises NotFoundError: when it has no such key.
    """
    key = ApiKey.objects.select_related("organization").filter(organization=organization, pk=api_key_id).first()
    if key is None:
        raise NotFoundError(f"No API key {api_key_id} in this account.")
    return key


def list_members(organization: Organization) -> QuerySet[Member]:
    """Return the organization's people with their roles, longest there first."""
    return Member.objects.select_related("user").filter(organization=organization).order_by("created_at", "id")
