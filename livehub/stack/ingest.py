"""The ingest nginx: RTMP and RTMPS in, hooks to the ASGI process, statistics and control on a private socket.

A server of its own, so that nothing done to the edge ever cuts a broadcast. It must not be reloaded either: a second
worker generation would part the encoders from the players.

The stream module counts who comes and ends TLS, the gate (`livehub/gate.py`) bounds whoever does not publish, and the
RTMP module, which hears only those two, learns everybody's own address from the PROXY line.
"""

from livehub.stack.instance import Instance
from livehub.stack.nginx import RTMP_MODULE, STREAM_MODULE, Host, households, listens, main_context, quoted, temp_paths
from livehub.stack.ports import listen_addresses

_CLIENTS_PER_ADDRESS = 50
_CONNECTIONS_AT_MOST = 16_384
# In nginx's worker one client is three connections: its own, that to the gate, and the gate's.
_CONNECTIONS_PER_CLIENT = 3
_DOORS = 2


def render_ingest(instance: Instance, host: Host) -> str:
    """Return nginx's configuration; it holds the hooks' secret, so its file must be private."""
    return "\n".join(
        (
            f"load_module {quoted(STREAM_MODULE)};",
            f"load_module {quoted(RTMP_MODULE)};",
            main_context(instance, host, name="ingest", workers="1", connections=_connections(host)),
            _rtmp(instance),
            _stream(instance, clients=clients_per_door(host)),
            _control(instance),
        )
    )


def clients_per_door(host: Host) -> int:
    """Return how many clients RTMP, and as many RTMPS, may have.

    A third of the connections stays for our own pulls, the hooks, and questions. A door of its own for each: whoever
    fills one with TLS handshakes leaves the other open.
    """
    return _connections(host) * 2 // 3 // _CONNECTIONS_PER_CLIENT // _DOORS


def strangers_at_most(host: Host) -> int:
    """Return how many clients may be waiting at the gate: never all of a door, so that another one always gets in."""
    return clients_per_door(host) // 2


def _connections(host: Host) -> int:
    # Each has a file descriptor, and there are hardly any others.
    return min(host.open_files // 2, _CONNECTIONS_AT_MOST)


def _rtmp(instance: Instance) -> str:
    hooks = f"http://unix:{instance.asgi_socket}:/internal/ingest"
    # In the query, because log lines of the ASGI process name the path.
    token = f"?token={instance.ingest_hook_token}&node={instance.node}"
    return f"""\
rtmp {{
    # Stream keys stand in what it would log.
    access_log off;
    timeout 15s;
    ping 10s;
    ping_timeout 10s;
    drop_idle_publisher 5s;
    # A 4K key frame: no larger than what an encoder sends in its buffer's second, at 60 Mbit/s. A stranger has no use
    # for it, whom the gate allows a few KB.
    max_message 8M;
    # Chunk streams. Encoders use ids from 2 to 8; each may hold a message that is not complete.
    max_streams 16;
    notify_method post;
    server {{
        # Not on a Unix socket: nginx-rtmp takes a client there for a worker of its own, and admits it without calling
        # the hooks.
        listen {instance.own_address}:{instance.inner_port} proxy_protocol;
        application live {{
            live on;
            wait_key on;
            wait_video on;
            publish_notify on;
            play_restart on;
            idle_streams on;
            sync 300ms;
            meta on;
            record off;
            allow play 127.0.0.1;
            deny play all;
            on_publish {quoted(f"{hooks}/publish{token}")};
            on_publish_done {quoted(f"{hooks}/publish-done{token}")};
            # Tells when the worker listens: an encoder that has just been admitted is answered then.
            on_play {quoted(f"{hooks}/play{token}")};
            on_update {quoted(f"{hooks}/update{token}")};
            notify_update_timeout 10s;
            # Strict would cut every running broadcast while the ASGI process is down.
            notify_update_strict off;
        }}
    }}
}}
"""


def _stream(instance: Instance, *, clients: int) -> str:
    to_gate = f"""\
limit_conn households {_CLIENTS_PER_ADDRESS};
        limit_conn doors {clients};
        proxy_pass {quoted(f"unix:{instance.gate_socket}")};"""
    addresses = listen_addresses(instance.rtmp_bind)
    return f"""\
stream {{
    # A stranger that is cut is an error to nginx, and would be a line of log.
    error_log stderr crit;
{households()}
    limit_conn_zone $household zone=households:1m;
    limit_conn_zone $server_port zone=doors:32k;
    limit_conn_log_level info;
    proxy_connect_timeout 5s;
    # Longer than the RTMP server's own timeouts, which decide.
    proxy_timeout 60s;
    # Else every encoder's address would be this machine's.
    proxy_protocol on;
    server {{
        {listens(addresses, instance.rtmp_port)}
        {to_gate}
    }}
    server {{
        {listens(addresses, instance.rtmps_port, option=" ssl")}
        ssl_certificate {quoted(instance.certificate_path)};
        ssl_certificate_key {quoted(instance.key_path)};
        ssl_protocols TLSv1.2 TLSv1.3;
        # The gate takes the other 10 s.
        ssl_handshake_timeout 5s;
        {to_gate}
    }}
    server {{
        # Our own pulls, which nobody counts and nothing cuts. Packets from elsewhere never get to a loopback address.
        listen {instance.own_address}:{instance.rtmp_port};
        proxy_pass {instance.own_address}:{instance.inner_port};
    }}
}}
"""


def _control(instance: Instance) -> str:
    return f"""\
http {{
    access_log off;
{temp_paths(instance, name="ingest")}
    server {{
        # Neither asks who is there: the socket's folder admits this instance's user only.
        listen {quoted(f"unix:{instance.ingest_control_socket}")};
        location = /stat {{ rtmp_stat all; }}
        location /control {{ rtmp_control all; }}
    }}
}}
"""
