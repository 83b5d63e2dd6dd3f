"""Shaped reads of organizations and their keys."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet

from livehub.core.errors import NotFoundError
from streams.organizations.models import ApiKey, App, CredentialRevision, Invitation, Member, Organization, User

# Of a person's places: the one chosen last first, then the oldest.
_CHOSEN_LAST = (F("chosen_at").desc(nulls_last=True), "created_at", "id")


def find_membership(user: User) -> Member | None:
    """Return the membership by which the person looks at everything, with its organization, or None.

    Of several it is the one chosen last; before any choice, the oldest.
    """
    return list_memberships(user).first()


def list_memberships(user: User) -> QuerySet[Member]:
    """Return the person's memberships with their organizations, the one chosen last first, then the oldest.

    Each has the person read along, and `is_alone`: this instance has no other organization.
    """
    others = Organization.objects.filter(is_internal=False).exclude(pk=OuterRef("organization"))
    members = Member.objects.select_related("organization", "user").annotate(is_alone=~Exists(others))
    return members.filter(user=user).order_by(*_CHOSEN_LAST)


def is_alone(organization: Organization) -> bool:
    """Tell whether this instance has no other organization."""
    return not Organization.objects.filter(is_internal=False).exclude(pk=organization.pk).exists()


def find_memberships(user_ids: Collection[UUID]) -> dict[UUID, Member]:
    """Return for each person what `find_membership` finds, by the person's id; without the organizations."""
    members = Member.objects.filter(user_id__in=user_ids).order_by("user_id", *_CHOSEN_LAST).distinct("user_id")
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


def list_apps(organization: Organization) -> QuerySet[App]:
    """Return the organization's apps: the default one, then the newest first."""
    return App.objects.filter(organization=organization).order_by("-is_default", "-created_at", "id")


def list_reachable_apps(api_key: ApiKey) -> QuerySet[App]:
    """Return the apps that a key reaches, in no order: its own, or all of its organization."""
    apps = App.objects.filter(organization=api_key.organization_id)
    return apps if api_key.app_id is None else apps.filter(pk=api_key.app_id)


def get_reachable_app(*, api_key: ApiKey, app_id: UUID) -> App:
    """Return an app that the key reaches.

    :raises NotFoundError: when it does not, exactly as for an app that does not exist.
    """
    app = list_reachable_apps(api_key).filter(pk=app_id).first()
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


def list_reachable_keys(api_key: ApiKey) -> QuerySet[ApiKey]:
    """Return the keys that are not revoked and reach no app that this one does not, newest first."""
    keys = list_api_keys(api_key.organization)
    return keys if api_key.app_id is None else keys.filter(app=api_key.app_id)


def get_reachable_key(*, api_key: ApiKey, wanted: UUID) -> ApiKey:
    """Return one of those keys, with its organization.

    :raises NotFoundError: when there is no such one.
    """
    found = list_reachable_keys(api_key).select_related("organization").filter(pk=wanted).first()
    if found is None:
        raise NotFoundError(f"No API key {wanted} in this account.")
    return found


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


def get_member(*, organization: Organization, member_id: UUID) -> Member:
    """Return a member of the organization with the person.

    :raises NotFoundError: when it has no such member.
    """
    member = (
        Member.objects.select_related("user", "organization").filter(organization=organization, pk=member_id).first()
    )
    if member is None:
        raise NotFoundError(f"No member {member_id} in this account.")
    return member


def list_invitations(organization: Organization) -> QuerySet[Invitation]:
    """Return the invitations that nobody has accepted or withdrawn, expired ones included, newest first."""
    return Invitation.objects.filter(organization=organization, accepted_at=None, withdrawn_at=None).order_by(
        "-created_at", "id"
    )


def get_invitation(*, organization: Organization, invitation_id: UUID) -> Invitation:
    """Return one of those invitations.

    :raises NotFoundError: when the organization has no such one.
    """
    invitation = list_invitations(organization).select_related("organization").filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFoundError(f"No invitation {invitation_id} in this account.")
    return invitation
