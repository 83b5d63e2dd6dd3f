"""Pages of others that call the API: none, but those that the operator names."""

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from tests.api.clients import ApiClient

NAMED, OTHER = "https://app.example.org", "https://evil.example"


@pytest.fixture
def named(settings: Settings) -> None:
    """As the settings are where LIVEHUB_CORS_ORIGINS is set: tests/test_settings.py."""
    settings.CORS_ALLOWED_ORIGINS = [NAMED]
    settings.MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE]


def ask(path: str, *, origin: str) -> HttpResponse:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    answer = Client().options(path, headers=headers)
    assert isinstance(answer, HttpResponse)
    return answer


def said(answer: HttpResponse) -> dict[str, str]:
    """Return what an answer says of other pages; header names are the same in any case."""
    return {name.title(): value for name, value in answer.headers.items() if name.lower().startswith("access-control-")}


@pytest.mark.usefixtures("named")
class TestNamedOrigin:
    def test_may_ask_with_a_key_of_its_own(self, api: ApiClient) -> None:
        answer = ask(f"{api.prefix}/livestreams", origin=NAMED)

        assert answer.status_code == 200
        assert said(answer)["Access-Control-Allow-Origin"] == NAMED
        assert "idempotency-key" in said(answer)["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers

    @pytest.mark.django_db
    def test_reads_what_an_answer_says_beside_its_body(self, api: ApiClient) -> None:
        answer = api.request("GET", "/livestreams", headers={"Origin": NAMED})

        assert answer.status_code == 200
        assert said(answer)["Access-Control-Allow-Origin"] == NAMED
        assert {"RateLimit-Remaining", "X-Request-Id"} <= {*said(answer)["Access-Control-Expose-Headers"].split(", ")}

    @pytest.mark.django_db
    def test_reads_errors_as_well(self, api: ApiClient) -> None:
        answer = api.request("GET", "/livestreams", headers={"Origin": NAMED}, authorization="")

        assert (answer.status_code, said(answer)["Access-Control-Allow-Origin"]) == (401, NAMED)

    @pytest.mark.parametrize("path", ["/log-in", "/account", "/internal/ingest/publish", "/healthz"])
    def test_reads_nothing_but_the_api(self, path: str) -> None:
        assert not said(ask(path, origin=NAMED))


@pytest.mark.usefixtures("named")
def test_another_origin_is_told_nothing(api: ApiClient) -> None:
    assert not said(ask(f"{api.prefix}/livestreams", origin=OTHER))


def test_nobody_is_told_anything_unless_the_operator_says_so(api: ApiClient) -> None:
    assert not said(ask(f"{api.prefix}/livestreams", origin=NAMED))
