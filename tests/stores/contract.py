"""What holds for every storage; each kind's own tests inherit it."""

import random
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from streams.recordings.stores.base import Receipt, Store, StoreError, StoreSettings, Upload, UploadPart
from streams.recordings.stores.opening import open_store
from tests.stores.servers import away

PART_SIZE = 256 * 1024
CONTENT = random.Random(11).randbytes(2 * PART_SIZE + 1000)  # noqa: S311 - the same each time.
PARTS = [
    UploadPart(1, 0, PART_SIZE),
    UploadPart(2, PART_SIZE, PART_SIZE),
    UploadPart(3, 2 * PART_SIZE, 1000, is_last=True),
]
LOOPBACK = ["127.0.0.0/8"]


def bytes_of(part: UploadPart) -> bytes:
    return CONTENT[part.offset : part.offset + part.size]


class StoreContract:
    """`target` is a fixture of who inherits."""

    @pytest.fixture
    def store(self, target: StoreSettings) -> Store:
        return open_store(target, allowed=LOOPBACK)

    @pytest.fixture
    def name(self) -> str:
        """Return a name that no other test has, with what has to be escaped somewhere."""
        return f"shows/süß & spät/{uuid4()} 1+1.mp4"

    @pytest.fixture
    def upload(self, store: Store, name: str) -> Upload:
        return Upload(name, store.begin(name, content_type="video/mp4"), PART_SIZE)

    def test_makes_one_object_of_parts_that_several_processes_sent(
        self, target: StoreSettings, store: Store, upload: Upload
    ) -> None:
        receipts = [open_store(target, allowed=LOOPBACK).append(upload, part, bytes_of(part)) for part in PARTS]

        stored = store.finish(upload, receipts)

        assert [(receipt.number, receipt.size) for receipt in receipts] == [(1, PART_SIZE), (2, PART_SIZE), (3, 1000)]
        assert (stored.name, stored.size) == (upload.name, len(CONTENT))
        assert store.stat(upload.name) == stored
        assert store.read(upload.name, offset=0, length=len(CONTENT)) == CONTENT

    def test_takes_a_part_again(self, store: Store, upload: Upload) -> None:
        for part in PARTS[:2]:
            store.append(upload, part, bytes_of(part))

        receipts = [store.append(upload, part, bytes_of(part)) for part in PARTS[1:]]

        first = Receipt(1, PART_SIZE, "") if not receipts[0].etag else store.receipts(upload)[0]
        store.finish(upload, [first, *receipts])
        assert store.read(upload.name, offset=0, length=len(CONTENT)) == CONTENT

    def test_loses_nothing_to_who_was_held_up_and_sends_an_earlier_part(self, store: Store, upload: Upload) -> None:
        receipts = [store.append(upload, part, bytes_of(part)) for part in PARTS[:-1]]

        store.append(upload, PARTS[0], bytes_of(PARTS[0]))
        receipts.append(store.append(upload, PARTS[-1], bytes_of(PARTS[-1])))

        assert store.finish(upload, receipts).size == len(CONTENT)
        assert store.read(upload.name, offset=0, length=len(CONTENT)) == CONTENT

    def test_has_what_a_part_was_when_it_was_sent_last_where_it_says_so(
        self, target: StoreSettings, store: Store, upload: Upload
    ) -> None:
        assert store.replaces_parts
        receipts = [store.append(upload, part, bytes_of(part)) for part in PARTS]
        # Of the same size: so R2 wants it.
        other = b"begins otherwise" + bytes_of(PARTS[0])[16:]

        receipts[0] = open_store(target, allowed=LOOPBACK).append(upload, PARTS[0], other)

        stored = store.finish(upload, receipts)
        assert stored.size == len(CONTENT)
        assert store.read(upload.name, offset=0, length=len(CONTENT)) == other + CONTENT[PART_SIZE:]
        assert open_store(target, allowed=LOOPBACK).finish(upload, receipts) == stored

    def test_tells_which_parts_it_has(self, target: StoreSettings, store: Store, upload: Upload) -> None:
        before = store.receipts(upload)
        sent = [store.append(upload, part, bytes_of(part)) for part in PARTS[:2]]

        assert before == []
        assert open_store(target, allowed=LOOPBACK).receipts(upload) == sent

    def test_finishes_once_however_often_it_is_told(self, target: StoreSettings, upload: Upload) -> None:
        store = open_store(target, allowed=LOOPBACK)
        receipts = [store.append(upload, part, bytes_of(part)) for part in PARTS]
        stored = store.finish(upload, receipts)

        assert open_store(target, allowed=LOOPBACK).finish(upload, receipts) == stored
        assert store.read(upload.name, offset=0, length=len(CONTENT)) == CONTENT

    def test_shows_nothing_before_it_is_finished(self, store: Store, upload: Upload) -> None:
        store.append(upload, PARTS[0], bytes_of(PARTS[0]))

        assert store.stat(upload.name) is None

    def test_reads_a_range(self, store: Store, upload: Upload) -> None:
        self.keep(store, upload)

        assert store.read(upload.name, offset=PART_SIZE - 5, length=10) == CONTENT[PART_SIZE - 5 : PART_SIZE + 5]
        assert store.read(upload.name, offset=len(CONTENT) - 5, length=10) == CONTENT[-5:]
        assert store.read(upload.name, offset=len(CONTENT) + 5, length=10) == b""

    def test_deletes_for_good(self, store: Store, upload: Upload) -> None:
        self.keep(store, upload)

        store.delete(upload.name)
        store.delete(upload.name)

        assert store.stat(upload.name) is None
        with pytest.raises(StoreError) as refusal:
            store.read(upload.name, offset=0, length=10)
        assert refusal.value.code == "object_missing"

    def test_gives_up_an_upload(self, store: Store, upload: Upload) -> None:
        store.append(upload, PARTS[0], bytes_of(PARTS[0]))

        store.abort(upload)
        store.abort(upload)

        assert store.stat(upload.name) is None

    def test_is_checked_by_what_it_has_to_do(self, store: Store) -> None:
        store.check()

    def test_takes_no_name_that_leads_elsewhere(self, store: Store) -> None:
        for name in ("../other.mp4", "/etc/livehub", "shows//a.mp4", "", "a/./b", "a\nb", "a" * 1025):
            with pytest.raises(StoreError) as refusal:
                store.begin(name, content_type="video/mp4")
            assert refusal.value.code == "name_refused"

    @staticmethod
    def keep(store: Store, upload: Upload) -> None:
        store.finish(upload, [store.append(upload, part, bytes_of(part)) for part in PARTS])


class ServerContract(StoreContract):
    """What holds for storages behind a network."""

    def test_says_that_the_server_is_away(self, target: StoreSettings) -> None:
        error = self.failure(away(target))

        assert (error.code, error.retryable, error.is_ours) == ("unavailable", True, False)
        assert "refuses connections" in error.reason

    def test_goes_to_no_address_inside(self, target: StoreSettings) -> None:
        error = self.failure(target, allowed=[])

        assert (error.code, error.retryable) == ("address_refused", False)
        assert "have whoever runs LiveHub allow its network" in error.reason

    def test_says_that_the_bucket_is_missing(self, target: StoreSettings) -> None:
        elsewhere: dict[str, Any] = (
            {"path": f"{target.path}/nowhere"} if target.kind == "sftp" else {"bucket": "nowhere"}
        )

        assert self.failure(replace(target, **elsewhere)).code == "bucket_missing"

    def test_shows_no_secret(self, target: StoreSettings) -> None:
        secrets = [target.access_key, target.secret, target.private_key, target.password]

        assert not any(secret and secret in repr(target) for secret in secrets)

    @staticmethod
    def failure(target: StoreSettings, *, allowed: list[str] = LOOPBACK) -> StoreError:
        with pytest.raises(StoreError) as refusal:
            open_store(target, allowed=allowed).check()
        for secret in (target.access_key, target.secret, target.private_key, target.password):
            assert not secret or secret not in refusal.value.reason
        return refusal.value
