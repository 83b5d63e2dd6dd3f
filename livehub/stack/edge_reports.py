"""What players report of themselves: nginx alone takes it, and writes it into the log of delivered media.

Players post lines of CMCD v2 to `events` beside what they play. No program is asked but for who may watch, whose
answers are remembered: a crowd that reports every few seconds costs a program nothing.
"""

from livehub.stack.instance import Instance
from livehub.stack.nginx import quoted

LARGEST_REPORT_KB = 16
# Of everybody behind one address: a player reports every ten seconds, and when something happens.
_PER_S, _BURST = 50, 500
_EVENTS = r"^/playback/pb_[A-Za-z0-9]{1,29}/(?:[0-9a-f]{16}/)?events$"
_HEADERS = """\
            add_header Cache-Control no-store always;
            add_header Access-Control-Allow-Origin "*" always;
            add_header Access-Control-Allow-Methods "POST, OPTIONS" always;
            add_header Access-Control-Allow-Headers "Content-Type" always;
            add_header Access-Control-Max-Age 86400 always;
            add_header Cross-Origin-Resource-Policy "cross-origin" always;
            add_header X-Content-Type-Options "nosniff" always;"""


def log_of_reports() -> str:
    """Return what belongs into the http block, beside the log of media."""
    return f"""\
    limit_req_zone $household zone=reports:10m rate={_PER_S}r/s;
    # Nothing but lines of printable characters: anything else is one report that nobody can read.
    map $request_body $reported {{ default ""; "~^(?<printable>[\\r\\n -\\x7e]+)$" $printable; }}
    log_format report escape=json '{{"e":"report","i":"$request_id","t":$msec,"u":"$uri","s":$status,"b":0'
                                  ',"a":"$remote_addr","g":"$http_user_agent","v":"$playback_viewer","r":"$reported"}}';"""


def takes_reports() -> str:
    """Return the location, which stands among those of media, and asks as they do who may watch."""
    return f"""\
            location ~ "{_EVENTS}" {{
                access_log off;
{_HEADERS}
                if ($request_method = OPTIONS) {{ return 204; }}
                limit_except POST OPTIONS {{ deny all; }}
                limit_req zone=reports burst={_BURST} nodelay;
                client_max_body_size {LARGEST_REPORT_KB}k;
                client_body_buffer_size {LARGEST_REPORT_KB}k;
                client_body_in_single_buffer on;
                # To have the body read, which only what passes it on does. What stands here would hand out a picture,
                # and never for a POST.
                mirror /internal/reported;
                empty_gif;
                error_page 405 = @reported;
                error_page 401 = @refused_media;
                error_page 500 = @unsure_media;
            }}"""


def takes_in(instance: Instance, *, is_counted: bool = True) -> str:
    """Return the locations that `takes_reports` sends to; where nothing is counted, nothing is written down."""
    # What is told last has the last word, so nothing waits in a worker's buffer, as media does: that is of a name for
    # the file, and this is another name for it.
    log_path = f"{instance.media_log.parent}/./{instance.media_log.name}"
    log = f"access_log {quoted(log_path)} report;" if is_counted else "access_log off;"
    return f"""\
        location = /internal/reported {{
            internal;
            access_log off;
            return 204;
        }}
        location @reported {{
            {log}
{_HEADERS}
            return 204;
        }}"""
