"""The REST API: one set of views, mounted once per dialect."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from livehub.api.dialect import Dialect
from livehub.api.schema import OpenApiDocument, SchemaView
from livehub.api.views import UnknownRouteView
from livehub.dialects import DIALECTS, DYTE, REALTIMEKIT
from streams.livestreams.api.routes import livehub_routes, vendor_routes
from streams.livestreams.api.serializers import DYTE_SHAPES, REALTIMEKIT_SHAPES


def _unknown_routes(dialect: Dialect) -> URLPattern:
    # Not a dot: a path may hold a line break, percent-encoded. Not (?s): `reverse` cannot read a URLconf that has it.
    return re_path(rf"^{dialect.wire.root}(/[\s\S]*)?\Z", UnknownRouteView.as_view(dialect=dialect))


_V2 = path("v2/", include(livehub_routes(DYTE, DYTE_SHAPES)))

urlpatterns: list[URLPattern | URLResolver] = [
    path("v2/schema", SchemaView.as_view(dialect=DYTE, document=OpenApiDocument([_V2]))),
    _V2,
    path(
        "client/v4/accounts/<str:account_id>/realtime/kit/<str:app_id>/",
        include(vendor_routes(REALTIMEKIT, REALTIMEKIT_SHAPES)),
    ),
    *(_unknown_routes(dialect) for dialect in DIALECTS),
]
