from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from livehub import health
from streams.account.views import AdminLoginView

handler500 = "livehub.outage.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("", include("livehub.api_urls")),
    path("admin/login/", AdminLoginView.as_view()),
    path("admin/", admin.site.urls),
    path("internal/ingest/", include("streams.ingest.urls")),
    path("", include("streams.urls")),
]
