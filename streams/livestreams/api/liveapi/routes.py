"""Where LiveAPI's operations live below its prefix."""

from django.urls import URLPattern, path

from livehub.api.dialect import Dialect
from streams.livestreams.api.liveapi import views

_ONE = "live_streams/<str:stream_id>"


def routes(dialect: Dialect) -> list[URLPattern]:
    """Return what the vendor has of live streams."""
    return [
        path("live_streams", views.LiveApiStreamsView.as_view(dialect=dialect)),
        path(_ONE, views.LiveApiStreamView.as_view(dialect=dialect)),
        path(f"{_ONE}/platforms", views.LiveApiPlatformsView.as_view(dialect=dialect)),
        path(f"{_ONE}/platforms/<str:platform_id>", views.LiveApiPlatformView.as_view(dialect=dialect)),
    ]
