"""Where the operations of recordings live below a dialect's prefix."""

from django.urls import URLPattern, path

from livehub.api.dialect import Dialect
from streams.livestreams.api.serializers import LivestreamShapes
from streams.recordings.api import clip_views, cloudinary, liveapi, views

_ALL = "livestreams/<str:livestream_id>/recordings"
_ONE = f"{_ALL}/<str:recording_id>"


def livehub_routes(dialect: Dialect, shapes: LivestreamShapes) -> list[URLPattern]:
    """Return what LiveHub has beyond the vendors."""
    given = {"dialect": dialect, "shapes": shapes}
    return [
        path(_ALL, views.LivestreamRecordingsView.as_view(**given)),
        path(f"{_ALL}/from-window", clip_views.WindowRecordingApiView.as_view(**given)),
        path("livestreams/<str:livestream_id>/clips", clip_views.LivestreamClipsApiView.as_view(**given)),
        path("recordings/<str:recording_id>/clips", clip_views.RecordingClipsApiView.as_view(**given)),
        path("clips", clip_views.ClipsApiView.as_view(**given)),
        path("clips/<str:clip_id>", clip_views.OneClipApiView.as_view(**given)),
        path(_ONE, views.LivestreamRecordingView.as_view(**given)),
        path(f"{_ONE}/stop", views.StopLivestreamRecordingView.as_view(**given)),
        path(f"{_ONE}/pause", views.PauseLivestreamRecordingView.as_view(**given)),
        path(f"{_ONE}/resume", views.ResumeLivestreamRecordingView.as_view(**given)),
        path("livestreams/<str:livestream_id>/recording-settings", views.RecordingSettingsView.as_view(**given)),
    ]


def liveapi_routes(dialect: Dialect) -> list[URLPattern]:
    """Return what LiveAPI has of recordings."""
    all_of_one = "live_streams/<str:stream_id>/temporary_recordings"
    return [
        path(all_of_one, liveapi.LiveApiRecordingsView.as_view(dialect=dialect)),
        path(f"{all_of_one}/<str:temporary_recording_id>", liveapi.LiveApiRecordingView.as_view(dialect=dialect)),
        path("videos", liveapi.LiveApiVideosView.as_view(dialect=dialect)),
        path("videos/<str:video_id>", liveapi.LiveApiVideoView.as_view(dialect=dialect)),
    ]


def cloudinary_routes(dialect: Dialect) -> list[URLPattern]:
    """Return what Cloudinary has of what is kept: video assets, as its Admin API calls them."""
    return [
        path("resources/video/upload", cloudinary.CloudinaryAssetsView.as_view(dialect=dialect)),
        # A public id may have slashes in it.
        path("resources/video/upload/<path:public_id>", cloudinary.CloudinaryAssetView.as_view(dialect=dialect)),
    ]
