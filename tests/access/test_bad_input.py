"""Nothing that a client sends to any operation gives a 500 or a page of HTML."""

import json
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import quote

from django.http import HttpResponse

from streams.organizations.services import NewOrganization
from tests.access.conftest import Tenant
from tests.access.each import for_each
from tests.access.expected import ANSWERS_CSV, ANSWERS_IMAGE, TAKES_IMAGE
from tests.access.test_api import ONES_OWN_WORDS
from tests.api.clients import CLIENTS, CONTENT_TYPES, ApiClient
from tests.api.operations import WITH_KEY, Operation

_Value = TypeVar("_Value")
each_operation = for_each("operation", WITH_KEY)

PATH_VALUES = [
    "x",
    "0",
    "-1",
    "%00",
    "%0A",
    "%ff%fe",
    "%F0%9F%92%A9",
    "%2e%2e",
    "'; DROP TABLE streams_livestream; --",
    "{00000000-0000-0000-0000-000000000000}",
    "urn:uuid:00000000-0000-0000-0000-000000000000",
    "00000000-0000-0000-0000-00000000000g",
    "99999999999999999999999999999999999999999999",
    "\u0660" * 32,
    "a" * 5000,
    "null",
]
BODIES = [
    b"{",
    b"nul",
    b"\x00",
    b"\xff\xfe\xfd",
    b'{"name": NaN}',
    b'{"name": "\xed\xa0\x80"}',
    b'{"name": "\\ud800"}',
    b'{"name": "\\u0000"}',
    b'{"name": "\\u001b[31m"}',
    b'{"name": "a\\u2028b"}',
    b'{"name": 5}',
    b'{"name": true}',
    b'{"name": []}',
    b'{"name": {"name": "x"}}',
    b'{"name": 1e400}',
    b'{"name": "' + b"x" * 256 + b'"}',
    b'{"\\ud800": 1}',
    b"[]",
    b"null",
    b"5",
    b'"text"',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"9" * 10_000,
    b"\xef\xbb\xbf{}",
]
QUERIES = [
    "page_no=9223372036854775807",
    "page_no=9223372036854775808",
    "page_no=" + "9" * 5000,
    "page_no=-9223372036854775809",
    "page_no=1e3",
    "page_no=%D9%A1",
    "page_no=NaN",
    "page_no[]=1",
    "per_page=101",
    "per_page=2147483648",
    "per_page=%00",
    "status=%00",
    "status=",
    "status[0]=LIVE",
    "status[99999999999999999999]=LIVE",
    "status=%ED%A0%80",
    "start_time=0000-00-00T00:00:00Z",
    "start_time=0001-01-01T00:00:00%2B23:59",
    "start_time=9999-12-31T23:59:59-23:59",
    "end_time=-0001-01-01T00:00:00Z",
    "end_time=1e99",
    "end_time=20260101",
    "search=%00",
    "search=%ff",
    "search=" + "%25" * 2000,
    "sort_order=%0a",
    "exclude_meetings=[]",
    "format=xml",
    "%00=%00",
    "&&&===",
    "&".join(f"a{number}=1" for number in range(1500)),
]
BAD_CONTENT_TYPES = [*CONTENT_TYPES, "application/json; charset=rot13", "application/json; charset=utf-16"]
BAD_AUTHORIZATIONS = ["", "Basic", "Basic !", "Basic ////", "Bearer", "Bearer lh_a_é", "Digest x", "\x7f"]


# What stands in an error, by the first part of the dialect's paths.
_ERROR = {"code", "message", "type"}
ERRORS = {
    "v2": ({"success", "error", "errors"}, _ERROR),
    "client": ({"success", "error", "errors"}, _ERROR),
    "liveapi": ({"error"}, _ERROR),
    "cloudinary": ({"request_id", "error"}, {"message"}),
}


def _some(values: Sequence[_Value], operation: Operation, *, of: int = 4) -> Sequence[_Value]:
    """Return each `of`-th value, beginning elsewhere at each operation: together they get each many times."""
    return values[WITH_KEY.index(operation) % of :: of]


def _client(operation: Operation, home: NewOrganization) -> ApiClient:
    made = CLIENTS[operation.root](home)
    return ApiClient(made.name, "", made.authorization)


def _check(response: HttpResponse, operation: Operation, *, at: object) -> None:
    """Accept a success, or an error of ours, or an image or lines where there are: never a 500, never HTML."""
    if f"GET {operation.template}" in ANSWERS_IMAGE and response.content.startswith(b"\x89PNG"):
        return
    # Errors there are JSON all the same.
    if f"GET {operation.template}" in ANSWERS_CSV and response.status_code == 200:
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8", at
        assert response.getvalue(), at
        return
    assert response.headers["Content-Type"] == "application/json", at
    answer = json.loads(response.content)
    assert response.status_code < 500, at
    if response.status_code < 400:
        assert "error" not in answer, at
        return
    whole, error = ERRORS[operation.root]
    assert answer.keys() == whole, at
    assert answer["error"].keys() - {"fields"} == error, at
    assert answer["error"]["message"], at
    assert answer["error"].get("code", response.status_code) == response.status_code, at


class TestAnything:
    @each_operation
    def test_in_the_path(self, operation: Operation, ours: Tenant) -> None:
        client = _client(operation, ours.made)
        for argument in operation.arguments:
            free = {200} if argument in ONES_OWN_WORDS else set()
            # It is no image, whatever lies there.
            not_taken = {415} if str(operation) in TAKES_IMAGE else set()
            for value in _some(PATH_VALUES, operation):
                path = operation.template.format(**{**ours.ids, argument: quote(value, safe="%")})
                response = client.request(operation.method, path)

                _check(response, operation, at=path)
                # The last: too many accounts that are not the key's.
                assert response.status_code in {401, 404, 429} | free | not_taken, path

    @each_operation
    def test_in_the_query(self, operation: Operation, ours: Tenant) -> None:
        client = _client(operation, ours.made)
        for query in _some(QUERIES, operation):
            _check(
                client.request(operation.method, f"{operation.template.format(**ours.ids)}?{query}"),
                operation,
                at=query,
            )

    @each_operation
    def test_in_the_body(self, operation: Operation, ours: Tenant) -> None:
        client = _client(operation, ours.made)
        for body in _some(BODIES, operation):
            response = client.request(operation.method, operation.template.format(**ours.ids), raw=body)

            _check(response, operation, at=body[:50])

    @each_operation
    def test_in_the_headers(self, operation: Operation, ours: Tenant) -> None:
        client = _client(operation, ours.made)
        path = operation.template.format(**ours.ids)
        for content_type in _some(BAD_CONTENT_TYPES, operation, of=2):
            response = client.request(operation.method, path, raw=b"<a>", content_type=content_type)
            _check(response, operation, at=content_type)
        for authorization in _some(BAD_AUTHORIZATIONS, operation, of=2):
            response = client.request(operation.method, path, authorization=authorization or "None")
            _check(response, operation, at=authorization)
            assert response.status_code == 401

    @for_each("operation", {operation.template: operation for operation in WITH_KEY}.values())
    def test_as_the_method(self, operation: Operation, ours: Tenant) -> None:
        client, path = _client(operation, ours.made), operation.template.format(**ours.ids)
        for method in ("OPTIONS", "TRACE", "FOO", "GET", "POST", "PUT", "PATCH", "DELETE"):
            _check(client.request(method, path), operation, at=method)
