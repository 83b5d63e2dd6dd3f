"""What clients may say of storages."""

from collections.abc import Mapping
from typing import ClassVar, cast

from rest_framework import serializers

from livehub.api.fields import FlagField, TextField
from streams.recordings.models.storage import AuthMethod, StorageType
from streams.recordings.storage_services import StorageChanges


def _text(help_text: str) -> TextField:
    return TextField(required=False, allow_null=True, help_text=help_text)


def _secret(help_text: str) -> TextField:
    field = _text(f"{help_text} Kept encrypted, and told to nobody again.")
    field.write_only = True
    return field


class StorageTargetChangesBody(serializers.Serializer[None]):
    """What may be changed of a storage; whatever is left out stays. Null and empty are the same."""

    examples: ClassVar[Mapping[str, object]] = {"name": "Films", "bucket": "films", "path": "shows", "is_default": True}

    name = _text("1 to 255 printable characters.")
    is_default = FlagField(
        required=False,
        help_text="Keep the app's recordings here of which nothing else is said: by the call, the meeting, or the "
        "livestream. One of the app's storages at most.",
    )
    bucket = _text("The bucket; of azure the container.")
    region = _text("Of aws and digitalocean, such as eu-central-1.")
    endpoint = _text("The API's address. s3 and cloudflare need it.")
    path = _text("Put before the names of recordings; of sftp the folder.")
    host = _text("Of sftp: the server.")
    port = serializers.IntegerField(required=False, min_value=1, max_value=65_535, help_text="Of sftp; by default 22.")
    username = _text("Of sftp.")
    auth_method = serializers.ChoiceField(choices=AuthMethod.values, required=False, help_text="Of sftp.")
    host_key = _text("Of sftp: the server's public key as OpenSSH writes it. Left out, the one that it shows first.")
    access_key = _secret("The access key's id; of azure the connection string.")
    secret = _secret("The access key's secret; of gcs a service account's key in JSON.")
    secret_key = _secret("Another name of secret.")
    password = _secret("Of sftp with PASSWORD.")
    private_key = _secret("Of sftp with KEY, without a passphrase.")


class StorageTargetBody(StorageTargetChangesBody):
    """A storage that recordings can be kept in."""

    examples = {
        "name": "Films",
        "type": "aws",
        "bucket": "films",
        "region": "eu-central-1",
        "path": "shows",
        "access_key": "AKIAEXAMPLE",
        "secret": "example",
    }

    name = TextField(help_text="1 to 255 printable characters.")
    type = serializers.ChoiceField(choices=StorageType.choices, help_text="Whose storage it is; it stays.")


def changes_of(values: Mapping[str, object]) -> StorageChanges:
    """Return a checked body as the services take it, to whom nothing is empty text; without the type."""
    changes = {name: "" if value is None else value for name, value in values.items() if name != "type"}
    if "secret_key" in changes:
        changes.setdefault("secret", changes["secret_key"])
        del changes["secret_key"]
    return cast(StorageChanges, changes)
