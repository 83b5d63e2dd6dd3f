"""What requests pass through: programs meet none of what only a browser's pages need."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseForbidden
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.deprecation import MiddlewareMixin
from django_htmx.middleware import HtmxMiddleware

from livehub.core import request_ids
from livehub.core.counters import REQUEST_DURATION
from livehub.core.paths import is_page, surface_of

_Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class RequestTimes:
    """Counts each answer, with the time that it took."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began_s = time.perf_counter()
        response = self._get_response(request)
        counted = REQUEST_DURATION.labels(surface_of(request.path_info), f"{response.status_code // 100}xx")
        counted.observe(time.perf_counter() - began_s)
        return response


class RequestId:
    """Gives each request the id that the edge knows it by; what a client sends under that name never gets here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with request_ids.request_id(request.META.get("HTTP_X_REQUEST_ID", "")) as known_as:
            response = self._get_response(request)
        response.headers["X-Request-Id"] = known_as
        return response


class _PagesOnly:
    """Put before a middleware's class, it keeps that one out of everything but pages."""

    _beyond: Callable[[HttpRequest], Any]

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)  # type: ignore[call-arg]  # The middleware's.
        # Django puts a function around each middleware. Programs go past all that only pages need in one step.
        following = getattr(get_response, "__wrapped__", None)
        self._beyond = following._beyond if isinstance(following, _PagesOnly) else get_response

    def __call__(self, request: HttpRequest) -> _Answer:
        if not is_page(request.path_info):
            answer: _Answer = self._beyond(request)
            return answer
        return super().__call__(request)  # type: ignore[misc,no-any-return]  # The middleware's.


class PageContentSecurityPolicy(_PagesOnly, CSPMiddleware):
    """What a page may load, and who may frame it."""


class PageForms(_PagesOnly, MiddlewareMixin):
    """Forms are UTF-8: Django would read them in whichever charset a client names, and not all of those are text."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() in {"utf-8", "utf8"}:
            return None
        return HttpResponse("Send forms in UTF-8.", status=415, content_type="text/plain; charset=utf-8")


class PageSession(_PagesOnly, SessionMiddleware):
    """The browser's session."""


class PageCsrf(_PagesOnly, CsrfViewMiddleware):
    """Forms come from our own pages. Programs show their key in each request; a browser does not add it by itself."""

    def process_view(
        self, request: HttpRequest, callback: Any, callback_args: Any, callback_kwargs: Any
    ) -> HttpResponseForbidden | None:
        if not is_page(request.path_info):
            return None
        return super().process_view(request, callback, callback_args, callback_kwargs)


class PageUser(_PagesOnly, AuthenticationMiddleware):
    """Who is logged in."""


class PageMessages(_PagesOnly, MessageMiddleware):
    """What the next page says of the last deed."""


class PageFrameOptions(_PagesOnly, XFrameOptionsMiddleware):
    """No page in a frame, for browsers that do not know the policy."""


class PageHtmx(_PagesOnly, HtmxMiddleware):
    """Which part of a page is asked for."""
