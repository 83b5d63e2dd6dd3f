"""An ingest server and encoders of a test's own: the real nginx-rtmp, without hooks."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from livehub.stack import nginx
from streams.media.nginx_rtmp import IngestServer, IngestUnavailableError
from tests.plain_http import plain_client
from tests.services import running, wait_until

# The RTMP settings are the product's (`livehub/stack/ingest.py`); one process, so that a signal meets all of it.
_CONFIG = """\
load_module {module};
{user}
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 64; }}
rtmp {{
    access_log off;
    {bounds}
    server {{
        listen 127.0.0.1:{port};
        application live {{
            live on; wait_key on; wait_video on; publish_notify on; play_restart on; idle_streams on; sync 300ms;
        }}
    }}
}}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{
        listen unix:{folder}/control.sock;
        location = /stat {{ rtmp_stat all; }}
        location /control {{ rtmp_control all; }}
    }}
}}
"""

_BOUNDS_S = {"timeout": 15, "ping": 10, "ping_timeout": 10, "drop_idle_publisher": 5}


@dataclass(frozen=True)
class Ingest:
    """A running nginx-rtmp."""

    server: IngestServer
    process: subprocess.Popen[bytes]

    @contextmanager
    def publishing(
        self, name: str, clip: Path, *, is_endless: bool = True, speed: int = 1
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """Send a clip, by default in real time, over and over; return once the server knows of it."""
        loop = ["-stream_loop", "-1"] if is_endless else []
        # Its sound does not wait for a picture, as that of other encoders does not.
        sending = ["-c", "copy", "-max_interleave_delta", "200000", "-f", "flv"]
        argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-readrate", str(speed), *loop, "-i", str(clip), *sending]
        with subprocess.Popen([*argv, self.server.pull_url(name)], stdin=subprocess.DEVNULL) as process:
            try:
                wait_until(lambda: self.server.find_publisher(name), what="the publisher")
                yield process
            finally:
                process.kill()

    def await_pull(self, name: str) -> None:
        """Return once somebody waits for a stream that nobody publishes yet."""
        wait_until(lambda: self._is_wanted(name), what="the pull")

    def _is_wanted(self, name: str) -> bool:
        with plain_client(uds=self.server.control_socket) as client:
            return f"<name>{name}</name>" in client.get("http://localhost/stat").text


@contextmanager
def running_ingest(folder: Path, *, bound_s: int | None = None) -> Iterator[Ingest]:
    """Run an ingest server for as long as the block lasts; `bound_s`: it waits for so long before it cuts anybody.

    One that was stopped for longer than its bounds cuts its encoders when it goes on: it looks at its timers before it
    reads what has come meanwhile.
    """
    port = _free_port()
    config = folder / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""
    bounds = " ".join(f"{name} {bound_s or usual_s}s;" for name, usual_s in _BOUNDS_S.items())
    config.write_text(_CONFIG.format(module=nginx.RTMP_MODULE, folder=folder, port=port, user=user, bounds=bounds))
    server = IngestServer(f"rtmp://127.0.0.1:{port}/live/", folder / "control.sock")
    with running(nginx.server_argv(config=config, prefix=folder), log_path=folder / "nginx.log") as process:
        wait_until(lambda: _answers(server), what="nginx")
        try:
            yield Ingest(server, process)
        finally:
            process.send_signal(signal.SIGCONT)


def _answers(server: IngestServer) -> bool:
    try:
        server.list_publishers()
    except IngestUnavailableError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
