"""A folder of an SFTP server: each upload is one file that grows, next to its place, and is renamed there at the end.

Servers other than OpenSSH may know neither `fsync` nor a rename that replaces: then the first is left out, which is
all that can be had there, and the second is a removal and a rename.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any, ClassVar, TypeVar

import asyncssh

from livehub.core.networks import Network
from livehub.core.unanswered import describe_system
from streams.recordings.stores.base import Receipt, StoredObject, StoreError, StoreSettings, Upload, UploadPart, bound_s
from streams.recordings.stores.faults import store_error
from streams.recordings.stores.line import Line, check_ssh_port
from streams.recordings.stores.names import checked_name
from streams.recordings.stores.trial import try_store

T = TypeVar("T")
_Work = Callable[[asyncssh.SFTPClient], Awaitable[T]]
# What one request carries; servers take 32 KiB and more, OpenSSH up to 256.
_REQUEST_BYTES = 32 * 1024

_HOST_KEY_KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "rsa-sha2-512", "rsa-sha2-256")
# It tells of each step of a connection.
logging.getLogger("asyncssh").setLevel(logging.WARNING)

_FULL = (asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded)
_MISSING = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory)
_FORBIDDEN = (asyncssh.SFTPPermissionDenied, asyncssh.SFTPWriteProtect)


class SftpStore:
    """A folder there. `host_key` is what the server showed in the last call, in OpenSSH's notation."""

    replaces_parts: ClassVar[bool] = True

    def __init__(self, settings: StoreSettings, *, allowed: Sequence[Network]) -> None:
        self._settings = settings
        self._allowed = allowed
        self._root = PurePosixPath(settings.path or ".")
        self._pinned = _public_key(settings.host_key)
        self._key = _private_key(settings)
        self.host_key = settings.host_key

    def begin(self, name: str, *, content_type: str) -> str:
        token = secrets.token_hex(8)
        path = self._growing(Upload(name, token, 0))

        async def work(sftp: asyncssh.SFTPClient) -> None:
            await _make_folders(sftp, PurePosixPath(path).parent, root=self._root)
            async with sftp.open(path, "wb"):
                pass

        self._call(work)
        return token

    def append(self, upload: Upload, part: UploadPart, content: bytes) -> Receipt:
        async def work(sftp: asyncssh.SFTPClient) -> None:
            # Of a dead process more may be there, with the same bytes.
            async with sftp.open(self._growing(upload), "r+b", block_size=_REQUEST_BYTES) as file:
                try:
                    await file.write(content, part.offset)
                    # Behind another one there may be what somebody else has sent since.
                    if part.is_last:
                        await file.truncate(part.offset + len(content))
                    with suppress(asyncssh.SFTPOpUnsupported):
                        await file.fsync()
                except asyncssh.SFTPFailure as error:
                    raise await self._failure(sftp, error) from error

        self._call(work, size_bytes=len(content), missing="upload_missing")
        return Receipt(part.number, len(content), "")

    def receipts(self, upload: Upload) -> list[Receipt]:
        async def work(sftp: asyncssh.SFTPClient) -> int:
            return await _size(sftp, self._growing(upload))

        size = self._call(work, missing="upload_missing")
        return [Receipt(number + 1, upload.part_size, "") for number in range(size // upload.part_size)]

    def finish(self, upload: Upload, receipts: Sequence[Receipt]) -> StoredObject:
        growing, path = self._growing(upload), self._path(upload.name)
        size = sum(receipt.size for receipt in receipts)

        async def work(sftp: asyncssh.SFTPClient) -> None:
            if not await sftp.exists(growing) and await sftp.exists(path) and await _size(sftp, path) == size:
                return
            found = await _size(sftp, growing)
            if found != size:
                raise store_error("damaged", f"{found} bytes instead of {size}")
            try:
                await sftp.posix_rename(growing, path)
            except asyncssh.SFTPOpUnsupported:
                with suppress(*_MISSING):
                    await sftp.remove(path)
                await sftp.rename(growing, path)

        self._call(work, missing="upload_missing")
        return StoredObject(upload.name, size, "")

    def abort(self, upload: Upload) -> None:
        self._remove(self._growing(upload))

    def stat(self, name: str) -> StoredObject | None:
        async def work(sftp: asyncssh.SFTPClient) -> StoredObject | None:
            try:
                return StoredObject(name, await _size(sftp, self._path(name)), "")
            except _MISSING:
                return None

        return self._call(work)

    def read(self, name: str, *, offset: int, length: int) -> bytes:
        async def work(sftp: asyncssh.SFTPClient) -> bytes:
            async with sftp.open(self._path(name), "rb", block_size=_REQUEST_BYTES) as file:
                content: bytes = await file.read(length, offset)
                return content

        return self._call(work, size_bytes=length, missing="object_missing")

    def link(self, name: str, *, expires_s: int, file_name: str) -> str | None:
        return None

    def delete(self, name: str) -> None:
        self._remove(self._path(name))

    def check(self) -> None:
        try_store(self)

    def ask_host_key(self) -> str:
        """Return the key that the server shows, in OpenSSH's notation; it is not told who asks."""
        with Line(allowed=self._allowed, seconds=bound_s()) as line:
            try:
                return asyncio.run(self._shown_key(line))
            except (OSError, asyncssh.Error) as error:
                raise _store_error(error, missing="unavailable") from error

    async def _shown_key(self, line: Line) -> str:
        settings = self._settings
        check_ssh_port(settings.port)
        async with asyncio.timeout(line.remaining_s):
            sock = line.open(settings.host, settings.port)
            key = await asyncssh.get_server_host_key(settings.host, sock=sock, config=None, client_version="LiveHub")
        if key is None:
            raise store_error("unavailable", "it shows no host key")
        return key.export_public_key().decode().strip()

    def _remove(self, path: str) -> None:
        async def work(sftp: asyncssh.SFTPClient) -> None:
            with suppress(*_MISSING):
                await sftp.remove(path)

        self._call(work)

    def _call(self, work: _Work[T], *, size_bytes: int = 0, missing: str = "bucket_missing") -> T:
        with Line(allowed=self._allowed, seconds=bound_s(size_bytes)) as line:
            try:
                return asyncio.run(self._within(work, line=line))
            except (OSError, asyncssh.Error) as error:
                raise _store_error(error, missing=missing) from error

    async def _within(self, work: _Work[T], *, line: Line) -> T:
        async with asyncio.timeout(line.remaining_s):
            connection = await self._connect(line)
            try:
                self._learn(connection)
                return await work(await connection.start_sftp_client())
            finally:
                # All that was asked for is answered by now, or never will be.
                connection.abort()
                await connection.wait_closed()

    async def _connect(self, line: Line) -> asyncssh.SSHClientConnection:
        settings = self._settings
        check_ssh_port(settings.port)
        options: dict[str, Any] = {
            "client_keys": [self._key] if self._key else None,
            "password": settings.password or None,
            "preferred_auth": ["publickey"] if self._key else ["password", "keyboard-interactive"],
        }
        if self._pinned:
            # A server with several keys shows the one that is known of it, if it still has one of that kind.
            pinned = [name.decode() for name in self._pinned.sig_algorithms]
            options["server_host_key_algs"] = list(dict.fromkeys([*pinned, *_HOST_KEY_KINDS]))
        # Of this machine's own settings, keys and agents nothing is taken.
        return await asyncssh.connect(
            settings.host,
            sock=line.open(settings.host, settings.port),
            config=None,
            agent_path=None,
            gss_host=None,
            known_hosts=([], [], []),
            client_factory=lambda: _Client(self._pinned),
            username=settings.username,
            client_version="LiveHub",
            **options,
        )

    def _learn(self, connection: asyncssh.SSHClientConnection) -> None:
        key = connection.get_server_host_key()
        if key is not None:
            self.host_key = key.export_public_key().decode().strip()

    async def _failure(self, sftp: asyncssh.SFTPClient, error: asyncssh.SFTPFailure) -> Exception:
        """Return what a failure without a reason means: SFTP as it is spoken has no word for a full disk."""
        with suppress(asyncssh.SFTPError):
            if (await sftp.statvfs(str(self._root))).bavail == 0:
                return store_error("full")
        return error

    def _path(self, name: str) -> str:
        return str(self._root / checked_name(name))

    def _growing(self, upload: Upload) -> str:
        path = self._root / checked_name(upload.name)
        return str(path.with_name(f".{path.name}.{upload.token}.part"))


class _Client(asyncssh.SSHClient):
    def __init__(self, pinned: asyncssh.SSHKey | None) -> None:
        self._pinned = pinned

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return self._pinned is None or key == self._pinned


async def _size(sftp: asyncssh.SFTPClient, path: str) -> int:
    return (await sftp.stat(path)).size or 0


async def _make_folders(sftp: asyncssh.SFTPClient, folder: PurePosixPath, *, root: PurePosixPath) -> None:
    """Make what a name has of folders; the storage's own has to be there, as a misspelt one would be made unseen."""
    if not await sftp.isdir(str(root)):
        raise store_error("bucket_missing")
    await sftp.makedirs(str(folder), exist_ok=True)


def _public_key(text: str) -> asyncssh.SSHKey | None:
    try:
        return asyncssh.import_public_key(text) if text else None
    except (asyncssh.KeyImportError, ValueError) as error:
        raise store_error("misconfigured", "the host key is none of OpenSSH's notation") from error


def _private_key(settings: StoreSettings) -> asyncssh.SSHKey | None:
    try:
        return asyncssh.import_private_key(settings.private_key) if settings.private_key else None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        raise store_error("misconfigured", "the private key cannot be read: enter one without a passphrase") from error


# By the first that fits.
_CODES: Sequence[tuple[type[Exception] | tuple[type[Exception], ...], str]] = [
    (asyncssh.PermissionDenied, "credentials_refused"),
    (asyncssh.HostKeyNotVerifiable, "host_key_changed"),
    (_FULL, "full"),
    (_FORBIDDEN, "forbidden"),
    (TimeoutError, "timed_out"),
]


def _store_error(error: Exception, *, missing: str) -> StoreError:
    for kinds, code in _CODES:
        if isinstance(error, kinds):
            return store_error(code)
    if isinstance(error, _MISSING):
        return store_error(missing)
    if isinstance(error, asyncssh.SFTPError):
        return store_error("refused", error.reason)
    if isinstance(error, OSError):
        return store_error("unavailable", describe_system(error))
    return store_error("unavailable", getattr(error, "reason", type(error).__name__))
