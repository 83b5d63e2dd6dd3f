"""The web server with nothing behind it: one view, no middleware. Run by `python -m bench.bare_server SOCKET`."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import path

from livehub import web


def bare(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


urlpatterns = [path("healthz", bare)]


def load() -> Any:
    from django.core.wsgi import get_wsgi_application

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="bare", MIDDLEWARE=[])  # noqa: S106  # Signs nothing.
    return get_wsgi_application()


if __name__ == "__main__":
    web.serve(Path(sys.argv[1]), load=load)
