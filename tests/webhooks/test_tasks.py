"""Calls hand their endpoints to the courier that is out; the first one is it."""

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from pytest_django import Settings

from streams.organizations.services import NewOrganization
from tests.webhooks.deliveries import happen, wait_for
from tests.webhooks.receiver import Receiver, Reply
from webhooks import claims, succession, sweeps, tasks
from webhooks.models import Endpoint
from webhooks.states import DeliveryState


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One of the test's own: a courier that was stopped is not sent out again."""
    found = tasks._Office()
    monkeypatch.setattr(tasks, "_office", found)
    yield
    found.close()


def _call(task: object, *arguments: object) -> threading.Thread:
    def work() -> None:
        task(*arguments)  # type: ignore[operator]
        connection.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.usefixtures("office")
class TestDeliver:
    def test_hands_over_to_the_courier_that_is_out(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        # The second one is longer under way than anybody waits for a courier's end.
        receiver.behave = lambda _: Reply.HANG if receiver.received else Reply()
        happen(home.app)
        first = _call(tasks.deliver, [str(endpoint.pk)])
        receiver.wait(1)
        happen(home.app)

        second = _call(tasks.deliver, [str(endpoint.pk)])

        second.join(5)
        assert not second.is_alive()
        receiver.wait(2)
        assert first.is_alive()
        tasks._office.close()
        first.join(10)
        assert not first.is_alive()

    def test_sends_nobody_out_once_the_worker_is_to_end(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        happen(home.app)
        tasks._hand_over()

        tasks.deliver([str(endpoint.pk)])

        assert not receiver.received


@pytest.mark.usefixtures("office")
class TestSweep:
    def test_sends_what_nobody_was_called_for(
        self, home: NewOrganization, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        happen(home.app)

        thread = _call(tasks.sweep)

        wait_for(endpoint, DeliveryState.DELIVERED)
        tasks._office.close()
        thread.join(10)

    def test_ends_where_nothing_is_due(self, endpoint: Endpoint) -> None:
        tasks.sweep()


class TestSuccession:
    @pytest.fixture(autouse=True)
    def runtime(self, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
        settings.RUNTIME_DIR = tmp_path
        monkeypatch.setattr(succession, "_file", None)
        return tmp_path

    def test_frees_at_once_what_a_killed_courier_had(self, endpoint: Endpoint, runtime: Path) -> None:
        dead, other = uuid4(), uuid4()
        (runtime / "courier").write_text(str(dead))
        claims.claim([endpoint.pk], courier_id=dead)

        sweeps.release_of_the_dead()

        assert claims.claim([endpoint.pk], courier_id=other)

    def test_leaves_alone_what_a_courier_has_whose_process_stands_still(
        self, endpoint: Endpoint, runtime: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stopped = uuid4()
        assert succession.succeed() is None
        succession.go_out(stopped)
        claims.claim([endpoint.pk], courier_id=stopped)
        # As another process, while the first one still has the file.
        monkeypatch.setattr(succession, "_file", None)

        sweeps.release_of_the_dead()

        assert not claims.claim([endpoint.pk], courier_id=uuid4())

    def test_leaves_word_of_who_is_out_and_not_of_who_is_home(self, runtime: Path) -> None:
        one, other = uuid4(), uuid4()
        succession.succeed()
        succession.go_out(one)
        assert (runtime / "courier").read_text() == str(one)
        succession.go_out(other)
        succession.come_home(one)
        assert (runtime / "courier").read_text() == str(other)
        succession.come_home(other)

        assert (runtime / "courier").read_text() == ""
