"""`manage.py self_test`, where no worker takes it; one that passes: tests/e2e/test_self_test.py."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from threading import Thread

import pytest
from django import db
from django.core.management import CommandError, call_command

from livehub.core import clock
from streams.models import AuditEntry, SelfTest
from streams.organizations.services import NewOrganization
from tests.conftest import Broker
from tests.services import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def _beside(act: Callable[[], object]) -> Thread:
    """Have this done as soon as a self-test is there."""

    def wait() -> None:
        try:
            wait_until(SelfTest.objects.exists, what="a self-test")
            act()
        finally:
            db.connection.close()

    thread = Thread(target=wait)
    thread.start()
    return thread


def _let_time_pass() -> None:
    SelfTest.objects.update(until=clock.now() - timedelta(seconds=1))


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_fails_with_what_mends_it_however_many_organizations_there_are(
    home: NewOrganization, abroad: NewOrganization, broker: Broker, options: tuple[str, ...]
) -> None:
    output, passing = io.StringIO(), _beside(_let_time_pass)

    with pytest.raises(CommandError, match=r"Broken off\. .*Look at the urgent worker on the System page"):
        call_command("self_test", *options, stdout=output)

    passing.join()
    assert broker.names == ["streams.run_self_test"]
    assert output.getvalue() == "" if not options else json.loads(output.getvalue())["state"] == "broken_off"
    entry = AuditEntry.objects.get(action="self_test.started")
    assert entry.organization_id not in {home.organization.pk, abroad.organization.pk}


def test_tells_each_step_when_it_is_over(home: NewOrganization, broker: Broker) -> None:
    steps = [{"name": "encoder", "state": "passed", "ms": 310, "detail": "ffmpeg draws and encodes", "advice": ""}]
    output = io.StringIO()

    def finish() -> None:
        SelfTest.objects.update(steps=steps, state="passed", finished_at=clock.now())

    passing = _beside(finish)
    call_command("self_test", stdout=output)

    passing.join()
    first, last = output.getvalue().splitlines()
    assert first == "Passed     310 ms  Encoder starts: ffmpeg draws and encodes"
    assert last.startswith("Passed in ")


def test_says_when_another_one_is_running(home: NewOrganization) -> None:
    SelfTest.objects.create(node="main", until=clock.now() + timedelta(minutes=1))

    with pytest.raises(CommandError, match="A self-test is running"):
        call_command("self_test")
