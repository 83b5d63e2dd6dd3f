"""The account page and its keys."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from livehub.core import clock
from streams.models import ApiKey, User
from streams.organizations.credentials import authenticate_api_key, split_key
from streams.organizations.services import NewOrganization

NEW_KEY = {"name": "Booking system", "kind": "basic", "scopes": ["read"], "expires_in_days": "30"}


class TestPage:
    def test_shows_ids_base_urls_keys_and_people(self, browser: Client, home: NewOrganization, viewer: User) -> None:
        html = browser.get("/account").content.decode()

        for text in (
            home.organization.pk.hex,
            home.app.pk.hex,
            f"{settings.PUBLIC_URL}/v2",
            f"{settings.PUBLIC_URL}/client/v4",
            "First API key",
            "First API token",
            viewer.email,
        ):
            assert text in html

    def test_shows_nothing_of_another_organization(
        self, browser: Client, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        html = browser.get("/account").content.decode()

        assert abroad.organization.pk.hex not in html
        assert abroad.owner.email not in html
        for key in ApiKey.objects.filter(organization=abroad.organization):
            assert key.lookup not in html

    def test_shows_no_secret(self, browser: Client, home: NewOrganization) -> None:
        html = browser.get("/account").content.decode()

        for secret in (home.api_key, home.api_token):
            assert secret.rpartition("_")[2] not in html
        for key in ApiKey.objects.all():
            assert key.secret_hash not in html


class TestCreateKey:
    def test_shows_the_secret_once_with_a_line_to_try_it(self, browser: Client, home: NewOrganization) -> None:
        answer = browser.post("/account/api-keys/create", NEW_KEY, follow=True)

        found = re.search(
            rf"curl -u {home.organization.pk.hex}:(lh_\w+) {settings.PUBLIC_URL}/v2/livestreams", _text(answer)
        )
        assert found is not None
        key = authenticate_api_key(split_key(found[1]), kind="basic", organization_id=home.organization.pk)
        assert (key.name, key.scopes) == ("Booking system", ["read"])
        assert key.expires_at is not None
        assert abs(key.expires_at - clock.now() - timedelta(days=30)) < timedelta(minutes=1)
        assert "no-store" in answer["Cache-Control"]
        assert found[1] not in _text(browser.get("/account"))

    def test_makes_a_bearer_token(self, browser: Client, home: NewOrganization) -> None:
        wanted = {**NEW_KEY, "kind": "bearer", "expires_in_days": ""}
        answer = browser.post("/account/api-keys/create", wanted, follow=True)

        found = re.search(r'curl -H "Authorization: Bearer (lh_\w+)"', _text(answer).replace("&quot;", '"'))
        assert found is not None
        key = authenticate_api_key(split_key(found[1]), kind="bearer", organization_id=home.organization.pk)
        assert key.expires_at is None

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": ""},
            {"name": "bell\x07"},
            {"kind": "nonsense"},
            {"scopes": []},
            {"scopes": ["everything"]},
            {"expires_in_days": "-1"},
        ],
    )
    def test_explains_what_is_wrong(
        self, browser: Client, home: NewOrganization, wrong: dict[str, str | list[str]]
    ) -> None:
        answer = browser.post("/account/api-keys/create", {**NEW_KEY, **wrong})

        assert answer.status_code == 422
        assert "field-error" in _text(answer)
        assert not ApiKey.objects.filter(name="Booking system").exists()


class TestRevokeKey:
    def test_asks_and_then_revokes(self, browser: Client, home: NewOrganization) -> None:
        key = ApiKey.objects.get(organization=home.organization, kind="basic")
        address = f"/account/api-keys/{key.pk}/revoke"

        assert "Revoke “<bdi>First API key</bdi>”?" in _text(browser.get(address))
        assert browser.post(address)["Location"] == "/account"

        key.refresh_from_db()
        assert key.revoked_at is not None
        html = _text(browser.get("/account"))
        assert "First API key is revoked" in html
        assert f"lh_{key.lookup}" not in html


def _text(answer: object) -> str:
    content: bytes = answer.content  # type: ignore[attr-defined]  # The test client's answers have it.
    return content.decode()
