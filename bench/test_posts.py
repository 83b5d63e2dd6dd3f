"""What an Idempotency-Key and the counting of requests add to a POST.

In process, without a socket, as the web server calls us: authentication, every query, and the JSON. The two kinds are
measured in turns, so that whatever else the machine does falls on both.
"""

import io
import itertools
import json
import statistics
import time
from collections.abc import Callable

import pytest
from django.core.handlers.wsgi import WSGIHandler
from pytest_django import Settings

from streams.organizations.services import NewOrganization, create_organization
from tests.api.clients import basic

ROUNDS, CALLS = 7, 60
# Promised: both together.
MAX_SHARE = 0.15
BODY = json.dumps({"name": "Autumn keynote"}).encode()
_numbers = itertools.count()

pytestmark = [pytest.mark.bench, pytest.mark.django_db]


def test_being_done_once_and_counted_costs_little(settings: Settings) -> None:
    plain, once = (_poster(create_organization(name=name, email=f"{name}@example.org")) for name in ("plain", "once"))
    shares = []
    for _ in range(ROUNDS):
        without, with_both = list[float](), list[float]()
        for _ in range(CALLS):
            settings.API_REQUESTS_PER_KEY = 0
            without.append(_duration_ms(lambda: plain({})))
            settings.API_REQUESTS_PER_KEY = 3500
            with_both.append(_duration_ms(lambda: once({"HTTP_IDEMPOTENCY_KEY": f"key-{next(_numbers)}"})))
        medians = statistics.median(without), statistics.median(with_both)
        shares.append(medians[1] / medians[0] - 1)
        print(f"\nPOST: {medians[0]:.2f} ms, with both {medians[1]:.2f} ms ({shares[-1]:+.0%})", end="")

    print(f"\nmedian {statistics.median(shares):+.1%} (<= {MAX_SHARE:.0%})")
    assert statistics.median(shares) <= MAX_SHARE


def _poster(made: NewOrganization) -> Callable[[dict[str, str]], None]:
    """Return what creates a livestream, with further variables of the request."""
    handler = WSGIHandler()
    authorization = basic(made.organization.pk.hex, made.api_key)

    def post(further: dict[str, str]) -> None:
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/v2/livestreams",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_AUTHORIZATION": authorization,
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(BODY)),
            "wsgi.input": io.BytesIO(BODY),
            "wsgi.url_scheme": "http",
            **further,
        }
        answer = handler(environ, _start_response)
        answer.close()
        assert answer.status_code == 201, answer.content

    return post


def _start_response(*_: object) -> Callable[[bytes], object]:
    return lambda _: None


def _duration_ms(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000
