"""Who uses this instance: organizations, their apps, their people and the keys of their programs."""

import uuid
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


class UserManager(BaseUserManager["User"]):
    """Makes people who log in with their e-mail address."""

    def create_user(
        self, email: str, password: str, *, name: str = "", is_staff: bool = False, is_superuser: bool = False
    ) -> "User":
        user = User(email=self.normalize_email(email).lower(), name=name, is_staff=is_staff, is_superuser=is_superuser)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str, *, name: str = "") -> "User":
        return self.create_user(email, password, name=name, is_staff=True, is_superuser=True)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person. `is_staff` is support staff of the instance, not a role in an organization."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=255, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email"

    class Meta:
        constraints = [
            # Addresses are stored in lower case; this keeps two spellings of one from being two people.
            models.UniqueConstraint(Lower("email"), name="user_email_unique_in_any_case"),
        ]

    def __str__(self) -> str:
        return self.email


class Organization(models.Model):
    """A tenant. The vendors call it account; its id travels as 32 hex digits."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255)
    # Quotas of its own; None for what the settings say.
    max_sessions = models.PositiveIntegerField(null=True, editable=False)
    max_livestreams = models.PositiveIntegerField(null=True, editable=False)
    max_broadcast_kbps = models.PositiveIntegerField(null=True, editable=False)
    # Of LiveHub's own broadcasts, such as a self-test's: nobody is its member, and nobody counts it.
    is_internal = models.BooleanField(default=False, db_default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_internal"], condition=Q(is_internal=True), name="organization_one_internal"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class App(models.Model):
    """A part of an organization; every resource belongs to one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="apps")
    name = models.CharField(max_length=255)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization"], condition=Q(is_default=True), name="app_one_default_per_organization"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


class Member(models.Model):
    """A person's place in an organization."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    # When the person last chose to look at this organization rather than at another one.
    chosen_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="member_once_per_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} as {self.role}"

    @property
    def is_owner(self) -> bool:
        """May manage owners, and make reset links."""
        return self.role == Role.OWNER

    @property
    def can_see_system(self) -> bool:
        """May see what concerns the whole instance: its machines, and strangers at its doors.

        An owner may where nobody else is concerned, which `list_memberships` reads along.
        """
        return self.user.is_staff or (self.is_owner and bool(vars(self).get("is_alone")))

    @property
    def can_operate(self) -> bool:
        """May create, change and end livestreams."""
        return self.role in {Role.OWNER, Role.ADMIN, Role.OPERATOR}

    @property
    def can_administer(self) -> bool:
        """May manage members, apps and API keys."""
        return self.role in {Role.OWNER, Role.ADMIN}


class Invitation(models.Model):
    """A link that makes somebody a member, once; it is signed, and all else stands here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    # In lower case, as people are stored.
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Role.choices)
    made_by = models.ForeignKey(User, on_delete=models.SET_NULL, related_name="+", null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=Q(accepted_at=None, withdrawn_at=None),
                name="invitation_one_open_per_address",
            ),
        ]

    def __str__(self) -> str:
        return f"invitation of {self.email} as {self.role}"

    def is_usable(self, *, at: datetime) -> bool:
        """Tell whether the link opens anything at that moment."""
        return self.accepted_at is None and self.withdrawn_at is None and at < self.expires_at


class ApiKey(models.Model):
    """A program's credential for one dialect, and no other; its secret is shown once, and stored as a hash.

    `basic` and `bearer` keys are one text, `lh_<lookup>_<secret>`; the others a pair, with `lookup` as the user name.
    """

    class Kind(models.TextChoices):
        BASIC = "basic", "Dyte v2"
        BEARER = "bearer", "RealtimeKit"
        LIVEAPI = "liveapi", "LiveAPI"
        CLOUDINARY = "cloudinary", "Cloudinary"

    class Scope(models.TextChoices):
        READ = "read"
        LIVESTREAMS = "livestreams"
        MEETINGS = "meetings"
        WEBHOOKS = "webhooks"
        # Apps, and keys.
        ADMIN = "admin"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="api_keys")
    # Without one the key reaches every app of the organization.
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="api_keys", null=True, blank=True)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    lookup = models.CharField(max_length=12, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=32, choices=Scope.choices))
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint})"

    @property
    def is_pair(self) -> bool:
        """Whether programs show it as a user name and a password, rather than as one text."""
        return self.kind in {self.Kind.LIVEAPI, self.Kind.CLOUDINARY}

    @property
    def hint(self) -> str:
        """What the key is recognized by; it opens nothing."""
        return self.lookup if self.is_pair else f"lh_{self.lookup}_…"

    def is_usable(self, *, at: datetime) -> bool:
        """Tell whether the key opens anything at that moment."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class CredentialRevision(models.Model):
    """One row; triggers give it another revision with every change of a key or of what keys reach. At first none."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    # Not a count: after a rollback or a restored backup it would come to the same number by another way.
    revision = models.UUIDField(editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="credential_revision_is_one_row"),
        ]

    def __str__(self) -> str:
        return str(self.revision)


class AttemptBudget(models.Model):
    """What is spent of a budget of tries (`attempts`): a moment, up to which those that were made count."""

    # A hash of whose it is.
    key = models.CharField(max_length=64, primary_key=True, editable=False)
    spent_until = models.DateTimeField(editable=False)

    class Meta:
        indexes = [
            # Those that are whole again are removed.
            models.Index(fields=["spent_until"], name="attempt_budget_by_end"),
        ]

    def __str__(self) -> str:
        return self.key


class KeptAnswer(models.Model):
    """What a program was answered under an Idempotency-Key: encrypted, for answers hold stream keys and tokens."""

    id = models.BigAutoField(primary_key=True)
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", editable=False)
    key = models.CharField(max_length=255, editable=False)
    # SHA-256 of the address and the body.
    fingerprint = models.BinaryField(max_length=32)
    # 0 within the transaction that finds the answer; nobody else sees that.
    http_status = models.PositiveSmallIntegerField(editable=False)
    body = models.TextField(editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["api_key", "key"], name="kept_answer_once_per_key"),
        ]
        indexes = [
            # The sweep.
            models.Index(fields=["created_at"], name="kept_answer_by_age"),
        ]

    def __str__(self) -> str:
        return f"answer to {self.key}"


class AuditEntry(models.Model):
    """Who did what: written with the change itself, never changed (a trigger refuses it)."""

    id = models.BigAutoField(primary_key=True)
    # None: a try to log in as somebody who has none, or whom nobody knows.
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, related_name="audit_entries")
    # Exactly one of the two acted, or neither: then it was the system or an administrator's command.
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, related_name="+")
    # Where from, as far as that is known.
    address = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=64)
    target_type = models.CharField(max_length=32)
    # None for what we do not have, such as an account that somebody tried.
    target_id = models.UUIDField(null=True)
    detail = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            # The audit log of an organization, newest first.
            models.Index(fields=["organization", "-id"], name="audit_by_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_id}"
