"""The edge nginx: what viewers, browsers and API clients talk to."""

import re

from livehub.stack.edge_answers import answers, readers
from livehub.stack.edge_log import log_of_media, logs_media
from livehub.stack.edge_policy import policy_locations, policy_of_all, policy_of_media, policy_of_server
from livehub.stack.edge_reports import log_of_reports, takes_in, takes_reports
from livehub.stack.instance import Instance
from livehub.stack.media_doors import (
    MEDIA_HEADERS,
    ORIGIN,
    ORIGIN_IDLE_CONNECTIONS,
    RECORDED,
    SLOT,
    files_of_who_waited,
    media_maps,
)
from livehub.stack.nginx import Host, households, listens, main_context, quoted, real_client, temp_paths
from livehub.stack.ports import listen_addresses

_BODY_MAX_MB = 1
# What is told of images; a little more is let in, so that a form's other fields fit, and LiveHub itself can say it.
_IMAGE_MAX_MB = 5
# Of an edge node, with all its views.
_BATCH_MAX_MB = 32
# A look at every component costs more than any other request that nobody has to log in for.
_READINESS_PER_S = 2
_READINESS_BURST = 10
# From everywhere together: each may wait for a component that hangs, in a thread that requests need.
_READINESS_AT_ONCE = 2
# The open pages of everybody behind one address; a person's are counted behind us.
_SOCKETS_PER_ADDRESS = 500
# Of the files that a worker may open, what one address may have going on at once: hundreds of viewers share one, and
# some are slow. Without it a single stranger who sends bodies byte by byte has everybody's connections.
_REQUESTS_SHARE = 16
# Every answer is bounded: the database gives up after a few seconds. Longer than that, and the process hangs.
_ANSWER_S = 15
# Longer than the origin takes to say that it does not know who may play.
_PERMISSION_S = 5
_ID = "[0-9a-f-]+"
# The pages that hear of changes.
_SOCKETS = (
    f"overview|system|livestreams(/{_ID}(/sessions/{_ID})?)?|meetings(/{_ID})?|webhooks(/{_ID}(/deliveries/{_ID})?)?"
)
# The ASGI process asks open pages every 20 s whether they are still there.
_WEBSOCKET_SILENCE_S = 75


def render_edge(instance: Instance, host: Host) -> str:
    """Return nginx's configuration."""
    context = main_context(instance, host, name="edge", workers="auto", connections=host.open_files // 4)
    return "\n".join((context, _http(instance, requests=host.open_files // _REQUESTS_SHARE)))


def _http(instance: Instance, *, requests: int) -> str:
    return f"""\
http {{
    types {{
        application/javascript js mjs;
        application/json json map;
        application/vnd.apple.mpegurl m3u8;
        font/woff2 woff2;
        image/jpeg jpg jpeg;
        image/png png;
        image/svg+xml svg;
        image/webp webp;
        image/x-icon ico;
        text/css css;
        text/plain txt;
        text/vtt vtt;
        video/iso.segment m4s;
        video/mp4 mp4;
        video/mp2t ts;
    }}
    default_type application/octet-stream;
    charset utf-8;
    charset_types text/css text/plain application/javascript;
    # No query string: it may carry what must not be written down.
    log_format line '$remote_addr $time_iso8601 "$request_method $logged_uri" $status $body_bytes_sent $request_time'
                    ' $upstream_status $request_id';
    access_log /dev/stdout line;
    # Its lines hold whole requests, and no format takes the query string out of them. What went wrong stands above.
    error_log stderr emerg;
    server_tokens off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 65s;
    client_header_timeout 15s;
    client_body_timeout 15s;
    client_max_body_size {_BODY_MAX_MB}m;
    reset_timedout_connection on;
    gzip on;
    gzip_vary on;
    gzip_min_length 512;
    gzip_types application/javascript application/vnd.apple.mpegurl image/svg+xml text/css text/vtt;
{temp_paths(instance, name="edge")}

{real_client(instance)}
{_client_scheme(instance)}

{policy_of_all(instance)}

{households()}
    limit_req_zone $household zone=readiness:1m rate={_READINESS_PER_S}r/s;
    limit_req_status 429;
    limit_conn_zone $server_port zone=readiness_at_once:1m;
    limit_conn_zone $household zone=sockets:1m;
    limit_conn_zone $household zone=requests:10m;
    limit_conn_status 429;
    limit_conn_log_level info;
    # Less than the log's least: the access log has it, without the query string.
    limit_req_log_level info;

    map $uri $asset_age {{
        default "no-cache";
        "~\\.[0-9a-f]{{12}}\\.[^/]+$" "public, max-age=31536000, immutable";
    }}
{media_maps(scope="$media_scope", playlists="$media_scope, $upstream_http_cache_control")}
{log_of_media()}
{log_of_reports()}
    map $status $asset_cache {{ default "no-store"; ~^(200|206|304)$ $asset_age; }}

    # By the header, which is what the programs behind are handed: a request line may name another host.
    map $http_host $is_known_host {{ default 0; "~*^(?:{_known_hosts(instance)})\\.?(?::[0-9]+)?$" 1; }}

    # Whose errors look how.
    map $uri $reader {{
{readers()}
    }}
    # Also in an unknown number of pieces.
    map $http_transfer_encoding$http_content_length $has_body {{ default 1; "" 0; 0 0; }}
    map $http_upgrade $hop {{ default upgrade; "" close; }}
    # A connection per request, none kept: a worker that hangs keeps only what it has, and the other takes the rest.
    upstream web {{ server {quoted(f"unix:{instance.web_socket}")} max_fails=0; }}
    upstream asgi {{ server {quoted(f"unix:{instance.asgi_socket}")} max_fails=0; }}
    upstream origin {{
        server {quoted(f"unix:{instance.origin_socket}")} max_fails=0;
        keepalive {ORIGIN_IDLE_CONNECTIONS};
        keepalive_requests 1000000;
    }}

    server {{
        {listens(listen_addresses(instance.http_bind), instance.http_port)}
        absolute_redirect off;
        if ($is_known_host = 0) {{ return 421; }}
        error_page 421 @misdirected_$reader;
        limit_conn requests {requests};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        # Set, not appended to: what a client claims here is worth nothing.
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Forwarded-Proto $client_scheme;
        proxy_set_header X-Request-Id $request_id;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $hop;
        proxy_connect_timeout 2s;
        proxy_read_timeout {_ANSWER_S}s;

{policy_of_server(answer_s=_PERMISSION_S)}

        location / {{
            proxy_pass http://web;
            error_page 413 @too_large_$reader;
            error_page 429 @too_many_$reader;
            error_page 502 504 = @down_$reader;
        }}
        # Where a livestream's picture is sent to.
        location ~ ^/(v2/)?livestreams/[^/]+/slate$ {{
            client_max_body_size {_IMAGE_MAX_MB + 1}m;
            proxy_pass http://web;
            error_page 413 @image_too_large_$reader;
            error_page 429 @too_many_$reader;
            error_page 502 504 = @down_$reader;
        }}
        location = /readyz {{
            # Two who never finish theirs would keep everybody else from asking.
            if ($has_body) {{ return 413; }}
            limit_req zone=readiness burst={_READINESS_BURST} nodelay;
            limit_conn readiness_at_once {_READINESS_AT_ONCE};
            proxy_pass http://web;
            error_page 413 @too_large_$reader;
            error_page 429 @too_many_checks;
            error_page 502 504 = @down_$reader;
        }}
        location ^~ /internal {{ return 404; }}
{_takes_from_edge_nodes(instance)}
        # Recordings of this node's folder: for whom, the web program has said.
        location ^~ /recording-files/ {{
            internal;
            alias {quoted(f"{instance.recordings_dir}/")};
            access_log off;
            add_header X-Content-Type-Options "nosniff" always;
            # Players of clips may be on other sites; what Django said of that ends here.
            add_header Access-Control-Allow-Origin "*" always;
        }}
        # Only what is there, and as it was matched: encoders' hooks are answered by the same process.
        location ~ ^/ws/({_SOCKETS})$ {{
            if ($http_upgrade !~* ^websocket$) {{ return 404; }}
            limit_conn sockets {_SOCKETS_PER_ADDRESS};
            proxy_read_timeout {_WEBSOCKET_SILENCE_S}s;
            proxy_pass http://asgi$uri$is_args$args;
        }}

        location ^~ /playback/ {{
            alias {quoted(f"{instance.playback_dir}/")};
            {logs_media(instance)}
{policy_of_media()}
            location ~ (/\\.|\\.journal$) {{ return 404; }}
{takes_reports()}
{MEDIA_HEADERS}
            if ($request_method = OPTIONS) {{ return 204; }}
            # A folder answers like a file that is not there.
            error_page 403 404 = @no_media;

            # A session's media playlists are no files: the origin answers, as soon as there is what was asked for.
            location ~ ^/playback/(?<media>{SLOT}/(?:index|iframes)\\.m3u8)$ {{
                access_log off;
                if ($request_method = OPTIONS) {{ return 204; }}
                if ($request_method !~ ^(GET|HEAD)$) {{ return 405; }}
{ORIGIN}
                proxy_pass http://origin/$media$is_args$args;
            }}
            # What is over is played from recordings: the web program makes what is not there yet, and hands out what
            # another storage has.
            location ~ "^/playback/(?<recorded>{RECORDED})$" {{
                access_log off;
                if ($request_method = OPTIONS) {{ return 204; }}
                root {quoted(instance.played_dir)};
                try_files /$recorded @recorded;
            }}
            # A part that a playlist hints at is waited for.
            location ~ ^/playback/(?<media>{SLOT}/[0-9]+-[0-9]+\\.[0-9]+\\.m4s)$ {{
                {logs_media(instance, is_of_parts=True)}
                if ($request_method = OPTIONS) {{ return 204; }}
                root {quoted(instance.playback_dir)};
                try_files /$media @next_part;
            }}
        }}
        location @recorded {{
            access_log off;
            if ($request_method !~ ^(GET|HEAD)$) {{ return 405; }}
{MEDIA_HEADERS}
            proxy_hide_header Cache-Control;
            proxy_intercept_errors on;
            error_page 403 404 = @no_media;
            # To the machine that has it, as whom one came.
            proxy_redirect "~^(https?://[^/]+/playback/)(.+)$" $1$playback_door$2;
            proxy_pass http://web/internal/recorded/$recorded$is_args$args;
        }}
        location @next_part {{
            {logs_media(instance, is_of_parts=True)}
            if ($request_method !~ ^(GET|HEAD)$) {{ return 405; }}
{MEDIA_HEADERS}
{ORIGIN}
            proxy_pass http://origin/$media;
        }}
{files_of_who_waited(quoted(f"{instance.playback_dir}/"), log=logs_media(instance))}
{policy_locations(media_headers=MEDIA_HEADERS)}
{takes_in(instance)}
        location ^~ /static/ {{
            alias {quoted(f"{instance.static_root}/")};
            access_log off;
            add_header Cache-Control $asset_cache always;
            add_header X-Content-Type-Options "nosniff" always;
        }}

{answers(body_max_mb=_BODY_MAX_MB, image_max_mb=_IMAGE_MAX_MB, readiness_per_s=_READINESS_PER_S)}
        location @no_media {{
{MEDIA_HEADERS}
            # Browsers write each 404 into the console: pages that wait for a broadcast ask whether there is one.
            if ($arg_quiet) {{ return 204; }}
            return 404;
        }}
    }}
}}
"""


def _takes_from_edge_nodes(instance: Instance) -> str:
    """Return the locations of what edge nodes have counted. A batch is large: who has no token is not listened to."""
    if not instance.has_edge_token:
        return "        location ^~ /edges/ { return 404; }"
    return f"""\
        location ^~ /edges/ {{ proxy_pass http://web; }}
        location = /edges/batch {{
            auth_request /internal/edge-token;
            client_max_body_size {_BATCH_MAX_MB}m;
            proxy_pass http://web;
        }}
        location = /internal/edge-token {{
            internal;
            access_log off;
            # Of the request that it is asked for.
            client_max_body_size {_BATCH_MAX_MB}m;
            proxy_pass http://web/internal/edge-token;
            proxy_pass_request_body off;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Request-Id $request_id;
            proxy_set_header Content-Length "";
            proxy_set_header Connection close;
        }}"""


def _known_hosts(instance: Instance) -> str:
    return "|".join(sorted({_host_pattern(host) for host in instance.allowed_hosts}))


def _host_pattern(host: str) -> str:
    """Return what matches the same as Django makes of it."""
    if host == "*":
        return r"[a-z0-9.-]+|\[[a-f0-9:.]+\]"
    return rf"(?:.+\.)?{re.escape(host[1:])}" if host.startswith(".") else re.escape(host)


def _client_scheme(instance: Instance) -> str:
    """Return what a client speaks, whatever the proxies before us do."""
    scheme = "https" if instance.public_url.startswith("https://") else "http"
    proxies = " ".join(f"{network} 1;" for network in instance.trusted_proxies)
    return f"""\
    geo $realip_remote_addr $is_proxy {{ default 0; {proxies} }}
    # From nobody else; and else the scheme of the public URL, since TLS may end before us.
    map $is_proxy$http_x_forwarded_proto $client_scheme {{ default {scheme}; 1http http; 1https https; }}"""
