"""Amazon S3, and whatever speaks its language: Cloudflare R2, DigitalOcean Spaces, Swift, MinIO."""

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from livehub.core.networks import Network
from streams.recordings.stores.base import Receipt, StoredObject, StoreError, StoreSettings, Upload, UploadPart, bound_s
from streams.recordings.stores.faults import store_error
from streams.recordings.stores.line import Line, Whole, body_bytes, check_url, header_text
from streams.recordings.stores.names import disposition, prefixed
from streams.recordings.stores.trial import try_store

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_LINK_MAX_S = 7 * 24 * 3600  # Of SigV4.
_ANSWER_BYTES = 4 * 1024 * 1024

_CODES = {
    **dict.fromkeys(
        ["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "AuthFailure", "Unauthorized", "401"],
        "credentials_refused",
    ),
    **dict.fromkeys(["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"], "clock_skewed"),
    **dict.fromkeys(["AccessDenied", "AllAccessDisabled", "AccountProblem", "403"], "forbidden"),
    **dict.fromkeys(
        ["QuotaExceeded", "InsufficientStorage", "StorageFull", "XMinioStorageFull", "ServiceQuotaExceeded", "507"],
        "full",
    ),
    **dict.fromkeys(["EntityTooLarge", "InvalidPart", "InvalidPartOrder", "EntityTooSmall", "BadDigest"], "damaged"),
    **dict.fromkeys(["KeyTooLongError", "InvalidURI"], "name_refused"),
    **dict.fromkeys(
        [
            "PermanentRedirect",
            "TemporaryRedirect",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException",
        ],
        "misconfigured",
    ),
    "NoSuchBucket": "bucket_missing",
    "NoSuchKey": "object_missing",
    "404": "object_missing",
    "NoSuchUpload": "upload_missing",
    "InvalidBucketName": "bucket_missing",
}
_SERVER_ERROR, _TOO_MANY = 500, 429
# A session reads the service's description once; it is not made for several threads, its clients are.
_session_lock = threading.Lock()
_sessions: list[boto3.session.Session] = []


class S3Store:
    """A bucket, with a prefix for all names."""

    replaces_parts: ClassVar[bool] = True

    def __init__(self, settings: StoreSettings, *, allowed: Sequence[Network]) -> None:
        self._bucket, self._prefix = settings.bucket, settings.path
        self._allowed = allowed
        self._line: Line | None = None
        self._client = _client(settings)
        # Its types know no answer, which this event takes: then nothing is sent by the client itself.
        self._client.meta.events.register("before-send.s3", self._send)  # type: ignore[arg-type]

    def begin(self, name: str, *, content_type: str) -> str:
        with self._call():
            answer = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=self._key(name), ContentType=content_type
            )
        return answer["UploadId"]

    def append(self, upload: Upload, part: UploadPart, content: bytes) -> Receipt:
        with self._call(len(content)):
            answer = self._client.upload_part(
                **self._of(upload), PartNumber=part.number, Body=content, ContentLength=len(content)
            )
        return Receipt(part.number, len(content), _plain(answer["ETag"]))

    def receipts(self, upload: Upload) -> list[Receipt]:
        with self._call():
            pages = self._client.get_paginator("list_parts").paginate(**self._of(upload))
            return [
                Receipt(found["PartNumber"], found["Size"], _plain(found["ETag"]))
                for page in pages
                for found in page.get("Parts", [])
            ]

    def finish(self, upload: Upload, receipts: Sequence[Receipt]) -> StoredObject:
        size = sum(receipt.size for receipt in receipts)
        # First: Amazon forgets an upload once it is complete.
        found = self._find(upload.name)
        if found is not None and found.etag == _whole_etag(receipts):
            return found
        try:
            self._complete(upload, receipts)
        except StoreError as error:
            # Encrypted with a key of its own, an object has an etag that says nothing of its content.
            if error.code != "upload_missing" or found is None or found.size != size:
                raise
        found = self.stat(upload.name)
        if found is None or found.size != size:
            raise store_error("damaged")
        return found

    def abort(self, upload: Upload) -> None:
        try:
            with self._call():
                self._client.abort_multipart_upload(**self._of(upload))
        except StoreError as error:
            if error.code != "upload_missing":
                raise

    def stat(self, name: str) -> StoredObject | None:
        try:
            with self._call():
                found = self._client.head_object(Bucket=self._bucket, Key=self._key(name))
        except StoreError as error:
            if error.code == "object_missing":
                return None
            raise
        return StoredObject(name, found["ContentLength"], _plain(found["ETag"]))

    def read(self, name: str, *, offset: int, length: int) -> bytes:
        with self._call(length):
            try:
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=self._key(name), Range=f"bytes={offset}-{offset + length - 1}"
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "InvalidRange":
                    return b""
                raise
            return answer["Body"].read()

    def link(self, name: str, *, expires_s: int, file_name: str) -> str | None:
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": self._key(name),
                "ResponseContentDisposition": disposition(file_name),
            },
            ExpiresIn=min(expires_s, _LINK_MAX_S),
        )

    def delete(self, name: str) -> None:
        with self._call():
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name))

    def check(self) -> None:
        try_store(self)

    def _find(self, name: str) -> StoredObject | None:
        try:
            return self.stat(name)
        except StoreError as error:
            # Who may not list is not told that there is nothing.
            if error.code == "forbidden":
                return None
            raise

    def _complete(self, upload: Upload, receipts: Sequence[Receipt]) -> None:
        with self._call():
            self._client.complete_multipart_upload(
                **self._of(upload),
                MultipartUpload={
                    "Parts": [{"PartNumber": receipt.number, "ETag": f'"{receipt.etag}"'} for receipt in receipts]
                },
            )

    @contextmanager
    def _call(self, size_bytes: int = 0) -> Iterator[None]:
        try:
            with Line(allowed=self._allowed, seconds=bound_s(size_bytes)) as self._line:
                self._answer_bytes = _ANSWER_BYTES + size_bytes
                yield
        except (ClientError, BotoCoreError) as error:
            raise _store_error(error) from error
        finally:
            self._line = None

    def _send(self, *, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Send what the client made over our own line; this event is what it has for that."""
        if self._line is None:
            raise RuntimeError("a request outside of a call")
        headers = {name: header_text(value) for name, value in request.headers.items() if name.lower() != "expect"}
        answer = self._line.request(
            str(request.method),
            str(request.url),
            headers=headers,
            body=body_bytes(request.body),
            answer_bytes=self._answer_bytes,
        )
        found = HTTPHeaders()
        for name, value in answer.headers.items():
            found[name] = value
        return AWSResponse(str(request.url), answer.status, found, Whole(answer.content))

    def _key(self, name: str) -> str:
        return prefixed(self._prefix, name)

    def _of(self, upload: Upload) -> Mapping[str, Any]:
        return {"Bucket": self._bucket, "Key": self._key(upload.name), "UploadId": upload.token}


def _client(settings: StoreSettings) -> "S3Client":
    is_amazon = settings.kind == "aws"
    try:
        with _session_lock:
            if not _sessions:
                _sessions.append(boto3.session.Session())
            return _sessions[0].client(
                "s3",
                endpoint_url=_endpoint(settings),
                region_name=settings.region or ("us-east-1" if is_amazon else "auto"),
                aws_access_key_id=settings.access_key,
                aws_secret_access_key=settings.secret,
                config=Config(
                    # Said, as links of other endpoints are signed in the old way otherwise.
                    signature_version="s3v4",
                    # Only Amazon is sure to know the new checksums.
                    request_checksum_calculation="when_supported" if is_amazon else "when_required",
                    response_checksum_validation="when_required",
                    s3={"addressing_style": "auto" if is_amazon else "path"},
                    # Whoever calls tries again.
                    retries={"total_max_attempts": 1, "mode": "standard"},
                    proxies={},
                ),
            )
    except (BotoCoreError, ValueError) as error:
        raise store_error("misconfigured", "its region or endpoint cannot be") from error


def _endpoint(settings: StoreSettings) -> str | None:
    if settings.endpoint:
        check_url(settings.endpoint)
        return settings.endpoint
    if settings.kind == "digitalocean":
        return f"https://{settings.region}.digitaloceanspaces.com"
    if settings.kind == "aws":
        return None
    raise store_error("misconfigured", "an endpoint is missing")


def _store_error(error: Exception) -> StoreError:
    if isinstance(error, ParamValidationError):
        return store_error("misconfigured", "its bucket cannot have that name")
    if not isinstance(error, ClientError):
        return store_error("unavailable", type(error).__name__)
    said = error.response.get("Error", {})
    code = str(said.get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if known := _CODES.get(code):
        return store_error(known, f"{code}: {_hint(said)}" if known == "misconfigured" else "")
    if status == 507:
        return store_error("full")
    if status >= _SERVER_ERROR or status == _TOO_MANY:
        return store_error("unavailable", code)
    return store_error("refused", f"{status} {code}")


# Amazon says which region it expects.
def _hint(said: Mapping[str, Any]) -> str:
    return f"the region is {said['Region']}" if "Region" in said else "its region or endpoint is another"


def _whole_etag(receipts: Sequence[Receipt]) -> str:
    """Return the etag of an object that was made of these parts; it is nobody's where they are encrypted."""
    try:
        digests = b"".join(bytes.fromhex(receipt.etag) for receipt in receipts)
    except ValueError:
        return ""
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(receipts)}"


def _plain(etag: str) -> str:
    return etag.strip('"')
