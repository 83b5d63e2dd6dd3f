"""Where the operations on figures live below a dialect's prefix."""

from django.urls import URLPattern, path

from analytics.api import breakdown_views, report_views, views
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
    return [
        *vendor_routes(dialect),
        path("analytics/livestreams", breakdown_views.BreakdownView.as_view(dialect=dialect)),
        path("livestreams/sessions/<str:session_id>/report", report_views.SessionReportView.as_view(dialect=dialect)),
        path("analytics/livestreams.csv", breakdown_views.BreakdownFileView.as_view(dialect=dialect)),
    ]
