"""Where the operations of self-tests live below `/v2`."""

from django.urls import URLPattern, path

from livehub.api.dialect import Dialect
from streams.self_tests.api import views


def livehub_routes(dialect: Dialect) -> list[URLPattern]:
    """Return what LiveHub has beyond the vendors."""
    return [
        path("self-tests", views.SelfTestsView.as_view(dialect=dialect)),
        path("self-tests/<str:self_test_id>", views.SelfTestView.as_view(dialect=dialect)),
    ]
