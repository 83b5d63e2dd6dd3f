"""Typed settings from the environment.

Each reader registers what it reads in `DECLARED`, which `docs/settings.md` is compared with, and refuses a value
that it cannot understand: a misspelt setting must stop the start, not change its meaning.
"""

import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_MAIL_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True)
class Setting:
    name: str
    default: str
    unit: str
    purpose: str


DECLARED: dict[str, Setting] = {}


def text(name: str, *, default: str, purpose: str, unit: str = "") -> str:
    """Return the variable, or the content of the file that `<name>_FILE` names.

    :raises ImproperlyConfigured: when both are set, or the file cannot be read.
    """
    DECLARED[name] = Setting(name, default, unit, purpose)
    value, path = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value is not None and path is not None:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: keep one.")
    if path is not None:
        return _read(name, Path(path))
    return default if value is None else value


def boolean(name: str, *, default: bool, purpose: str) -> bool:
    """Return whether the variable says yes.

    :raises ImproperlyConfigured: when it is neither a yes nor a no.
    """
    value = text(name, default="yes" if default else "no", purpose=purpose, unit="yes/no").strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}.")


def integer(name: str, *, default: int, purpose: str, unit: str, at_least: int = 0, at_most: int = 2**31) -> int:
    """Return the variable as a whole number within its bounds.

    :raises ImproperlyConfigured: when it is not a number, or out of bounds.
    """
    value = text(name, default=str(default), purpose=purpose, unit=unit).strip()
    if not value.isascii() or not value.isdigit():
        raise ImproperlyConfigured(f"{name} must be a whole number ({unit}), not {value!r}.")
    number = int(value)
    if not at_least <= number <= at_most:
        raise ImproperlyConfigured(f"{name} must be from {at_least} to {at_most} ({unit}), not {number}.")
    return number


def port(name: str, *, default: int, purpose: str) -> int:
    """Return the variable as a TCP port."""
    return integer(name, default=default, purpose=purpose, unit="TCP port", at_least=1, at_most=65535)


def address(name: str, *, default: str, purpose: str, same_as: str = "") -> str:
    """Return the variable as an IP address in its shortest form, without brackets; "localhost" is 127.0.0.1.

    `same_as` names the setting that the default is the value of.

    :raises ImproperlyConfigured: when it is a name, or an address within one link only (fe80::1%eth0).
    """
    value = text(name, default=same_as or default, purpose=purpose, unit="IPv4 or IPv6 address").strip()
    if same_as and value == same_as:
        return default
    try:
        found = ip_address("127.0.0.1" if value == "localhost" else value.removeprefix("[").removesuffix("]"))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be an IP address such as 192.0.2.7 or ::1, not {value!r}.") from error
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.scope_id:
        raise ImproperlyConfigured(f"{name} must be an address that needs no interface's name, not {value!r}.")
    return str(found.ipv4_mapped or found)


def networks(name: str, *, purpose: str) -> list[str]:
    """Return the variable's networks, none by default; an address by itself is one.

    :raises ImproperlyConfigured: when one of them is a name, or has bits set beyond its length.
    """
    value = text(name, default="", purpose=purpose, unit="networks (192.0.2.0/24, ::1), comma separated")
    try:
        return [str(ip_network(part.strip())) for part in value.split(",") if part.strip()]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be networks such as 192.0.2.0/24 or ::1, not {value!r}.") from error


def origins(name: str, *, purpose: str) -> list[str]:
    """Return the variable's web origins, none by default.

    :raises ImproperlyConfigured: when one of them is none, such as one with a path or `*`.
    """
    value = text(name, default="", purpose=purpose, unit="http(s)://host[:port], comma separated; default: none")
    found = [part.strip() for part in value.split(",") if part.strip()]
    for origin in found:
        if not re.fullmatch(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", origin):
            raise ImproperlyConfigured(f"{name} must hold origins such as https://app.example.org, not {origin!r}.")
    return found


@dataclass(frozen=True)
class MailServer:
    host: str
    port: int
    user: str
    password: str
    # From the first byte on; the other one from a command of SMTP on.
    is_tls: bool
    is_starttls: bool


def mail_server(name: str, *, purpose: str) -> MailServer | None:
    """Return where mail is handed in, or None when nothing is said.

    :raises ImproperlyConfigured: when it is not such an address.
    """
    value = text(name, default="", purpose=purpose, unit="smtp://, smtp+starttls:// or smtps://user:password@host:port")
    if not value:
        return None
    try:
        parts = urlsplit(value.strip())
        is_right = parts.scheme in _MAIL_PORTS and parts.hostname and parts.path in {"", "/"} and not parts.query
        port_number = parts.port or _MAIL_PORTS.get(parts.scheme, 0)
    except ValueError:
        is_right = False
    if not is_right:
        # Not the value: it may hold a password.
        raise ImproperlyConfigured(f"{name} must look like smtps://user:password@mail.example.org:465.")
    return MailServer(
        host=parts.hostname or "",
        port=port_number,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        is_tls=parts.scheme == "smtps",
        is_starttls=parts.scheme == "smtp+starttls",
    )


def secret(name: str, *, path: Path, purpose: str) -> str:
    """Return the variable, or a secret of our own making, kept in `path` (mode 0600) from the first start on.

    :raises ImproperlyConfigured: when the file can be neither read nor made.
    """
    value = text(name, default="", purpose=purpose, unit=f"made on first start, in {path.parent.name}/{path.name}")
    return value or _read_or_create(name, path, make=lambda: secrets.token_urlsafe(48))


def private_keys(name: str, *, path: Path, purpose: str) -> str:
    """Return the variable, RSA keys in PEM, or a key of our own making, kept in `path` from the first start on.

    :raises ImproperlyConfigured: when one that was given is none, or the file can be neither read nor made.
    """
    value = text(
        name, default="", purpose=purpose, unit=f"PEM; made on first start, in {path.parent.name}/{path.name}"
    ).strip()
    if not value:
        return _read_or_create(name, path, make=_make_private_key)
    if "PRIVATE KEY-----" not in value:
        raise ImproperlyConfigured(f"{name} must be RSA private keys in PEM, without a password.")
    return value


def _make_private_key() -> str:
    # Not above: only the first start needs it.
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _read_or_create(name: str, path: Path, *, make: Callable[[], str]) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Written aside and linked, so that of two processes that start together both see one whole secret.
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        if not path.exists():
            draft.touch(mode=0o600)
            draft.write_text(make())
            try:
                path.hardlink_to(draft)
            except FileExistsError:
                pass  # Another process was first: its secret holds.
            finally:
                draft.unlink()
    except OSError as error:
        raise ImproperlyConfigured(f"{name} is not set, and {path} cannot be made: {error.strerror}.") from error
    return _read(name, path)


def _read(name: str, path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}: cannot read {path}: {error}.") from error
