"""What every nginx of ours says of playback, be it the origin's or an edge's in front of it."""

# How long a client may show without asking what is replaced every few seconds: thumbnail, preview, storyboard.
_REPLACED_MAX_AGE_S = 2
# Part requests, and what players say of themselves (CTA-5004): with them, and in reports of their own.
_ALLOWED_HEADERS = "Range, Content-Type, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status"
_EXPOSED_HEADERS = "Content-Length, Content-Range, Date, X-Server-Time, X-Playback-Refused"
# Exactly one Access-Control-Allow-Origin: with two of them browsers refuse the stream.
MEDIA_HEADERS = f"""\
            add_header Cache-Control $media_cache always;
            add_header Access-Control-Allow-Origin "*" always;
            add_header Access-Control-Allow-Methods "GET, HEAD, OPTIONS" always;
            add_header Access-Control-Allow-Headers "{_ALLOWED_HEADERS}" always;
            add_header Access-Control-Expose-Headers "{_EXPOSED_HEADERS}" always;
            # By which players tell how late they are: `Date` is cut to the second.
            add_header X-Server-Time $msec always;
            add_header Access-Control-Max-Age 86400 always;
            add_header Cross-Origin-Resource-Policy "cross-origin" always;
            add_header Timing-Allow-Origin "*" always;
            add_header X-Content-Type-Options "nosniff" always;"""
# Nothing that a player sends goes further than its question, and whether it takes packed answers. Those are packed by
# the origin, once for all. It answers 12 s after a question at the latest.
ORIGIN = """\
                gzip off;
                proxy_hide_header Cache-Control;
                proxy_pass_request_headers off;
                proxy_pass_request_body off;
                proxy_set_header Content-Length "";
                proxy_set_header Connection "";
                proxy_set_header Accept-Encoding $playlist_encoding;
                proxy_max_temp_file_size 0;
                proxy_read_timeout 20s;"""
# Below /playback/: a livestream's folder, a session's; a rendition's.
SESSION = "[A-Za-z0-9_-]+/[0-9a-f-]+"
SLOT = f"{SESSION}/[av][0-9]+"
# A folder of what never changes, but for playlists.
PICTURES = f"{SESSION}/pictures"
# A livestream's recordings: the media of one, the newest one's playlist, and what each is played by.
_RECORDINGS = "pb_[A-Za-z0-9]+/recordings"
RECORDED_MEDIA = rf"{_RECORDINGS}/[0-9a-f-]{{36}}/media\.mp4"
RECORDED_BESIDE = (
    rf"{_RECORDINGS}/(?:index\.m3u8|[0-9a-f-]{{36}}/"
    r"(?:(?:index|video|audio)\.m3u8|storyboard\.vtt|pictures/[a-z0-9]+\.jpg))"
)
RECORDED = f"(?:{RECORDED_MEDIA}|{RECORDED_BESIDE})"
# Players wait for their playlists' next states each on a connection, which the next ones use again.
ORIGIN_IDLE_CONNECTIONS = 4096


def media_maps(*, scope: str, playlists: str) -> str:
    """Return what `MEDIA_HEADERS` and `ORIGIN` need in the http block.

    `scope` is who may keep files, `playlists` is what is said of playlists; whoever makes them says for how long.
    """
    return f"""\
    map $uri $media_age {{
        default "no-cache";
        ~(\\.(m4s|mp4)|/pictures/[^/]+\\.jpg)$ "{scope}, max-age=31536000, immutable";
        ~\\.(jpg|webp|vtt)$ "{scope}, max-age={_REPLACED_MAX_AGE_S}";
    }}
    # What is not there yet may be there in a moment.
    map $status $file_cache {{ default "no-store"; ~^(200|206|304)$ $media_age; }}
    map $upstream_http_cache_control $media_cache {{ "" $file_cache; no-store no-store; default "{playlists}"; }}
    # One form of playlists for all that take it: each is packed once.
    map $http_accept_encoding $playlist_encoding {{ default ""; ~*gzip gzip; }}"""


def files_of_who_waited(folder: str, *, log: str) -> str:
    """Return the location below which the origin, or the relay, sends whoever has waited for a file in the folder.

    `folder` is as the configuration has it: quoted, with a slash at its end; `log` is the directive of its log.
    """
    return f"""\
        location ^~ /playback-files/ {{
            internal;
            alias {folder};
            {log}
{MEDIA_HEADERS}
        }}"""
