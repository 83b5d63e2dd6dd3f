"""The ingest nginx: RTMP and RTMPS in, hooks to the ASGI process, statistics and control on a private socket.

A server of its own, so that nothing done to the edge ever cuts a broadcast. It must not be reloaded either: a second
worker generation would part the encoders from the players.
"""

from livehub.stack.instance import Instance
from livehub.stack.nginx import RTMP_MODULE, STREAM_MODULE, Host, listens, main_context, quoted, temp_paths
from livehub.stack.ports import listen_addresses, rtmp_addresses

# The inner hop of RTMPS: a loopback address beside the usual one, where no client's own port gets in the way.
INNER_ADDRESS = "127.0.0.2"


def render_ingest(instance: Instance, host: Host, *, inner_port: int) -> str:
    """Return nginx's configuration; it holds the hooks' secret, so its file must be private.

    `inner_port` is any free port of `INNER_ADDRESS`.
    """
    return "\n".join(
        (
            f"load_module {quoted(STREAM_MODULE)};",
            f"load_module {quoted(RTMP_MODULE)};",
            main_context(instance, host, name="ingest", workers="1"),
            _rtmp(instance, inner_port=inner_port),
            _rtmps(instance, inner_port=inner_port),
            _control(instance),
        )
    )


def _rtmp(instance: Instance, *, inner_port: int) -> str:
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
    max_message 2M;
    notify_method post;
    server {{
        {listens(rtmp_addresses(instance.bind), instance.rtmp_port)}
        # What arrived over TLS. Not on a Unix socket: nginx-rtmp takes a client there for a worker of its own, and
        # admits it without calling the hooks.
        listen {INNER_ADDRESS}:{inner_port} proxy_protocol;
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
            on_update {quoted(f"{hooks}/update{token}")};
            notify_update_timeout 10s;
            # Strict would cut every running broadcast while the ASGI process is down.
            notify_update_strict off;
        }}
    }}
}}
"""


def _rtmps(instance: Instance, *, inner_port: int) -> str:
    return f"""\
stream {{
    server {{
        {listens(listen_addresses(instance.bind), instance.rtmps_port, option=" ssl")}
        ssl_certificate {quoted(instance.certificate_path)};
        ssl_certificate_key {quoted(instance.key_path)};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_handshake_timeout 10s;
        proxy_connect_timeout 5s;
        # Longer than the RTMP server's own timeouts, which decide.
        proxy_timeout 60s;
        # Else every encoder's address would be this machine's.
        proxy_protocol on;
        proxy_pass {INNER_ADDRESS}:{inner_port};
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
