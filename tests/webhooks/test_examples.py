"""The receivers of the documentation believe what we send, and nothing else."""

import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from streams.organizations.services import NewOrganization
from tests.services import wait_until
from tests.webhooks.deliveries import courier, happen, make_due, wait_for
from tests.webhooks.receiver import Received, Receiver, Reply
from webhooks.models import Delivery, Endpoint
from webhooks.states import DeliveryState

_EXAMPLES = Path(settings.BASE_DIR) / "docs" / "examples"
_COMMANDS = {
    "python": [sys.executable, str(_EXAMPLES / "webhook_receiver.py")],
    "node": ["node", str(_EXAMPLES / "webhook_receiver.mjs")],
}


@contextmanager
def _example(language: str, *, secret: str, folder: Path) -> Iterator[tuple[int, Path]]:
    """Run an example; yields its port, and where its output goes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    output = folder / "output"
    published = Client().get("/.well-known/webhooks.json").content
    with Receiver().open() as livehub, output.open("wb") as log:
        livehub.behave = lambda _: Reply(200, {"content-type": "application/json"}, published)
        environment = {**os.environ, "WEBHOOK_SECRET": secret, "LIVEHUB_URL": f"http://127.0.0.1:{livehub.port}"}
        process = subprocess.Popen([*_COMMANDS[language], str(port)], stdout=log, stderr=log, env=environment)
        try:
            wait_until(lambda: _answers(port), what="the example")
            yield port, output
        finally:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.mark.parametrize("language", _COMMANDS)
def test_example_takes_each_delivery_once_and_refuses_forgeries(
    language: str, home: NewOrganization, endpoint: Endpoint, receiver: Receiver, tmp_path: Path
) -> None:
    assert shutil.which(_COMMANDS[language][0])
    with _example(language, secret=endpoint.secret, folder=tmp_path) as (port, output):
        url = f"http://127.0.0.1:{port}/"
        Endpoint.objects.update(url=url)
        happen(home.app, note="Café 🎥")
        with courier(endpoint):
            [delivery] = wait_for(endpoint, DeliveryState.DELIVERED)
        assert delivery.last_status == 204
        # The same once more, as after an answer that got lost.
        Delivery.objects.update(state=DeliveryState.PENDING, tries=0)
        make_due(endpoint)
        Endpoint.objects.update(url=receiver.url)
        with courier(endpoint):
            [sent] = receiver.wait(1)
        assert _post(url, sent, body=sent.body) == 204

        assert _post(url, sent, body=sent.body.replace(b"live", b"evil")) == 400
        assert _post(url, sent, body=sent.body, without="webhook-signature") == 400
        assert _post(url, sent, body=sent.body, without="rtk-signature") == 400

        assert output.read_text().splitlines() == [f"livestream.live {delivery.uid}"]


def _post(url: str, sent: Received, *, body: bytes, without: str = "") -> int:
    headers = {
        name: value if name != without else "v1,AAAA"
        for name, value in sent.headers.items()
        if name.startswith(("webhook-", "rtk-", "content-type"))
    }
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310  # Our own.
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
