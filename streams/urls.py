"""The dashboard's addresses. Integrators' are in the dialects; nobody but a person with a browser comes here."""

from collections.abc import Callable
from typing import cast

from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from streams.account import views as account
from streams.livestreams import set_up_views as set_up
from streams.livestreams import views as livestreams
from streams.livestreams.consumers import (
    FragmentConsumer,
    LivestreamConsumer,
    LivestreamListConsumer,
    OverviewConsumer,
    SessionConsumer,
)

app_name = "streams"
_LIVESTREAM = "livestreams/<uuid:livestream_id>"

urlpatterns = [
    path("log-in", account.LoginView.as_view(), name="login"),
    path("log-out", account.LogoutView.as_view(), name="logout"),
    path("", livestreams.OverviewView.as_view(), name="overview"),
    path("livestreams", livestreams.LivestreamListView.as_view(), name="livestream_list"),
    path("livestreams/create", livestreams.LivestreamCreateView.as_view(), name="livestream_create"),
    path(_LIVESTREAM, livestreams.LivestreamDetailView.as_view(), name="livestream_detail"),
    path(f"{_LIVESTREAM}/sessions", livestreams.SessionListView.as_view(), name="session_list"),
    path(f"{_LIVESTREAM}/sessions/<uuid:session_id>", livestreams.SessionDetailView.as_view(), name="session_detail"),
    path(f"{_LIVESTREAM}/stream-key", set_up.StreamKeyView.as_view(), name="stream_key_show"),
    path(f"{_LIVESTREAM}/test-picture/start", set_up.TestPictureStartView.as_view(), name="test_picture_start"),
    path(f"{_LIVESTREAM}/test-picture/stop", set_up.TestPictureStopView.as_view(), name="test_picture_stop"),
    path(f"{_LIVESTREAM}/dismiss-refusals", set_up.RefusalsDismissView.as_view(), name="refusals_dismiss"),
    path(f"{_LIVESTREAM}/reset-stream-key", livestreams.StreamKeyResetView.as_view(), name="stream_key_reset"),
    path(f"{_LIVESTREAM}/rename", livestreams.LivestreamRenameView.as_view(), name="livestream_rename"),
    path(f"{_LIVESTREAM}/disable", livestreams.LivestreamDisableView.as_view(), name="livestream_disable"),
    path(f"{_LIVESTREAM}/enable", livestreams.LivestreamEnableView.as_view(), name="livestream_enable"),
    path(f"{_LIVESTREAM}/end", livestreams.BroadcastEndView.as_view(), name="broadcast_end"),
    path(f"{_LIVESTREAM}/delete", livestreams.LivestreamDeleteView.as_view(), name="livestream_delete"),
    path("account", account.AccountView.as_view(), name="account_detail"),
    path("account/api-keys/create", account.ApiKeyCreateView.as_view(), name="api_key_create"),
    path("account/api-keys/created", account.ApiKeyCreatedView.as_view(), name="api_key_created"),
    path("account/api-keys/<uuid:api_key_id>/revoke", account.ApiKeyRevokeView.as_view(), name="api_key_revoke"),
]


def _socket(route: str, consumer: type[FragmentConsumer]) -> URLPattern:
    # Channels routes its applications by Django's own `path`, which is typed for views.
    return path(route, cast(Callable[..., HttpResponseBase], consumer.as_asgi()))


websocket_urlpatterns = [
    _socket("ws/overview", OverviewConsumer),
    _socket("ws/livestreams", LivestreamListConsumer),
    _socket("ws/livestreams/<uuid:livestream_id>", LivestreamConsumer),
    _socket("ws/livestreams/<uuid:livestream_id>/sessions/<uuid:session_id>", SessionConsumer),
]
