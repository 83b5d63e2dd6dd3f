"""Apps and keys on the wire."""

from datetime import datetime

from rest_framework import serializers

from livehub.api.dialect import JsonObject
from livehub.api.fields import InstantField
from livehub.core import clock
from streams.organizations.models import ApiKey, App
from streams.organizations.services import NewApiKey

_APP_ID = "0b6f7a52c1de4d0f9f6f0c6f7d1e2a3b"


class AppSerializer(serializers.Serializer[App]):
    """An app. Source: Cloudflare RealtimeKit; ids of at most 32 characters, as they stand in paths."""

    id = serializers.CharField(read_only=True, help_text="32 hexadecimal digits: `app_id` and `cloud_name` of paths.")
    name = serializers.CharField(read_only=True)
    created_at = InstantField()

    examples = {"id": _APP_ID, "name": "Autumn conference"}

    def to_representation(self, app: App) -> JsonObject:
        return {"id": app.pk.hex, "name": app.name, "created_at": clock.isoformat(app.created_at)}


class OneAppSerializer(serializers.Serializer[App]):
    """An app by name, as the vendor has it where there is one."""

    app = AppSerializer()

    def to_representation(self, app: App) -> JsonObject:
        return {"app": AppSerializer().to_representation(app)}


class ApiKeySerializer(serializers.Serializer[ApiKey]):
    """A key, without what it opens anything with."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    kind = serializers.ChoiceField(choices=ApiKey.Kind.values, help_text="The dialect that it opens.")
    key_id = serializers.CharField(
        read_only=True, help_text="What it is recognized by; for `liveapi` and `cloudinary` the user name."
    )
    app_id = serializers.CharField(read_only=True, allow_null=True, help_text="The one app that it reaches, or null.")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=ApiKey.Scope.values))
    expires_at = InstantField(allow_null=True)
    last_used_at = InstantField(allow_null=True, help_text="To about a minute; null when nobody has used it.")
    created_at = InstantField()

    examples: dict[str, object] = {"name": "Booking system", "key_id": "Zk3Qw9LxT2bN", "app_id": _APP_ID}

    def to_representation(self, api_key: ApiKey) -> JsonObject:
        return {
            "id": str(api_key.pk),
            "name": api_key.name,
            "kind": api_key.kind,
            "key_id": api_key.lookup,
            "app_id": api_key.app_id and api_key.app_id.hex,
            "scopes": api_key.scopes,
            "expires_at": _instant(api_key.expires_at),
            "last_used_at": _instant(api_key.last_used_at),
            "created_at": clock.isoformat(api_key.created_at),
        }


class NewApiKeySerializer(ApiKeySerializer):
    """A key that was made just now."""

    secret = serializers.CharField(
        read_only=True, help_text="Shown this once. For `basic` and `bearer` the whole key, else the password."
    )

    examples = {**ApiKeySerializer.examples, "secret": "lh_Zk3Qw9LxT2bN_…"}

    def to_representation(self, made: NewApiKey) -> JsonObject:  # type: ignore[override]  # Wraps one.
        return {**super().to_representation(made.row), "secret": made.secret}


class RevokedApiKeySerializer(serializers.Serializer[None]):
    id = serializers.UUIDField()
    message = serializers.CharField()


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else clock.isoformat(moment)
