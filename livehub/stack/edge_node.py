"""The nginx of an edge node: players' way to an origin on another machine, and nothing else."""

from livehub.stack.edge_log import log_of_media, logs_media
from livehub.stack.edge_policy import policy_locations, policy_of_all, policy_of_media, policy_of_server
from livehub.stack.edge_reports import LARGEST_REPORT_KB, log_of_reports, takes_in, takes_reports
from livehub.stack.instance import Instance
from livehub.stack.media_doors import (
    MEDIA_HEADERS,
    ORIGIN,
    ORIGIN_IDLE_CONNECTIONS,
    PICTURES,
    RECORDED_BESIDE,
    RECORDED_MEDIA,
    SESSION,
    SLOT,
    files_of_who_waited,
    media_maps,
)
from livehub.stack.nginx import Host, households, listens, main_context, quoted, real_client, temp_paths
from livehub.stack.ports import listen_addresses

# Of the files that a worker may open, what one address may have going on at once.
_REQUESTS_SHARE = 16
# Longer than the relay takes to say that its hub does not say who may play.
_PERMISSION_S = 10
# Of recordings' media, asked for and kept: what players ask for is put together of these.
_SLICE_MB = 2
# As long as files of broadcasts are.
_RECORDED_KEPT_MIN = 10
# Of the hub's media it asks for what its viewers have tokens for.
_RELAYED = f"""\
{ORIGIN}
                proxy_set_header X-Playback-Token $playback_token;"""
_PREFLIGHT = "if ($request_method = OPTIONS) { return 204; }"
_ONLY_READ = "if ($request_method !~ ^(GET|HEAD)$) { return 405; }"


def render_edge_node(instance: Instance, host: Host) -> str:
    """Return nginx's configuration. What is there is served from disk; for all else the relay is asked."""
    context = main_context(instance, host, name="edge", workers="auto", connections=host.open_files // 4)
    relayed = quoted(instance.relayed_dir)
    # Nobody reads it where there is nobody to tell.
    log = logs_media(instance) if instance.has_edge_token else "access_log off;"
    return f"""\
{context}
http {{
    types {{
        application/vnd.apple.mpegurl m3u8;
        image/jpeg jpg;
        image/webp webp;
        text/vtt vtt;
        video/iso.segment m4s;
        video/mp4 mp4;
    }}
    default_type application/octet-stream;
    log_format line '$remote_addr $time_iso8601 "$request_method $logged_uri" $status $body_bytes_sent $request_time'
                    ' $upstream_status $request_id';
    access_log /dev/stdout line;
    # Its lines hold whole requests.
    error_log stderr emerg;
    server_tokens off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 65s;
    client_header_timeout 15s;
    client_body_timeout 15s;
    # Nobody sends anything but reports.
    client_max_body_size {LARGEST_REPORT_KB}k;
    reset_timedout_connection on;
{temp_paths(instance, name="edge")}

{policy_of_all(instance)}
    proxy_cache_path {quoted(instance.relayed_recordings_dir)} levels=1:2 keys_zone=recorded:10m
                     max_size={instance.edge_recordings_mb}m inactive={_RECORDED_KEPT_MIN}m use_temp_path=off;

{real_client(instance)}
{households()}
    limit_conn_zone $household zone=requests:10m;
    limit_conn_status 429;
    limit_req_status 429;
    limit_req_log_level info;
    limit_conn_log_level info;

{media_maps(scope="$media_scope", playlists="$playlist_cache")}
    # What the hub says to one viewer is no more for everybody here than there.
    map $upstream_http_cache_control $playlist_cache {{
        default $upstream_http_cache_control;
        "~^(?:public|private), (?<playlist_age>max-age=[0-9]+)$" "$media_scope, $playlist_age";
    }}
{log_of_media()}
{log_of_reports()}
    upstream relay {{
        server {quoted(f"unix:{instance.origin_socket}")} max_fails=0;
        keepalive {ORIGIN_IDLE_CONNECTIONS};
        keepalive_requests 1000000;
    }}

    server {{
        {listens(listen_addresses(instance.http_bind), instance.http_port)}
        limit_conn requests {host.open_files // _REQUESTS_SHARE};
        proxy_http_version 1.1;
        proxy_connect_timeout 2s;

{policy_of_server(answer_s=_PERMISSION_S)}

        location / {{ return 404; }}
        location = /healthz {{ default_type application/json; return 200 '{{"status":"ok"}}'; }}
        location ^~ /playback/ {{
            {log}
{policy_of_media()}
{takes_reports()}
            location ~ ^/playback/(?<media>(?:{SLOT}|{PICTURES})/[0-9]+-[0-9]+[0-9a-z.-]+)$ {{
                {_PREFLIGHT}
                root {relayed};
                try_files /$media @relay;
            }}
            location ~ "^/playback/(?<media>{RECORDED_MEDIA})$" {{
                {_PREFLIGHT}
                {_ONLY_READ}
{_RELAYED}
                slice {_SLICE_MB}m;
                proxy_set_header Range $slice_range;
                # For all who may watch it: that is asked before.
                proxy_cache recorded;
                proxy_cache_key "$media $slice_range";
                proxy_cache_valid 206 {_RECORDED_KEPT_MIN}m;
                proxy_pass http://relay/$media;
            }}
            location ~ "^/playback/(?<media>{RECORDED_BESIDE})$" {{
                {_PREFLIGHT}
                {_ONLY_READ}
{_RELAYED}
                proxy_pass http://relay/$media;
            }}
            location ~ ^/playback/(?<media>(?:{SLOT}|{SESSION}|[A-Za-z0-9_-]+)/[a-z]+\\.(?:m3u8|jpg|webp|vtt))$ {{
                {_PREFLIGHT}
                {_ONLY_READ}
{_RELAYED}
                proxy_pass http://relay/$media$is_args$args;
            }}
{MEDIA_HEADERS}
            return 404;
        }}
        location @relay {{
            {log}
            {_ONLY_READ}
{MEDIA_HEADERS}
{_RELAYED}
            proxy_pass http://relay/$media;
        }}
{files_of_who_waited(quoted(f"{instance.relayed_dir}/"), log=log)}
{policy_locations(media_headers=MEDIA_HEADERS)}
{takes_in(instance, is_counted=instance.has_edge_token)}
    }}
}}
"""
