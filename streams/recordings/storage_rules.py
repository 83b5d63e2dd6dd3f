"""What a storage may be said to be: which fields its type needs, and what they can hold."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from django.conf import settings

from livehub.core import networks
from livehub.core.errors import ValidationFailedError
from livehub.core.names import check_name
from streams.recordings.models.storage import (
    PATH_MAX_LENGTH,
    SECRET_MAX_LENGTH,
    SECRETS,
    TEXT_MAX_LENGTH,
    AuthMethod,
    StorageTarget,
    StorageType,
)

_PORT_MAX = 65_535
_SSH_PORT = 22
_NEEDED: Mapping[str, Sequence[str]] = {
    StorageType.AWS: ("bucket", "region", "access_key", "secret"),
    StorageType.AZURE: ("bucket", "access_key"),
    StorageType.CLOUDFLARE: ("bucket", "endpoint", "access_key", "secret"),
    StorageType.DIGITALOCEAN: ("bucket", "region", "access_key", "secret"),
    StorageType.GCS: ("bucket", "secret"),
    StorageType.S3: ("bucket", "endpoint", "access_key", "secret"),
    StorageType.SFTP: ("host", "username", "auth_method"),
}
_LENGTHS = {
    "bucket": TEXT_MAX_LENGTH,
    "region": TEXT_MAX_LENGTH,
    "endpoint": PATH_MAX_LENGTH,
    "host": TEXT_MAX_LENGTH,
    "path": PATH_MAX_LENGTH,
    "username": TEXT_MAX_LENGTH,
    "host_key": SECRET_MAX_LENGTH,
}
# Their value is text of several lines.
_WITH_LINES = {"private_key", "secret", "host_key"}
_INSIDE = (
    "This address is inside LiveHub's own network, where nothing is sent. Give one that the Internet reaches, or have "
    "whoever runs LiveHub allow its network."
)


def check_storage_target(target: StorageTarget, *, secrets: Mapping[str, str]) -> None:
    """Check that a storage can be like this, with these secrets.

    :raises ValidationFailedError: names all that it cannot be.
    """
    fields = {
        name: complaint
        for name, complaint in (
            *_missing(target, secrets),
            *_misplaced_text(target, secrets),
            ("name", _name_complaint(target.name)),
            ("path", _path_complaint(target)),
            ("endpoint", _endpoint_complaint(target.endpoint)),
            ("host", _host_complaint(target.host)),
            ("port", _port_complaint(target)),
        )
        if complaint
    }
    if fields:
        raise ValidationFailedError(
            "The storage cannot be like this.", fields={name: [complaint] for name, complaint in fields.items()}
        )


def needed_fields(target: StorageTarget) -> Sequence[str]:
    """Return what a storage of this type cannot do without, secrets included."""
    if target.type != StorageType.SFTP:
        return _NEEDED[target.type]
    by_password = target.auth_method == AuthMethod.PASSWORD
    return (*_NEEDED[StorageType.SFTP], "password" if by_password else "private_key")


def _missing(target: StorageTarget, secrets: Mapping[str, str]) -> list[tuple[str, str]]:
    found = {
        name: secrets.get(name, "") if name in SECRETS else getattr(target, name) for name in needed_fields(target)
    }
    label = StorageType(target.type).label
    return [(name, f"{label} needs it.") for name, value in found.items() if not value]


def _misplaced_text(target: StorageTarget, secrets: Mapping[str, str]) -> list[tuple[str, str]]:
    given = {name: (getattr(target, name), most) for name, most in _LENGTHS.items()}
    given |= {name: (secret, SECRET_MAX_LENGTH) for name, secret in secrets.items()}
    return [(name, _text_complaint(name, value, most=most)) for name, (value, most) in given.items()]


def _text_complaint(name: str, value: str, *, most: int) -> str:
    if len(value) > most:
        return f"Use at most {most} characters."
    text = value.replace("\n", "").replace("\r", "") if name in _WITH_LINES else value
    return "" if text.isprintable() else "Use printable characters only."


def _name_complaint(name: str) -> str:
    try:
        return "" if check_name(name) else "Enter a name."
    except ValidationFailedError as error:
        return error.fields["name"][0]


def _path_complaint(target: StorageTarget) -> str:
    return "Leave out “..”." if ".." in PurePosixPath(target.path).parts else ""


def _endpoint_complaint(endpoint: str) -> str:
    if not endpoint:
        return ""
    try:
        parts = urlsplit(endpoint)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or not endpoint.isascii() or " " in endpoint or parts.query or parts.fragment:
        return "Enter the address of the storage's API, such as https://s3.example.com."
    if parts.username is not None or parts.password is not None:
        return "Leave out the user name and password: they have fields of their own."
    if parts.port in networks.REFUSED_PORTS:
        return f"Port {parts.port} is not for the web."
    return _INSIDE if _is_inside(parts.hostname or "") else ""


def _host_complaint(host: str) -> str:
    if not host:
        return ""
    if "/" in host or "@" in host or " " in host:
        return "Enter the server's name alone, such as sftp.example.com."
    return _INSIDE if _is_inside(host) else ""


def _port_complaint(target: StorageTarget) -> str:
    if not 0 < target.port <= _PORT_MAX:
        return f"Use a number from 1 to {_PORT_MAX}."
    if target.port in networks.REFUSED_PORTS and target.port != _SSH_PORT:
        return f"Port {target.port} is not for SFTP."
    return ""


def _is_inside(host: str) -> bool:
    """Tell whether it is an address that nothing is sent to; what a name stands for is looked at when something is."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return False
    return networks.is_refused(address, allowed=[ip_network(text) for text in settings.OUTGOING_ALLOWED_NETWORKS])
