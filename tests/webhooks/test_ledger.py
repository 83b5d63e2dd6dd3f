"""What was committed arrives, what was rolled back never does, each signed, and in order: whatever is killed."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import LiteralString

import httpx
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

logger = logging.getLogger(__name__)

_DUPLICATES_MAX = 0.05
_CHECK_KEY = """
const { createPublicKey, verify } = require("node:crypto");
const { key, deliveries } = JSON.parse(require("node:fs").readFileSync(0));
const published = createPublicKey(key);
const wrong = deliveries.filter(
  (one) => !verify("RSA-SHA256", Buffer.from(one.body), published, Buffer.from(one.signature, "base64")),
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
    random = Random(seed)  # noqa: S311  # The same each time.
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
        assert len(ledger.committed) >= 48
        assert ledger.rolled_back
        for kind, receiver in receivers.items():
            assert_told(ledger, receiver, secret=endpoints[kind].secret, key=key)
            assert duplicates(receiver) < _DUPLICATES_MAX


def _produce(folder: Path, home: NewOrganization) -> None:
    producer.produce(folder / "producer-1", app=home.app, seconds=2, at_least=60)
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


_MAYHEM_S = 60.0
# Longer than a claim.
_STANDS_STILL_S = 25.0
_MAKE_ENDPOINTS = """
import json, sys
from streams.models import App
from streams.organizations.services import SYSTEM
from webhooks.services import create_endpoint

app = App.objects.order_by("created_at").first()
made = {
    kind: create_endpoint(app=app, name=kind, url=url, events=["livestream.live"], actor=SYSTEM)
    for kind, url in json.loads('URLS').items()
}
print(json.dumps({"app": str(app.pk), "secrets": {kind: found.secret for kind, found in made.items()}}))
"""


class Workers:
    """Workers beside those of the supervisor, which gives up what is killed too often."""

    def __init__(self, stack: RunningStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        argv = [
            sys.executable,
            "-m",
            "livehub.worker",
            "more",
            "--queues",
            "webhooks",
            "--pool",
            "threads",
            "--slots",
            "3",
        ]
        with (self._folder / f"worker-{len(list(self._folder.glob('worker-*')))}.log").open("wb") as log:
            self.running.append(subprocess.Popen(argv, env=self._stack.environment, stdout=log, stderr=log))

    def replace(self) -> None:
        """Kill the oldest, and start another."""
        oldest = self.running.pop(0)
        oldest.kill()
        oldest.wait(10)
        self.start()

    def end(self) -> None:
        for worker in self.running:
            worker.kill()
            worker.wait(10)


@pytest.mark.chaos
@pytest.mark.e2e
def test_what_is_committed_arrives_whatever_is_killed(tmp_path: Path) -> None:
    ledgers = tmp_path / "ledgers"
    ledgers.mkdir()
    with ExitStack() as stack:
        receivers = {kind: stack.enter_context(Receiver().open()) for kind in (*_KINDS, "hang", "drip")}
        for kind, receiver in receivers.items():
            receiver.behave = _KINDS.get(kind) or sometimes({"hang": Reply.HANG, "drip": Reply.DRIP}[kind], share=0.02)
        product = stack.enter_context(running_stack(tmp_path, LIVEHUB_OUTGOING_ALLOWED_NETWORKS="127.0.0.0/8"))
        urls = json.dumps({kind: receiver.url for kind, receiver in receivers.items()})
        made = json.loads(product.manage("shell", "--verbosity", "0", "-c", _MAKE_ENDPOINTS.replace("URLS", urls)))
        workers = Workers(product, tmp_path)
        stack.callback(workers.end)

        _mayhem(product, workers, ledgers, app_id=made["app"])
        for receiver in receivers.values():
            receiver.behave = lambda _: Reply()
        _settle_product(product)

        key = httpx.get(f"{product.base_url}/.well-known/webhooks.json").json()["data"]["publicKey"]
        ledger = Ledger(ledgers)
        shares = {kind: duplicates(receiver) for kind, receiver in receivers.items()}
        logger.info("committed %d, rolled back %d, twice: %s", len(ledger.committed), len(ledger.rolled_back), shares)
        for kind, receiver in receivers.items():
            assert_told(ledger, receiver, secret=made["secrets"][kind], key=key)
        taken = sum(len(receiver.taken) for receiver in receivers.values())
        twice = taken - sum(len({received.id for received in receiver.taken}) for receiver in receivers.values())
        logger.info("taken %d, twice %d: %.1f %%", taken, twice, 100 * twice / taken)
        assert twice < _DUPLICATES_MAX * taken


def _mayhem(product: RunningStack, workers: Workers, ledgers: Path, *, app_id: str) -> None:
    """Have two producers write for a minute, while one thing after the other is killed."""
    producers = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.webhooks.producer",
                str(ledgers / f"producer-{number}"),
                app_id,
                str(_MAYHEM_S),
            ],
            env={**product.environment, "DJANGO_SETTINGS_MODULE": "livehub.settings"},
        )
        for number in (1, 2)
    ]
    for _ in range(3):
        workers.start()
    began_s, step = time.monotonic(), 0
    while any(process.poll() is None for process in producers):
        assert time.monotonic() - began_s < 3 * _MAYHEM_S
        time.sleep(2)
        step += 1
        # The last one of them stands still for a while, and then goes on.
        still = workers.running.pop() if step == 4 else None
        if still is not None:
            os.kill(still.pid, signal.SIGSTOP)
            threading.Timer(_STANDS_STILL_S, os.kill, (still.pid, signal.SIGCONT)).start()
            threading.Timer(_STANDS_STILL_S + 20, still.kill).start()
            workers.start()
        workers.replace()
        _kill_by_step(product, step)


def _kill_by_step(product: RunningStack, step: int) -> None:
    if step in {6, 20}:
        os.kill(product.pids()["urgent"], signal.SIGKILL)
    elif step == 10:
        redis.Redis(unix_socket_path=str(product.runtime_dir / "redis" / "redis.sock")).flushall()
        os.kill(product.pids()["redis"], signal.SIGKILL)
    elif step == 14:
        os.kill(product.pids()["postgres"], signal.SIGQUIT)
    elif step == 18:
        # As after the clock was set back by an hour.
        _execute(product, "UPDATE webhooks_endpoint SET claimed_until = now() + interval '1 h'")
    elif step == 24:
        os.kill(product.pids()["webhooks"], signal.SIGKILL)


def _settle_product(product: RunningStack) -> None:
    def is_settled() -> bool:
        with suppress(psycopg.OperationalError):
            _execute(product, "UPDATE webhooks_endpoint SET open_until = NULL")
            _execute(product, "UPDATE webhooks_delivery SET due_at = now() WHERE state = 'pending' AND due_at > now()")
            return _execute(product, "SELECT count(*) FROM webhooks_delivery WHERE state = 'pending'") == 0
        return False

    deadline_s = time.monotonic() + 180
    while not is_settled():
        assert time.monotonic() < deadline_s, "deliveries are left"
        time.sleep(1)


def _execute(product: RunningStack, statement: LiteralString) -> int | None:
    """Return the first number of the answer, if there is one."""
    host = str(product.runtime_dir / "postgres")
    with psycopg.connect(host=host, user="livehub", dbname="livehub", autocommit=True) as found:
        cursor = found.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return int(row[0]) if row else None
