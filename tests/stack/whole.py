"""The whole product for tests: `manage.py run` in a data folder of its own, on ports of its own."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from xmlrpc.client import ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from livehub.stack.credentials import Credentials
from tests.services import copy_given_cluster, wait_until

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# Longer than the product itself waits, so that it says what is missing.
_START_TIMEOUT_S = 240
_STOP_TIMEOUT_S = 60
# Below those that Linux gives to clients (net.ipv4.ip_local_port_range begins at 32768).
_UNASSIGNED_PORTS = range(20_000, 32_000)
# What the test run sets for itself: the stack under test brings its own servers.
_FOREIGN = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
_PORTS = ("LIVEHUB_HTTP_PORT", "LIVEHUB_RTMP_PORT", "LIVEHUB_RTMPS_PORT")


@dataclass(frozen=True)
class RunningStack:
    """A run that is ready."""

    data_dir: Path
    process: "subprocess.Popen[bytes]"
    output_path: Path
    environment: dict[str, str]
    credentials: Credentials

    @property
    def http_port(self) -> int:
        return int(self.environment["LIVEHUB_HTTP_PORT"])

    @property
    def rtmp_port(self) -> int:
        return int(self.environment["LIVEHUB_RTMP_PORT"])

    @property
    def rtmps_port(self) -> int:
        return int(self.environment["LIVEHUB_RTMPS_PORT"])

    @property
    def base_url(self) -> str:
        """Where the dashboard, the API and playback are, without a slash at the end."""
        return self.credentials["dashboard_url"].rstrip("/")

    @property
    def output(self) -> str:
        """What the terminal shows."""
        return self.output_path.read_text()

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"

    @property
    def runtime_dir(self) -> Path:
        """Where its sockets and heartbeats are."""
        return Path(psutil.Process(self.process.pid).cmdline()[3]).parent

    def pids(self) -> dict[str, int]:
        """Return the process id of every program that runs now, by its name (web, live, ingest, postgres, ...)."""
        transport = SupervisorTransport(None, None, serverurl=f"unix://{self.runtime_dir}/supervisor.sock")
        found = ServerProxy("http://localhost", transport=transport).supervisor.getAllProcessInfo()
        assert isinstance(found, list)
        return {str(entry["name"]): int(entry["pid"]) for entry in found if entry["pid"]}

    def manage(self, *arguments: str) -> str:
        """Run a management command on this instance and return what it prints."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def stop(self) -> int:
        """Ask it to stop as Ctrl-C and systemd do, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=_STOP_TIMEOUT_S)


@contextmanager
def running_stack(folder: Path, *, begins_empty: bool = False, **settings: str) -> Iterator[RunningStack]:
    """Run the product for as long as the block lasts; `settings` are further environment variables.

    Unless it `begins_empty` it finds its tables made where the test run has them to be copied: making a cluster and
    migrating takes 6 s of a core.

    The data folder is `folder / "var"`; a second use of the same folder is a second start. Leaving the block stops
    the run and checks that it ended with exit code 0 and left no process behind. A block that has ended the run by
    itself (`stack.stop()`, or a kill) is only checked for leftovers.
    """
    with ExitStack() as cleanup:
        environment = stack_environment(folder, **settings)
        cluster = Path(environment["LIVEHUB_DATA_DIR"]) / "postgres"
        if not (begins_empty or cluster.exists()):
            cluster.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            copy_given_cluster(cluster)
        process, output_path = start(folder, environment)
        cleanup.callback(_end, process)
        stack = _await_ready(folder, process, output_path, environment)
        yield stack
        if process.poll() is None:
            assert stack.stop() == 0, stack.output
        wait_until(lambda: not leftovers(stack.data_dir), what="programs to end")


def stack_environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a run in that folder, on free ports unless they are given."""
    inherited = {name: value for name, value in os.environ.items() if name not in _FOREIGN and "LIVEHUB_" not in name}
    ports = dict(zip(_PORTS, map(str, free_ports(len(_PORTS))), strict=True))
    # One key is all of a module's clients, and they ask all the time.
    limits = {"LIVEHUB_API_REQUESTS_PER_KEY": "1000000", "LIVEHUB_RECORD": "no"}
    return {**inherited, "LIVEHUB_DATA_DIR": str(folder / "var"), **ports, **limits, **settings}


def free_ports(count: int) -> list[int]:
    """Return different TCP ports that nobody listens on, and that the kernel gives to no client meanwhile."""
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            probe = held.enter_context(socket.socket())
            with suppress(OSError):  # Somebody has it: another one, then.
                probe.bind(("127.0.0.1", secrets.choice(_UNASSIGNED_PORTS)))
                ports.append(int(probe.getsockname()[1]))
        return ports


def start(folder: Path, environment: dict[str, str]) -> "tuple[subprocess.Popen[bytes], Path]":
    """Start a run without waiting for it; return it with the path of what it prints."""
    folder.mkdir(parents=True, exist_ok=True)
    output_path = folder / "terminal.log"
    with output_path.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
        )
    return process, output_path


def leftovers(data_dir: Path) -> list[str]:
    """Return the command lines of processes that belong to that data folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        # None: gone meanwhile, or another user's.
        command = " ".join(process.info["cmdline"] or ())
        environment = process.info["environ"] or {}
        is_ours = environment.get("LIVEHUB_DATA_DIR") == str(data_dir) or f"{data_dir}/" in command
        if is_ours and process.pid != os.getpid():
            found.append(f"{process.pid} {command}")
    return found


def _await_ready(
    folder: Path, process: "subprocess.Popen[bytes]", output_path: Path, environment: dict[str, str]
) -> RunningStack:
    wait_until(
        lambda: "Ctrl-C stops everything" in output_path.read_text() or process.poll() is not None,
        timeout_s=_START_TIMEOUT_S,
        what="the banner",
    )
    assert process.poll() is None, output_path.read_text()
    data_dir = Path(environment["LIVEHUB_DATA_DIR"])
    credentials: Credentials = json.loads((data_dir / "credentials.json").read_text())
    return RunningStack(data_dir, process, output_path, environment, credentials)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
