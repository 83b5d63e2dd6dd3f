"""System checks: what this machine lacks to run LiveHub, and how to mend it."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from livehub.stack import nginx

TAG = "livehub"
_ENCODERS = ("libx264", "aac")


@register(TAG)
def check_programs(**options: object) -> list[CheckMessage]:
    """Name every program and module that is missing."""
    if settings.ORIGIN_URL:
        return _missing_of_edge_node()
    wanted = {"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "setpriv": "util-linux"}
    if not settings.REDIS_URL:
        wanted["redis-server"] = "redis-server"
    missing = [(name, package) for name, package in wanted.items() if shutil.which(name) is None]
    if nginx.binary() is None:
        missing.append(("nginx", "nginx"))
    missing += [
        (f"nginx's {module.stem}", package)
        for module, package in (
            (nginx.RTMP_MODULE, "libnginx-mod-rtmp"),
            (nginx.STREAM_MODULE, "libnginx-mod-stream"),
        )
        if not module.exists()
    ]
    if not settings.DATABASE_URL and not _has_postgres():
        missing.append(("PostgreSQL's server", "postgresql"))
    return [
        Error(f"{what} is not installed.", hint=f"As root: apt-get install {package}", id="livehub.E001")
        for what, package in missing
    ]


def _missing_of_edge_node() -> list[CheckMessage]:
    missing = [("setpriv", "util-linux")] if shutil.which("setpriv") is None else []
    if nginx.binary() is None:
        missing.append(("nginx", "nginx"))
    return [
        Error(f"{what} is not installed.", hint=f"As root: apt-get install {package}", id="livehub.E001")
        for what, package in missing
    ]


@register(TAG)
def check_encoders(**options: object) -> list[CheckMessage]:
    """Name the encoders that the installed ffmpeg was built without."""
    if settings.ORIGIN_URL or shutil.which("ffmpeg") is None:
        return []  # Named by check_programs.
    argv = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-encoders"]
    listed = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20).stdout
    # A line reads " V....D libx264   libx264 H.264 ...", after a legend.
    found = {words[1] for line in listed.splitlines() if len(words := line.split()) > 1}
    return [
        Error(
            f"{shutil.which('ffmpeg')} was built without the encoder {name}.",
            hint="Install Debian's (apt-get install ffmpeg) and let it come first on PATH.",
            id="livehub.E002",
        )
        for name in _ENCODERS
        if name not in found
    ]


@register(TAG)
def check_data_folder(**options: object) -> list[CheckMessage]:
    """Say so when the data folder cannot be written to, or shows its secrets to other users."""
    folder: Path = settings.DATA_DIR
    if not os.access(_nearest(folder), os.W_OK | os.X_OK):
        hint = "Give it to the user that runs LiveHub, or set LIVEHUB_DATA_DIR to a folder that this user may write to."
        return [Error(f"The data folder {folder} cannot be written to.", hint=hint, id="livehub.E003")]
    return [
        Error(f"Other users can read {path}.", hint=f"chmod go= {path}", id="livehub.E004")
        for path in _private_files(folder)
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]


@register(TAG)
def check_exposure(**options: object) -> list[CheckMessage]:
    """Warn when other machines can reach an instance that is not set up for them."""
    warnings: list[CheckMessage] = []
    is_http_reached, is_rtmp_reached = (
        not ip_address(bind).is_loopback for bind in (settings.HTTP_BIND, settings.RTMP_BIND)
    )
    if is_http_reached and settings.PUBLIC_URL.startswith("http://"):
        warnings.append(
            Warning(
                f"Other machines reach plain HTTP on {settings.HTTP_BIND}: passwords and API keys travel in the clear.",
                hint=(
                    "Put a TLS proxy in front and set LIVEHUB_PUBLIC_URL to its https:// address. If that proxy is on "
                    "this machine, or only encoders come from elsewhere, set LIVEHUB_HTTP_BIND=127.0.0.1."
                ),
                id="livehub.W001",
            )
        )
    if (is_http_reached or is_rtmp_reached) and os.getuid() == 0:
        warnings.append(
            Warning(
                "LiveHub runs as root, on a machine that others can reach.",
                hint="Run it as a user of its own: docs/operations.md, Users.",
                id="livehub.W002",
            )
        )
    return warnings


@register(TAG)
def check_proxies(**options: object) -> list[CheckMessage]:
    """Warn when TLS ends in a proxy that is not trusted: all of its clients are then one."""
    if settings.TRUSTED_PROXIES or not settings.PUBLIC_URL.startswith("https://"):
        return []
    return [
        Warning(
            "All clients of the TLS proxy count as one: a guesser of passwords keeps new browsers out.",
            hint="Set LIVEHUB_TRUSTED_PROXIES to the proxy's address, 127.0.0.1 if it runs on this machine.",
            id="livehub.W003",
        )
    ]


def _has_postgres() -> bool:
    # psutil comes with it, and every process of the product imports these checks.
    from livehub.stack import postgres

    try:
        postgres.binary("postgres")
    except postgres.PostgresError:
        return False
    return True


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _private_files(folder: Path) -> Iterator[Path]:
    for path in (folder / "credentials.json", folder / "tls" / "key.pem"):
        if path.exists():
            yield path
    yield from sorted((folder / "secrets").glob("*"))
