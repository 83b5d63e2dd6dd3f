"""Every operation that the URL conf has, so that a test over all of them cannot forget a new one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RoutePattern

from livehub import api_urls

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ARGUMENT = re.compile(r"<\w+:(\w+)>")


@dataclass(frozen=True)
class Operation:
    """A method and a path, `/v2/livestreams/{livestream_id}`."""

    method: str
    template: str

    def __str__(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def arguments(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.template)

    @property
    def is_dyte(self) -> bool:
        return self.template.startswith("/v2/")


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[Operation]:
    for pattern in patterns:
        if not isinstance(pattern.pattern, RoutePattern):
            # The catch-all: it has no operation.
            continue
        template = prefix + _ARGUMENT.sub(r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, template)
        else:
            view = pattern.callback.view_class  # type: ignore[attr-defined]  # Set by View.as_view.
            yield from (Operation(method, template) for method in _METHODS if hasattr(view, method.lower()))


OPERATIONS = list(_walk(api_urls.urlpatterns, "/"))
SCHEMAS = [operation for operation in OPERATIONS if operation.template.endswith("/schema")]
WITH_KEY = [operation for operation in OPERATIONS if operation not in SCHEMAS]
