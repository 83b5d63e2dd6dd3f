"""`manage.py run` on an IPv6 address alone: every URL that it hands out works."""

import socket
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from tests.e2e.client import Integrator
from tests.e2e.encoder import publishing
from tests.stack.whole import RunningStack, running_stack

LOOPBACK = "::1"
_ADDRESSES = """
from streams.models import Connection
print([open.address for open in Connection.objects.filter(disconnected_at=None)])
"""


def has_ipv6() -> bool:
    with suppress(OSError), socket.create_server((LOOPBACK, 0), family=socket.AF_INET6):
        return True
    return False


pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")]


def test_everything_is_reached_on_an_ipv6_address(tmp_path: Path) -> None:
    with running_stack(tmp_path, LIVEHUB_BIND=LOOPBACK) as stack:
        assert stack.base_url == f"http://[::1]:{stack.http_port}"
        assert httpx.get(f"{stack.base_url}/healthz").json() == {"status": "ok"}
        assert httpx.get(f"{stack.base_url}/log-in").is_success
        assert_only_there(stack)
        assert_goes_live(stack)


def assert_only_there(stack: RunningStack) -> None:
    for port in (stack.http_port, stack.rtmp_port, stack.rtmps_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def assert_goes_live(stack: RunningStack) -> None:
    urls = (stack.credentials["rtmp_url"], stack.credentials["rtmps_url"])
    streams = [Integrator.of(stack).create() for _ in urls]
    with ExitStack() as encoders:
        for url, stream in zip(urls, streams, strict=True):
            encoders.enter_context(publishing(f"{url}{stream.created['stream_key']}"))
        for stream in streams:
            stream.await_status("LIVE")
            assert httpx.get(stream.created["playback_url"]).is_success
        addresses = stack.manage("shell", "-c", _ADDRESSES)
    assert addresses.strip().splitlines()[-1] == str([LOOPBACK, LOOPBACK])
