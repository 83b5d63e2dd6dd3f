from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("internal/ingest/", include("streams.ingest.urls")),
]
