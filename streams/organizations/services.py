"""Making organizations, people and keys, and writing down who did what."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models, transaction

from livehub.core import clock, crypto, events
from livehub.core.errors import DomainError, ValidationFailedError
from livehub.core.names import check_name
from streams.organizations.models import ApiKey, App, AuditEntry, Member, Organization, Role, User

_Row = TypeVar("_Row", bound=models.Model)

# What a leaked key is found by; secret scanners look for it, too.
KEY_PREFIX = "lh_"
_LOOKUP_LENGTH = 12
_SECRET_LENGTH = 40
# Of a new organization: a key for each dialect.
_FIRST_KEY_NAMES = {
    ApiKey.Kind.BASIC: "First API key",
    ApiKey.Kind.BEARER: "First API token",
    ApiKey.Kind.LIVEAPI: "First LiveAPI key",
    ApiKey.Kind.CLOUDINARY: "First Cloudinary key",
}
# Not revoked. Each may send as many requests as any other, and each new one has every key looked up anew.
API_KEYS_MAX = 1000
_REJECTED = "The API key is not valid here. Create one on the account page of the dashboard."


class ApiKeyRejectedError(DomainError):
    """Unknown, expired, revoked, of another kind or another organization: the answer does not tell which."""

    code = "authentication_failed"
    http_status = 401

    def __init__(self) -> None:
        super().__init__(_REJECTED)


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


class NewApiKey(NamedTuple):
    """A key with what programs show of it, which is stored nowhere: one text, or the password of a pair."""

    row: ApiKey
    secret: str


@dataclass(frozen=True)
class NewOrganization:
    """What `create_organization` made; the password and the keys' secrets are readable here and never again."""

    organization: Organization
    app: App
    owner: User
    password: str
    api_key: str
    api_token: str
    liveapi_key: NewApiKey
    cloudinary_key: NewApiKey


def record(
    *, organization: Organization | None, actor: Actor, action: str, target: models.Model, **detail: object
) -> None:
    """Write an audit entry; call it in the transaction of the change itself."""
    _entry(organization=organization, actor=actor, action=action, target=target, **detail).save(force_insert=True)


def _entry(
    *, organization: Organization | None, actor: Actor, action: str, target: models.Model, **detail: object
) -> AuditEntry:
    return AuditEntry(
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
    keys = _create_first_keys(organization)
    return NewOrganization(
        organization,
        app,
        owner,
        password,
        api_key=keys[ApiKey.Kind.BASIC].secret,
        api_token=keys[ApiKey.Kind.BEARER].secret,
        liveapi_key=keys[ApiKey.Kind.LIVEAPI],
        cloudinary_key=keys[ApiKey.Kind.CLOUDINARY],
    )


@transaction.atomic
def get_internal_app() -> App:
    """Return the app of LiveHub's own broadcasts, which is made when it is first needed.

    Nobody is a member of its organization, and it has no keys: nothing of it is in anybody's lists and quotas.
    """
    organization, is_new = Organization.objects.get_or_create(is_internal=True, defaults={"name": "LiveHub itself"})
    if not is_new:
        return App.objects.select_related("organization").get(organization=organization, is_default=True)
    app = App.objects.create(organization=organization, name="Default", is_default=True)
    events.publish(AppCreated(organization_id=organization.pk, app_id=app.pk, at=app.created_at, actor=SYSTEM))
    record(organization=organization, actor=SYSTEM, action="organization.created", target=organization)
    return app


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
) -> NewApiKey:
    """Create a key.

    One that is made by a program never gives more than the program's own: what is not asked for is as there.

    :raises ValidationFailedError: when the name is empty or unusable, a scope is unknown, or the expiry is past;
        or when it would give more than the key that asks for it, or the organization has enough keys.
    :raises ApiKeyRejectedError: when that key has been revoked, or has expired by now.
    """
    name, most = check_name(name), _most_to_give(actor)
    scopes = most.scopes if scopes is None else [scope for scope in ApiKey.Scope.values if scope in scopes]
    reach = _Reach(app or most.app, scopes, expires_at or most.expires_at)
    _check_new_key(organization, name=name, reach=reach, most=most)
    check_room(ApiKey.objects.filter(organization=organization, revoked_at=None), most=API_KEYS_MAX, noun="API keys")
    made = _draw_key(organization, name=name, kind=kind, reach=reach)
    made.row.save(force_insert=True)
    _entry_of_key(made.row, reach=reach, actor=actor).save(force_insert=True)
    return made


def _create_first_keys(organization: Organization) -> dict[ApiKey.Kind, NewApiKey]:
    """Create a key of each kind that opens everything, and return them by kind."""
    reach = _most_to_give(SYSTEM)
    made = {kind: _draw_key(organization, name=name, kind=kind, reach=reach) for kind, name in _FIRST_KEY_NAMES.items()}
    ApiKey.objects.bulk_create(key.row for key in made.values())
    AuditEntry.objects.bulk_create(_entry_of_key(key.row, reach=reach, actor=SYSTEM) for key in made.values())
    return made


def _draw_key(organization: Organization, *, name: str, kind: str, reach: "_Reach") -> NewApiKey:
    """Return a key that is yet to be saved."""
    lookup, secret = crypto.random_token(_LOOKUP_LENGTH), crypto.random_token(_SECRET_LENGTH)
    key = ApiKey(
        organization=organization,
        app=reach.app,
        name=name,
        kind=kind,
        lookup=lookup,
        secret_hash=crypto.hash_secret(secret),
        scopes=reach.scopes,
        expires_at=reach.expires_at,
    )
    return NewApiKey(key, secret if key.is_pair else f"{KEY_PREFIX}{lookup}_{secret}")


def _entry_of_key(key: ApiKey, *, reach: "_Reach", actor: Actor) -> AuditEntry:
    return _entry(
        organization=key.organization,
        actor=actor,
        action="api_key.created",
        target=key,
        name=key.name,
        kind=key.kind,
        **reach.described(),
    )


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


def check_room(rows: models.QuerySet[_Row], *, most: int, noun: str) -> None:
    """Check that there may be one more, give or take those that are made at this moment.

    :raises ValidationFailedError: when there are enough.
    """
    if rows.count() >= most:
        message = f"There are {most} {noun} already, which is the limit."
        raise ValidationFailedError(message, fields={"name": [message]})


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


@dataclass(frozen=True)
class _Reach:
    """What a key opens, and until when; without an app every one, without an end for ever."""

    app: App | None
    scopes: list[str]
    expires_at: datetime | None

    def is_reachable(self, app: App) -> bool:
        return self.app is None or self.app == app

    def described(self) -> dict[str, str]:
        """Return what the audit log says of it."""
        app = {"app": self.app.pk.hex} if self.app else {}
        end = {"expires_at": clock.isoformat(self.expires_at)} if self.expires_at else {}
        return {"scopes": ", ".join(self.scopes), **app, **end}


def _most_to_give(actor: Actor) -> _Reach:
    """Return what keys that the actor makes may open: a person's everything, a program's as much as its own."""
    if actor.api_key is None:
        return _Reach(None, list(ApiKey.Scope.values), None)
    # What was remembered of it may be a second old.
    own = ApiKey.objects.select_for_update(of=("self",), no_key=True).select_related("app").get(pk=actor.api_key.pk)
    if not own.is_usable(at=clock.now()):
        raise ApiKeyRejectedError
    return _Reach(own.app, own.scopes, own.expires_at)


def _check_new_key(organization: Organization, *, name: str, reach: _Reach, most: _Reach) -> None:
    fields: dict[str, list[str]] = {}
    if not name:
        fields["name"] = ["Give the key a name, so that you know later what uses it."]
    if not reach.scopes or set(reach.scopes) - set(most.scopes):
        fields["scopes"] = [f"Choose from {', '.join(most.scopes)}."]
    if reach.expires_at is not None and reach.expires_at <= clock.now():
        fields["expires_at"] = ["Choose a time in the future."]
    if most.expires_at is not None and (reach.expires_at or most.expires_at) > most.expires_at:
        fields["expires_at"] = [f"Choose a time up to {clock.isoformat(most.expires_at)}, when your own key expires."]
    app = reach.app
    if app is not None and (app.organization_id != organization.pk or not most.is_reachable(app)):
        # As for one that does not exist.
        fields["app_id"] = [f"No app {app.pk} in this account."]
    if fields:
        raise ValidationFailedError("The API key cannot be created.", fields=fields)
