"""Azure's blob storage: each part is a staged block, and the list of them is committed at the end."""

import logging
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import requests
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    ContentSettings,
    generate_blob_sas,
)
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from livehub.core.networks import Network
from streams.recordings.stores.base import Receipt, StoredObject, StoreError, StoreSettings, Upload, UploadPart, bound_s
from streams.recordings.stores.faults import store_error
from streams.recordings.stores.line import Line, Whole, body_bytes, header_text
from streams.recordings.stores.names import disposition, prefixed
from streams.recordings.stores.trial import try_store

# With the list of 50,000 blocks.
_ANSWER_BYTES = 16 * 1024 * 1024
# Tells of an object which upload it came of.
_UPLOAD = "livehubupload"
# It tells of each request.
logging.getLogger("azure").setLevel(logging.WARNING)
_SERVER_ERROR, _TOO_MANY, _FULL = 500, 429, 507

_CODES = {
    **dict.fromkeys(
        ["AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation"], "credentials_refused"
    ),
    **dict.fromkeys(
        [
            "AuthorizationFailure",
            "AuthorizationPermissionMismatch",
            "InsufficientAccountPermissions",
            "AccountIsDisabled",
        ],
        "forbidden",
    ),
    **dict.fromkeys(["ContainerNotFound", "ContainerBeingDeleted", "ContainerDisabled"], "bucket_missing"),
    **dict.fromkeys(["InvalidBlockList", "InvalidBlockId"], "upload_missing"),
    **dict.fromkeys(["AccountLimitExceeded", "BlockCountExceedsLimit"], "full"),
    **dict.fromkeys(["InvalidUri", "InvalidResourceName"], "name_refused"),
    "BlobNotFound": "object_missing",
    "ResourceNotFound": "object_missing",
    "Md5Mismatch": "damaged",
}


class AzureStore:
    """A container, with a prefix for all names. The access key is the account's connection string."""

    replaces_parts: ClassVar[bool] = True

    def __init__(self, settings: StoreSettings, *, allowed: Sequence[Network]) -> None:
        self._bucket, self._prefix = settings.bucket, settings.path
        self._allowed = allowed
        session = requests.Session()
        session.trust_env = False
        self._adapter = _Adapter()
        session.mount("https://", self._adapter)
        session.mount("http://", self._adapter)
        try:
            self._service = BlobServiceClient.from_connection_string(
                settings.access_key,
                transport=RequestsTransport(session=session, session_owner=False, use_env_settings=False),
                # Whoever calls tries again.
                retry_total=0,
            )
        except (ValueError, AzureError) as error:
            raise store_error("misconfigured", "the access key is no connection string of Azure's") from error

    def begin(self, name: str, *, content_type: str) -> str:
        # Nothing is there before the first block: this asks whether the container is.
        prefixed(self._prefix, name)
        with self._call():
            self._service.get_container_client(self._bucket).get_container_properties()
        return f"{secrets.token_hex(8)} {content_type}"

    def append(self, upload: Upload, part: UploadPart, content: bytes) -> Receipt:
        with self._call(len(content)):
            self._blob(upload.name).stage_block(_block_id(upload, part.number), content, length=len(content))
        return Receipt(part.number, len(content), "")

    def receipts(self, upload: Upload) -> list[Receipt]:
        try:
            with self._call():
                _, staged = self._blob(upload.name).get_block_list("uncommitted")
        except StoreError as error:
            if error.code == "object_missing":
                return []
            raise
        found = [(_number(upload, block.id), block.size) for block in staged]
        return sorted(
            (Receipt(number, size, "") for number, size in found if number), key=lambda receipt: receipt.number
        )

    def finish(self, upload: Upload, receipts: Sequence[Receipt]) -> StoredObject:
        token, _, content_type = upload.token.partition(" ")
        size = sum(receipt.size for receipt in receipts)
        found, made_of = self._find(upload.name)
        if found is None or made_of != token:
            with self._call():
                self._blob(upload.name).commit_block_list(
                    [BlobBlock(_block_id(upload, receipt.number)) for receipt in receipts],
                    content_settings=ContentSettings(content_type=content_type),
                    metadata={_UPLOAD: token},
                )
            found, _ = self._find(upload.name)
        if found is None or found.size != size:
            raise store_error("damaged")
        return found

    def abort(self, upload: Upload) -> None:
        """Do nothing: Azure removes blocks that are not committed within a week, and has no call for it."""

    def stat(self, name: str) -> StoredObject | None:
        return self._find(name)[0]

    def read(self, name: str, *, offset: int, length: int) -> bytes:
        with self._call(length):
            try:
                answer = self._blob(name).download_blob(offset=offset, length=length, max_concurrency=1)
                return bytes(answer.readall())
            except HttpResponseError as error:
                if error.status_code == 416:
                    return b""
                raise

    def link(self, name: str, *, expires_s: int, file_name: str) -> str | None:
        blob = self._blob(name)
        key = getattr(self._service.credential, "account_key", None)
        if key is None:
            return None  # Of a connection string with a signature of its own.
        query = generate_blob_sas(
            account_name=str(self._service.account_name),
            container_name=self._bucket,
            blob_name=blob.blob_name,
            account_key=key,
            permission=BlobSasPermissions(read=True),
            expiry=datetime.now(UTC) + timedelta(seconds=expires_s),
            content_disposition=disposition(file_name),
        )
        return f"{blob.url}?{query}"

    def delete(self, name: str) -> None:
        try:
            with self._call():
                self._blob(name).delete_blob()
        except StoreError as error:
            if error.code != "object_missing":
                raise

    def check(self) -> None:
        try_store(self)

    def _find(self, name: str) -> tuple[StoredObject | None, str]:
        """Return the object and the token of the upload that it came of."""
        try:
            with self._call():
                found = self._blob(name).get_blob_properties()
        except StoreError as error:
            if error.code == "object_missing":
                return None, ""
            raise
        return StoredObject(name, found.size, str(found.etag).strip('"')), found.metadata.get(_UPLOAD, "")

    @contextmanager
    def _call(self, size_bytes: int = 0) -> Iterator[None]:
        try:
            with Line(allowed=self._allowed, seconds=bound_s(size_bytes)) as line:
                self._adapter.line, self._adapter.answer_bytes = line, _ANSWER_BYTES + size_bytes
                yield
        except (AzureError, ValueError) as error:
            raise _store_error(error) from error
        finally:
            self._adapter.line = None

    def _blob(self, name: str) -> BlobClient:
        return self._service.get_blob_client(self._bucket, prefixed(self._prefix, name))


class _Adapter(BaseAdapter):
    """Sends what the client makes over our own line."""

    def __init__(self) -> None:
        super().__init__()
        self.line: Line | None = None
        self.answer_bytes = _ANSWER_BYTES

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: object = None,
        verify: object = True,
        cert: object = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        if self.line is None:
            raise RuntimeError("a request outside of a call")
        answer = self.line.request(
            str(request.method),
            str(request.url),
            headers={name: header_text(value) for name, value in request.headers.items()},
            body=body_bytes(request.body),
            answer_bytes=self.answer_bytes,
        )
        response = requests.Response()
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(answer.headers)
        # Whichever of the two it reads.
        response._content, response.raw = answer.content, Whole(answer.content)
        response.url, response.request = str(request.url), request
        return response

    def close(self) -> None:
        """Nothing is kept open."""


def _store_error(error: Exception) -> StoreError:
    if not isinstance(error, HttpResponseError):
        return store_error("unavailable", type(error).__name__)
    code = str(getattr(getattr(error, "error_code", ""), "value", getattr(error, "error_code", "")) or "")
    status = error.status_code or 0
    # Azure has no word of its own for a clock that is wrong.
    if code == "AuthenticationFailed" and "Date header" in str(error.message):
        return store_error("clock_skewed")
    if known := _CODES.get(code):
        return store_error(known)
    by_status = {
        401: "credentials_refused",
        403: "forbidden",
        404: "object_missing",
        _FULL: "full",
        _TOO_MANY: "unavailable",
    }
    if known := by_status.get(status):
        return store_error(known)
    if status >= _SERVER_ERROR:
        return store_error("unavailable", code)
    return store_error("refused", f"{status} {code}")


def _block_id(upload: Upload, number: int) -> str:
    return b64encode(f"{upload.token.partition(' ')[0]}-{number:06d}".encode()).decode()


def _number(upload: Upload, block_id: str) -> int:
    """Return which part a block is; 0 when it is another upload's."""
    text = block_id
    with suppress(ValueError):  # The client may have decoded it already.
        text = b64decode(block_id, validate=True).decode()
    token, _, number = text.rpartition("-")
    return int(number) if token == upload.token.partition(" ")[0] else 0
