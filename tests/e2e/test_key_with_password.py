"""A key that opens nothing without its password, shown by a real encoder to the real ingest server."""

import pytest

from tests.e2e.encoder import publishing
from tests.plain_http import fetch
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = pytest.mark.e2e

_MAKE = """
from streams.livestreams.services import create_livestream
from streams.models import App
from streams.organizations.services import SYSTEM
made = create_livestream(app=App.objects.first(), name="Locked", has_password=True, actor=SYSTEM)
print(made.stream_key, made.playback_url)
"""


def test_lets_nobody_in_who_does_not_send_it(stack: RunningStack) -> None:
    key, playback_url = stack.manage("shell", "-v0", "-c", _MAKE).split()
    name, _, password = key.partition("?password=")
    server = f"rtmp://127.0.0.1:{stack.rtmp_port}/live/"
    assert password

    for wrong in (name, f"{name}?password=", f"{name}?password={password[::-1]}x"):
        with publishing(server + wrong) as encoder:
            wait_until(lambda: not encoder.is_connected, what=f"the encoder is refused {wrong[-20:]}")
    assert fetch(playback_url).status_code == 404

    with publishing(server + key):
        wait_until(lambda: fetch(playback_url).is_success, what="the picture can be played")
