"""Against Azurite, Microsoft's own emulator."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from streams.recordings.stores.base import Store, StoreError, StoreSettings, Upload
from tests.stores.contract import CONTENT, PART_SIZE, PARTS, ServerContract, bytes_of
from tests.stores.servers import azurite


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    with azurite(tmp_path_factory.mktemp("azurite")) as target:
        yield target


class TestAzure(ServerContract):
    def test_keeps_two_uploads_of_one_name_apart(self, store: Store, upload: Upload) -> None:
        other = Upload(upload.name, store.begin(upload.name, content_type="video/mp4"), PART_SIZE)
        store.append(other, PARTS[1], bytes_of(PARTS[1]))
        receipts = [store.append(upload, part, bytes_of(part)) for part in PARTS]

        assert [receipt.number for receipt in store.receipts(other)] == [2]
        store.finish(upload, receipts)
        assert store.read(upload.name, offset=0, length=len(CONTENT)) == CONTENT

    def test_says_that_an_upload_is_gone(self, store: Store, upload: Upload) -> None:
        receipt = store.append(upload, PARTS[0], bytes_of(PARTS[0]))

        with pytest.raises(StoreError) as refusal:
            store.finish(replace(upload, token="another video/mp4"), [receipt])

        assert refusal.value.code == "upload_missing"

    def test_gives_links_by_which_browsers_save_it(self, target: StoreSettings, store: Store, upload: Upload) -> None:
        self.keep(store, upload)

        link = store.link(upload.name, expires_s=3600, file_name="Ende.mp4")

        assert link is not None
        answer = httpx.get(link, headers={"Range": "bytes=10-19"})
        assert answer.content == CONTENT[10:20]
        assert "Ende.mp4" in answer.headers["Content-Disposition"]
        assert httpx.get(link.replace("sp=r&", "sp=rw&")).status_code == httpx.codes.FORBIDDEN
        key = target.access_key.partition("AccountKey=")[2].partition(";")[0]
        assert key not in link

    def test_says_that_the_secret_is_wrong(self, target: StoreSettings) -> None:
        before, _, after = target.access_key.partition("AccountKey=")
        wrong = f"{before}AccountKey=d3Jvbmc=;{after.partition(';')[2]}"

        error = self.failure(replace(target, access_key=wrong))

        # The emulator's word; Azure itself says AuthenticationFailed.
        assert (error.code, error.retryable) == ("forbidden", False)

    def test_says_that_the_settings_cannot_be(self, target: StoreSettings) -> None:
        assert self.failure(replace(target, access_key="none")).code == "misconfigured"
