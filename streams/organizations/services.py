"""Making organizations, people and keys, and writing down who did what."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models, transaction
from django.db.models import Q

from livehub.core import clock, crypto, events
from livehub.core.errors import DomainError, ValidationFailedError
from livehub.core.names import check_name
from streams.organizations.models import ApiKey, App, AuditEntry, Member, Organization, Role, User

# What a leaked key is found by; secret scanners look for it, too.
_KEY_PREFIX = "lh_"
_LOOKUP_LENGTH = 12
_SECRET_LENGTH = 40
# How stale `last_used_at` may be: a write per request would cost more than the request.
_LAST_USED_RESOLUTION = timedelta(minutes=1)
_REJECTED = "The API key is not valid here. Create one on the account page of the dashboard."


class ApiKeyRejectedError(DomainError):
    """Unknown, expired, revoked, of another kind or another organization: the answer does not tell which."""

    code = "authentication_failed"
    http_status = 401


@dataclass(frozen=True)
class Actor:
    """Who asks for a change, and where from: a person, a program, or (neither) the system."""

    user: User | None = None
    api_key: ApiKey | None = None
    address: str | None = None

    def __str__(self) -> str:
        if self.api_key is not None:
            return f"API key {self.api_key.name}"
        return str(self.user or "")


SYSTEM = Actor()


@dataclass(frozen=True, kw_only=True)
class AppCreated:
    """There is a new app; whoever has something for every app puts it there."""

    organization_id: UUID
    app_id: UUID
    at: datetime
    actor: Actor


@dataclass(frozen=True)
class NewOrganization:
    """What `create_organization` made; the three secrets are readable here and never again."""

    organization: Organization
    app: App
    owner: User
    password: str
    api_key: str
    api_token: str


def record(
    *, organization: Organization | None, actor: Actor, action: str, target: models.Model, **detail: object
) -> None:
    """Write an audit entry; call it in the transaction of the change itself."""
    AuditEntry.objects.create(
        organization=organization,
        user=actor.user,
        api_key=actor.api_key,
        address=actor.address,
        action=action,
        target_type=target._meta.label_lower.rpartition(".")[2],
        target_id=target.pk,
        detail=detail,
    )


@transaction.atomic
def create_organization(
    *, name: str, email: str, password: str | None = None, is_staff: bool = False
) -> NewOrganization:
    """Create an organization with an owner, a default app, and a key of each kind.

    An e-mail address that is already known becomes owner with its own password, and the one given is not used;
    it cannot become staff, who see every organization: nobody gets that along the way.

    :raises ValidationFailedError: when the name, the address or the password cannot be used; names all that cannot.
    """
    name = _check_new_organization(name=name, email=email, password=password, is_staff=is_staff)
    owner, password = _get_or_create_owner(email=email, password=password, is_staff=is_staff)
    organization = Organization.objects.create(name=name)
    app = App.objects.create(organization=organization, name="Default", is_default=True)
    events.publish(AppCreated(organization_id=organization.pk, app_id=app.pk, at=app.created_at, actor=SYSTEM))
    Member.objects.create(organization=organization, user=owner, role=Role.OWNER)
    record(organization=organization, actor=SYSTEM, action="organization.created", target=organization)
    api_key = create_api_key(organization=organization, name="First API key", kind=ApiKey.Kind.BASIC, actor=SYSTEM)
    api_token = create_api_key(organization=organization, name="First API token", kind=ApiKey.Kind.BEARER, actor=SYSTEM)
    return NewOrganization(organization, app, owner, password, api_key[1], api_token[1])


@transaction.atomic
def create_api_key(
    *,
    organization: Organization,
    name: str,
    kind: str,
    actor: Actor,
    app: App | None = None,
    scopes: list[str] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create a key and return it with its full text, which is stored nowhere.

    :raises ValidationFailedError: when the name is empty or unusable, a scope is unknown, or the expiry is past.
    """
    name = check_name(name)
    _check_new_key(name=name, scopes=scopes, expires_at=expires_at)
    lookup, secret = crypto.random_token(_LOOKUP_LENGTH), crypto.random_token(_SECRET_LENGTH)
    key = ApiKey.objects.create(
        organization=organization,
        app=app,
        name=name,
        kind=kind,
        lookup=lookup,
        secret_hash=crypto.hash_secret(secret),
        scopes=list(ApiKey.Scope.values) if scopes is None else scopes,
        expires_at=expires_at,
    )
    record(organization=organization, actor=actor, action="api_key.created", target=key, name=name, kind=kind)
    return key, f"{_KEY_PREFIX}{lookup}_{secret}"


@transaction.atomic
def revoke_api_key(*, api_key: ApiKey, actor: Actor) -> None:
    """Make a key useless from now on; doing it again changes nothing."""
    if ApiKey.objects.filter(pk=api_key.pk, revoked_at=None).update(revoked_at=clock.now()):
        record(
            organization=api_key.organization,
            actor=actor,
            action="api_key.revoked",
            target=api_key,
            name=api_key.name,
        )


def authenticate_api_key(*, credential: str, kind: str, organization_id: UUID) -> ApiKey:
    """Return the key that a program showed, with its organization and app loaded.

    Side effect: `last_used_at`, at most once a minute.

    :raises ApiKeyRejectedError: when it opens nothing there.
    """
    before, _, rest = credential.partition(_KEY_PREFIX)
    lookup, _, secret = rest.partition("_")
    # NUL cannot be asked of PostgreSQL, and no key of ours holds anything but ASCII.
    key = _find_key(lookup) if not before and lookup.isascii() and lookup.isalnum() else None
    is_right = crypto.is_same_secret(secret, key.secret_hash if key else "")
    if key is None or not is_right or key.kind != kind or key.organization_id != organization_id:
        raise ApiKeyRejectedError(_REJECTED)
    use_api_key(key)
    return key


def use_api_key(api_key: ApiKey) -> None:
    """Accept one more use of a key that was found to be right.

    Side effect: `last_used_at`, at most once a minute.

    :raises ApiKeyRejectedError: when it has been revoked, or has expired by now.
    """
    now = clock.now()
    if not api_key.is_usable(at=now):
        raise ApiKeyRejectedError(_REJECTED)
    if api_key.last_used_at is None or api_key.last_used_at < now - _LAST_USED_RESOLUTION:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _LAST_USED_RESOLUTION)
        # In memory first: the same object answers for other requests at this moment.
        api_key.last_used_at = now
        ApiKey.objects.filter(stale, pk=api_key.pk).update(last_used_at=now)


def _find_key(lookup: str) -> ApiKey | None:
    return ApiKey.objects.select_related("organization", "app").filter(lookup=lookup).first()


def _get_or_create_owner(*, email: str, password: str | None, is_staff: bool) -> tuple[User, str]:
    known = User.objects.filter(email=email.lower()).first()
    if known is not None:
        return known, ""
    password = password or crypto.random_token(16)
    return User.objects.create_user(email, password, is_staff=is_staff, is_superuser=is_staff), password


def _check_new_organization(*, name: str, email: str, password: str | None, is_staff: bool) -> str:
    """Return the name as it will be stored."""
    fields: dict[str, list[str]] = {}
    try:
        name = check_name(name, field="organization")
    except ValidationFailedError as error:
        fields |= error.fields
    if not name:
        fields["organization"] = ["Give the organization a name."]
    fields |= complaints_about_person(email=email, password=password)
    if is_staff and User.objects.filter(email=email.lower(), is_staff=False).exists():
        fields["email"] = [
            "This address has an account already. Give support staff an account with an address of its own."
        ]
    if fields:
        raise ValidationFailedError("The organization cannot be created.", fields=fields)
    return name


def complaints_about_person(*, email: str, password: str | None) -> dict[str, list[str]]:
    """Return what is wrong with a new person's address and password, by field; empty when nothing is."""
    fields: dict[str, list[str]] = {}
    for field, check, value in (("email", validate_email, email), ("password", validate_password, password)):
        try:
            if value is not None:
                check(value)
        except ValidationError as error:
            fields[field] = list(error.messages)
    return fields


def _check_new_key(*, name: str, scopes: list[str] | None, expires_at: datetime | None) -> None:
    fields: dict[str, list[str]] = {}
    if not name:
        fields["name"] = ["Give the key a name, so that you know later what uses it."]
    unknown = sorted(set(scopes or []) - set(ApiKey.Scope.values))
    if unknown or scopes == []:
        fields["scopes"] = [f"Choose from {', '.join(ApiKey.Scope.values)}."]
    if expires_at is not None and expires_at <= clock.now():
        fields["expires_at"] = ["Choose a time in the future."]
    if fields:
        raise ValidationFailedError("The API key cannot be created.", fields=fields)
