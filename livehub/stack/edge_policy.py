"""Who may fetch media: nginx asks the origin program, and remembers what it was told for a few seconds.

On an edge node that is the relay. How long an answer holds, and how much longer it may be used while a newer one is
fetched or none is to be had, it says itself (RFC 5861): see `streams.media.origin.permissions`. Never with
`proxy_cache_lock`, whose waiters wake on a timer of 500 ms.
"""

from livehub.stack.instance import Instance
from livehub.stack.nginx import quoted

# Entries are a few hundred bytes, in a file each.
_MEMORY_MB, _DISK_MB = 10, 256
# An answer that nobody has needed for so long.
_FORGOTTEN_H = 1
_CONNECT_S = 1
# So many that are not answered in time, and nobody waits for the program for a while: viewers go on with what is
# remembered, instead of each finding out.
_FAILURES, _PAUSE_S = 2, 5
_IDLE_CONNECTIONS = 64
# Nothing longer than any of ours is asked about: one question that breaks a rule of whoever answers is not to be what
# everybody else's fails by.
_PLAYBACK_ID = "pb_[A-Za-z0-9]{1,29}"
# A JSON Web Token in its compact form. Source: RFC 7515, 7.1.
_TOKEN = r"[A-Za-z0-9_-]{1,1024}\.[A-Za-z0-9_-]{1,1024}\.[A-Za-z0-9_-]{1,1024}"  # noqa: S105  # What one looks like.
# What browsers send; those of livestreams are no longer.
_ORIGIN = "[!-~]{1,270}"


def policy_of_all(instance: Instance) -> str:
    """Return what belongs into the http block; `$media_scope`, `$playback_door` and `$logged_uri` are for others."""
    return f"""\
    proxy_cache_path {quoted(instance.nginx_temp_dir / "permissions")} levels=1:2 keys_zone=permissions:{_MEMORY_MB}m
                     max_size={_DISK_MB}m inactive={_FORGOTTEN_H}h use_temp_path=off;
    # The second one is for nginx, which never gives up on a server that is the only one.
    upstream permissions {{
        zone permission_program 64k;
        server {quoted(f"unix:{instance.origin_socket}")} max_fails={_FAILURES} fail_timeout={_PAUSE_S}s;
        server {quoted(f"unix:{instance.origin_socket}")} down;
        keepalive {_IDLE_CONNECTIONS};
        keepalive_requests 1000000;
    }}
    # What only one viewer may see is nothing for a cache that many share.
    map $playback_token $media_scope {{ default private; "" public; }}
    # Below /playback/: whose way in that is.
    map $playback_token $playback_door {{ default "t/$playback_token/"; "" ""; }}
    # What no browser sends is the origin of a page without one.
    map $http_origin $playback_origin {{ default null; "" ""; "~^{_ORIGIN}$" $http_origin; }}
    # Who has come too late can be told so: it will be otherwise soon.
    map $playback_answer $playback_refusal {{ default ""; full full; }}
    # Whoever has a token may watch with it.
    map $uri $logged_uri {{ default $uri; ~^/playback/t/ /playback/t/...; }}"""


def policy_of_server(*, answer_s: int) -> str:
    """Return what belongs into the server block: whose media is asked for by whom, and who answers for it.

    `answer_s` is longer than the program takes that is asked, which says by itself when it does not know.
    """
    return f"""\
        # Of the path as it was matched, not as it was sent: no other spelling is to be asked about than is served.
        # Here, and not where media is served: a location within another one does not do what the outer one says.
        if ($uri ~ "^/playback/(?:t/([^/]+)/)?({_PLAYBACK_ID})/") {{
            set $playback_token $1;
            set $playback_id $2;
        }}
        location = /internal/permission {{
            internal;
{_asked(answer_s)}
            proxy_cache permissions;
            proxy_cache_key "$playback_id $playback_token";
            proxy_cache_background_update on;
            # Who says that he does not know has looked whether the token's time is over. Where nobody says anything,
            # nginx goes by `stale-if-error`.
            proxy_cache_use_stale http_500 http_502 http_503 http_504;
        }}
        # What an edge node asks for its viewers, with the token of each: it is believed nothing. Never from what we
        # remember: it remembers as well, and the two would add up.
        location = /internal/permission-of-now {{
            internal;
            access_log off;
{_asked(answer_s)}
            proxy_hide_header Cache-Control;
            add_header Cache-Control "no-store" always;
            add_header X-Playback-Holds $upstream_http_cache_control always;
        }}"""


def policy_of_media() -> str:
    """Return what belongs into the location that serves media; those within it have the same."""
    return """\
            auth_request /internal/permission;
            auth_request_set $playback_answer $upstream_http_x_playback;
            # Whose token it is, as a hash: for who counts viewers.
            auth_request_set $playback_viewer $upstream_http_x_playback_viewer;
            # Not 403, which a folder answers as well.
            error_page 401 = @refused_media;
            error_page 500 = @unsure_media;
            location ~ ^/playback/pb_[A-Za-z0-9]+/permission$ { rewrite ^ /internal/permission-of-now last; }"""


def policy_locations(*, media_headers: str) -> str:
    """Return the way in for those who have a token, and what is answered to those who may not."""
    return f"""\
        # The playlists name everything by relative addresses, so the token is in all of them.
        location ^~ /playback/t/ {{
            access_log off;
{media_headers}
            if ($request_method = OPTIONS) {{ return 204; }}
            rewrite "^/playback/t/{_TOKEN}/(pb_.+)$" /playback/$1 last;
            return 403;
        }}
        location @refused_media {{
{media_headers}
            add_header X-Playback-Refused $playback_refusal always;
            if ($playback_answer = unknown) {{ return 404; }}
            return 403;
        }}
        location @unsure_media {{
{media_headers}
            add_header Retry-After 2 always;
            return 503;
        }}"""


def _asked(answer_s: int) -> str:
    return f"""\
            proxy_pass http://permissions/permission;
            proxy_pass_request_body off;
            proxy_pass_request_headers off;
            proxy_set_header Content-Length "";
            proxy_set_header Connection "";
            proxy_set_header Origin $playback_origin;
            proxy_set_header X-Playback-Id $playback_id;
            proxy_set_header X-Playback-Token $playback_token;
            proxy_connect_timeout {_CONNECT_S}s;
            proxy_read_timeout {answer_s}s;"""
