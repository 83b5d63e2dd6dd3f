"""Are our ports free, and if not, who has them?"""

import errno
import pwd
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from livehub.stack.errors import StartError
from livehub.stack.instance import Instance

_ANY = "0.0.0.0"  # noqa: S104  # Bound when the operator says so.
_LISTENING = "0A"  # /proc/net/tcp, column st.


@dataclass(frozen=True)
class Port:
    """A port that we are going to listen on, and the settings that move it."""

    number: int
    setting: str
    addresses: tuple[str, ...]
    bind_setting: str


def wanted_ports(instance: Instance) -> list[Port]:
    """Return what the run listens on; RTMP is on our own address too, where the live worker pulls from."""
    if instance.is_edge_node:
        http_only = listen_addresses(instance.http_bind)
        return [Port(instance.http_port, "LIVEHUB_HTTP_PORT", http_only, "LIVEHUB_HTTP_BIND")]
    http, rtmp = listen_addresses(instance.http_bind), listen_addresses(instance.rtmp_bind)
    pulls = () if _ANY in rtmp else (instance.own_address,)
    return [
        Port(instance.http_port, "LIVEHUB_HTTP_PORT", http, "LIVEHUB_HTTP_BIND"),
        Port(instance.rtmp_port, "LIVEHUB_RTMP_PORT", (*rtmp, *pulls), "LIVEHUB_RTMP_BIND"),
        Port(instance.rtmps_port, "LIVEHUB_RTMPS_PORT", rtmp, "LIVEHUB_RTMP_BIND"),
    ]


def listen_addresses(bind: str) -> tuple[str, ...]:
    """Return the addresses to listen on; one socket for both kinds would know IPv4 clients as ::ffff:192.0.2.7."""
    return (_ANY, "::") if bind == "::" else (bind,)


def free_port(address: str) -> int:
    """Return a port of an IPv4 address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def check_ports(ports: list[Port]) -> None:
    """Accept ports that can be listened on.

    :raises StartError: naming every one that cannot, its setting, and its holder as far as it can be seen.
    """
    complaints = [*_doubles(ports), *(complaint for port in ports for complaint in _complaints(port))]
    if complaints:
        raise StartError("\n".join(complaints))


def _doubles(ports: list[Port]) -> list[str]:
    settings: dict[int, list[str]] = {}
    for port in ports:
        settings.setdefault(port.number, []).append(port.setting)
    return [
        f"Port {number} is set by {' and '.join(names)}: give each its own."
        for number, names in settings.items()
        if len(names) > 1
    ]


def _complaints(port: Port) -> Iterator[str]:
    for address in port.addresses:
        try:
            _listen(address, port.number)
        except OSError as error:
            if isinstance(error, PermissionError):
                yield f"Port {port.number}: this user may not listen below 1024. Set {port.setting} to another port."
            elif error.errno == errno.EADDRINUSE:
                yield f"Port {port.number} is in use by {find_holder(port.number)}. Stop it, or set {port.setting}."
            else:
                yield f"Cannot listen on {address}, port {port.number}: {error.strerror}. Check {port.bind_setting}."
            return


def _listen(address: str, number: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind((address, number))
        probe.listen(1)


def find_holder(number: int) -> str:
    """Return a phrase that names who listens on the port: process and pid, or the user if that is all we may see."""
    holders = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
        and connection.laddr
        and connection.laddr.port == number
        and connection.pid
    }
    if holders:
        return f"{_name(min(holders))} (process {min(holders)})"
    users = sorted({_user(uid) for uid in _listening_users(number)})
    if users:
        return f"a process of the user {', '.join(users)} (which one, only root may see)"
    return "a process that cannot be seen from here (another container or network namespace)"


def _name(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return "a process"  # Gone meanwhile.


def _listening_users(number: int) -> Iterator[int]:
    # psutil tells an ordinary user that another's socket listens, but not whose it is; the kernel's table does.
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == number:
                yield int(columns[7])


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
