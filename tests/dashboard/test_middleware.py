"""Pages get what protects a browser; programs get none of it."""

import pytest
from django.test import Client

from livehub.core.paths import API_ROOTS, is_page
from streams.organizations.services import NewOrganization
from tests.api.clients import ApiClient, dyte_client, read, realtimekit_client

# Written out: whoever loosens it has to loosen it here as well.
POLICY = {
    "default-src": "'self'",
    "style-src": "'self'",
    "media-src": "'self' blob:",
    "worker-src": "'self' blob:",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "form-action": "'self'",
}
BROWSER_HEADERS = {"Content-Security-Policy", "X-Frame-Options", "Set-Cookie"}


def policy(text: str) -> dict[str, str]:
    directives = (directive.strip().partition(" ") for directive in text.split(";"))
    return {name: sources for name, _, sources in directives}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", True),
        ("/livestreams", True),
        ("/admin/login/", True),
        ("/v2x", True),
        ("/healthz/", True),
        ("/healthz/x", True),
        ("/liveapix/x", True),
        ("/healthz", False),
        ("/readyz", False),
        ("/metrics", False),
        ("/metrics/", True),
        ("/v2", False),
        ("/v2/livestreams", False),
        ("/client/v4/accounts/x", False),
        ("/internal/ingest/publish", False),
    ],
)
def test_tells_pages_from_what_is_for_programs(path: str, expected: bool) -> None:
    assert is_page(path) is expected


@pytest.mark.django_db
class TestPages:
    @pytest.mark.parametrize(("path", "status"), [("/log-in", 200), ("/log-in/forgotten", 200), ("/admin/login/", 302)])
    def test_say_what_they_may_load_and_that_nobody_may_frame_them(self, path: str, status: int) -> None:
        response = Client().get(path)

        assert response.status_code == status
        assert policy(response.headers["Content-Security-Policy"]) == POLICY
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"

    @pytest.mark.parametrize("path", ["/nowhere", "/healthz/x", "/readyz/", "/liveapix/x", "/v2x/y"])
    def test_that_are_not_there_say_so_too(self, path: str) -> None:
        response = Client().get(path)

        assert response.status_code == 404
        assert policy(response.headers["Content-Security-Policy"]) == POLICY
        assert response.headers["X-Frame-Options"] == "DENY"

    @pytest.mark.parametrize("path", ["/log-in", "/log-out", "/admin/login/"])
    def test_take_forms_with_a_token_only(self, path: str) -> None:
        assert Client(enforce_csrf_checks=True).post(path, {"username": "x"}).status_code == 403

    @pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"])
    @pytest.mark.parametrize("charset", ["raw_unicode_escape", "utf-16", "zlib", "idna", "latin-1"])
    def test_take_forms_in_utf_8_only(self, kind: str, charset: str) -> None:
        form = b'--b\r\nContent-Disposition: form-data; name="username"\r\n\r\na\\ud800\r\n--b--\r\n'
        client = Client(raise_request_exception=False)

        for named, status in ((charset, 415), ("UTF-8", 422)):
            answer = client.generic("POST", "/log-in", form, content_type=f"{kind}; charset={named}")
            assert answer.status_code == status

    def test_log_people_in(self, home: NewOrganization) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.get("/log-in")
        form = {
            "username": home.owner.email,
            "password": home.password,
            "csrfmiddlewaretoken": browser.cookies["csrftoken"].value,
        }

        assert browser.post("/log-in", form).status_code == 302

        assert browser.cookies["sessionid"]["httponly"]
        assert browser.get("/account").status_code == 200


@pytest.mark.django_db
class TestPrograms:
    @pytest.mark.parametrize("make", [dyte_client, realtimekit_client])
    @pytest.mark.parametrize("path", ["/livestreams", "/unknown"])
    def test_get_no_cookies_and_no_rules_for_browsers(self, make: object, path: str, home: NewOrganization) -> None:
        assert callable(make)
        api: ApiClient = make(home)

        response = api.get(path)

        assert not BROWSER_HEADERS & response.headers.keys()
        assert not response.cookies
        assert response.headers["X-Content-Type-Options"] == "nosniff"

    def test_need_no_token_of_a_form(self, home: NewOrganization) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(home.owner)

        response = browser.post("/v2/livestreams", b"{}", content_type="application/json")

        # Logged in or not, who shows no key is nobody here.
        assert response.status_code == 401
        assert browser.post("/healthz").status_code == 405

    @pytest.mark.parametrize("root", API_ROOTS)
    @pytest.mark.parametrize("path", ["", "/", "/x", "/v4x/x", "/%0a"])
    def test_get_json_for_what_is_not_there(self, root: str, path: str) -> None:
        response = Client().get(f"/{root}{path}")

        assert response.status_code == 404
        assert "No operation GET" in read(response)["error"]["message"]  # type: ignore[arg-type]  # A class of the test client's.

    @pytest.mark.parametrize(
        ("path", "status"),
        [("/healthz", 200), ("/internal/ingest/publish", 405), ("/internal/x", 404), ("/internal", 404)],
    )
    def test_of_our_own_neither(self, path: str, status: int) -> None:
        response = Client().get(path)

        assert response.status_code == status
        assert not BROWSER_HEADERS & response.headers.keys()
