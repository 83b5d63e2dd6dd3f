"""The pages of apps: a person makes one, and sees what programs need to reach it."""

import re
import shlex
from html import unescape
from typing import cast

import pytest
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from streams.livestreams.services import create_livestream
from streams.models import ApiKey, App, AuditEntry, User
from streams.organizations.credentials import Credential, authenticate_api_key
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import basic
from tests.dashboard.conftest import get_html

NEW_KEY = {"name": "Booking system", "scopes": ["read"], "expires_in_days": ""}


def made(browser: Client, name: str) -> App:
    answer = browser.post("/account/apps/create", {"name": name})
    assert answer.status_code == 303
    return App.objects.get(pk=answer["Location"].rpartition("/")[2])


def curl_lines(html: str) -> list[str]:
    return re.findall(r"curl -[^<]+", unescape(html))


def ask(line: str) -> HttpResponse:
    """Do what a line of curl does."""
    words = shlex.split(line)
    options = dict(zip(words[1:-1:2], words[2:-1:2], strict=True))
    shown = options["-H"].partition(": ")[2] if "-H" in options else basic(*options["-u"].split(":"))
    answer = Client().get(words[-1].removeprefix(settings.PUBLIC_URL), headers={"Authorization": shown})
    return cast(HttpResponse, answer)


class TestApp:
    def test_is_made_and_seen(self, browser: Client, home: NewOrganization, owner: User) -> None:
        app = made(browser, "Autumn conference")

        html = get_html(browser, f"/account/apps/{app.pk}")
        assert "Autumn conference is ready." in html
        account, url = home.organization.pk.hex, settings.PUBLIC_URL
        path = f"/accounts/{account}/realtime/kit/{app.pk.hex}/livestreams"
        assert curl_lines(html) == [
            f"curl -u {account}:API_KEY {url}/v2/livestreams",
            f'curl -H "Authorization: Bearer API_TOKEN" {url}/client/v4{path}',
            f"curl -u KEY_ID:KEY_SECRET {url}/liveapi/live_streams",
            f"curl -u API_KEY:API_SECRET {url}/cloudinary/v2/video/{app.pk.hex}/live_streams",
        ]
        assert app.pk.hex in get_html(browser, "/account/apps")
        entry = AuditEntry.objects.get(action="app.created", target_id=app.pk)
        assert (entry.user, entry.address) == (owner, "127.0.0.1")

    def test_is_renamed(self, browser: Client, home: NewOrganization) -> None:
        address = f"/account/apps/{home.app.pk}/rename"
        assert 'value="Default"' in get_html(browser, address)

        assert browser.post(address, {"name": "Main"}).status_code == 303

        assert "Main" in get_html(browser, f"/account/apps/{home.app.pk}")

    @pytest.mark.parametrize("name", ["", "bell\x07", "x" * 256])
    def test_needs_a_name(self, browser: Client, home: NewOrganization, name: str) -> None:
        for address in ("/account/apps/create", f"/account/apps/{home.app.pk}/rename"):
            answer = browser.post(address, {"name": name})
            assert answer.status_code == 422
            assert "field-error" in answer.content.decode()
        assert [app.name for app in App.objects.all()] == ["Default"]

    def test_is_not_made_by_who_only_looks(self, viewer_browser: Client, home: NewOrganization) -> None:
        html = get_html(viewer_browser, "/account/apps") + get_html(viewer_browser, f"/account/apps/{home.app.pk}")

        assert "create" not in html
        assert "rename" not in html

    def test_list_is_in_pages_and_takes_as_many_queries(self, browser: Client, home: NewOrganization) -> None:
        with CaptureQueriesContext(connection) as of_one:
            get_html(browser, "/account/apps")
        App.objects.bulk_create(App(organization=home.organization, name=f"App {index}") for index in range(40))

        with CaptureQueriesContext(connection) as of_many:
            first = get_html(browser, "/account/apps")
        second = get_html(browser, "/account/apps?page=2")

        assert len(of_many) == len(of_one)
        assert first.count("/account/apps/") - second.count("/account/apps/") == 25 - 16
        assert "1\u201325 of 41" in first


class TestAccount:
    def test_shows_the_default_apps_values(self, browser: Client, home: NewOrganization) -> None:
        html = get_html(browser, "/account")

        assert len(curl_lines(html)) == 4
        assert 'href="/account/apps"' in html

    def test_leads_to_the_description_of_each_dialect(self, browser: Client) -> None:
        addresses = set(re.findall(r'href="(/docs/api/\w+)"', get_html(browser, "/account")))

        assert len(addresses) == 4
        assert {browser.get(address).status_code for address in addresses} == {200}
        assert browser.get("/v2/docs")["Location"] == "/docs/api/dyte"

    def test_shows_keys_in_pages(self, browser: Client, home: NewOrganization) -> None:
        ApiKey.objects.bulk_create(
            ApiKey(organization=home.organization, name=f"Key {i}", kind="basic", lookup=f"k{i}", scopes=["read"])
            for i in range(30)
        )

        assert "1\u201325 of 34" in get_html(browser, "/account")
        assert "26\u201334 of 34" in get_html(browser, "/account?page=2")


class TestKeyOfAnApp:
    @pytest.mark.parametrize("kind", ["liveapi", "cloudinary"])
    def test_is_shown_once_as_a_pair_with_a_line_to_try_it(
        self, browser: Client, home: NewOrganization, kind: str
    ) -> None:
        app = made(browser, "Autumn conference")
        assert f'value="{app.pk}" selected' in get_html(browser, f"/account/api-keys/create?app={app.pk}")

        answer = browser.post("/account/api-keys/create", {**NEW_KEY, "kind": kind, "app": str(app.pk)}, follow=True)

        [line] = curl_lines(answer.content.decode())
        found = re.match(rf"curl -u (\w+):(\w+) {settings.PUBLIC_URL}/(\S+)", line)
        assert found is not None
        key = authenticate_api_key(Credential(found[1], found[2]), kind=kind)
        assert (key.app, key.scopes) == (app, ["read"])
        assert (
            found[3]
            == {
                "liveapi": "liveapi/live_streams",
                "cloudinary": f"cloudinary/v2/video/{app.pk.hex}/live_streams",
            }[kind]
        )
        html = get_html(browser, "/account")
        assert found[1] in html
        assert found[2] not in html

    @pytest.mark.parametrize("kind", list(ApiKey.Kind))
    def test_is_shown_with_a_line_that_does_what_it_says(self, browser: Client, kind: str) -> None:
        app = made(browser, "Autumn conference")
        create_livestream(app=app, name="Keynote", actor=SYSTEM)
        wanted = {**NEW_KEY, "kind": kind, "app": str(app.pk)}
        answer = browser.post("/account/api-keys/create", wanted, follow=True)

        [line] = curl_lines(answer.content.decode())
        listed = ask(line)

        assert listed.status_code == 200
        assert "Keynote" in listed.content.decode()

    def test_is_not_made_for_anothers_app(
        self, browser: Client, home: NewOrganization, abroad: NewOrganization
    ) -> None:
        assert abroad.app.name not in get_html(browser, f"/account/api-keys/create?app={abroad.app.pk}").replace(
            home.app.name, "", 1
        )
        for app_id in (str(abroad.app.pk), "nonsense"):
            answer = browser.post("/account/api-keys/create", {**NEW_KEY, "kind": "basic", "app": app_id})
            assert answer.status_code == 422
        assert not ApiKey.objects.filter(name="Booking system").exists()

    def test_says_what_every_app_means_where_paths_name_none(self, browser: Client) -> None:
        assert "reaches the default app only" in get_html(browser, "/account/api-keys/create")

    def test_is_no_administrators_unless_that_is_chosen(self, browser: Client) -> None:
        html = get_html(browser, "/account/api-keys/create")

        checked = re.findall(r'name="scopes" value="(\w+)"[^>]*checked', html)
        assert checked == ["read", "livestreams", "meetings", "webhooks"]
