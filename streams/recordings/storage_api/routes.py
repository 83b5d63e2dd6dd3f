"""Where the operations of storages live below `/v2`."""

from django.urls import URLPattern, path

from livehub.api.dialect import Dialect
from streams.recordings.storage_api import views

_ONE = "storage-targets/<str:storage_target_id>"


def livehub_routes(dialect: Dialect) -> list[URLPattern]:
    """Return what LiveHub has beyond the vendors."""
    return [
        path("storage-targets", views.StorageTargetsView.as_view(dialect=dialect)),
        path(_ONE, views.StorageTargetView.as_view(dialect=dialect)),
        path(f"{_ONE}/test", views.StorageTargetTestView.as_view(dialect=dialect)),
    ]
