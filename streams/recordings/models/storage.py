"""Storages of an app's own that recordings can be kept in."""

import json
import uuid
from collections.abc import Mapping
from typing import Self

from django.db import models
from django.db.models import Q

from livehub.core import crypto
from livehub.core.names import NAME_MAX_LENGTH
from streams.organizations.models import App

# Characters. Secrets are kept encrypted, and so have no column's limit.
TEXT_MAX_LENGTH, PATH_MAX_LENGTH, SECRET_MAX_LENGTH = 255, 1024, 16_384
SECRETS = ("access_key", "secret", "password", "private_key")


class StorageType(models.TextChoices):
    """Whose language a storage speaks. Source: RealtimeKit, storage_config; S3 and any endpoint of it are ours."""

    AWS = "aws", "Amazon S3"
    AZURE = "azure", "Azure Blob Storage"
    CLOUDFLARE = "cloudflare", "Cloudflare R2"
    DIGITALOCEAN = "digitalocean", "DigitalOcean Spaces"
    GCS = "gcs", "Google Cloud Storage"
    S3 = "s3", "Another storage that speaks S3"
    SFTP = "sftp", "SFTP server"


class AuthMethod(models.TextChoices):
    """By what an SFTP server knows us."""

    KEY = "KEY", "Private key"
    PASSWORD = "PASSWORD", "Password"


class StorageTargetQuerySet(models.QuerySet["StorageTarget"]):
    def existing(self) -> Self:
        return self.filter(deleted_at=None)

    def for_app(self, app: App) -> Self:
        """Keep those that the app's lists have."""
        return self.existing().filter(app=app, is_inline=False)


class StorageTarget(models.Model):
    """A storage, what opens it, and whether it could be written to when that was tried last.

    What its type has no use for is empty.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="storage_targets")
    name = models.CharField(max_length=NAME_MAX_LENGTH)
    type = models.CharField(max_length=16, choices=StorageType.choices, editable=False)
    # Azure's container, too.
    bucket = models.CharField(max_length=TEXT_MAX_LENGTH, blank=True)
    region = models.CharField(max_length=TEXT_MAX_LENGTH, blank=True)
    endpoint = models.CharField(max_length=PATH_MAX_LENGTH, blank=True)
    host = models.CharField(max_length=TEXT_MAX_LENGTH, blank=True)
    port = models.PositiveIntegerField(default=22)
    # Put before the names of recordings: of SFTP the folder, else a prefix.
    path = models.CharField(max_length=PATH_MAX_LENGTH, blank=True)
    username = models.CharField(max_length=TEXT_MAX_LENGTH, blank=True)
    auth_method = models.CharField(max_length=16, choices=AuthMethod.choices, blank=True)
    # Of SFTP, in OpenSSH's notation: the one that was given, or that the server showed first.
    host_key = models.TextField(blank=True)
    secrets_encrypted = models.TextField(blank=True, editable=False)
    # Told with one recording, and of that alone: in no list.
    is_inline = models.BooleanField(default=False, db_default=False, editable=False)
    # Where the app's recordings are kept of which nothing else is said.
    is_default = models.BooleanField(default=False, db_default=False)

    # The last try: when, and why it failed; both empty before the first, no code when all was well.
    checked_at = models.DateTimeField(null=True, editable=False)
    check_code = models.CharField(max_length=32, blank=True, editable=False)
    check_problem = models.TextField(blank=True, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = StorageTargetQuerySet.as_manager()

    class Meta:
        indexes = [
            # An app's list.
            models.Index(fields=["app", "created_at", "id"], condition=Q(deleted_at=None), name="storage_target_list"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["app"], condition=Q(is_default=True, deleted_at=None), name="one_default_storage_of_an_app"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def secrets(self) -> Mapping[str, str]:
        """What opens it, by the names of `SECRETS`; empty ones are left out.

        :raises UndecryptableSecretError: when the encryption key that it was stored with is gone.
        """
        found: dict[str, str] = json.loads(crypto.decrypt(self.secrets_encrypted)) if self.secrets_encrypted else {}
        return found

    @secrets.setter
    def secrets(self, secrets: Mapping[str, str]) -> None:
        kept = {name: secret for name, secret in secrets.items() if secret}
        self.secrets_encrypted = crypto.encrypt(json.dumps(kept)) if kept else ""

    @property
    def address(self) -> str:
        """Where it is, as people tell storages apart."""
        place = self.host if self.type == StorageType.SFTP else self.bucket
        return f"{place}/{self.path.strip('/')}" if self.path.strip("/") else place

    @property
    def is_usable(self) -> bool:
        """Tell whether it could be written to when that was tried last."""
        return self.checked_at is not None and not self.check_code
