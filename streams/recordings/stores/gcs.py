"""Google Cloud Storage, by the JSON API's resumable uploads and a service account's key.

A session of theirs takes bytes in order only, and is good for a week. Its address alone lets write to that object.
Source: https://cloud.google.com/storage/docs/performing-resumable-uploads.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import quote

from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport import Request, Response
from google.oauth2.service_account import Credentials

from livehub.core.networks import Network
from streams.recordings.stores.base import Receipt, StoredObject, StoreError, StoreSettings, Upload, UploadPart, bound_s
from streams.recordings.stores.faults import store_error
from streams.recordings.stores.line import Line, ServerAnswer
from streams.recordings.stores.names import prefixed
from streams.recordings.stores.trial import try_store

_ENDPOINT = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_ANSWER_BYTES = 1024 * 1024
# All but the last request of a session bring a multiple of this.
_CHUNK_BYTES = 256 * 1024
_OK, _CREATED, _PARTIAL, _INCOMPLETE = 200, 201, 206, 308
_BAD_REQUEST, _MISSING, _GONE, _RANGE = 400, 404, 410, 416
_BUSY = {"rateLimitExceeded", "userRateLimitExceeded", "backendError", "internalError"}


class GcsStore:
    """A bucket, with a prefix for all names. The secret is a service account's key in JSON."""

    replaces_parts: ClassVar[bool] = False

    def __init__(self, settings: StoreSettings, *, allowed: Sequence[Network]) -> None:
        self._bucket, self._prefix = settings.bucket, settings.path
        self._endpoint = (settings.endpoint or _ENDPOINT).rstrip("/")
        self._allowed = allowed
        self._credentials = _credentials(settings.secret)

    def begin(self, name: str, *, content_type: str) -> str:
        with self._line() as line:
            answer = line.request(
                "POST",
                f"{self._endpoint}/upload/storage/v1/b/{quote(self._bucket, safe='')}/o"
                f"?uploadType=resumable&name={quote(self._key(name), safe='')}",
                headers={**self._authorization(line), "X-Upload-Content-Type": content_type, "Content-Length": "0"},
            )
        _check(answer, {_OK, _CREATED}, missing="bucket_missing")
        location = answer.headers.get("Location", "")
        if not location:
            raise store_error("refused", "it gives no address to upload to")
        return location

    def append(self, upload: Upload, part: UploadPart, content: bytes) -> Receipt:
        end = part.offset + len(content)
        if not part.is_last and len(content) % _CHUNK_BYTES:
            raise ValueError(f"a part of {len(content)} bytes: not a multiple of {_CHUNK_BYTES}")
        kept: int | None = part.offset
        with self._line(len(content)) as line:
            # It may keep less than it was sent, and may have some of it already, of a dead process.
            while kept is not None and kept < end:
                before, kept = kept, self._send(line, upload, part, content[kept - part.offset :])
                if kept is not None and kept <= before:
                    raise store_error("unavailable", "it keeps nothing of what it is sent")
        return Receipt(part.number, len(content), "")

    def receipts(self, upload: Upload) -> list[Receipt]:
        with self._line() as line:
            kept = self._kept(line, upload)
        if kept is None:
            found = self.stat(upload.name)
            kept = found.size if found else 0
        return [Receipt(number + 1, upload.part_size, "") for number in range(kept // upload.part_size)]

    def finish(self, upload: Upload, receipts: Sequence[Receipt]) -> StoredObject:
        # The last part has made it whole.
        found = self.stat(upload.name)
        if found is None:
            raise store_error("upload_missing")
        if found.size != sum(receipt.size for receipt in receipts):
            raise store_error("damaged")
        return found

    def abort(self, upload: Upload) -> None:
        with self._line() as line:
            answer = line.request("DELETE", upload.token, headers={"Content-Length": "0"})
        # Theirs for a session that is closed by whoever asked for it.
        _check(answer, {_OK, 204, 499, _MISSING, _GONE}, missing="upload_missing")

    def stat(self, name: str) -> StoredObject | None:
        with self._line() as line:
            answer = line.request("GET", self._url(name), headers=self._authorization(line))
        if answer.status == _MISSING:
            return None
        _check(answer, {_OK}, missing="object_missing")
        found = _json(answer)
        return StoredObject(name, int(found.get("size", 0)), str(found.get("etag", "")))

    def read(self, name: str, *, offset: int, length: int) -> bytes:
        with self._line(length) as line:
            answer = line.request(
                "GET",
                f"{self._url(name)}?alt=media",
                headers={**self._authorization(line), "Range": f"bytes={offset}-{offset + length - 1}"},
                answer_bytes=_ANSWER_BYTES + length,
            )
        if answer.status == _RANGE:
            return b""
        _check(answer, {_OK, _PARTIAL}, missing="object_missing")
        return answer.content if answer.status == _PARTIAL else answer.content[offset : offset + length]

    def link(self, name: str, *, expires_s: int, file_name: str) -> str | None:
        return None

    def delete(self, name: str) -> None:
        with self._line() as line:
            answer = line.request("DELETE", self._url(name), headers=self._authorization(line))
        _check(answer, {_OK, 204, _MISSING}, missing="object_missing")

    def check(self) -> None:
        try_store(self)

    @contextmanager
    def _line(self, size_bytes: int = 0) -> Iterator[Line]:
        with Line(allowed=self._allowed, seconds=bound_s(size_bytes)) as line:
            yield line

    def _send(self, line: Line, upload: Upload, part: UploadPart, content: bytes) -> int | None:
        """Send the rest of a part; return how many bytes there are then, None when the object is whole."""
        end = part.offset + part.size
        answer = line.request(
            "PUT",
            upload.token,
            headers={"Content-Range": f"bytes {end - len(content)}-{end - 1}/{end if part.is_last else '*'}"},
            body=content,
        )
        if answer.status == _BAD_REQUEST:
            return self._kept(line, upload)
        _check(answer, {_OK, _CREATED, _INCOMPLETE}, missing="upload_missing")
        return _kept_of(answer) if answer.status == _INCOMPLETE else None

    def _kept(self, line: Line, upload: Upload) -> int | None:
        """Return how many bytes the session has; None when it has made the object whole."""
        answer = line.request("PUT", upload.token, headers={"Content-Range": "bytes */*", "Content-Length": "0"})
        _check(answer, {_OK, _CREATED, _INCOMPLETE}, missing="upload_missing")
        return _kept_of(answer) if answer.status == _INCOMPLETE else None

    def _authorization(self, line: Line) -> dict[str, str]:
        if not self._credentials.valid:
            try:
                self._credentials.refresh(_Exchange(line))
            except GoogleAuthError as error:
                raise _auth_error(error) from error
        return {"Authorization": f"Bearer {self._credentials.token}"}

    def _url(self, name: str) -> str:
        return f"{self._endpoint}/storage/v1/b/{quote(self._bucket, safe='')}/o/{quote(self._key(name), safe='')}"

    def _key(self, name: str) -> str:
        return prefixed(self._prefix, name)


class _Exchange(Request):
    """Fetches tokens over our own line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: object,
    ) -> "_Token":
        return _Token(self._line.request(method, url, headers=headers or {}, body=body))


class _Token(Response):
    def __init__(self, answer: ServerAnswer) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.content


def _credentials(secret: str) -> Any:
    try:
        return Credentials.from_service_account_info(json.loads(secret), scopes=[_SCOPE])  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, AttributeError) as error:
        raise store_error("misconfigured", "the secret is no service account's key in JSON") from error


def _auth_error(error: GoogleAuthError) -> StoreError:
    words = str(error)
    if isinstance(error, RefreshError) and "Token must be a short-lived token" in words:
        return store_error("clock_skewed")
    if isinstance(error, TransportError) or getattr(error, "retryable", False):
        return store_error("unavailable")
    return store_error("credentials_refused")


def _check(answer: ServerAnswer, wanted: set[int], *, missing: str) -> None:
    if answer.status in wanted:
        return
    said = _json(answer).get("error", {})
    reasons = said.get("errors", []) if isinstance(said, dict) else []
    reason = str(reasons[0].get("reason", "")) if reasons and isinstance(reasons[0], dict) else ""
    raise _answer_error(answer.status, reason, missing=missing)


def _answer_error(status: int, reason: str, *, missing: str) -> StoreError:
    if status == 401:
        return store_error("credentials_refused")
    if status == 429 or status >= 500 or reason in _BUSY:
        return store_error("unavailable", reason)
    if status == 403:
        return store_error("full" if reason == "quotaExceeded" else "forbidden")
    if status in {_MISSING, _GONE}:
        return store_error(missing)
    return store_error("refused", f"{status} {reason}")


def _kept_of(answer: ServerAnswer) -> int:
    """Return how many bytes are there: `Range: bytes=0-41` says 42, and without it there are none."""
    end = answer.headers.get("Range", "").rpartition("-")[2]
    return int(end) + 1 if end.isdigit() else 0


def _json(answer: ServerAnswer) -> Mapping[str, Any]:
    try:
        found = json.loads(answer.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
