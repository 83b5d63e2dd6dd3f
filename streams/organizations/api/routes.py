"""Where apps and keys live below a dialect's prefix."""

from django.urls import URLPattern, path

from livehub.api.dialect import Dialect
from streams.organizations.api import views


def vendor_routes(dialect: Dialect) -> list[URLPattern]:
    """Return what the vendors have."""
    return [path("apps", views.AppsView.as_view(dialect=dialect))]


def livehub_routes(dialect: Dialect) -> list[URLPattern]:
    """Return what the vendors have, and what LiveHub has beyond them."""
    return [
        *vendor_routes(dialect),
        path("apps/<str:app_id>", views.AppView.as_view(dialect=dialect)),
        path("api-keys", views.ApiKeysView.as_view(dialect=dialect)),
        path("api-keys/<str:api_key_id>", views.ApiKeyView.as_view(dialect=dialect)),
    ]
