"""The one settings file. Everything that differs between installations comes from the environment: docs/settings.md."""

import hashlib
import os
import re
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from celery.schedules import schedule
from django.core.exceptions import ImproperlyConfigured

from livehub.core import clock, env
from livehub.core.paths import API_ROOTS

BASE_DIR = Path(__file__).resolve().parent.parent

# Where this instance lives.
DATA_DIR = (
    BASE_DIR / env.text("LIVEHUB_DATA_DIR", default="var", purpose="Everything this instance keeps on disk")
).resolve()


def _runtime_dir() -> Path:
    """Return the folder of sockets and rendered configuration.

    A Unix socket's path holds 107 bytes (sun_path), so a deeply nested data folder gets a short one elsewhere.
    """
    inside = DATA_DIR / "run"
    if len(os.fsencode(inside)) <= 70:
        return inside
    return Path("/tmp") / f"livehub-{os.getuid()}-{hashlib.sha256(os.fsencode(DATA_DIR)).hexdigest()[:12]}"  # noqa: S108  # Made with mode 0700 by the stack.


RUNTIME_DIR = _runtime_dir()
PLAYBACK_DIR = DATA_DIR / "playback"
# What recordings wait in until they are stored: of the same file system, since they are hard links.
RECORDING_SPOOL_DIR = PLAYBACK_DIR / ".recordings"
RECORDINGS_DIR = DATA_DIR / "recordings"
# What players are told of recordings, each made once; what is lost of it is made again.
RECORDINGS_PLAYED_DIR = DATA_DIR / "played"
# Copies of the database's, for this node's broadcasts.
SLATE_PICTURES_DIR = DATA_DIR / "slate-pictures"
WEB_SOCKET = RUNTIME_DIR / "web.sock"
ASGI_SOCKET = RUNTIME_DIR / "asgi.sock"
GATE_SOCKET = RUNTIME_DIR / "gate.sock"
# Where our own programs are given leave to go out.
EGRESS_SOCKET = RUNTIME_DIR / "egress.sock"
ORIGIN_SOCKET = RUNTIME_DIR / "origin.sock"
# Datagrams: a packager has written something.
NUDGE_SOCKET = RUNTIME_DIR / "nudge.sock"
INGEST_CONTROL_SOCKET = RUNTIME_DIR / "ingest-control.sock"
# Read here only: what listens has a setting of its own.
_BIND = env.address(
    "LIVEHUB_BIND",
    default="127.0.0.1",
    purpose="Where everything listens (0.0.0.0: on every IPv4 address; `::`: on all, IPv4 and IPv6)",
)
HTTP_BIND = env.address(
    "LIVEHUB_HTTP_BIND",
    default=_BIND,
    same_as="LIVEHUB_BIND",
    purpose="Where HTTP listens: with a TLS proxy, where that one reaches it",
)
RTMP_BIND = env.address(
    "LIVEHUB_RTMP_BIND", default=_BIND, same_as="LIVEHUB_BIND", purpose="Where RTMP and RTMPS listen"
)
# Of the loopback network, where no packet from another machine gets to: what our own programs alone go to.
OWN_ADDRESS = "127.0.0.2"
HTTP_PORT = env.port("LIVEHUB_HTTP_PORT", default=8000, purpose="Dashboard, API and playback")
RTMP_PORT = env.port("LIVEHUB_RTMP_PORT", default=1935, purpose="RTMP ingest")
RTMPS_PORT = env.port("LIVEHUB_RTMPS_PORT", default=1936, purpose="RTMP ingest over TLS")


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _host_at(bind: str) -> str:
    # A name for those who look from here; an address of its own is reached by nothing else.
    return "localhost" if bind in {"127.0.0.1", "0.0.0.0", "::"} else _in_url(bind)  # noqa: S104  # Compared, not bound.


def _public_url() -> str:
    url = env.text(
        "LIVEHUB_PUBLIC_URL",
        default="",
        unit="http(s)://host[:port]; default: http://localhost:<LIVEHUB_HTTP_PORT>, or at LIVEHUB_HTTP_BIND's address",
        purpose="How browsers and API clients reach this instance",
    ).rstrip("/")
    if url and not _is_root_url(url):
        raise ImproperlyConfigured(f"LIVEHUB_PUBLIC_URL must look like https://live.example.org, not {url!r}.")
    return url


def _is_root_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_host = re.fullmatch(r"[a-z0-9.:-]+", parts.hostname or "")
        return parts.scheme in {"http", "https"} and bool(is_host) and not parts.path and parts.port != 0
    except ValueError:
        return False  # An IPv6 address without its brackets, or no port.


_GIVEN_URL = _public_url()
PUBLIC_URL = _GIVEN_URL or f"http://{_host_at(HTTP_BIND)}:{HTTP_PORT}"
# How this machine's own programs reach its edge.
EDGE_URL = f"http://{_host_at(HTTP_BIND)}:{HTTP_PORT}"
# As a certificate names it: an IPv6 address without brackets.
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or "localhost"
_INGEST_HOST = _in_url(PUBLIC_HOST) if _GIVEN_URL else _host_at(RTMP_BIND)
RTMP_URL = (
    env.text(
        "LIVEHUB_PUBLIC_RTMP_URL",
        default="",
        unit="default: rtmp://<public host, or LIVEHUB_RTMP_BIND's>:<LIVEHUB_RTMP_PORT>/live/",
        purpose="Ingest address shown to streamers",
    )
    or f"rtmp://{_INGEST_HOST}:{RTMP_PORT}/live/"
)
RTMPS_URL = (
    env.text(
        "LIVEHUB_PUBLIC_RTMPS_URL",
        default="",
        unit="default: rtmps://<public host, or LIVEHUB_RTMP_BIND's>:<LIVEHUB_RTMPS_PORT>/live/",
        purpose="TLS ingest address shown to streamers",
    )
    or f"rtmps://{_INGEST_HOST}:{RTMPS_PORT}/live/"
)
for _name, _url in (("LIVEHUB_PUBLIC_RTMP_URL", RTMP_URL), ("LIVEHUB_PUBLIC_RTMPS_URL", RTMPS_URL)):
    if not _url.endswith("/"):
        raise ImproperlyConfigured(f"{_name} must end with a slash: the stream key is appended to it.")

TRUSTED_PROXIES = env.networks(
    "LIVEHUB_TRUSTED_PROXIES",
    purpose="Proxies in front whose X-Forwarded-For and X-Forwarded-Proto are believed",
)

TLS_CERTIFICATE = env.text(
    "LIVEHUB_TLS_CERTIFICATE",
    default="",
    unit="path, PEM with its chain; default: a self-signed one",
    purpose="Certificate of RTMPS",
)
TLS_KEY = env.text("LIVEHUB_TLS_KEY", default="", unit="path, PEM", purpose="Private key of that certificate")
if bool(TLS_CERTIFICATE) != bool(TLS_KEY):
    raise ImproperlyConfigured("Set both LIVEHUB_TLS_CERTIFICATE and LIVEHUB_TLS_KEY, or neither.")
# What streamers are shown: OBS refuses a self-signed certificate.
INGEST_URL = RTMPS_URL if TLS_CERTIFICATE else RTMP_URL

# Where this machine's live worker pulls a session from: nobody else plays over RTMP.
INGEST_PULL_URL = f"rtmp://{OWN_ADDRESS}:{RTMP_PORT}/live/"

# Secrets. Each is made on the first start if it is not given.
_SECRETS = DATA_DIR / "secrets"
SECRET_KEY = env.secret(
    "LIVEHUB_SECRET_KEY",
    path=_SECRETS / "secret_key",
    purpose="Signs dashboard sessions, forms and what our pages play",
)
LOOKUP_KEY = env.secret(
    "LIVEHUB_LOOKUP_KEY",
    path=_SECRETS / "lookup_key",
    purpose="Keyed hash by which stream keys are found; cannot be changed later",
)
ENCRYPTION_KEYS = env.secret(
    "LIVEHUB_ENCRYPTION_KEYS",
    path=_SECRETS / "encryption_keys",
    purpose="Encrypts stored stream keys; comma separated, newest first",
).split(",")
INGEST_HOOK_TOKEN = env.secret(
    "LIVEHUB_INGEST_HOOK_TOKEN",
    path=_SECRETS / "ingest_hook_token",
    purpose="Proves that an ingest hook comes from our nginx",
)
PARTICIPANT_KEYS = env.private_keys(
    "LIVEHUB_PARTICIPANT_KEYS",
    path=_SECRETS / "participant_keys.pem",
    purpose="Signs the tokens of meetings' participants; one key after the other, newest first",
)
WEBHOOK_SIGNING_KEY = env.private_keys(
    "LIVEHUB_WEBHOOK_SIGNING_KEY",
    path=_SECRETS / "webhook_signing_key.pem",
    purpose="Signs webhook deliveries as Dyte and RealtimeKit do; its public half is published",
)
OUTGOING_ALLOWED_NETWORKS = env.networks(
    "LIVEHUB_OUTGOING_ALLOWED_NETWORKS",
    purpose="Networks inside that webhooks, pulls, simulcasts and recordings may go to; others that are not the "
    "Internet's are refused",
)

METRICS_TOKEN = env.text(
    "LIVEHUB_METRICS_TOKEN",
    default="",
    unit="20 characters or more; default: nobody reads them",
    purpose="Opens `/metrics` to Prometheus, as a Bearer token",
)
if METRICS_TOKEN and (len(METRICS_TOKEN) < 20 or not METRICS_TOKEN.isascii() or not METRICS_TOKEN.isprintable()):
    raise ImproperlyConfigured(
        "LIVEHUB_METRICS_TOKEN must have 20 ASCII characters or more: whoever knows it reads all figures."
    )

OTLP_ENDPOINT = env.text(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    default="",
    unit="http(s)://host:port; default: no traces",
    purpose="Where traces of broadcasts' starts are sent by OTLP/HTTP; further `OTEL_` variables hold as OpenTelemetry "
    "has them",
)
if OTLP_ENDPOINT and urlsplit(OTLP_ENDPOINT).scheme not in {"http", "https"}:
    raise ImproperlyConfigured("OTEL_EXPORTER_OTLP_ENDPOINT must look like http://127.0.0.1:4318, for OTLP/HTTP.")

EDGE_TOKEN = env.text(
    "LIVEHUB_EDGE_TOKEN",
    default="",
    unit="20 characters or more, the same at both ends; default: edge nodes count nobody",
    purpose="Proves to the hub that an edge node is one of ours, which may say who watches through it",
)
if EDGE_TOKEN and (len(EDGE_TOKEN) < 20 or not EDGE_TOKEN.isascii() or not EDGE_TOKEN.isprintable()):
    raise ImproperlyConfigured(
        "LIVEHUB_EDGE_TOKEN must have 20 ASCII characters or more: whoever knows it can say who watches."
    )

DEBUG = env.boolean("LIVEHUB_DEBUG", default=False, purpose="Django's debug pages; never on a reachable machine")
ALLOWED_HOSTS = [
    host.strip()
    for host in env.text(
        "LIVEHUB_ALLOWED_HOSTS",
        default="",
        unit="comma separated",
        purpose="Further host names that requests may come for (`.example.org`: every name below, `*`: all)",
    ).split(",")
    if host.strip()
]
for _host in ALLOWED_HOSTS:
    if not re.fullmatch(r"\*|\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\]", _host):
        raise ImproperlyConfigured(
            f"LIVEHUB_ALLOWED_HOSTS must hold host names without ports, such as live.example.org, not {_host!r}."
        )
ALLOWED_HOSTS += [_in_url(PUBLIC_HOST), "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# An edge in front of another machine.
ORIGIN_URL = env.text(
    "LIVEHUB_ORIGIN_URL",
    default="",
    unit="http(s)://host[:port]",
    purpose="Makes this machine an edge that passes on the playback of the one there, and does nothing else",
).rstrip("/")
if ORIGIN_URL and not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]+", ORIGIN_URL):
    raise ImproperlyConfigured(f"LIVEHUB_ORIGIN_URL must be http(s)://host[:port], not {ORIGIN_URL!r}.")
EDGE_CACHE_MB = env.integer(
    "LIVEHUB_EDGE_CACHE_MB",
    default=4096,
    unit="MB",
    at_least=64,
    purpose="Media that an edge keeps at most, in its data folder",
)

# Live sessions.
NODE = env.text(
    "LIVEHUB_NODE",
    default="main",
    unit="up to 32 lower-case letters, digits and dashes",
    purpose="This machine's name among those that take encoders in, run sessions and keep files",
)
if not re.fullmatch(r"[a-z0-9-]{1,32}", NODE):
    raise ImproperlyConfigured(f"LIVEHUB_NODE must be up to 32 lower-case letters, digits and dashes, not {NODE!r}.")


def _node_urls() -> dict[str, str]:
    text = env.text(
        "LIVEHUB_NODE_URLS",
        default="",
        unit="name=http(s)://host[:port], comma-separated",
        purpose="Where the other machines of LIVEHUB_NODE's kind are reached by browsers, so that recordings and clips "
        "in their folders are handed out and played from there",
    )
    found = {}
    for each in filter(None, (each.strip() for each in text.split(","))):
        name, _, url = each.partition("=")
        if not re.fullmatch(r"[a-z0-9-]{1,32}", name) or not _is_root_url(url.rstrip("/")):
            raise ImproperlyConfigured(
                f"LIVEHUB_NODE_URLS must look like north=https://north.example.org, not {each!r}."
            )
        found[name] = url.rstrip("/")
    return found


NODE_URLS = _node_urls()
LIVE_SLOTS = env.integer(
    "LIVEHUB_LIVE_SLOTS",
    default=8,
    unit="sessions",
    at_least=1,
    at_most=256,
    purpose="Live sessions that this machine's worker carries at once",
)
MAX_SESSIONS_PER_ORGANIZATION = env.integer(
    "LIVEHUB_MAX_SESSIONS_PER_ORGANIZATION",
    default=0,
    unit="broadcasts; 0: LIVEHUB_LIVE_SLOTS for an only organization, three quarters of it for one of several",
    at_most=10_000,
    purpose="Broadcasts that one organization may have on air at once",
)
MAX_LIVESTREAMS_PER_ORGANIZATION = env.integer(
    "LIVEHUB_MAX_LIVESTREAMS_PER_ORGANIZATION",
    default=100_000,
    unit="livestreams",
    at_least=1,
    at_most=10_000_000,
    purpose="Livestreams that one organization may have",
)
MAX_BROADCAST_KBPS = env.integer(
    "LIVEHUB_MAX_BROADCAST_KBPS",
    default=40_000,
    unit="kbit/s",
    at_least=100,
    at_most=1_000_000,
    purpose="Bitrate of a broadcast, picture and sound together; one that is half as much again for 30 s is ended",
)
API_REQUESTS_PER_KEY = env.integer(
    "LIVEHUB_API_REQUESTS_PER_KEY",
    default=3500,
    unit="requests in 5 minutes; 0: any number",
    at_most=1_000_000_000,
    purpose="REST requests that one API key may send",
)
STANDBY_S = env.integer(
    "LIVEHUB_STANDBY_S",
    default=900,
    unit="s",
    at_least=10,
    at_most=86400,
    purpose="How long a broadcast that was started with the slate waits for its first encoder; a longer reconnect "
    "window of its livestream counts instead",
)
THUMBNAIL_S = env.integer(
    "LIVEHUB_THUMBNAIL_S",
    default=5,
    unit="s",
    at_least=1,
    at_most=300,
    purpose="Time between thumbnails of a live session, and between the pictures of its preview",
)
MAX_HEIGHT = env.integer(
    "LIVEHUB_MAX_HEIGHT",
    default=2160,
    unit="pixels",
    at_least=240,
    at_most=4320,
    purpose="Longest that a source's shorter side may be; its longer side may be up to 64/27 (21:9) of that",
)
SLATE_AFTER_MS = env.integer(
    "LIVEHUB_SLATE_AFTER_MS",
    default=600,
    unit="ms",
    at_least=300,
    at_most=3000,
    purpose="Silence of an encoder that is connected, after which its viewers see the slate or the last picture, at "
    "low latency (standard: 3 s). Above 900 their players stall; below 500 a network that stutters is enough",
)
PLAYBACK_RETENTION_S = env.integer(
    "LIVEHUB_PLAYBACK_RETENTION_S",
    default=300,
    unit="s",
    at_most=30 * 86400,
    purpose="How long a finished session's segments stay on disk",
)
VIEWER_COUNTRIES = env.boolean(
    "LIVEHUB_VIEWER_COUNTRIES",
    default=True,
    purpose="Whether the country of a viewer's address is kept with what is counted; the address never is",
)
BEHIND_CDN = env.boolean(
    "LIVEHUB_BEHIND_CDN",
    default=False,
    purpose="Viewers fetch from a CDN in front, which asks here once for all: what their players report is counted "
    "instead. The same at the hub and at its edge nodes",
)


RECORD_AUTOMATICALLY = env.boolean(
    "LIVEHUB_RECORD",
    default=True,
    purpose="Records every broadcast of a livestream whose archive is on; without it only those that are asked for",
)
RECORDING_RETENTION_S = env.integer(
    "LIVEHUB_RECORDING_RETENTION_S",
    default=0,
    unit="s; 0: until it is deleted",
    at_most=10 * 365 * 86400,
    purpose="How long a recording is kept whose livestream does not say",
)
VIEW_RETENTION_DAYS = env.integer(
    "LIVEHUB_VIEW_RETENTION_DAYS",
    default=30,
    unit="days",
    at_least=2,
    at_most=3650,
    purpose="How long each view is kept by itself; what days, livestreams and broadcasts came to is kept for ever",
)
CLIP_LONGEST_S = env.integer(
    "LIVEHUB_CLIP_LONGEST_S",
    default=600,
    unit="s",
    at_least=1,
    at_most=3600,
    purpose="The longest clip of a broadcast or recording; longer stretches are taken as recordings",
)


def _percent_of_disk(name: str, *, default: int, purpose: str) -> int:
    return env.integer(name, default=default, unit="% in use; 100: never", at_least=1, at_most=100, purpose=purpose)


def _mb_of_disk(name: str, *, default: int, purpose: str) -> int:
    return env.integer(name, default=default, unit="MB free; 0: never", at_most=10_000_000, purpose=purpose)


_WARN, _STOP = "Disk of the broadcasts: it is told", "Disk of the broadcasts: files of ended ones go, oldest first"
DISK_WARN_PERCENT = _percent_of_disk(
    "LIVEHUB_DISK_WARN_PERCENT", default=85, purpose=f"{_WARN} that it is nearly full from this on"
)
DISK_WARN_MB = _mb_of_disk("LIVEHUB_DISK_WARN_MB", default=2000, purpose=f"{_WARN} as well when less is free")
DISK_STOP_PERCENT = _percent_of_disk("LIVEHUB_DISK_STOP_PERCENT", default=95, purpose=f"{_STOP}, from this on")
DISK_STOP_MB = _mb_of_disk("LIVEHUB_DISK_STOP_MB", default=500, purpose=f"{_STOP}, as well when less is free")
for _kind, _is_right in (
    ("PERCENT", DISK_WARN_PERCENT <= DISK_STOP_PERCENT),
    ("MB", DISK_WARN_MB >= DISK_STOP_MB or not DISK_WARN_MB),
):
    if not _is_right:
        raise ImproperlyConfigured(
            f"LIVEHUB_DISK_WARN_{_kind} must be reached before LIVEHUB_DISK_STOP_{_kind}: a full disk is told of first."
        )

# One application, one history of migrations per app.
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "csp",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "livehub",
    "streams",
    "analytics",
    "webhooks",
]
# CommonMiddleware is left out on purpose: it would redirect slashless POSTs and refuse the hooks' Host header.
MIDDLEWARE = [
    "livehub.outage.OutageMiddleware",
    "livehub.middleware.RequestId",
    "livehub.middleware.RequestTimes",
    "django.middleware.security.SecurityMiddleware",
    "livehub.middleware.PageContentSecurityPolicy",
    "livehub.middleware.PageForms",
    "livehub.middleware.PageSession",
    "livehub.middleware.PageCsrf",
    "livehub.middleware.PageUser",
    "livehub.middleware.PageMessages",
    "livehub.middleware.PageFrameOptions",
    "livehub.middleware.PageHtmx",
]
ROOT_URLCONF = "livehub.urls"
ASGI_APPLICATION = "livehub.asgi.application"
WSGI_APPLICATION = "livehub.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# PostgreSQL: the embedded one unless a URL is given.
DATABASE_URL = env.text(
    "DATABASE_URL",
    default="",
    unit="postgresql://user:password@host:port/name",
    purpose="External PostgreSQL instead of the embedded one",
)


def _database() -> dict[str, Any]:
    if DATABASE_URL:
        # Not above: whoever needs no database would load psycopg as well.
        from livehub.core.postgresql.url import database_from_url

        where = database_from_url(DATABASE_URL)
    else:
        where = {"NAME": "livehub", "USER": "livehub", "HOST": str(RUNTIME_DIR / "postgres"), "OPTIONS": {}}
    # Celery has to know of the pool: it closes it in the processes that it forks.
    return {"ENGINE": "livehub.core.postgresql", **where, "OPTIONS": {**where["OPTIONS"], "pool": True}}


DATABASES = {"default": _database()}

# Redis: broker and channel layer; nothing that may not be lost.
_REDIS_SOCKET = RUNTIME_DIR / "redis" / "redis.sock"
REDIS_URL = env.text(
    "REDIS_URL", default="", unit="redis://host:port/db", purpose="External Redis instead of the embedded one"
)
if REDIS_URL and urlsplit(REDIS_URL).scheme not in {"redis", "rediss", "unix"}:
    raise ImproperlyConfigured("REDIS_URL must look like redis://host:6379/0.")
_CACHE_URL = REDIS_URL or f"unix://{quote(str(_REDIS_SOCKET))}"
CELERY_BROKER_URL = _CACHE_URL.replace("unix://", "redis+socket://", 1)
# A Redis that accepts and never answers must hold up nobody. More than the 1 s for which workers ask for work (BRPOP).
_REDIS_TIMEOUT_S = 2.0
_REDIS_BOUNDS: dict[str, Any] = {"socket_timeout": _REDIS_TIMEOUT_S, "socket_connect_timeout": _REDIS_TIMEOUT_S}
if not _CACHE_URL.startswith("unix://"):
    _REDIS_BOUNDS["socket_keepalive"] = True
# A worker drops a connection on which nothing has come for twice this and a second, and makes a new one.
CELERY_BROKER_TRANSPORT_OPTIONS = {**_REDIS_BOUNDS, "health_check_interval": 3}
CELERY_BROKER_CONNECTION_TIMEOUT = _REDIS_TIMEOUT_S
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# For ever: a worker that gave up would take its live sessions with it.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CONSUMER = "livehub.core.broker:PromptConsumer"
# Tried once: a connection that broke while nobody used it is noticed before, and what is lost has a sweep.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
# Queues by promise: nothing in `urgent` is slow, and nothing there waits for what is. What only one node can do goes to
# that node's own queue: `live.<node>`, `urgent.<node>`, `files.<node>`.
CELERY_TASK_DEFAULT_QUEUE = "urgent"
CELERY_TASK_ROUTES = {"streams.mail_*": {"queue": "mail"}, "webhooks.*": {"queue": "webhooks"}}
# With the default prefetch a second session waits behind a running one while another worker stands idle.
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Steady: by the machine's clock nothing would be swept for an hour once that is set back by one.
_every = partial(schedule, nowfun=clock.steady)
CELERY_BEAT_SCHEDULE = {
    "sweep-sessions": {"task": "streams.sweep_sessions", "schedule": _every(5), "options": {"expires": 5}},
    "sweep-meetings": {"task": "streams.sweep_meetings", "schedule": _every(5), "options": {"expires": 5}},
    "sweep-self-tests": {"task": "streams.sweep_self_tests", "schedule": _every(5), "options": {"expires": 5}},
    "sweep-recordings": {"task": "streams.sweep_recordings", "schedule": _every(5), "options": {"expires": 5}},
    "erase-recordings": {"task": "streams.call_for_erasing", "schedule": _every(60), "options": {"expires": 60}},
    "sweep-webhooks": {"task": "webhooks.sweep", "schedule": _every(5), "options": {"expires": 5}},
    "forget-attempts": {"task": "streams.forget_attempts", "schedule": _every(600), "options": {"expires": 600}},
    "forget-answers": {"task": "streams.forget_answers", "schedule": _every(600), "options": {"expires": 600}},
    "call-for-upkeep": {
        "task": "streams.call_for_upkeep",
        "schedule": _every(60),
        "options": {"expires": 60},
    },
    # Often enough for a hundred broadcasts to write no more meanwhile than the thresholds leave.
    "call-for-disks": {"task": "streams.call_for_disks", "schedule": _every(15), "options": {"expires": 15}},
    "forget-unknown-keys": {
        "task": "streams.forget_unknown_keys",
        "schedule": _every(600),
        "options": {"expires": 600},
    },
    "keep-up-figures": {"task": "analytics.keep_up", "schedule": _every(600), "options": {"expires": 600}},
    "forget-webhooks": {
        "task": "webhooks.forget_old",
        "schedule": _every(600),
        "options": {"expires": 600, "queue": "webhooks"},
    },
    "adopt-restored-webhooks": {
        "task": "webhooks.adopt_restored",
        "schedule": _every(600),
        "options": {"expires": 600, "queue": "webhooks"},
    },
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _CACHE_URL,
        "KEY_PREFIX": "livehub",
        "OPTIONS": _REDIS_BOUNDS,
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "livehub.core.channel_layer.BoundedChannelLayer",
        "CONFIG": {"hosts": [{"address": _CACHE_URL, **_REDIS_BOUNDS}], "prefix": "livehub"},
    }
}

# Mail: invitations and password resets. Without a server people hand the links over themselves.
MAIL_SERVER = env.mail_server(
    "LIVEHUB_EMAIL_URL", purpose="Mails invitations and password resets; without it the links are handed over by hand"
)
DEFAULT_FROM_EMAIL = (
    env.text(
        "LIVEHUB_EMAIL_FROM",
        default="",
        unit="address; default: livehub@<public host>",
        purpose="Sender of these mails",
    )
    or f"livehub@{PUBLIC_HOST}"
)
if MAIL_SERVER is not None:
    EMAIL_HOST, EMAIL_PORT = MAIL_SERVER.host, MAIL_SERVER.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL_SERVER.user, MAIL_SERVER.password
    EMAIL_USE_SSL, EMAIL_USE_TLS = MAIL_SERVER.is_tls, MAIL_SERVER.is_starttls
EMAIL_TIMEOUT = 10

# People.
# A row for each browser, which says who is logged in there.
SESSION_ENGINE = "streams.identity.session_store"
AUTH_USER_MODEL = "streams.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "streams:login"
LOGIN_REDIRECT_URL = "streams:overview"
LOGOUT_REDIRECT_URL = "streams:login"

# Browser security. The page's own scripts and styles only; hls.js plays from blob: URLs and works in a blob: worker.
_IS_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 31_536_000 if _IS_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Players are sent to the machine whose folder has what they play.
_NODE_ORIGINS = sorted(NODE_URLS.values())
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # Named, because the livestream page adds the hashes of its player's styles.
        "style-src": ["'self'"],
        "media-src": ["'self'", "blob:", *_NODE_ORIGINS],
        "worker-src": ["'self'", "blob:"],
        "img-src": ["'self'", "data:", *_NODE_ORIGINS],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        **({"connect-src": ["'self'", *_NODE_ORIGINS]} if _NODE_ORIGINS else {}),
    }
}
# Pages of others that may call the API: with a key of their own, never with what a browser keeps for ours.
CORS_ALLOWED_ORIGINS = env.origins(
    "LIVEHUB_CORS_ORIGINS", purpose="Web pages whose scripts may call the REST API from a browser"
)
CORS_URLS_REGEX = rf"^/({'|'.join(API_ROOTS)})/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = ["authorization", "content-type", "idempotency-key"]
CORS_EXPOSE_HEADERS = [
    *("Idempotent-Replayed", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
    *("Link", "Retry-After", "X-Request-Id"),
]
if CORS_ALLOWED_ORIGINS:
    INSTALLED_APPS += ["corsheaders"]
    # Within RequestId, which is for every answer.
    MIDDLEWARE.insert(2, "corsheaders.middleware.CorsMiddleware")
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
# An image in a form stays in memory; the edge lets no larger body in.
FILE_UPLOAD_MAX_MEMORY_SIZE = 6_291_456
SILENCED_SYSTEM_CHECKS = [
    # Our own classes of the middlewares, for pages only: livehub/middleware.py.
    "security.W002",
    "security.W003",
    # Other names below ours are not ours to decide about.
    "security.W005",
    "security.W021",
    # TLS ends before us, and there plain HTTP is redirected.
    "security.W008",
]
if not _IS_HTTPS:
    # Nothing of TLS can be promised; where other machines come in, livehub.W001 says so.
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W010"]

# Files. nginx serves what collectstatic gathers, under names that carry a hash.
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
# nginx runs as the same user as we do.
FILE_UPLOAD_PERMISSIONS = 0o600
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "livehub.static_storage.HashedStaticFilesStorage"},
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = "livehub.formats"
USE_TZ = True

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "livehub.api.schema.DialectSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "LiveHub",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.1",
    # It repeats each word after itself.
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SERVE_INCLUDE_SCHEMA": False,
    # What has to be said is said by each body itself, for changes as well.
    "COMPONENT_SPLIT_PATCH": False,
    # Members of one name whose words differ, and words that several members share.
    "ENUM_NAME_OVERRIDES": {
        "OutputTypeEnum": "streams.livestreams.states.OutputType",
        "PullStateEnum": "streams.livestreams.states.PullState",
        "DeliveryStateEnum": "webhooks.states.DeliveryState.values",
        "SimulcastStateEnum": "streams.livestreams.states.SimulcastState",
        "InputTypeEnum": ["rtmp"],
        "StorageTypeEnum": "streams.recordings.models.storage.StorageType",
        "StorageLogInEnum": ["KEY", "PASSWORD"],
        "WebhookEventEnum": "webhooks.api.input.ALL_NAMES",
        "VendorsWebhookEventEnum": "webhooks.api.input.VENDORS_NAMES",
        "MeetingStatusEnum": ["ACTIVE", "INACTIVE"],
        "MeetingSessionStatusEnum": ["LIVE", "ENDED"],
        "VideoCodecEnum": ["H264", "VP8", "VP9"],
        "AudioCodecEnum": ["AAC", "MP3"],
        "ProduceEnum": ["ALLOWED", "NOT_ALLOWED", "CAN_REQUEST"],
        "RecordingStatusEnum": "streams.recordings.states.STATUS_WORDS",
        "RenderingStatusEnum": "streams.recordings.states.RenderingStatus",
        "ClipStatusEnum": "streams.recordings.states.CLIP_STATUS_WORDS",
        "RecordingStartReasonEnum": ["API_CALL", "RECORD_ON_START"],
        "RecordingStopReasonEnum": ["API_CALL", "INTERNAL_ERROR", "ALL_PEERS_LEFT"],
        "RecordingCallerTypeEnum": ["ORGANIZATION", "USER"],
    },
    # It would describe all dialects in one document; a test looks at the one that we publish.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
}

LOG_LEVEL = env.text(
    "LIVEHUB_LOG_LEVEL",
    default="INFO",
    unit="DEBUG, INFO, WARNING or ERROR",
    purpose="Least severe log line written",
).upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "livehub.core.request_ids.LogLines",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # It tells of every request at INFO, with its query: what we ask the ingest server names streams.
    "loggers": {"httpx": {"level": "WARNING"}},
}
