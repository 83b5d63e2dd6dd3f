"""What clients may ask of apps and keys: query strings and bodies."""

from datetime import datetime
from typing import TypedDict

from rest_framework import serializers

from livehub.api.fields import BoundedListField, TextField
from livehub.api.paging import PageNumbers, PageQuery
from streams.organizations.models import ApiKey


class AppListParameters(PageNumbers):
    """A checked `AppListQuery`."""

    search: str
    sort_order: str


class AppListQuery(PageQuery):
    """Which apps, in which order. Source: Cloudflare RealtimeKit, GET .../apps."""

    search = serializers.CharField(default="", help_text="Part of the name.")
    sort_order = serializers.ChoiceField(
        choices=["ASC", "DESC", "DSC"], default="DESC", help_text="By time of creation; DSC and DESC mean the same."
    )


class AppBody(serializers.Serializer[None]):
    """What an app is called."""

    name = TextField(help_text="1 to 255 printable characters.")

    examples = {"name": "Autumn conference"}


class WantedKey(TypedDict, total=False):
    """A checked `ApiKeyBody`; what is not there is as with the key that asks."""

    name: str
    kind: str
    scopes: list[str]
    app_id: str | None
    expires_at: datetime | None


class ApiKeyBody(serializers.Serializer[None]):
    """A new key. It never gives more than the one that asks for it; what is left out is as there."""

    name = TextField(help_text="What uses it: 1 to 255 printable characters.")
    kind = serializers.ChoiceField(
        choices=ApiKey.Kind.values,
        default=ApiKey.Kind.BASIC.value,
        help_text="The dialect that it opens, and no other.",
    )
    scopes = BoundedListField(
        child=serializers.ChoiceField(choices=ApiKey.Scope.values),
        max_length=len(ApiKey.Scope),
        required=False,
        help_text="What it may do; left out, as much as your own key.",
    )
    app_id = TextField(
        required=False, allow_null=True, help_text="The one app that it reaches; null for all that your own key does."
    )
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="ISO 8601; null for as long as your own key."
    )

    examples = {"name": "Booking system", "app_id": None, "expires_at": "2027-11-21T20:00:00.000Z"}
