from pathlib import Path

import pytest

from streams.recordings.stores.base import Receipt, StoreError, StoreSettings, Upload
from streams.recordings.stores.folder import FolderStore
from tests.stores.contract import CONTENT, PART_SIZE, PARTS, StoreContract, bytes_of


class TestFolder(StoreContract):
    @pytest.fixture
    def target(self, tmp_path: Path) -> StoreSettings:
        return StoreSettings(kind="folder", path=str(tmp_path / "recordings"))

    def test_writes_again_what_a_dead_process_left_behind(
        self, store: FolderStore, upload: Upload, tmp_path: Path
    ) -> None:
        store.append(upload, PARTS[0], bytes_of(PARTS[0]))
        (growing,) = (tmp_path / "recordings").rglob("*.part")
        with growing.open("ab") as file:
            file.write(b"half a part, and damaged")

        receipts = [Receipt(1, PART_SIZE, ""), *(store.append(upload, part, bytes_of(part)) for part in PARTS[1:])]

        store.finish(upload, receipts)
        assert store.path(upload.name).read_bytes() == CONTENT

    def test_refuses_to_finish_what_is_not_whole(self, store: FolderStore, upload: Upload) -> None:
        receipt = store.append(upload, PARTS[0], bytes_of(PARTS[0]))

        with pytest.raises(StoreError) as refusal:
            store.finish(upload, [receipt, Receipt(2, PART_SIZE, "")])

        assert refusal.value.code == "damaged"
        assert store.stat(upload.name) is None

    def test_says_that_an_upload_is_gone(self, store: FolderStore, upload: Upload) -> None:
        store.abort(upload)

        with pytest.raises(StoreError) as refusal:
            store.append(upload, PARTS[0], bytes_of(PARTS[0]))

        assert refusal.value.code == "upload_missing"

    def test_says_that_the_disk_is_full(self) -> None:
        # The kernel's own full disk.
        store = _OnFullDisk(Path("/dev"))

        with pytest.raises(StoreError) as refusal:
            store.append(Upload("full", "", PART_SIZE), PARTS[0], bytes_of(PARTS[0]))

        assert (refusal.value.code, refusal.value.retryable) == ("full", True)

    def test_removes_folders_with_their_last_object(self, store: FolderStore, upload: Upload, tmp_path: Path) -> None:
        self.keep(store, upload)

        store.delete(upload.name)

        assert list((tmp_path / "recordings").iterdir()) == []


class _OnFullDisk(FolderStore):
    def _growing(self, upload: Upload) -> Path:
        return self.path(upload.name)
