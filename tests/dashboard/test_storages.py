"""The pages of storages: a person adds one, tries it, changes it, and takes it away."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from livehub.core import clock
from streams.models import Livestream, Recording, StorageTarget
from streams.organizations.services import NewOrganization
from tests.dashboard.conftest import get_html, remembered, squeezed
from tests.stores.storages import VALUES, furnish_storage, storage_of

_LIST = "/account/storages"


def test_each_type_is_offered(browser: Client) -> None:
    html = get_html(browser, f"{_LIST}/create")

    for type in ("aws", "azure", "cloudflare", "digitalocean", "gcs", "s3", "sftp"):
        assert f'href="?type={type}"' in html
        assert "Test it" not in get_html(browser, f"{_LIST}/create?type={type}")
    assert browser.get(f"{_LIST}/create?type=ftp").status_code == 404


def test_one_is_added(browser: Client, home: NewOrganization) -> None:
    answer = browser.post(f"{_LIST}/create?type=aws", VALUES)

    target = StorageTarget.objects.get()
    assert answer["Location"] == f"{_LIST}/{target.pk}"
    assert (target.app, target.address) == (home.app, "films/shows")
    html = get_html(browser, answer["Location"])
    assert "Not tested" in html
    for secret in target.secrets.values():
        assert secret not in html


def test_what_cannot_be_is_said_at_its_field(browser: Client) -> None:
    answer = browser.post(f"{_LIST}/create?type=sftp", {"name": "Attic", "host": "10.0.0.1", "port": "22"})

    html = answer.content.decode()
    assert answer.status_code == 422
    for field in ("host", "username", "auth_method"):
        assert f'id="id_{field}_error"' in html or "This field is required" in html, field


def test_a_typed_secret_is_not_written_back(browser: Client) -> None:
    sent = {"name": "Attic", "port": "22", "auth_method": "KEY", "private_key": "typed-key", "password": "typed-word"}

    html = browser.post(f"{_LIST}/create?type=sftp", sent).content.decode()

    assert "typed-" not in html


def test_one_is_tried(browser: Client, home: NewOrganization) -> None:
    there = f"{_LIST}/{furnish_storage(home.app)['target_id']}"

    browser.post(f"{there}/test")

    html = get_html(browser, there)
    assert "Failed" in html
    assert "is inside this network" in html
    assert "is inside this network" in get_html(browser, _LIST)


def test_all_that_is_missing_is_said_at_once(browser: Client) -> None:
    html = browser.post(f"{_LIST}/create?type=s3", {"name": ""}).content.decode()

    for field in ("name", "endpoint", "bucket", "access_key", "secret"):
        assert f'id="id_{field}_error"' in html, field


def test_one_is_changed_without_its_secrets(browser: Client, home: NewOrganization) -> None:
    target = storage_of(home.app)
    there = f"{_LIST}/{target.pk}/change"
    shown = remembered(get_html(browser, there))

    answer = browser.post(
        there, {**shown, "name": "Films", "bucket": "archive", "region": "eu-central-1", "path": "shows"}
    )

    assert answer.status_code == 303
    changed = StorageTarget.objects.get()
    assert (changed.bucket, changed.secrets) == ("archive", target.secrets)


def test_one_that_keeps_recordings_waiting_says_why(
    browser: Client, livestream: Livestream, home: NewOrganization
) -> None:
    target = storage_of(home.app)
    StorageTarget.objects.update(checked_at=clock.now(), check_code="")
    told = "The storage cannot be reached or is out of order. Check its address, and whether it runs."
    waiting = Recording.objects.create(
        app=home.app, livestream=livestream, storage=target, status="uploading", problem=told, object_name="waits"
    )

    for page in (_LIST, f"{_LIST}/{target.pk}"):
        html = squeezed(get_html(browser, page))
        assert told in html, page
        assert ">Not storing</span>" in html, page

    Recording.objects.filter(pk=waiting.pk).update(status="uploaded", problem="")
    assert ">Works</span>" in squeezed(get_html(browser, _LIST))


def test_one_that_nobody_uses_yet_says_where_to_choose_it(browser: Client, home: NewOrganization) -> None:
    assert "Choose it on a livestream" in get_html(browser, f"{_LIST}/{storage_of(home.app).pk}")


def test_one_is_deleted(browser: Client, home: NewOrganization) -> None:
    target = storage_of(home.app)
    there = f"{_LIST}/{target.pk}"
    assert "stays there" in get_html(browser, f"{there}/delete")

    browser.post(f"{there}/delete")

    assert browser.get(there).status_code == 404
    assert "No storages of your own" in get_html(browser, _LIST)


@pytest.mark.parametrize("number", [1, 5])
def test_the_list_costs_the_same_however_many(browser: Client, home: NewOrganization, number: int) -> None:
    for _ in range(number):
        storage_of(home.app)
    get_html(browser, _LIST)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        get_html(browser, _LIST)

    assert sum("storagetarget" in query["sql"] for query in queries) == 2
