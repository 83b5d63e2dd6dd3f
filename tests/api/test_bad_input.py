"""What a client is told of bodies, types, methods and routes that cannot be."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework import serializers

from livehub.api.fields import BoundedListField
from streams.models import Livestream
from tests.api.clients import CONTENT_TYPES, ApiClient, read


def _subclasses(known: Any) -> Iterator[Any]:
    for each in known.__subclasses__():
        yield each
        yield from _subclasses(each)


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
