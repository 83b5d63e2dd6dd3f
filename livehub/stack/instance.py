"""What the one-box run needs to know of the settings, in one frozen value."""

from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

# Of what an edge keeps: broadcasts are watched by many at once, recordings more seldom.
_RECORDINGS_SHARE = 4


@dataclass(frozen=True)
class Instance:
    """One installation: its folders, its addresses, and which servers are its own."""

    base_dir: Path
    data_dir: Path
    runtime_dir: Path
    playback_dir: Path
    static_root: Path
    web_socket: Path
    asgi_socket: Path
    gate_socket: Path
    egress_socket: Path
    origin_socket: Path
    nudge_socket: Path
    ingest_control_socket: Path
    http_bind: str
    rtmp_bind: str
    # Of the loopback network: where only this machine's own programs go.
    own_address: str
    http_port: int
    rtmp_port: int
    rtmps_port: int
    public_url: str
    public_host: str
    # As Django has them: with a leading dot, every name below; "*" for all.
    allowed_hosts: tuple[str, ...]
    rtmp_url: str
    rtmps_url: str
    # Both empty: a self-signed pair is made.
    tls_certificate: str
    tls_key: str
    has_embedded_postgres: bool
    has_embedded_redis: bool
    node: str
    live_slots: int
    # Networks whose forwarding headers are believed.
    trusted_proxies: tuple[str, ...]
    ingest_hook_token: str = field(repr=False)
    # Networks inside that what users name may be gone to.
    outgoing_networks: tuple[str, ...] = ()
    # Of the machine whose playback this one passes on, doing nothing else; empty where it does everything itself.
    origin_url: str = ""
    edge_cache_mb: int = 4096
    # Whether an edge node may tell its hub who watches.
    has_edge_token: bool = False
    # Of `own_address`: where the gate and our pulls reach the RTMP server. Any free one, taken at the start.
    inner_port: int = 0

    @classmethod
    def from_settings(cls) -> "Instance":
        return cls(
            base_dir=settings.BASE_DIR,
            data_dir=settings.DATA_DIR,
            runtime_dir=settings.RUNTIME_DIR,
            playback_dir=settings.PLAYBACK_DIR,
            static_root=settings.STATIC_ROOT,
            web_socket=settings.WEB_SOCKET,
            asgi_socket=settings.ASGI_SOCKET,
            gate_socket=settings.GATE_SOCKET,
            egress_socket=settings.EGRESS_SOCKET,
            origin_socket=settings.ORIGIN_SOCKET,
            nudge_socket=settings.NUDGE_SOCKET,
            ingest_control_socket=settings.INGEST_CONTROL_SOCKET,
            http_bind=settings.HTTP_BIND,
            rtmp_bind=settings.RTMP_BIND,
            own_address=settings.OWN_ADDRESS,
            http_port=settings.HTTP_PORT,
            rtmp_port=settings.RTMP_PORT,
            rtmps_port=settings.RTMPS_PORT,
            public_url=settings.PUBLIC_URL,
            public_host=settings.PUBLIC_HOST,
            allowed_hosts=tuple(settings.ALLOWED_HOSTS),
            rtmp_url=settings.RTMP_URL,
            rtmps_url=settings.RTMPS_URL,
            tls_certificate=settings.TLS_CERTIFICATE,
            tls_key=settings.TLS_KEY,
            has_embedded_postgres=not settings.DATABASE_URL,
            has_embedded_redis=not settings.REDIS_URL,
            node=settings.NODE,
            live_slots=settings.LIVE_SLOTS,
            trusted_proxies=tuple(settings.TRUSTED_PROXIES),
            ingest_hook_token=settings.INGEST_HOOK_TOKEN,
            outgoing_networks=tuple(settings.OUTGOING_ALLOWED_NETWORKS),
            origin_url=settings.ORIGIN_URL,
            edge_cache_mb=settings.EDGE_CACHE_MB,
            has_edge_token=bool(settings.EDGE_TOKEN),
        )

    @property
    def is_edge_node(self) -> bool:
        return bool(self.origin_url)

    @property
    def relayed_dir(self) -> Path:
        return self.data_dir / "relayed"

    @property
    def relayed_recordings_dir(self) -> Path:
        """Where an edge's nginx keeps ranges of recordings; it makes that folder itself."""
        return self.data_dir / "relayed-recordings"

    @property
    def edge_recordings_mb(self) -> int:
        """Of what an edge keeps, how much is of recordings."""
        return self.edge_cache_mb // _RECORDINGS_SHARE

    @property
    def edge_broadcasts_mb(self) -> int:
        """Of what an edge keeps, how much is of broadcasts."""
        return self.edge_cache_mb - self.edge_recordings_mb

    @property
    def recordings_dir(self) -> Path:
        return self.data_dir / "recordings"

    @property
    def played_dir(self) -> Path:
        return self.data_dir / "played"

    @property
    def cluster_dir(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def postgres_socket_dir(self) -> Path:
        return self.runtime_dir / "postgres"

    @property
    def redis_socket(self) -> Path:
        return self.runtime_dir / "redis" / "redis.sock"

    @property
    def supervisor_socket(self) -> Path:
        return self.runtime_dir / "supervisor.sock"

    @property
    def supervisor_config(self) -> Path:
        return self.runtime_dir / "supervisord.conf"

    @property
    def supervisor_pid_file(self) -> Path:
        """There while a run lasts, and after one that was killed."""
        return self.runtime_dir / "supervisord.pid"

    def heartbeat_path(self, program: str) -> Path:
        """What that program touches for as long as it lives, and the supervisor watches."""
        return self.runtime_dir / f"{program}.beat"

    @property
    def counts_dir(self) -> Path:
        """Where our programs count for Prometheus, each in files of its own."""
        return self.runtime_dir / "counts"

    @property
    def ingest_config(self) -> Path:
        return self.runtime_dir / "ingest.conf"

    @property
    def edge_config(self) -> Path:
        return self.runtime_dir / "edge.conf"

    @property
    def media_log(self) -> Path:
        """What the edge writes of delivered media, until the collector has read it."""
        return self.runtime_dir / "media.log"

    @property
    def edge_pid_file(self) -> Path:
        return self.runtime_dir / "edge.pid"

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def nginx_temp_dir(self) -> Path:
        return self.data_dir / "nginx"

    @property
    def tls_dir(self) -> Path:
        return self.data_dir / "tls"

    @property
    def certificate_path(self) -> Path:
        return Path(self.tls_certificate) if self.tls_certificate else self.tls_dir / "certificate.pem"

    @property
    def key_path(self) -> Path:
        return Path(self.tls_key) if self.tls_key else self.tls_dir / "key.pem"

    @property
    def credentials_path(self) -> Path:
        return self.data_dir / "credentials.json"

    @property
    def lock_path(self) -> Path:
        return self.data_dir / "run.lock"
