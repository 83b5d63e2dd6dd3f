"""Where Cloudinary's operations live below its prefix."""

from django.urls import URLPattern, path

from livehub.api.dialect import Dialect
from streams.livestreams.api.cloudinary import views

_ONE = "live_streams/<str:live_stream_id>"


def routes(dialect: Dialect) -> list[URLPattern]:
    """Return what the vendor has of live streams."""
    return [
        path("live_streams", views.LiveStreamsView.as_view(dialect=dialect)),
        path(_ONE, views.LiveStreamView.as_view(dialect=dialect)),
        path(f"{_ONE}/activate", views.ActivateView.as_view(dialect=dialect)),
        path(f"{_ONE}/idle", views.IdleView.as_view(dialect=dialect)),
        path(f"{_ONE}/outputs", views.OutputsView.as_view(dialect=dialect)),
        path(f"{_ONE}/outputs/<str:live_stream_output_id>", views.OutputView.as_view(dialect=dialect)),
    ]
