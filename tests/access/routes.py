"""Every address that the product answers, so that a test over all of them cannot forget a new one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

from livehub.core.paths import API_ROOTS
from streams.urls import websocket_urlpatterns as streams_sockets
from webhooks.urls import websocket_urlpatterns as webhooks_sockets

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Route:
    """An address, `/livestreams/{livestream_id}`, and what its view does there."""

    template: str
    methods: tuple[str, ...]

    def __str__(self) -> str:
        return self.template

    @property
    def arguments(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.template)


def _walk(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[Route]:
    for pattern in patterns:
        template = prefix + _ARGUMENT.sub(r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, template)
        else:
            view = getattr(pattern.callback, "view_class", None)
            yield Route(template, tuple(method for method in _METHODS if hasattr(view, method.lower())))


ROUTES = list(_walk(get_resolver().url_patterns))
SOCKETS = list(_walk([*streams_sockets, *webhooks_sockets]))
ADMIN = [route for route in ROUTES if route.template.startswith("/admin/")]
API = [route for route in ROUTES if route.template.split("/")[1] in API_ROOTS]
OTHERS = [route for route in ROUTES if route not in ADMIN and route not in API]
