"""Nothing that a client sends gives a 500 or a page of HTML."""

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import pytest
from django.http import HttpResponse
from rest_framework import serializers

from livehub.api.fields import BoundedListField
from streams.models import Livestream
from streams.organizations.services import NewOrganization
from tests.api.clients import CLIENTS, ApiClient, read
from tests.api.operations import WITH_KEY, Operation

_Value = TypeVar("_Value")

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
CONTENT_TYPES = ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", "x", "", "application/xml"]


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
    """Accept a success, or an error of ours: never a 500, never HTML."""
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


def _subclasses(known: Any) -> Iterator[Any]:
    for each in known.__subclasses__():
        yield each
        yield from _subclasses(each)


@pytest.mark.parametrize("operation", WITH_KEY, ids=str)
class TestAnything:
    def test_in_the_path(self, operation: Operation, home: NewOrganization, ids: dict[str, str]) -> None:
        client = _client(operation, home)
        for argument in operation.arguments:
            for value in _some(PATH_VALUES, operation):
                path = operation.template.format(**{**ids, argument: quote(value, safe="%")})
                response = client.request(operation.method, path)

                _check(response, operation, at=path)
                # The last: too many accounts that are not the key's.
                assert response.status_code in {401, 404, 429}, path

    def test_in_the_query(self, operation: Operation, home: NewOrganization, ids: dict[str, str]) -> None:
        client = _client(operation, home)
        for query in _some(QUERIES, operation):
            _check(client.request(operation.method, f"{operation.template.format(**ids)}?{query}"), operation, at=query)

    def test_in_the_body(self, operation: Operation, home: NewOrganization, ids: dict[str, str]) -> None:
        client = _client(operation, home)
        for body in _some(BODIES, operation):
            response = client.request(operation.method, operation.template.format(**ids), raw=body)

            _check(response, operation, at=body[:50])

    def test_in_the_headers(self, operation: Operation, home: NewOrganization, ids: dict[str, str]) -> None:
        client = _client(operation, home)
        path = operation.template.format(**ids)
        for content_type in [*CONTENT_TYPES, "application/json; charset=rot13", "application/json; charset=utf-16"]:
            response = client.request(operation.method, path, raw=b"<a>", content_type=content_type)
            _check(response, operation, at=content_type)
        for authorization in ["", "Basic", "Basic !", "Basic ////", "Bearer", "Bearer lh_a_é", "Digest x", "\x7f"]:
            response = client.request(operation.method, path, authorization=authorization or "None")
            _check(response, operation, at=authorization)
            assert response.status_code == 401

    def test_as_the_method(self, operation: Operation, home: NewOrganization, ids: dict[str, str]) -> None:
        client, path = _client(operation, home), operation.template.format(**ids)
        for method in ("OPTIONS", "TRACE", "FOO", "GET", "POST", "PUT", "PATCH", "DELETE"):
            _check(client.request(method, path), operation, at=method)


class TestStatus:
    @pytest.mark.parametrize("body", [b"{", b'{"name": NaN}', b"[" * 100_000, b"\xff"])
    def test_malformed_json_is_400(self, api: ApiClient, body: bytes) -> None:
        response = api.request("POST", "/livestreams", raw=body)

        assert response.status_code == 400
        assert read(response)["error"]["type"] == "malformed_json"

    @pytest.mark.parametrize("body", [[], None, "text", 5, {"name": 5}, {"name": "\ud800"}, {"name": "\x00"}])
    def test_json_of_another_shape_is_422(self, api: ApiClient, body: object) -> None:
        response = api.request("POST", "/livestreams", raw=json.dumps(body).encode())

        assert response.status_code == 422
        assert not Livestream.objects.exists()

    def test_more_than_a_megabyte_is_413(self, api: ApiClient) -> None:
        response = api.post("/livestreams", {"name": "x" * 10_000_000})

        assert response.status_code == 413
        assert "1 MB" in read(response)["error"]["message"]

    @pytest.mark.parametrize(
        ("path", "body", "field"),
        [
            ("/api-keys", '{"name": "a", "scopes": [%s]}', "scopes"),
            ("/meetings", '{"ai_config": {"transcription": {"keywords": [%s]}}}', "ai_config.transcription.keywords"),
        ],
    )
    def test_the_members_of_a_list_that_is_too_long_are_not_looked_at(
        self, dyte: ApiClient, path: str, body: str, field: str
    ) -> None:
        response = dyte.request("POST", path, raw=(body % ",".join(["1"] * 10_000)).encode())

        assert response.status_code == 422
        # One sentence, and not one for each member: that many of them keep everybody else waiting for half a minute.
        [complaint] = read(response)["error"]["fields"][field]
        assert "no more than" in complaint

    @pytest.mark.parametrize(
        ("path", "body", "field"),
        [
            ("/api-keys", r'{"name": "a", "kind": "\ud800"}', "kind"),
            ("/api-keys", r'{"name": "a", "scopes": ["read\udfff"]}', "scopes"),
            (
                "/presets",
                r'{"permissions": {"plugins": {"config": {"\ud800": 1}}}}',
                r"permissions.plugins.config.\ud800",
            ),
        ],
    )
    def test_what_a_complaint_repeats_can_be_told(self, dyte: ApiClient, path: str, body: str, field: str) -> None:
        response = dyte.request("POST", path, raw=body.encode())

        assert response.status_code == 422
        assert field in read(response)["error"]["fields"]

    def test_no_body_has_a_list_without_end(self) -> None:
        # Queries are as long as nginx lets a request line be.
        bodies = [each for each in _subclasses(serializers.Serializer) if each.__name__.endswith("Body")]
        lists = [
            (body.__name__, name, field)
            for body in bodies
            for name, field in body._declared_fields.items()
            if isinstance(field, serializers.ListField | serializers.ListSerializer)
        ]

        assert {name for _, name, _ in lists} >= {"scopes", "keywords", "options", "participant_ids"}
        assert [each for each in lists if not isinstance(each[2], BoundedListField)] == []

    @pytest.mark.parametrize("content_type", CONTENT_TYPES)
    def test_a_body_of_another_type_is_415(self, api: ApiClient, content_type: str) -> None:
        response = api.request("POST", "/livestreams", raw=b"name=x", content_type=content_type)

        assert response.status_code == 415

    def test_json_with_parameters_is_json(self, api: ApiClient) -> None:
        response = api.request("POST", "/livestreams", raw=b"{}", content_type="application/json; charset=utf-8")

        assert response.status_code == 201

    @pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS", "TRACE"])
    def test_a_method_that_is_not_there_is_405(self, api: ApiClient, method: str) -> None:
        response = api.request(method, "/livestreams")

        assert response.status_code == 405
        assert response.headers["Allow"] == "GET, HEAD, POST"
        assert read(response)["error"]["type"] == "method_not_allowed"

    @pytest.mark.parametrize(
        "path", ["", "/", "/livestream", "/livestreams/", f"/livestreams/{uuid.UUID(int=1)}/", "/a%0Ab", "/recording"]
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_route_that_is_not_there_is_404(self, api: ApiClient, path: str, method: str) -> None:
        response = api.request(method, path)

        assert response.status_code == 404
        assert read(response)["error"]["type"] == "unknown_route"

    @pytest.mark.parametrize("path", ["/client/v4", "/client/v4/", "/client/v4/accounts/x", "/v2"])
    def test_a_shorter_path_is_404_too(self, api: ApiClient, path: str) -> None:
        assert read(ApiClient("any", "", "").get(path))["error"]["code"] == 404

    def test_head_is_answered_like_get(self, api: ApiClient) -> None:
        assert api.request("HEAD", "/livestreams").status_code == 200
