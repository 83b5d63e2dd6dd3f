"""What a browser is answered while the database is away, and how long it waits for that."""

import logging
import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import defaults

from livehub.core.deadline import deadline
from livehub.core.outage import DATABASE_OUTAGE, RETRY_AFTER_S, describe
from livehub.core.postgresql.bounds import REQUEST_TIMEOUT_S

logger = logging.getLogger(__name__)

_NOT_DONE = (
    '<p class="notice error" role="alert"><span><b>Not done: the database does not answer at the moment.</b> '
    "Try again in a few seconds; running broadcasts go on.</span></p>"
)


class OutageMiddleware:
    """Bounds what a request waits for the database; a view that fails for its sake answers 503, "One moment"."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with deadline(REQUEST_TIMEOUT_S):
            return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DATABASE_OUTAGE):
            return None
        logger.warning("page not answered path=%s %s", request.path, describe(exception))
        return _one_moment(request)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer what a middleware raised: the user's dashboard session is written after the view, for one."""
    if isinstance(sys.exc_info()[1], DATABASE_OUTAGE):
        return _one_moment(request)
    return defaults.server_error(request)


def _way_back(request: HttpRequest) -> str:
    """Return where to go on: a page can be asked for again, a form only be sent again from its own page."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    came_from = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(came_from, allowed_hosts={request.get_host()})
    return came_from if is_ours else "/"


def _one_moment(request: HttpRequest) -> HttpResponse:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    if "HX-Request" not in request.headers:
        page = render_to_string("503.html", {"back": _way_back(request)})
        return HttpResponse(page, status=503, headers=headers)
    # The page stays as it is. What somebody pressed is answered on top of it; what refreshes by itself comes again.
    is_pressed = request.method != "GET" or request.headers.get("HX-Target") == "dialog"
    headers |= {"HX-Retarget": "#main", "HX-Reswap": "afterbegin"} if is_pressed else {"HX-Reswap": "none"}
    return HttpResponse(_NOT_DONE, status=503, headers=headers)
