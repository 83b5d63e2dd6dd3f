from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from analytics.edges import TOLD_BY_EDGES, edge_token, told_by_edge
from livehub import health
from livehub.docs import dyte_docs
from streams.account.views import AdminLoginView
from streams.livestreams.permission_views import playback_places, playback_rules
from streams.meetings.api.public_keys import published_keys
from streams.recordings import file_views as recorded
from streams.system.metrics import metrics
from webhooks.public_keys import published_key

handler500 = "livehub.outage.server_error"


def _nothing(request: HttpRequest) -> HttpResponse:
    """Answer our own nginx without a page: nothing is said there of what a browser may do with one."""
    return HttpResponse(status=404)


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics),
    path(".well-known/jwks.json", published_keys),
    path(".well-known/webhooks.json", published_key),
    *(path(f"edges/{what}", told_by_edge, {"what": what}) for what in TOLD_BY_EDGES),
    path("v2/docs", dyte_docs),
    path("", include("livehub.api_urls")),
    path("docs/api/", include("livehub.docs")),
    # Staff come in by the same door as everybody, second factor and all.
    path("admin/login/", AdminLoginView.as_view()),
    path("admin/password_change/", RedirectView.as_view(pattern_name="streams:password_change")),
    path("admin/", admin.site.urls),
    path("internal/ingest/", include("streams.ingest.urls")),
    path("internal/edge-token", edge_token),
    path("internal/playback/rules", playback_rules),
    path("internal/playback/places", playback_places),
    path("internal/recorded/<str:playback_id>/recordings/index.m3u8", recorded.newest_played),
    path("internal/recorded/<str:playback_id>/recordings/<uuid:recording_id>/<path:name>", recorded.played_file),
    re_path(r"^(?:edges|internal)(?:/|\Z)", _nothing),
    path("", include("streams.urls")),
    path("", include("analytics.urls")),
    path("", include("webhooks.urls")),
]
