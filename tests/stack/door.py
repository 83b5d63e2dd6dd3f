"""The way in, without the rest of the product: the gate, the real nginx, and hooks that admit every key but one."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import psutil

from livehub.stack import nginx
from livehub.stack.folders import prepare_folders
from livehub.stack.ingest import render_ingest
from livehub.stack.instance import Instance
from livehub.stack.nginx import Host
from livehub.stack.programs import programs
from livehub.stack.tls import ensure_self_signed
from streams.media.nginx_rtmp import IngestServer
from tests.services import running, wait_until
from tests.stack.answering import Quiet, answering

WRONG_KEY = "wrong"


@dataclass
class Door:
    """A running one."""

    instance: Instance
    gate: psutil.Process
    nginx: psutil.Process
    # What the hook was told of each encoder that wanted to publish: its address by its key.
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def server(self) -> IngestServer:
        pulls = f"rtmp://{self.instance.own_address}:{self.instance.rtmp_port}/live/"
        return IngestServer(pulls, self.instance.ingest_control_socket)

    def memory_bytes(self) -> int:
        """Return what the gate and nginx hold for themselves."""
        processes = [self.gate, self.nginx, *self.nginx.children()]
        return sum(process.memory_full_info().uss for process in processes)


@contextmanager
def running_door(instance: Instance, folder: Path, *, strangers: int = 0, config: str = "") -> Iterator[Door]:
    """Let encoders in for as long as the block lasts.

    `strangers` may wait at most, if given; `config` is nginx's in place of the product's own.
    """
    prepare_folders(instance)
    ensure_self_signed(certificate_path=instance.certificate_path, key_path=instance.key_path, host="localhost")
    instance.ingest_config.write_text(config or render_ingest(instance, Host.current()))
    gate_argv = next(program.argv for program in programs(instance) if program.name == "gate")
    if strangers:
        gate_argv = [*gate_argv[:-1], str(strangers)]
    nginx_argv = nginx.server_argv(config=instance.ingest_config, prefix=instance.nginx_temp_dir)
    addresses: dict[str, str] = {}
    with (
        answering(instance.asgi_socket, partial(_Hook, addresses)),
        running(gate_argv, log_path=folder / "gate.log") as gate,
        running(nginx_argv, log_path=folder / "nginx.log") as server,
    ):
        sockets = (instance.gate_socket, instance.ingest_control_socket)
        wait_until(lambda: all(map(_accepts, sockets)), what="the door")
        yield Door(instance, psutil.Process(gate.pid), psutil.Process(server.pid), addresses)


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


class _Hook(Quiet, BaseHTTPRequestHandler):
    def __init__(self, addresses: dict[str, str], *connection: Any) -> None:
        self._addresses = addresses
        super().__init__(*connection)

    def do_POST(self) -> None:
        fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        key = fields["name"][0]
        if fields["call"] == ["publish"]:
            self._addresses[key] = fields["addr"][0]
        self.send_response(403 if key == WRONG_KEY else 204)
        self.end_headers()
