"""The REST API: one set of views, mounted once per dialect."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, include, path, re_path

from analytics.api import routes as analytics
from livehub.api.dialect import Dialect
from livehub.api.schema import OpenApiDocument, SchemaView
from livehub.api.views import UnknownRouteView
from livehub.dialects import CLOUDINARY, DIALECTS, DYTE, LIVEAPI, REALTIMEKIT
from streams.livestreams.api.cloudinary.routes import routes as cloudinary_routes
from streams.livestreams.api.liveapi.routes import routes as liveapi_routes
from streams.livestreams.api.routes import livehub_routes, vendor_routes
from streams.livestreams.api.serializers import DYTE_SHAPES, REALTIMEKIT_SHAPES
from streams.meetings.api import routes as meetings
from streams.meetings.api.serializers import DYTE_MEETING_SHAPES, REALTIMEKIT_MEETING_SHAPES
from streams.organizations.api import routes as organizations
from streams.recordings.api import routes as recordings
from streams.recordings.storage_api.routes import livehub_routes as storage_routes
from streams.self_tests.api.routes import livehub_routes as self_test_routes
from webhooks.api import routes as webhooks
from webhooks.api.serializers import DYTE_WEBHOOK_SHAPES, REALTIMEKIT_WEBHOOK_SHAPES

_Route = URLPattern | URLResolver

_V2: list[_Route] = [
    *livehub_routes(DYTE, DYTE_SHAPES),
    *meetings.routes(DYTE, DYTE_MEETING_SHAPES),
    *organizations.livehub_routes(DYTE),
    *recordings.livehub_routes(DYTE, DYTE_SHAPES),
    *self_test_routes(DYTE),
    *storage_routes(DYTE),
    *analytics.livehub_routes(DYTE),
    *webhooks.livehub_routes(DYTE, DYTE_WEBHOOK_SHAPES),
]
_REALTIMEKIT: list[_Route] = [
    *vendor_routes(REALTIMEKIT, REALTIMEKIT_SHAPES),
    *meetings.routes(REALTIMEKIT, REALTIMEKIT_MEETING_SHAPES),
    *analytics.vendor_routes(REALTIMEKIT),
    *webhooks.vendor_routes(REALTIMEKIT, REALTIMEKIT_WEBHOOK_SHAPES),
]
# Where the description lies, and what it describes.
_MOUNTED: dict[Dialect, tuple[str, list[_Route]]] = {
    DYTE: ("v2/schema", [path("v2/", include(_V2))]),
    REALTIMEKIT: (
        "client/v4/schema",
        [
            path(
                "client/v4/accounts/<str:account_id>/realtime/kit/",
                include(organizations.vendor_routes(REALTIMEKIT)),
            ),
            path(
                "client/v4/accounts/<str:account_id>/realtime/kit/<str:app_id>/",
                include(_REALTIMEKIT),
            ),
        ],
    ),
    LIVEAPI: (
        "liveapi/schema",
        [path("liveapi/", include([*liveapi_routes(LIVEAPI), *recordings.liveapi_routes(LIVEAPI)]))],
    ),
    CLOUDINARY: (
        "cloudinary/schema",
        [
            path(
                "cloudinary/v2/video/<str:cloud_name>/",
                include([*cloudinary_routes(CLOUDINARY), *recordings.cloudinary_routes(CLOUDINARY)]),
            )
        ],
    ),
}


def _routes(dialect: Dialect) -> Iterator[_Route]:
    schema, routes = _MOUNTED[dialect]
    document = OpenApiDocument(dialect, routes)
    yield path(schema, SchemaView.as_view(dialect=dialect, document=document), name=f"schema-{dialect.wire.name}")
    yield from routes
    # Not a dot: a path may hold a line break, percent-encoded. Not (?s): `reverse` cannot read a URLconf that has it.
    yield re_path(rf"^{dialect.wire.root}(/[\s\S]*)?\Z", UnknownRouteView.as_view(dialect=dialect))


urlpatterns: list[_Route] = [route for dialect in DIALECTS for route in _routes(dialect)]
