"""What the two nginx configurations share."""

import os
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

from livehub.stack.instance import Instance

MODULES_DIR = Path("/usr/lib/nginx/modules")
RTMP_MODULE = MODULES_DIR / "ngx_rtmp_module.so"
STREAM_MODULE = MODULES_DIR / "ngx_stream_module.so"
_OPEN_FILES_MAX = 65_536


@dataclass(frozen=True)
class Host:
    """What a configuration says about the machine it runs on."""

    is_root: bool
    open_files: int

    @classmethod
    def current(cls) -> "Host":
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        is_unlimited = hard == resource.RLIM_INFINITY
        return cls(is_root=os.getuid() == 0, open_files=_OPEN_FILES_MAX if is_unlimited else min(hard, _OPEN_FILES_MAX))


def binary() -> str | None:
    """Return nginx's path, or None. Debian keeps it where an ordinary user's PATH does not look."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def server_argv(*, config: Path, prefix: Path) -> list[str]:
    """Return the command line; SIGTERM stops it at once, SIGQUIT after its last request. Errors go to stderr."""
    return [binary() or "nginx", "-e", "stderr", "-p", f"{prefix}/", "-c", str(config)]


def quoted(value: Path | str) -> str:
    """Return the value as one word; `folders.check_path` has refused what quotes do not protect."""
    return f'"{value}"'


def listens(addresses: tuple[str, ...], port: int, *, option: str = "") -> str:
    """Return the `listen` directives of a server block."""
    return "\n        ".join(f"listen {_address(host, port)}{option};" for host in addresses)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port} ipv6only=on" if ":" in host else f"{host}:{port}"


def main_context(instance: Instance, host: Host, *, name: str, workers: str, connections: int) -> str:
    """Return the directives outside of every block; `connections` are each worker's.

    Run by root, the workers stay root: under a 0700 home nobody else could read the media files, and web and
    workers are root then, too.
    """
    user = "user root;\n" if host.is_root else ""
    return f"""\
{user}daemon off;
worker_processes {workers};
worker_rlimit_nofile {host.open_files};
pid {quoted(instance.runtime_dir / f"{name}.pid")};
error_log stderr warn;
events {{ worker_connections {max(256, connections)}; }}
"""


def households() -> str:
    """Return what gives each customer one name: over IPv6 they have a network of their own, at least a /64."""
    return """\
    map $binary_remote_addr $household {
        default $binary_remote_addr;
        # As some proxies write an IPv4 address.
        "~(?s)^\\x00{10}\\xff\\xff(?<mapped>.{4})$" $mapped;
        "~(?s)^(?<network>.{8}).{8}$" $network;
    }"""


def real_client(instance: Instance) -> str:
    """Return how a client is known behind trusted proxies: the last address in their list that is none of them."""
    believed = "".join(f"    set_real_ip_from {network};\n" for network in instance.trusted_proxies)
    return f"""\
{believed}    real_ip_header X-Forwarded-For;
    real_ip_recursive on;"""


def temp_paths(instance: Instance, *, name: str) -> str:
    """Return the http block's temporary folders: the compiled-in ones are the system nginx's."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "\n".join(f"    {kind}_temp_path {quoted(instance.nginx_temp_dir / f'{name}-{kind}')};" for kind in kinds)
