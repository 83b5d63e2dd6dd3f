"""Where the livestream operations live below a dialect's prefix."""

from django.urls import URLPattern, path

from livehub.api.dialect import Dialect
from streams.livestreams.api import broadcasts, health, slates, timeline, viewers, views
from streams.livestreams.api.outputs import views as outputs
from streams.livestreams.api.playback import views as playback
from streams.livestreams.api.serializers import LivestreamShapes

_ONE = "livestreams/<str:livestream_id>"


def vendor_routes(dialect: Dialect, shapes: LivestreamShapes) -> list[URLPattern]:
    """Return what the vendors have."""
    return [
        *_common_routes(dialect, shapes),
        path(_ONE, views.LivestreamView.as_view(dialect=dialect, shapes=shapes)),
    ]


def livehub_routes(dialect: Dialect, shapes: LivestreamShapes) -> list[URLPattern]:
    """Return what the vendors have, and what LiveHub has beyond them."""
    return [
        *_common_routes(dialect, shapes),
        path(f"{_ONE}/sessions", views.LivestreamSessionsView.as_view(dialect=dialect, shapes=shapes)),
        path(f"{_ONE}/activate", broadcasts.ActivateLivestreamView.as_view(dialect=dialect, shapes=shapes)),
        path(f"{_ONE}/idle", broadcasts.IdleLivestreamView.as_view(dialect=dialect, shapes=shapes)),
        path(f"{_ONE}/end", broadcasts.EndBroadcastView.as_view(dialect=dialect, shapes=shapes)),
        path(f"{_ONE}/let-in", broadcasts.LetEncoderInView.as_view(dialect=dialect, shapes=shapes)),
        path(f"{_ONE}/health", health.LivestreamHealthView.as_view(dialect=dialect, shapes=shapes)),
        path(f"{_ONE}/slate", slates.SlateView.as_view(dialect=dialect, shapes=shapes)),
        path("livestreams/sessions/<str:session_id>/events", timeline.SessionEventsView.as_view(dialect=dialect)),
        path(f"{_ONE}/outputs", outputs.OutputsView.as_view(dialect=dialect, shapes=shapes)),
        path(f"{_ONE}/outputs/<str:output_id>", outputs.OutputView.as_view(dialect=dialect, shapes=shapes)),
        path(f"{_ONE}/outputs/<str:output_id>/retry", outputs.RetryOutputView.as_view(dialect=dialect, shapes=shapes)),
        path(
            f"{_ONE}/outputs/<str:output_id>/events", outputs.OutputEventsView.as_view(dialect=dialect, shapes=shapes)
        ),
        path(f"{_ONE}/playback-tokens", playback.PlaybackTokensView.as_view(dialect=dialect, shapes=shapes)),
        path(f"{_ONE}/viewers", viewers.LivestreamViewersView.as_view(dialect=dialect)),
        path(f"{_ONE}/viewers/<str:viewer_id>", playback.ViewerView.as_view(dialect=dialect, shapes=shapes)),
        path("playback-keys", playback.PlaybackKeysView.as_view(dialect=dialect)),
        path("playback-keys/rotate", playback.RotatePlaybackKeyView.as_view(dialect=dialect)),
        path(_ONE, views.EditableLivestreamView.as_view(dialect=dialect, shapes=shapes)),
    ]


def _common_routes(dialect: Dialect, shapes: LivestreamShapes) -> list[URLPattern]:
    given = {"dialect": dialect, "shapes": shapes}
    return [
        path("livestreams", views.LivestreamsView.as_view(**given)),
        # Before those of one livestream: "sessions" is no id.
        path("livestreams/sessions/<str:session_id>", views.SessionView.as_view(**given)),
        path(f"{_ONE}/active-livestream-session", views.ActiveSessionView.as_view(**given)),
        path(f"{_ONE}/enable", views.EnableLivestreamView.as_view(**given)),
        path(f"{_ONE}/disable", views.DisableLivestreamView.as_view(**given)),
        path(f"{_ONE}/reset-stream-key", views.ResetStreamKeyView.as_view(**given)),
    ]
