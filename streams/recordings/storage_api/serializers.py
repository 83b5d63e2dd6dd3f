"""Storages on the wire; what opens them is told to nobody."""

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from streams.recordings.models import StorageTarget
from streams.recordings.models.storage import AuthMethod, StorageType


def _text(help_text: str = "") -> serializers.CharField:
    return serializers.CharField(read_only=True, allow_null=True, help_text=help_text)


class StorageCheckSerializer(serializers.Serializer[StorageTarget]):
    """What came of trying a storage last."""

    checked_at = InstantField(allow_null=True, help_text="Null: not tried since it was made or changed.")
    is_usable = serializers.BooleanField(help_text="A small object was written, read and deleted.")
    code = _text("Why not, as a word for programs; null when all was well.")
    problem = _text("Why not, and what to do, for people.")

    def to_representation(self, target: StorageTarget) -> JsonObject:
        return {
            "checked_at": target.checked_at and clock.isoformat(target.checked_at),
            "is_usable": target.is_usable,
            "code": target.check_code or None,
            "problem": target.check_problem or None,
        }


class StorageTargetSerializer(serializers.Serializer[StorageTarget]):
    """A storage that recordings can be kept in."""

    examples = {"name": "Films", "type": "aws", "bucket": "films", "region": "eu-central-1", "path": "shows"}

    id = serializers.UUIDField()
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=StorageType.choices)
    is_default = serializers.BooleanField(help_text="The app's recordings are kept here where nothing else is said.")
    bucket = _text()
    region = _text()
    endpoint = _text()
    path = _text()
    host = _text()
    port = serializers.IntegerField(allow_null=True)
    username = _text()
    auth_method = serializers.ChoiceField(choices=AuthMethod.values, allow_null=True)
    host_key = _text("Of sftp: the server's public key; no other server is taken for it.")
    check = StorageCheckSerializer()
    created_at = InstantField()
    updated_at = InstantField()

    def to_representation(self, target: StorageTarget) -> JsonObject:
        texts = ("bucket", "region", "endpoint", "path", "host", "username", "auth_method", "host_key")
        return {
            "id": str(target.pk),
            "name": target.name,
            "type": target.type,
            "is_default": target.is_default,
            **{name: getattr(target, name) or None for name in texts},
            "port": target.port if target.type == StorageType.SFTP else None,
            "check": StorageCheckSerializer().to_representation(target),
            "created_at": clock.isoformat(target.created_at),
            "updated_at": clock.isoformat(target.updated_at),
        }


class DeletedStorageTargetSerializer(serializers.Serializer[None]):
    id = serializers.UUIDField()
    message = serializers.CharField()
