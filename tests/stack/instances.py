"""An instance that is described: a fresh installation with embedded servers, on free ports of loopback."""

from dataclasses import replace
from pathlib import Path

from livehub.settings import OWN_ADDRESS
from livehub.stack.instance import Instance
from livehub.stack.ports import free_port
from tests.stack.whole import free_ports


def fresh_instance(folder: Path) -> Instance:
    """Return one whose data folder is in that folder."""
    http, rtmp, rtmps = free_ports(3)
    data_dir = folder / "var"
    return replace(
        Instance.from_settings(),
        data_dir=data_dir,
        runtime_dir=data_dir / "run",
        playback_dir=data_dir / "playback",
        static_root=data_dir / "static",
        web_socket=data_dir / "run" / "web.sock",
        asgi_socket=data_dir / "run" / "asgi.sock",
        gate_socket=data_dir / "run" / "gate.sock",
        egress_socket=data_dir / "run" / "egress.sock",
        origin_socket=data_dir / "run" / "origin.sock",
        nudge_socket=data_dir / "run" / "nudge.sock",
        ingest_control_socket=data_dir / "run" / "ingest-control.sock",
        http_bind="127.0.0.1",
        rtmp_bind="127.0.0.1",
        inner_port=free_port(OWN_ADDRESS),
        http_port=http,
        rtmp_port=rtmp,
        rtmps_port=rtmps,
        has_embedded_postgres=True,
        has_embedded_redis=True,
    )
