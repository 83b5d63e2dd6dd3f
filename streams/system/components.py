"""What LiveHub is made of, and how each part is: asked together, each question with a bound.

What runs on this machine the supervisor knows; workers on all machines answer by way of the broker.
"""

import re
import subprocess
import xmlrpc.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version
from typing import Any, NamedTuple, cast
from xml.etree import ElementTree

import httpx
from celery import current_app
from django.conf import settings
from django.db import connection

from livehub.core import clock
from livehub.core.deadline import deadline
from livehub.core.jobs import count_waiting_in, queue_of
from livehub.core.outage import DATABASE_OUTAGE
from livehub.core.probes import OK, Probe, answers
from livehub.core.redis_clients import redis_tried_once
from livehub.core.sockets import ask
from livehub.health import ask_components
from streams.livestreams.models import NodeDisk
from streams.system.usage import ProgramUsage, UsageMeter

# For all questions together, and for each.
_BOUND_S = 1.8
_PROBE_S = 1.0
# The queues that each kind of worker takes work from: those of its own node, and those of all.
_NODE_QUEUES = {
    "live": ("live",),
    "urgent": ("urgent",),
    "webhooks": (),
    "files": ("files",),
    "recordings": ("recordings",),
}
_SHARED_QUEUES = {"live": (), "urgent": ("urgent",), "webhooks": ("webhooks",), "files": ("mail",), "recordings": ()}
# Nodes look at their disks every 15 s; so long after the last one nobody has called for it.
_BEAT_PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True)
class Component:
    """One part; `label` and `tone` are those of its pill, `since` and `version` are not always known.

    `trouble` says what is wrong with it, if something is.
    """

    name: str
    about: str
    label: str
    tone: str
    trouble: str = ""
    version: str = ""
    since: datetime | None = None
    # When it was last heard of, where that is another time than now.
    heard_at: datetime | None = None
    # Of this machine's, with its children.
    usage: ProgramUsage | None = None


@dataclass(frozen=True)
class AnsweringWorker:
    """A worker of some node, and the queues that it takes work from, with what waits there (None: not known)."""

    name: str
    node: str
    slots: int
    since: datetime | None
    queues: dict[str, int | None]

    @property
    def kind(self) -> str:
        return self.name.partition("@")[0]


@dataclass(frozen=True)
class Parts:
    """All of it; `workers` is None when nobody can tell. `usages` are those of this machine's programs, by name."""

    components: list[Component]
    workers: list[AnsweringWorker] | None
    usages: Mapping[str, ProgramUsage]


_finders: list[Callable[[], Component]] = []


def add_component(finder: Callable[[], Component]) -> None:
    """Have the system page show what `finder` tells as well (from `AppConfig.ready`)."""
    _finders.append(finder)


def look_at_parts() -> Parts:
    """Return how everything is now, within 4 s."""
    for probe in _FACTS.values():
        # Beside the others, so that those who hang are waited for together.
        probe.start()
    states = ask_components()
    found = answers(_FACTS, timeout_s=_BOUND_S)
    facts = {name: answer or {} for name, answer in found.items()}
    programs: dict[str, _Program] = facts["supervisor"]
    usages = {name: program.usage for name, program in programs.items() if program.usage is not None}
    return Parts(_components(states, facts, programs), _workers(found["workers"], facts["queues"]), usages)


def start_asking_workers() -> None:
    """Have them asked while something else is: whoever calls `ask_workers` then waits for what is left."""
    for name in ("workers", "queues"):
        _FACTS[name].start()


def ask_workers() -> list[AnsweringWorker] | None:
    """Return those of all nodes that answer, None when nobody can tell, within 2 s."""
    found = answers({name: _FACTS[name] for name in ("workers", "queues")}, timeout_s=_BOUND_S)
    return _workers(found["workers"], found["queues"] or {})


def _components(
    states: Mapping[str, str], facts: Mapping[str, dict[str, Any]], programs: Mapping[str, "_Program"]
) -> list[Component]:
    database, broker, ingest = facts["database"], facts["broker"], facts["ingest"]

    def part(name: str, about: str, *, state: str, program: str, **known: Any) -> Component:
        label, tone, trouble = ("Runs", "live", "") if state == OK else ("Down", "bad", _words(state))
        running = programs.get(program, _Program())
        own = {"since": running.since, "usage": running.usage}
        return Component(name, about, label, tone, trouble, **{**own, **known})

    nginx = _nginx_version()

    def supervised(program: str) -> str:
        return OK if program in programs else "does not run" if programs else "the supervisor does not answer"

    return [
        part("PostgreSQL", "All that is known", state=states["database"], program="postgres", **database),
        part("Redis", "Messages between programs", state=states["broker"], program="redis", **broker),
        part(
            "Ingest",
            "nginx with its RTMP module: takes encoders in",
            state=states["ingest"],
            program="ingest",
            **{"version": nginx, **ingest},
        ),
        part("Gate", "What encoders pass before it", state=states["gate"], program="gate"),
        part("Egress", "The way out to sources that are fetched", state=supervised("egress"), program="egress"),
        part("Edge", "nginx: serves pages, API and viewers", state=supervised("edge"), program="edge", version=nginx),
        part("Web", "Pages and API", state=OK, program="web", version=f"granian {version('granian')}"),
        part(
            "ASGI",
            "Hooks of encoders, live updates of pages",
            state=states["asgi"],
            program="asgi",
            version=f"uvicorn {version('uvicorn')}",
        ),
        part("Origin", "Playlists of players", state=states["origin"], program="origin"),
        part("Collector", "Counts viewers", state=supervised("collector"), program="collector"),
        _beat(),
        *(find() for find in _finders),
        _ffmpeg(),
    ]


def _words(state: str) -> str:
    return state[:1].upper() + state[1:]


def _beat() -> Component:
    """Return how the clock of the sweeps is, by what it made others do last."""
    name, about = "Beat", "Calls for what is due, in the urgent worker"
    newest = NodeDisk.objects.order_by("-seen_at").first()
    if newest is None:
        return Component(name, about, "Not heard yet", "warn", version=f"celery {version('celery')}")
    is_there = clock.now() - newest.seen_at < _BEAT_PATIENCE
    label, tone = ("Runs", "live") if is_there else ("Silent", "bad")
    return Component(name, about, label, tone, version=f"celery {version('celery')}", heard_at=newest.seen_at)


def _ffmpeg() -> Component:
    found = _ffmpeg_version()
    label, tone = ("Ready", "live") if found else ("Not found", "bad")
    return Component("ffmpeg", "Makes the renditions, one for each broadcast", label, tone, version=found)


def _workers(stats: Mapping[str, dict[str, Any]] | None, waiting: Mapping[str, int]) -> list[AnsweringWorker] | None:
    if stats is None:
        return None
    return [
        AnsweringWorker(
            name,
            name.partition("@")[2],
            slots=int(told.get("pool", {}).get("max-concurrency", 0)),
            since=clock.now() - timedelta(seconds=int(told.get("uptime", 0))),
            queues={queue: waiting.get(queue) for queue in _queues_of(name)},
        )
        for name, told in sorted(stats.items())
    ]


def _queues_of(worker: str) -> list[str]:
    kind, _, node = worker.partition("@")
    return [
        *(queue_of(promise, node=node) for promise in _NODE_QUEUES.get(kind, ())),
        *_SHARED_QUEUES.get(kind, ()),
    ]


def _ask_database() -> dict[str, Any]:
    try:
        with deadline(_PROBE_S), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version'), pg_postmaster_start_time()")
            found, since = cursor.fetchone()
            return {"version": found.partition(" ")[0], "since": since}
    finally:
        connection.close()


def _ask_broker() -> dict[str, Any]:
    url = str(settings.CACHES["default"]["LOCATION"])
    with redis_tried_once(url, socket_timeout=_PROBE_S, socket_connect_timeout=_PROBE_S) as client:
        told: dict[str, Any] = client.info("server")
    since = clock.now() - timedelta(seconds=told["uptime_in_seconds"])
    return {"version": told["redis_version"], "since": since}


def _ask_ingest() -> dict[str, Any]:
    answer = ask(settings.INGEST_CONTROL_SOCKET, "/stat", timeout_s=_PROBE_S).raise_for_status()
    stat = ElementTree.fromstring(answer.content)  # noqa: S314  # nginx-rtmp's own, without entities.
    nginx, module = stat.findtext("nginx_version", ""), stat.findtext("nginx_rtmp_version", "")
    since = clock.now() - timedelta(seconds=int(stat.findtext("uptime", "0")))
    return {"version": f"nginx {nginx}, rtmp module {module}", "since": since}


class _Program(NamedTuple):
    since: datetime | None = None
    usage: ProgramUsage | None = None


_meter = UsageMeter()


def _ask_supervisor() -> dict[str, _Program]:
    """Return since when each program of this machine runs that does, and what it takes."""
    transport = httpx.HTTPTransport(uds=str(settings.RUNTIME_DIR / "supervisor.sock"), verify=False)
    question = xmlrpc.client.dumps((), "supervisor.getAllProcessInfo")
    with httpx.Client(transport=transport, timeout=_PROBE_S) as client:
        answer = client.post("http://localhost/RPC2", content=question, headers={"Content-Type": "text/xml"})
    (found,), _ = xmlrpc.client.loads(answer.raise_for_status().content)
    programs = cast(list[dict[str, Any]], found)
    running = {program["name"]: program for program in programs if program["statename"] in {"STARTING", "RUNNING"}}
    usages = _meter.read({name: program["pid"] for name, program in running.items()})
    return {
        name: _Program(datetime.fromtimestamp(program["start"], tz=UTC), usages.get(name))
        for name, program in running.items()
    }


def _ask_workers() -> dict[str, dict[str, Any]]:
    # When all have answered that there are, nobody is waited for.
    try:
        with deadline(_PROBE_S):
            lately = NodeDisk.objects.filter(seen_at__gt=clock.now() - _BEAT_PATIENCE)
            nodes = {settings.NODE, *lately.values_list("node", flat=True)}
    except DATABASE_OUTAGE:
        nodes = set()
    finally:
        connection.close()
    limit = len(nodes) * len(_NODE_QUEUES) or None
    replies = current_app.control.broadcast("stats", reply=True, timeout=_PROBE_S, limit=limit) or []
    return {name: told for reply in replies for name, told in reply.items() if isinstance(told, dict)}


def _ask_queues() -> dict[str, int]:
    try:
        with deadline(_PROBE_S):
            nodes = {settings.NODE, *NodeDisk.objects.values_list("node", flat=True)}
    finally:
        connection.close()
    queues = {queue for node in nodes for kind in _NODE_QUEUES for queue in _queues_of(f"{kind}@{node}")}
    return count_waiting_in(sorted(queues))


# Programs on the disk change with an upgrade, after which LiveHub is started again.
@cache
def _ffmpeg_version() -> str:
    return _first(r"ffmpeg version (\S+)", ["ffmpeg", "-version"])


@cache
def _nginx_version() -> str:
    return _first(r"nginx/(\S+)", ["nginx", "-v"], prefix="nginx ")


def _first(pattern: str, argv: list[str], *, prefix: str = "") -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_PROBE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(pattern, done.stdout + done.stderr)
    return f"{prefix}{match[1]}" if match else ""


_FACTS: dict[str, Probe[Any]] = {
    name: Probe(name, check)
    for name, check in {
        "database": _ask_database,
        "broker": _ask_broker,
        "ingest": _ask_ingest,
        "supervisor": _ask_supervisor,
        "workers": _ask_workers,
        "queues": _ask_queues,
    }.items()
}
