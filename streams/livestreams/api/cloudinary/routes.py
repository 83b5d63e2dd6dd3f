"""Where Cloudinary's operations live below its prefix."""

from django.urls import URLPattern, path

from livehub.api.dialect import Dialect
from streams.livestreams.api.cloudinary import views

_ONE = "live_streams/<str:live_stream_id>"


def routes(dialect: Dialect) -> list[URLPattern]:
    """Return what the vendor has of live streams."""
    return [
        path("live_streams", views.CloudinaryStreamsView.as_view(dialect=dialect)),
        path(_ONE, views.CloudinaryStreamView.as_view(dialect=dialect)),
        path(f"{_ONE}/activate", views.CloudinaryActivateView.as_view(dialect=dialect)),
        path(f"{_ONE}/idle", views.CloudinaryIdleView.as_view(dialect=dialect)),
        path(f"{_ONE}/outputs", views.CloudinaryOutputsView.as_view(dialect=dialect)),
        path(f"{_ONE}/outputs/<str:live_stream_output_id>", views.CloudinaryOutputView.as_view(dialect=dialect)),
    ]
