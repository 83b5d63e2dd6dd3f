"""What the edge writes down of playback: each part and segment that was delivered whole, for the collector alone.

One line of JSON each, as `analytics.counting.lines` reads it, with what viewers' programs sent as it came: cutting it
here costs nginx as much again as writing it. No token is in it: the path is the one without, as it is served. Written
by the second, so that nobody who watches is seen later; what players report of themselves goes to the same file.
"""

from livehub.stack.instance import Instance
from livehub.stack.nginx import quoted


def log_of_media() -> str:
    """Return what belongs into the http block."""
    return """\
    map "$request_method $status $request_completion" $is_delivered { default 0; "GET 200 OK" 1; "GET 206 OK" 1; }
    map $uri $is_counted { default 0; "~/[av][0-9]+/[0-9]+-[0-9.]+\\.m4s$" $is_delivered; }
    # `i` of a file's first line is the file's name; $request_id takes random numbers, and a third of the log's time.
    log_format media escape=json '{"i":"$msec-$connection-$connection_requests","t":$msec'
                                 ',"u":"$uri","s":$status,"b":$body_bytes_sent'
                                 ',"a":"$remote_addr","g":"$http_user_agent","k":"$http_cmcd_session"'
                                 ',"q":"$arg_cmcd","p":"$http_x_playback_session_id","v":"$playback_viewer"}';"""


def logs_media(instance: Instance, *, is_of_parts: bool = False) -> str:
    """Return the directive for locations that serve media; everything else in them is not logged.

    Where parts alone are served, their names were looked at before: a second look would cost as much as the line.
    """
    condition = "$is_delivered" if is_of_parts else "$is_counted"
    return f"access_log {quoted(instance.media_log)} media buffer=64k flush=1s if={condition};"
