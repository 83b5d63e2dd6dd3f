"""Rows of storages, with a real server behind them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest
from django.conf import LazySettings

from streams.models import AuditEntry, StorageTarget
from streams.organizations.services import SYSTEM, NewOrganization
from streams.recordings.storage_services import (
    change_storage_target,
    create_storage_target,
    open_target,
    settings_of,
    try_storage_target,
)
from streams.recordings.stores.base import StoreSettings
from tests.stores.servers import sshd

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    with sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(autouse=True)
def _goes_to_loopback(settings: LazySettings) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def attic(home: NewOrganization, server: StoreSettings) -> StorageTarget:
    return create_storage_target(
        app=home.app,
        type="sftp",
        actor=SYSTEM,
        name="Attic",
        host=server.host,
        port=server.port,
        path=server.path,
        username=server.username,
        private_key=server.private_key,
    )


def test_is_tried_in_earnest(attic: StorageTarget, server: StoreSettings) -> None:
    target = try_storage_target(target=attic, actor=SYSTEM)

    assert (target.is_usable, target.check_code, target.check_problem) == (True, "", "")
    assert list(Path(server.path).iterdir()) == []
    assert AuditEntry.objects.get(action="storage_target.tested").detail["outcome"] == "ok"


def test_keeps_the_host_key_that_it_sees_first(attic: StorageTarget) -> None:
    try_storage_target(target=attic, actor=SYSTEM)
    pinned = StorageTarget.objects.get().host_key
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()

    assert pinned.startswith("ssh-ed25519 ")
    StorageTarget.objects.update(host_key=other)
    target = try_storage_target(target=StorageTarget.objects.get(), actor=SYSTEM)
    assert (target.check_code, target.host_key) == ("host_key_changed", other)


def test_keeps_the_host_key_before_anything_is_sent(attic: StorageTarget) -> None:
    open_target(attic).stat("none")

    assert attic.host_key == StorageTarget.objects.get().host_key != ""


def test_asks_another_server_for_its_key(attic: StorageTarget, server: StoreSettings) -> None:
    try_storage_target(target=attic, actor=SYSTEM)

    moved = change_storage_target(
        target=attic, actor=SYSTEM, host="127.0.0.2", private_key=attic.secrets["private_key"]
    )

    assert (moved.host_key, moved.checked_at) == ("", None)


def test_says_what_is_wrong(attic: StorageTarget) -> None:
    StorageTarget.objects.update(path="/nowhere")

    target = try_storage_target(target=StorageTarget.objects.get(), actor=SYSTEM)

    assert (target.is_usable, target.check_code) == (False, "bucket_missing")
    assert target.check_problem == (
        "The bucket, container or folder does not exist. Create it, or enter its exact name."
    )


def test_tells_the_client_all_but_the_secret_that_is_not_used(attic: StorageTarget, server: StoreSettings) -> None:
    attic.secrets = {**attic.secrets, "password": "another"}

    server = replace(server, private_key=server.private_key.strip())
    assert settings_of(attic) == server
    attic.auth_method = "PASSWORD"
    assert settings_of(attic) == replace(server, private_key="", password="another")
