"""Programs that call the API, as their vendors' clients would."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from streams.organizations.services import NewOrganization

# None of them is JSON.
CONTENT_TYPES = ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", "x", "", "application/xml"]


@dataclass(frozen=True)
class ApiClient:
    """One program of one tenant, calling below its dialect's prefix."""

    name: str
    prefix: str
    authorization: str

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
        authorization: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """Send `body` as JSON, or `raw` as it is; `authorization` in place of the program's own."""
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        # What the view does not catch must show as the status that a client would see.
        client = Client(raise_request_exception=False)
        given = self.authorization if authorization is None else authorization
        sent = {**({"Authorization": given} if given else {}), **(headers or {})}
        response = client.generic(method, f"{self.prefix}{path}", content, content_type=content_type, headers=sent)
        return cast(HttpResponse, response)

    def get(self, path: str) -> HttpResponse:
        return self.request("GET", path)

    def post(self, path: str, body: object = None) -> HttpResponse:
        return self.request("POST", path, body=body)

    def put(self, path: str) -> HttpResponse:
        return self.request("PUT", path)

    def patch(self, path: str, body: object) -> HttpResponse:
        return self.request("PATCH", path, body=body)

    def delete(self, path: str) -> HttpResponse:
        return self.request("DELETE", path)


def read(response: HttpResponse) -> dict[str, Any]:
    """Return the JSON object that an answer holds."""
    assert response.headers["Content-Type"] == "application/json"
    answer = json.loads(response.content)
    assert isinstance(answer, dict)
    return answer


def read_list(response: HttpResponse) -> list[dict[str, Any]]:
    """Return the bare JSON array that an answer holds."""
    assert response.headers["Content-Type"] == "application/json"
    answer = json.loads(response.content)
    assert isinstance(answer, list)
    return answer


def asked_by(api: ApiClient, path: str) -> list[str]:
    """Return the queries of a request, but for those that look after keys."""
    with CaptureQueriesContext(connection) as captured:
        assert api.get(path).status_code == 200
    return but_for_keys(captured)


def but_for_keys(captured: CaptureQueriesContext) -> list[str]:
    """Return what was asked, but for which keys there are: that is asked twice a second, by whichever request comes.

    A request that waits for the database for a second has its own key read anew as well (`credential_cache`).
    """
    of_keys = ("credentialrevision", '"streams_apikey"."lookup" = ')
    return [query["sql"] for query in captured if not any(word in query["sql"] for word in of_keys)]


def basic(username: str, password: str) -> str:
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


def dyte_client(organization: NewOrganization) -> ApiClient:
    return ApiClient("dyte", "/v2", basic(organization.organization.pk.hex, organization.api_key))


def realtimekit_client(organization: NewOrganization) -> ApiClient:
    prefix = f"/client/v4/accounts/{organization.organization.pk.hex}/realtime/kit/{organization.app.pk.hex}"
    return ApiClient("realtimekit", prefix, f"Bearer {organization.api_token}")


def liveapi_client(organization: NewOrganization) -> ApiClient:
    key = organization.liveapi_key
    return ApiClient("liveapi", "/liveapi", basic(key.row.lookup, key.secret))


def cloudinary_client(organization: NewOrganization) -> ApiClient:
    key = organization.cloudinary_key
    prefix = f"/cloudinary/v2/video/{organization.app.pk.hex}"
    return ApiClient("cloudinary", prefix, basic(key.row.lookup, key.secret))


# By the first part of its paths.
CLIENTS: dict[str, Callable[[NewOrganization], ApiClient]] = {
    "v2": dyte_client,
    "client": realtimekit_client,
    "liveapi": liveapi_client,
    "cloudinary": cloudinary_client,
}
