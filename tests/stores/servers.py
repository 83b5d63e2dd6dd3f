"""Storages on this machine, as their makers publish them, each for as long as a block lasts."""

import getpass
import json
import os
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import boto3
import httpx
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from streams.recordings.stores.base import StoreSettings
from tests.plain_http import fetch
from tests.services import running, wait_until

BUCKET = "recordings"
_BIN = Path(sys.executable).parent
_SSHD = "/usr/sbin/sshd"
_AZURITE = Path(".venv/azurite/node_modules/azurite/dist/src/blob/main.js")
_AZURE_ACCOUNT = "livehub"


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Swift:
    """OpenStack Swift with its S3 API, one copy of everything: four programs, each of which can be killed."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\n")
        self._ports = {kind: free_port() for kind in ("account", "container", "object", "proxy")}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        for kind, port in self._ports.items():
            if kind != "proxy":
                _make_ring(folder, kind=kind, port=port)
            _configure_swift(folder, kind=kind, port=port)
            self.start(kind)
        self.await_answer()

    @property
    def settings(self) -> StoreSettings:
        return StoreSettings(
            kind="s3",
            bucket=BUCKET,
            region="us-east-1",
            endpoint=f"http://127.0.0.1:{self._ports['proxy']}",
            access_key="studio:recorder",
            secret="the-secret-of-S3",
        )

    def start(self, kind: str, *, ahead_s: int = 0) -> None:
        """Start one of its programs, whose clock may be ahead."""
        argv = [str(_BIN / f"swift-{kind}-server"), str(self._folder / f"{kind}.conf")]
        if ahead_s:
            argv = [sys.executable, "-c", _AHEAD.format(ahead_s=ahead_s), *argv]
        self._running[kind] = self._stack.enter_context(running(argv, log_path=self._folder / f"{kind}.log"))

    def kill(self, kind: str) -> None:
        self._running[kind].kill()
        self._running[kind].wait()

    def await_answer(self) -> None:
        wait_until(lambda: _answers(f"{self.settings.endpoint}/healthcheck"), what="Swift")
        for kind, port in self._ports.items():
            wait_until(lambda port=port: _takes_connections(port), what=kind)  # type: ignore[misc]


@contextmanager
def swift(folder: Path) -> Iterator[StoreSettings]:
    """Run OpenStack Swift; yield how its bucket is reached."""
    with killable_swift(folder) as servers:
        yield servers.settings


@contextmanager
def killable_swift(folder: Path) -> Iterator[Swift]:
    """Run OpenStack Swift with a bucket."""
    with ExitStack() as stack:
        servers = Swift(folder, stack)
        settings = servers.settings
        boto3.client(
            "s3",
            endpoint_url=settings.endpoint,
            region_name=settings.region,
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret,
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        ).create_bucket(Bucket=BUCKET)
        yield servers


@contextmanager
def sshd(folder: Path) -> Iterator[StoreSettings]:
    """Run OpenSSH with a host key and a client's key of its own; yield how its folder is reached, nothing pinned."""
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    (folder / "authorized").write_text((folder / "client.pub").read_text())
    (folder / BUCKET).mkdir()
    if os.geteuid() == 0:
        # Where it leaves its rights, if it has some; Debian's service makes it.
        Path("/run/sshd").mkdir(exist_ok=True)
    port = free_port()
    configuration = folder / "sshd_config"
    configuration.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        "PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication yes\nSubsystem sftp internal-sftp\n"
    )
    settings = StoreSettings(
        kind="sftp",
        host="127.0.0.1",
        port=port,
        path=str(folder / BUCKET),
        username=getpass.getuser(),
        private_key=(folder / "client").read_text(),
    )
    with running([_SSHD, "-D", "-e", "-f", str(configuration)], log_path=folder / "sshd.log"):
        wait_until(lambda: _takes_connections(port), what="sshd")
        yield settings


@contextmanager
def azurite(folder: Path) -> Iterator[StoreSettings]:
    """Run Microsoft's own emulator of its blob storage."""
    port = free_port()
    key = b64encode(b"the key of Azure" * 4).decode()
    endpoint = f"http://127.0.0.1:{port}/{_AZURE_ACCOUNT}"
    connection = f"DefaultEndpointsProtocol=http;AccountName={_AZURE_ACCOUNT};AccountKey={key};BlobEndpoint={endpoint};"
    argv = ["env", f"AZURITE_ACCOUNTS={_AZURE_ACCOUNT}:{key}", "node", str(_AZURITE.resolve())]
    argv += ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder), "--silent"]
    argv += ["--skipApiVersionCheck", "--disableTelemetry"]
    with running(argv, log_path=folder / "azurite.log"):
        wait_until(lambda: _takes_connections(port), what="Azurite")
        from azure.storage.blob import BlobServiceClient

        BlobServiceClient.from_connection_string(connection).create_container(BUCKET)
        yield StoreSettings(kind="azure", bucket=BUCKET, access_key=connection)


@contextmanager
def google(folder: Path, *, token_url: str) -> Iterator[StoreSettings]:
    """Run a stub of Google's storage: it checks no credentials, and is nobody's but its author's."""
    port = free_port()
    argv = [str(_BIN / "gcp-storage-emulator"), "start", "-H", "127.0.0.1", "--port", str(port), "--in-memory"]
    with running([*argv, "--default-bucket", BUCKET, "--quiet"], log_path=folder / "google.log"):
        wait_until(lambda: _takes_connections(port), what="the stub of Google's storage")
        yield StoreSettings(
            kind="gcs", bucket=BUCKET, endpoint=f"http://127.0.0.1:{port}", secret=service_account(token_url)
        )


def service_account(token_url: str) -> str:
    """Return a new service account's key, as Google's console hands it out."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "studio",
            "private_key_id": "1",
            "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "client_email": "recorder@studio.iam.example.com",
            "token_uri": token_url,
        }
    )


def away(settings: StoreSettings) -> StoreSettings:
    """Return the settings with a port that nobody listens on."""
    port = free_port()
    if settings.kind == "azure":
        before, _, after = settings.access_key.partition("BlobEndpoint=http://127.0.0.1:")
        path = after.partition("/")[2]
        return replace(settings, access_key=f"{before}BlobEndpoint=http://127.0.0.1:{port}/{path}")
    if settings.kind == "sftp":
        return replace(settings, port=port)
    return replace(settings, endpoint=f"http://127.0.0.1:{port}")


# Runs a program as Python does, by another clock.
_AHEAD = """
import runpy, sys, time
told = time.time
time.time = lambda: told() + {ahead_s}
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_PROXY_PIPELINE = "catch_errors gatekeeper healthcheck s3api tempauth slo proxy-server"
# However often one of the others was not there, it is asked again.
_PROXY_APP = "account_autocreate = true\nerror_suppression_limit = 1000000"
_PROXY_FILTERS = """
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
min_segment_size = 262144
[filter:tempauth]
use = egg:swift#tempauth
user_studio_recorder = the-secret-of-S3 .admin
[filter:slo]
use = egg:swift#slo
"""


def _make_ring(folder: Path, *, kind: str, port: int) -> None:
    builder = str(folder / f"{kind}.builder")
    for step in (["create", "4", "1", "1"], ["add", f"r1z1-127.0.0.1:{port}/d1", "1"], ["rebalance"]):
        subprocess.run([_BIN / "swift-ring-builder", builder, *step], check=True, capture_output=True)


def _configure_swift(folder: Path, *, kind: str, port: int) -> None:
    pipeline, more = (_PROXY_PIPELINE, _PROXY_FILTERS) if kind == "proxy" else (f"{kind}-server", "")
    (folder / "devices" / "d1").mkdir(parents=True, exist_ok=True)
    configuration = folder / f"{kind}.conf"
    configuration.write_text(
        f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nswift_dir = {folder}\ndevices = {folder}/devices\n"
        f"mount_check = false\nworkers = 0\nuser = {getpass.getuser()}\nrecon_cache_path = {folder}\n"
        f"[pipeline:main]\npipeline = {pipeline}\n[app:{kind}-server]\nuse = egg:swift#{kind}\n"
        f"{_PROXY_APP if kind == 'proxy' else ''}\n{more}"
    )


def _answers(url: str) -> bool:
    try:
        return fetch(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _takes_connections(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
