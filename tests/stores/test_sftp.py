"""Against OpenSSH's own server."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from streams.recordings.stores.base import Receipt, Store, StoreError, StoreSettings, Upload
from streams.recordings.stores.opening import open_store
from streams.recordings.stores.sftp import SftpStore
from tests.stores.contract import CONTENT, LOOPBACK, PART_SIZE, PARTS, ServerContract, bytes_of
from tests.stores.servers import sshd

pytestmark = pytest.mark.usefixtures("target")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    with sshd(tmp_path_factory.mktemp("sshd")) as target:
        yield target


class TestSftp(ServerContract):
    def test_goes_on_where_a_dead_process_broke_off(self, target: StoreSettings, store: Store, upload: Upload) -> None:
        store.append(upload, PARTS[0], bytes_of(PARTS[0]))
        (growing,) = Path(target.path).rglob(f"*{upload.token}.part")
        with growing.open("ab") as file:
            file.write(bytes_of(PARTS[1])[:1000])

        receipts = [*store.receipts(upload), *(store.append(upload, part, bytes_of(part)) for part in PARTS[1:])]

        store.finish(upload, receipts)
        assert Path(target.path, upload.name).read_bytes() == CONTENT

    def test_replaces_what_was_there(self, store: Store, upload: Upload) -> None:
        self.keep(store, upload)
        again = Upload(upload.name, store.begin(upload.name, content_type="video/mp4"), PART_SIZE)

        stored = store.finish(again, [store.append(again, PARTS[0], bytes_of(PARTS[0]))])

        assert store.stat(upload.name) == stored
        assert stored.size == PART_SIZE

    def test_refuses_to_finish_what_is_not_whole(self, store: Store, upload: Upload) -> None:
        receipt = store.append(upload, PARTS[0], bytes_of(PARTS[0]))

        with pytest.raises(StoreError) as refusal:
            store.finish(upload, [receipt, Receipt(2, PART_SIZE, "")])

        assert refusal.value.code == "damaged"

    def test_learns_the_host_key_and_keeps_to_it(self, target: StoreSettings, store: SftpStore) -> None:
        store.check()
        learnt = replace(target, host_key=store.host_key)
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()

        assert store.host_key.startswith("ssh-ed25519 ")
        open_store(learnt, allowed=LOOPBACK).check()
        assert self.failure(replace(target, host_key=other)).code == "host_key_changed"

    def test_says_that_a_key_of_another_kind_is_another_key(self, target: StoreSettings) -> None:
        other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()

        assert self.failure(replace(target, host_key=other)).code == "host_key_changed"

    @pytest.mark.parametrize("kind", ["key", "password"])
    def test_says_that_the_secret_is_wrong(self, target: StoreSettings, kind: str) -> None:
        key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
        wrong: dict[str, Any] = {"key": {"private_key": key}, "password": {"private_key": "", "password": "another"}}[
            kind
        ]

        error = self.failure(replace(target, **wrong))

        assert (error.code, error.retryable) == ("credentials_refused", False)

    @pytest.mark.parametrize("wrong", [{"private_key": "none"}, {"host_key": "none"}, {"port": 6379}])
    def test_says_that_the_settings_cannot_be(self, target: StoreSettings, wrong: dict[str, Any]) -> None:
        assert self.failure(replace(target, **wrong)).code == "misconfigured"

    def test_says_that_it_may_not_write(self, target: StoreSettings) -> None:
        # Not even the administrator writes there.
        assert self.failure(replace(target, path="/proc")).code in {"forbidden", "bucket_missing", "refused"}
