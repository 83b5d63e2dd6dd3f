"""Where the operations on figures live below a dialect's prefix."""

from django.urls import URLPattern, path

from analytics.api import views
from livehub.api.dialect import Dialect


def vendor_routes(dialect: Dialect) -> list[URLPattern]:
    """Return what the vendors have."""
    return [
        path("analytics/livestreams/overall", views.LivestreamTotalsView.as_view(dialect=dialect)),
        path("analytics/livestreams/daywise", views.LivestreamDaysView.as_view(dialect=dialect)),
        path("analytics/daywise", views.AppTotalsView.as_view(dialect=dialect)),
    ]


def livehub_routes(dialect: Dialect) -> list[URLPattern]:
    """Return what the vendors have, and what LiveHub has beyond them."""
    return vendor_routes(dialect)
