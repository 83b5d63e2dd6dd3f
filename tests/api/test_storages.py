"""Storages of recordings, as `/v2` has them."""

import pytest

from livehub.core import clock
from streams.models import AuditEntry, StorageTarget
from streams.organizations.services import NewOrganization
from tests.api.clients import ApiClient, read
from tests.meetings.queries import asked_for
from tests.stores.storages import VALUES, furnish_storage, storage_of

_THERE = "/storage-targets"
_AWS = {"type": "aws", **VALUES}
_SFTP = {"type": "sftp", "name": "Attic", "host": "sftp.example.com", "username": "rec"}
_SECRETS = ("access_key", "secret", "password", "private_key")


class TestCreate:
    def test_keeps_what_opens_it_to_itself(self, dyte: ApiClient) -> None:
        answer = dyte.post(_THERE, _AWS)

        made = read(answer)["data"]
        assert answer.status_code == 201
        assert {name: made[name] for name in ("name", "type", "bucket", "region", "path")} == {
            "name": "Films",
            "type": "aws",
            "bucket": "films",
            "region": "eu-central-1",
            "path": "shows",
        }
        assert made["check"] == {"checked_at": None, "is_usable": False, "code": None, "problem": None}
        assert not set(_SECRETS) & made.keys()
        target = StorageTarget.objects.get(pk=made["id"])
        assert target.secrets == {"access_key": "AKIA-of-films", "secret": "the-secret-of-films"}
        for text in (answer.content.decode(), target.secrets_encrypted, str(AuditEntry.objects.latest("at").detail)):
            assert "of-films" not in text

    def test_takes_the_name_that_dytes_quickstart_has_for_the_secret(self, dyte: ApiClient) -> None:
        sent = {name: value for name, value in _AWS.items() if name != "secret"}

        made = read(dyte.post(_THERE, {**sent, "secret_key": "another"}))["data"]

        assert StorageTarget.objects.get(pk=made["id"]).secrets["secret"] == "another"

    @pytest.mark.parametrize(
        ("sent", "complaints"),
        [
            ({"type": "aws", "name": "a"}, ["access_key", "bucket", "region", "secret"]),
            ({"type": "azure", "name": "a"}, ["access_key", "bucket"]),
            ({"type": "gcs", "name": "a"}, ["bucket", "secret"]),
            ({"type": "s3", "name": "a"}, ["access_key", "bucket", "endpoint", "secret"]),
            ({"type": "cloudflare", "name": "a"}, ["access_key", "bucket", "endpoint", "secret"]),
            ({"type": "sftp", "name": "a", "auth_method": "PASSWORD"}, ["host", "password", "username"]),
            ({**_SFTP, "auth_method": "KEY"}, ["private_key"]),
            ({**_SFTP, "password": "p", "host": "sftp://a"}, ["host"]),
            ({**_SFTP, "password": "p", "host": "169.254.169.254"}, ["host"]),
            ({**_SFTP, "password": "p", "port": 6379}, ["port"]),
            ({**_SFTP, "password": "p", "path": "../other"}, ["path"]),
            ({**_AWS, "name": " "}, ["name"]),
            ({**_AWS, "bucket": "a" * 256}, ["bucket"]),
            ({**_AWS, "bucket": "a\x07"}, ["bucket"]),
            ({**_AWS, "endpoint": "http://10.0.0.1"}, ["endpoint"]),
            ({**_AWS, "endpoint": "https://me:secret@example.com"}, ["endpoint"]),
            ({**_AWS, "endpoint": "s3.example.com"}, ["endpoint"]),
            ({**_AWS, "type": "ftp"}, ["type"]),
            ({**_AWS, "port": 0}, ["port"]),
        ],
    )
    def test_says_what_cannot_be(self, dyte: ApiClient, sent: dict[str, object], complaints: list[str]) -> None:
        answer = dyte.post(_THERE, sent)

        assert (answer.status_code, sorted(read(answer)["error"]["fields"])) == (422, complaints)
        assert not StorageTarget.objects.exists()


class TestChange:
    @pytest.fixture
    def there(self, home: NewOrganization) -> str:
        return f"{_THERE}/{storage_of(home.app).pk}"

    def test_keeps_secrets_that_are_left_out(self, dyte: ApiClient, there: str) -> None:
        changed = read(dyte.patch(there, {"bucket": "archive", "secret": "newer"}))["data"]

        assert changed["bucket"] == "archive"
        assert StorageTarget.objects.get().secrets == {"access_key": "AKIA-of-films", "secret": "newer"}
        entry = AuditEntry.objects.get(action="storage_target.changed")
        assert entry.detail["changed"] == ["bucket", "secret"]

    def test_shows_no_kept_secret_to_another_server(self, dyte: ApiClient, there: str) -> None:
        answer = dyte.patch(there, {"endpoint": "https://s3.example.com", "secret": "newer"})

        assert (answer.status_code, sorted(read(answer)["error"]["fields"])) == (422, ["access_key"])
        assert StorageTarget.objects.get().endpoint == ""

    def test_forgets_what_the_last_try_said(self, dyte: ApiClient, there: str) -> None:
        StorageTarget.objects.update(check_code="full", check_problem="Full.", checked_at="2026-07-01T00:00:00Z")

        same = read(dyte.patch(there, {"bucket": "films"}))["data"]["check"]
        changed = read(dyte.patch(there, {"bucket": "archive"}))["data"]["check"]

        assert same["problem"] == "Full."
        assert changed == {"checked_at": None, "is_usable": False, "code": None, "problem": None}

    def test_is_the_apps_default_until_another_one_is(self, dyte: ApiClient, home: NewOrganization, there: str) -> None:
        StorageTarget.objects.update(checked_at=clock.now())
        other = f"{_THERE}/{storage_of(home.app).pk}"

        first = read(dyte.request("PATCH", there, body={"is_default": True}))["data"]
        dyte.request("PATCH", other, body={"is_default": True})

        assert (first["is_default"], first["check"]["is_usable"]) == (True, True)
        assert [each["is_default"] for each in read(dyte.get(_THERE))["data"]] == [False, True]
        dyte.delete(other)
        assert not StorageTarget.objects.filter(is_default=True).exists()

    def test_is_deleted_with_its_secrets(self, dyte: ApiClient, there: str) -> None:
        assert dyte.delete(there).status_code == 200

        assert dyte.get(there).status_code == 404
        assert StorageTarget.objects.get().secrets == {}


class TestTest:
    def test_says_why_nothing_can_be_kept_there(self, dyte: ApiClient, home: NewOrganization) -> None:
        there = f"{_THERE}/{furnish_storage(home.app)['storage_target_id']}"

        check = read(dyte.post(f"{there}/test"))["data"]["check"]

        assert (check["is_usable"], check["code"]) == (False, "address_refused")
        assert check["problem"].startswith("The storage's address is inside this network.")
        assert read(dyte.get(there))["data"]["check"] == check


COSTS = {_THERE: 1, f"{_THERE}?per_page=1": 2, f"{_THERE}/{{storage_target_id}}": 1}


@pytest.mark.parametrize("path", COSTS)
def test_read_takes_so_many_queries(dyte: ApiClient, home: NewOrganization, path: str) -> None:
    ids = furnish_storage(home.app)
    for _ in range(3):
        storage_of(home.app)

    assert asked_for(lambda: dyte.get(path.format(**ids))) == COSTS[path]
