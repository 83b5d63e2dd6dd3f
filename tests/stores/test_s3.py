"""Against OpenStack Swift: the only server with S3's language that its own makers publish as a package."""

from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

import httpx
import pytest

from streams.recordings.stores.base import Store, StoreError, StoreSettings, Upload
from streams.recordings.stores.opening import open_store
from tests.stores.contract import CONTENT, PARTS, ServerContract, bytes_of
from tests.stores.servers import swift


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    with swift(tmp_path_factory.mktemp("swift")) as target:
        yield target


class TestS3(ServerContract):
    def test_puts_names_below_its_path(self, target: StoreSettings, store: Store, upload: Upload) -> None:
        below = open_store(replace(target, path="/shows/"), allowed=["127.0.0.0/8"])
        self.keep(store, upload)

        found = below.stat(upload.name.removeprefix("shows/"))

        assert found is not None
        assert found.size == len(CONTENT)

    def test_gives_links_by_which_browsers_save_it(self, store: Store, upload: Upload) -> None:
        self.keep(store, upload)

        link = store.link(upload.name, expires_s=3600, file_name="Süßes Ende.mp4")

        assert link is not None
        assert "the-secret" not in link
        answer = httpx.get(link, headers={"Range": "bytes=10-19"})
        assert answer.status_code == httpx.codes.PARTIAL_CONTENT
        assert answer.content == CONTENT[10:20]
        header = Message()
        header["Content-Disposition"] = answer.headers["Content-Disposition"]
        assert header.get_filename() == "Süßes Ende.mp4"

    def test_gives_links_for_a_while_only(self, store: Store, upload: Upload) -> None:
        self.keep(store, upload)
        link = store.link(upload.name, expires_s=3600, file_name="a.mp4")

        assert link is not None
        assert "X-Amz-Expires=3600&" in link
        assert httpx.get(link.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200")).status_code == httpx.codes.FORBIDDEN

    def test_keeps_what_it_is_told_that_it_is(self, store: Store, upload: Upload) -> None:
        self.keep(store, upload)
        link = store.link(upload.name, expires_s=60, file_name="a.mp4")

        assert httpx.get(str(link)).headers["Content-Type"] == "video/mp4"

    @pytest.mark.parametrize("wrong", [{"secret": "another"}, {"access_key": "studio:nobody"}])
    def test_says_that_the_secret_is_wrong(self, target: StoreSettings, wrong: dict[str, Any]) -> None:
        error = self.failure(replace(target, **wrong))

        assert (error.code, error.retryable) == ("credentials_refused", False)

    def test_says_that_an_upload_is_gone(self, store: Store, upload: Upload) -> None:
        store.abort(upload)

        with pytest.raises(StoreError) as refusal:
            store.append(upload, PARTS[0], bytes_of(PARTS[0]))

        assert refusal.value.code == "upload_missing"

    @pytest.mark.parametrize(
        "wrong",
        [{"endpoint": "ftp://127.0.0.1"}, {"endpoint": "http://127.0.0.1:6379"}, {"endpoint": ""}, {"bucket": "a b"}],
    )
    def test_says_that_the_settings_cannot_be(self, target: StoreSettings, wrong: dict[str, Any]) -> None:
        assert self.failure(replace(target, **wrong)).code == "misconfigured"


def test_takes_nothing_from_where_it_runs(
    target: StoreSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")

    open_store(target, allowed=["127.0.0.0/8"]).check()
