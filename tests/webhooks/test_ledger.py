"""What was committed arrives, what was rolled back never does, each signed, and in order: whatever is killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import psycopg
import pytest
import redis
from django.db import connection
from django.test import Client
from standardwebhooks import Webhook

from streams.organizations.services import NewOrganization
from tests.conftest import Broker
from tests.services import wait_until
from tests.stack.whole import RunningStack, running_stack
from tests.webhooks import producer
from tests.webhooks.deliveries import courier, listen, make_due
from tests.webhooks.receiver import Behaviour, Received, Receiver, Reply
from webhooks.models import Delivery, Endpoint
from webhooks.states import DeliveryState

_DUPLICATES_MAX = 0.05
_CHECK_KEY = """
const { createPublicKey, verify } = require("node:crypto");
const { key, deliveries } = JSON.parse(require("node:fs").readFileSync(0));
const wrong = deliveries.filter(
  (one) => !verify("RSA-SHA256", Buffer.from(one.body, "utf8"), createPublicKey(key), Buffer.from(one.signature, "base64")),
);
console.log(wrong.length);
"""


class Ledger:
    """What producers have written down."""

    def __init__(self, folder: Path) -> None:
        self._names = defaultdict[str, set[str]](set)
        for path in folder.glob("producer-*"):
            for line in path.read_text().splitlines():
                state, name = line.split()
                self._names[state].add(name)

    @property
    def committed(self) -> set[str]:
        return self._names["committed"]

    @property
    def rolled_back(self) -> set[str]:
        return self._names["back"]


def assert_told(ledger: Ledger, receiver: Receiver, *, secret: str, key: str) -> None:
    """Check all that an endpoint got against the ledger."""
    taken = list(receiver.taken)
    told = {name_of(received) for received in taken}
    assert ledger.committed <= told, f"{len(ledger.committed - told)} are missing"
    assert not ledger.rolled_back & told
    _assert_signed(taken, secret=secret, key=key)
    _assert_in_order(taken)
    ids = defaultdict[str, set[str]](set)
    for received in receiver.received:
        ids[name_of(received)].add(received.id)
    assert all(len(found) == 1 for found in ids.values())


def name_of(received: Received) -> str:
    return str(json.loads(received.body)["endpoint"]["name"])


def duplicates(receiver: Receiver) -> float:
    """Return which part of what a receiver took came once more."""
    counts = Counter(received.id for received in receiver.taken)
    return (sum(counts.values()) - len(counts)) / max(len(counts), 1)


def _assert_signed(taken: list[Received], *, secret: str, key: str) -> None:
    hook = Webhook(secret)
    for received in taken:
        # What came minutes ago is too old for `verify`, which looks at the clock.
        assert hook.sign(received.id, _timestamp(received), received.body.decode()) in received.headers[
            "webhook-signature"
        ].split(" ")
    found = [{"body": one.body.decode(), "signature": one.headers["dyte-signature"]} for one in taken]
    argv = ["node", "-e", _CHECK_KEY]
    answer = subprocess.run(
        argv,
        input=json.dumps({"key": key, "deliveries": found}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert answer.stdout.strip() == "0"


def _timestamp(received: Received) -> datetime:
    return datetime.fromtimestamp(int(received.headers["webhook-timestamp"]), UTC)


def _assert_in_order(taken: list[Received]) -> None:
    """Each livestream's events came first in the order of their sequences; repetitions come whenever."""
    last = defaultdict[str, int](int)
    seen = set[str]()
    for received in taken:
        if received.id in seen:
            continue
        seen.add(received.id)
        body = json.loads(received.body)
        assert body["sequence"] > last[body["endpoint"]["id"]]
        last[body["endpoint"]["id"]] = body["sequence"]


def sometimes(reply: Reply, *, otherwise: Reply = Reply(), seed: int = 1, share: float = 0.2) -> Behaviour:  # noqa: B008  # Frozen.
    """Answer so now and then."""
    random = Random(seed)
    return lambda _: reply if random.random() < share else otherwise


_KINDS: dict[str, Behaviour] = {
    "right": lambda _: Reply(),
    "error": sometimes(Reply(500)),
    "busy": sometimes(Reply(429, {"Retry-After": "1"})),
    "moved": sometimes(Reply(301, {"Location": "http://127.0.0.1:1/"})),
    "reset": sometimes(Reply.RESET),
    "long": lambda _: Reply(200, {}, b"x" * 10_000_000),
}


def test_what_is_committed_arrives_while_couriers_come_and_go(
    transactional_db: None, broker: Broker, home: NewOrganization, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        receivers = {kind: stack.enter_context(Receiver().open()) for kind in _KINDS if kind != "long"}
        endpoints = {kind: listen(home.app, receiver.url, name=kind) for kind, receiver in receivers.items()}
        for kind, receiver in receivers.items():
            receiver.behave = _KINDS[kind]
        thread = threading.Thread(target=_produce, args=(tmp_path, home), daemon=True)
        thread.start()

        while thread.is_alive():
            with courier(*Endpoint.objects.all()):
                time.sleep(0.5)
                _make_all_due()
        thread.join()
        with courier(*Endpoint.objects.all()) as out:
            _settle(lambda: out.take(list(Endpoint.objects.values_list("pk", flat=True))))

        key = Client().get("/.well-known/webhooks.json").json()["data"]["publicKey"]
        ledger = Ledger(tmp_path)
        assert len(ledger.committed) > 20
        assert ledger.rolled_back
        for kind, receiver in receivers.items():
            assert_told(ledger, receiver, secret=endpoints[kind].secret, key=key)
            assert duplicates(receiver) == 0


def _produce(folder: Path, home: NewOrganization) -> None:
    producer.produce(folder / "producer-1", app=home.app, seconds=2)
    connection.close()


def _make_all_due() -> None:
    """Spare the test the minutes of retries and pauses; the order of what waits stays."""
    Endpoint.objects.update(open_until=None)
    for endpoint in Endpoint.objects.all():
        make_due(endpoint)


def _settle(call: Callable[[], object]) -> None:
    def is_settled() -> bool:
        _make_all_due()
        call()
        return not Delivery.objects.filter(state=DeliveryState.PENDING).exists()

    wait_until(is_settled, timeout_s=60, what="all deliveries")
