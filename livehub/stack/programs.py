"""The programs of an instance, and the supervisor's configuration that runs them."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from livehub.core.jobs import queue_of
from livehub.heartbeat import START_S
from livehub.stack import nginx, postgres, redis
from livehub.stack.ingest import strangers_at_most
from livehub.stack.instance import Instance

STORAGE = "storage"
_SERVER_START_S = 2
# With the supervisor's delays of 1, 2, 3... seconds: given up after about a minute.
_START_RETRIES = 10
# Cutting encoders, sweeps, calling for a take-over: short, and never to wait for one another.
_URGENT_SLOTS = 8
# One is the courier, which carries all; the others hand it what they are called for.
_WEBHOOK_SLOTS = 3
# So that nothing waits for a slow store but others of it.
_RECORDING_SLOTS = 6
_WEBSOCKET_MESSAGE_BYTES = 4096
_LOG_MAX_BYTES = 10 * 1024 * 1024
_LOG_BACKUPS = 3


@dataclass(frozen=True)
class Program:
    """A program under the supervisor.

    `orphan_signal` is what the kernel sends it when the supervisor dies: SIGKILL, unless it has children of its own
    to end. `sockets` are removed before each start: a killed program leaves them, and nginx then refuses to start.
    A program of ours, in Python, shows by a heartbeat that it does not hang.
    """

    name: str
    group: str
    argv: list[str]
    is_ours: bool = False
    stop_signal: str = "TERM"
    stop_s: int = 10
    orphan_signal: str = "KILL"
    sockets: tuple[Path, ...] = ()

    @property
    def start_s(self) -> int:
        """How long it must stay up to count as started."""
        return START_S if self.is_ours else _SERVER_START_S

    @property
    def command(self) -> list[str]:
        """The command line under its leash; what changes users on its way puts on one of its own."""
        return [*_clearing(self.sockets), *_leashed(self.argv, signal=self.orphan_signal)]


# Started in this order, stopped in the reverse one: first the encoders go and what they sent is worked off, then the
# workers, then the web processes that hear of it, and the database last.
GROUPS = (STORAGE, "front", "workers", "ingest")


def programs(instance: Instance) -> list[Program]:
    """Return what this instance runs: its own PostgreSQL and Redis only when no external one is given."""
    if instance.is_edge_node:
        return _edge_node(instance)
    return [*_storage(instance), *_front(instance), *_workers(instance), *_ingest(instance)]


def render_supervisor(instance: Instance) -> str:
    """Return the supervisor's configuration: storage and edge nodes start at once, the rest when it is told to."""
    found = programs(instance)
    groups = [(name, [program for program in found if program.group == name]) for name in GROUPS]
    sections = [_supervisor(instance)]
    sections += [_group(index, name, members) for index, (name, members) in enumerate(groups) if members]
    sections += [_program(instance, program) for program in found]
    return "\n".join(sections)


def _storage(instance: Instance) -> list[Program]:
    found = []
    if instance.has_embedded_postgres:
        argv = postgres.server_argv(cluster_dir=instance.cluster_dir, socket_dir=instance.postgres_socket_dir)
        # SIGINT: end the clients, then stop clean. SIGTERM would wait for them.
        found.append(Program("postgres", STORAGE, argv, stop_signal="INT", stop_s=30, orphan_signal="INT"))
    if instance.has_embedded_redis:
        found.append(Program("redis", STORAGE, redis.server_argv(socket_path=instance.redis_socket)))
    return found


def _front(instance: Instance) -> list[Program]:
    web = _python("-m", "livehub.web", str(instance.web_socket))
    asgi = [
        *("-m", "uvicorn", "livehub.asgi:application"),
        *("--uds", str(instance.asgi_socket)),
        # Queries hold the ingest hooks' secret; the edge logs requests.
        *("--no-access-log", "--log-level", "warning", "--no-server-header"),
        # Only our nginx can reach the socket.
        *("--proxy-headers", "--forwarded-allow-ips", "*"),
        *("--timeout-graceful-shutdown", "3"),
        # Pages only listen.
        *("--ws-max-size", str(_WEBSOCKET_MESSAGE_BYTES)),
    ]
    # Asked of the program that no page waits for: a crowd that loads pages is to keep nobody from playing.
    origin_paths = (instance.origin_socket, instance.nudge_socket, instance.asgi_socket, instance.playback_dir)
    origin = _python("-m", "livehub.origin", *map(str, origin_paths))
    edge = nginx.server_argv(config=instance.edge_config, prefix=instance.nginx_temp_dir)
    log_paths = (instance.media_log, instance.edge_pid_file, instance.playback_dir)
    collector = _python("-m", "analytics.collector", *map(str, log_paths), instance.node)
    networks = ",".join(instance.outgoing_networks)
    egress = _python("-m", "livehub.egress", str(instance.egress_socket), instance.own_address, networks)
    return [
        Program("egress", "front", egress, is_ours=True, sockets=(instance.egress_socket,)),
        Program("web", "front", web, is_ours=True, sockets=(instance.web_socket,)),
        Program("asgi", "front", _python(*asgi), is_ours=True, sockets=(instance.asgi_socket,)),
        Program("origin", "front", origin, is_ours=True, sockets=(instance.origin_socket, instance.nudge_socket)),
        Program("edge", "front", edge, orphan_signal="TERM"),
        Program("collector", "front", collector, is_ours=True),
    ]


def _edge_node(instance: Instance) -> list[Program]:
    """Return what passes playback on, for an origin on another machine."""
    arguments = (
        instance.origin_socket,
        f"{instance.origin_url}/playback",
        instance.relayed_dir,
        instance.edge_broadcasts_mb,
    )
    relay = _python("-m", "livehub.relay", *map(str, arguments))
    edge = nginx.server_argv(config=instance.edge_config, prefix=instance.nginx_temp_dir)
    found = [
        Program("relay", "front", relay, is_ours=True, sockets=(instance.origin_socket,)),
        Program("edge", "front", edge, orphan_signal="TERM"),
    ]
    if instance.has_edge_token:
        log_paths = (instance.media_log, instance.edge_pid_file, instance.relayed_dir)
        collector = _python("-m", "analytics.collector", *map(str, log_paths), instance.node, instance.origin_url)
        found.append(Program("collector", "front", collector, is_ours=True))
    return found


def _workers(instance: Instance) -> list[Program]:
    node = instance.node
    return [
        _worker("live", queues=[queue_of("live", node=node)], pool="threads", slots=instance.live_slots),
        _worker(
            "urgent",
            "--beat",
            queues=["urgent", queue_of("urgent", node=node)],
            pool="threads",
            slots=_URGENT_SLOTS,
        ),
        # A process of its own, since it is busy where an instance has much to tell, and its loop must not wait.
        _worker("webhooks", queues=["webhooks"], pool="threads", slots=_WEBHOOK_SLOTS),
        # A process of its own: it reads and hashes all that is broadcast, and holds the clients of stores.
        _worker("recordings", queues=[queue_of("recordings", node=node)], pool="threads", slots=_RECORDING_SLOTS),
        # A process of its own, since threads know no time limit. Mail may wait behind files.
        _worker("files", queues=[queue_of("files", node=node), "mail"], pool="prefork", slots=1),
    ]


def _worker(name: str, *more: str, queues: list[str], pool: str, slots: int) -> Program:
    options = ["--queues", ",".join(queues), "--pool", pool, "--slots", str(slots), *more]
    return Program(name, "workers", _python("-m", "livehub.worker", name, *options), is_ours=True, stop_s=20)


def _ingest(instance: Instance) -> list[Program]:
    argv = nginx.server_argv(config=instance.ingest_config, prefix=instance.nginx_temp_dir)
    sockets = (instance.ingest_control_socket,)
    server = f"{instance.own_address}:{instance.inner_port}"
    gate = _python(
        "-m", "livehub.gate", str(instance.gate_socket), server, str(strangers_at_most(nginx.Host.current()))
    )
    return [
        Program("gate", "ingest", gate, is_ours=True, sockets=(instance.gate_socket,)),
        Program("ingest", "ingest", argv, orphan_signal="TERM", sockets=sockets),
    ]


def _python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def _leashed(argv: list[str], *, signal: str) -> list[str]:
    return ["setpriv", "--pdeathsig", signal, "--", *argv]


def _clearing(sockets: tuple[Path, ...]) -> list[str]:
    if not sockets:
        return []
    script = f'rm -f -- {" ".join(shlex.quote(str(path)) for path in sockets)}; exec "$@"'
    return ["/bin/sh", "-c", script, "sh"]


def _supervisor(instance: Instance) -> str:
    return f"""\
[supervisord]
nodaemon=true
silent=true
logfile={instance.log_dir / "supervisor.log"}
logfile_maxbytes={_LOG_MAX_BYTES}
logfile_backups={_LOG_BACKUPS}
pidfile={instance.supervisor_pid_file}
childlogdir={instance.log_dir}
directory={instance.base_dir}

[unix_http_server]
file={instance.supervisor_socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{instance.supervisor_socket}
"""


def _group(priority: int, name: str, members: list[Program]) -> str:
    return f"""\
[group:{name}]
programs={",".join(program.name for program in members)}
priority={priority}
"""


def _program(instance: Instance, program: Program) -> str:
    # The supervisor expands %(...)s in commands.
    command = shlex.join(program.command).replace("%", "%%")
    environment = {"LIVEHUB_HEARTBEAT": instance.heartbeat_path(program.name)} if program.is_ours else {}
    if program.is_ours:
        # prometheus-client's word for it: livehub/core/counters.py.
        environment["PROMETHEUS_MULTIPROC_DIR"] = instance.counts_dir
    return f"""\
[program:{program.name}]
command={command}
directory={instance.base_dir}
environment={",".join(f'{name}="{value}"' for name, value in environment.items())}
autostart={"true" if program.group == STORAGE or instance.is_edge_node else "false"}
autorestart=true
startsecs={program.start_s}
startretries={_START_RETRIES}
stopsignal={program.stop_signal}
stopwaitsecs={program.stop_s}
killasgroup=true
redirect_stderr=true
stdout_logfile={instance.log_dir / f"{program.name}.log"}
stdout_logfile_maxbytes={_LOG_MAX_BYTES}
stdout_logfile_backups={_LOG_BACKUPS}
"""
