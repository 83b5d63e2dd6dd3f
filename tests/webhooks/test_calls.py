"""However many changes are committed, couriers are called a few times for all of them; one lost call costs little."""

from collections.abc import Iterable
from uuid import UUID, uuid4

import pytest

from livehub.core import deferred
from tests.conftest import Broker
from webhooks import calls

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def posted(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> list[deferred.Send]:
    """What waits to be sent, as behind a Redis that hangs."""
    found: list[deferred.Send] = []
    monkeypatch.setattr(deferred, "post", lambda send, *, what, delay_s=0.0: found.append(send))
    return found


def _called_for(broker: Broker) -> list[set[str]]:
    return [set(_ids(kwargs["endpoint_ids"])) for _, kwargs in broker.arguments]


def _ids(found: object) -> Iterable[str]:
    assert isinstance(found, list)
    return found


def _texts(*endpoint_ids: UUID) -> set[str]:
    return set(map(str, endpoint_ids))


def test_one_is_for_all_that_was_committed_before_it_is_sent(posted: list[deferred.Send], broker: Broker) -> None:
    first, second, third = uuid4(), uuid4(), uuid4()
    calls.call_couriers([first])
    calls.call_couriers([second, first])
    for send in posted:
        send()
    sent = len(posted)
    calls.call_couriers([third])
    posted[-1]()

    assert (sent, len(posted)) == (1, 2)
    assert _called_for(broker) == [_texts(first, second), _texts(third)]


def test_those_that_nobody_hears_are_few(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    delays_s: list[float] = []
    post = deferred.post

    def note(send: deferred.Send, *, what: str, delay_s: float = 0.0) -> None:
        delays_s.append(delay_s)
        post(send, what=what, delay_s=delay_s)

    monkeypatch.setattr(deferred, "post", note)
    monkeypatch.setattr(calls, "_CALL_INTERVAL_S", 100.0)
    monkeypatch.setattr(calls, "_next_at_s", 0.0)
    calls.call_couriers([uuid4()])
    calls.call_couriers([uuid4()])

    assert (delays_s[0], delays_s[1] > 90) == (0, True)


def test_one_that_is_lost_keeps_none_back_for_long(
    posted: list[deferred.Send], broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, next_one = uuid4(), uuid4()
    monkeypatch.setattr(calls._wanted, "_lost_s", 0.0)
    calls.call_couriers([lost])
    posted.clear()

    calls.call_couriers([next_one])
    posted[0]()

    assert _called_for(broker) == [_texts(lost, next_one)]
