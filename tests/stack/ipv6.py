"""What is checked of a run on an IPv6 address alone: every URL that it hands out works."""

import socket
from contextlib import ExitStack, suppress

from tests.e2e.client import Integrator
from tests.e2e.encoder import publishing
from tests.plain_http import fetch
from tests.stack.whole import RunningStack

LOOPBACK = "::1"
_ADDRESSES = """
from streams.models import Connection
print([open.address for open in Connection.objects.filter(disconnected_at=None)])
"""


def has_ipv6() -> bool:
    with suppress(OSError), socket.create_server((LOOPBACK, 0), family=socket.AF_INET6):
        return True
    return False


def assert_everything_is_reached(stack: RunningStack) -> None:
    """Check a run that listens on the loopback address alone."""
    assert stack.base_url == f"http://[::1]:{stack.http_port}"
    assert fetch(f"{stack.base_url}/healthz").json() == {"status": "ok"}
    assert fetch(f"{stack.base_url}/log-in").is_success
    _assert_only_there(stack)
    _assert_goes_live(stack)


def _assert_only_there(stack: RunningStack) -> None:
    for port in (stack.http_port, stack.rtmp_port, stack.rtmps_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def _assert_goes_live(stack: RunningStack) -> None:
    urls = (stack.credentials["rtmp_url"], stack.credentials["rtmps_url"])
    streams = [Integrator.of(stack).create() for _ in urls]
    with ExitStack() as encoders:
        for url, stream in zip(urls, streams, strict=True):
            encoders.enter_context(publishing(f"{url}{stream.created['stream_key']}"))
        for stream in streams:
            stream.await_status("LIVE")
            assert fetch(stream.created["playback_url"]).is_success
        addresses = stack.manage("shell", "-c", _ADDRESSES)
    assert addresses.strip().splitlines()[-1] == str([LOOPBACK, LOOPBACK])
